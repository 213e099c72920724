/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_YAML_H
#define LIB_YAML_H

#include "lib/json.h"

/*
 * The part of YAML that every reader understands alike, as the values of lib/json. Readers differ on plain scalars:
 * YAML 1.1 takes no for false and 012 for ten, 1.2 does not, and some turn both back into text where they want text.
 * So:
 *
 *   plain true, false, null, ~, nothing, and JSON's integers    are what they are in JSON;
 *   other plain scalars that YAML 1.1 or 1.2 take for no text   are refused: yes, No, 012, 0x1f, 1e3, 1_0, 1:30, .inf;
 *   everything else, and all that is quoted or in a block       is text;
 *   anchors and aliases                                         are written out, within the ceilings;
 *   an alias inside its anchor, merge keys, tags, directives, a second document, names that are no text, a name twice,
 *   a byte order mark                                           are refused.
 *
 * Comments are dropped.
 */

/* The root, for json_free; or NULL and *err with code 0 (the caller names the object). */
struct json *yaml_read(struct bytes text, const struct json_limits *limits, struct err *err);

/* Block style, without folding, members in their order, in new memory. Numbers must be integers. */
char *yaml_write(const struct json *value);

#endif
