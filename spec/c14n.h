/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_C14N_H
#define SPEC_C14N_H

#include <stdbool.h>

#include "lib/buf.h"

/*
 * Canonical XML 1.1 (W3C, 2008) without comments, section 2.3, piece by piece; of a document without attributes of the
 * prefix xml, which it would hand down to subsets.
 */

struct xml_attribute {
	const char *space;  /* namespace, NULL if none */
	const char *prefix; /* "" if none */
	const char *name, *value;
};

struct xml_namespace {
	const char *prefix, *space; /* "" = the default one; none */
};

struct c14n_element {
	struct bytes name; /* with its prefix */
	const struct xml_attribute *attribute; /* sorted by c14n_compare */
	unsigned attributes;
	const struct xml_namespace *namespace; /* in scope, the innermost last */
	unsigned namespaces;
	unsigned around; /* so many of them are those of elements that are written around this one */
};

#define C14N_NAMESPACES_MAX 128

void c14n_put_start(struct buf *out, const struct c14n_element *element);
void c14n_put_text(struct buf *out, const char *text);
void c14n_put_end(struct buf *out, struct bytes name);

/* For qsort of attributes: by namespace, none first, then by name; 0 only for two that XML takes for the same. */
int c14n_compare(const void *left, const void *right);

#endif
