/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_XML_H
#define LIB_XML_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * The part of XML 1.0 that signed documents need: elements, attributes, namespaces, text. UTF-8 only, and no document
 * type, entity, comment, CDATA section or processing instruction: what canonicalization drops or rewrites could say
 * something else to a reader than to the verifier. Nothing outside the given bytes is ever opened.
 */

#define XML_BYTES_MAX 0x100000
#define XML_DEPTH_MAX 16
#define XML_ELEMENTS_MAX 8192
#define XML_ATTRIBUTES_MAX 2048 /* of one element; so many hashes of a row are for its reader to count */
#define XML_NAMESPACES_MAX 8    /* declared at one element */
#define XML_NAME_MAX 64
#define XML_URI_MAX 256

struct xml;
typedef struct _xmlNode xml_node; /* an element; owned by its document */

struct xml_attribute {
	const char *space; /* namespace, NULL if none */
	const char *name;
	const char *value;
};

/* What the library does once, before a sandbox is entered; xml_read does it where it was not done. */
void xml_init(void);

/* NULL and *err with code 0 if the bytes are not acceptable. Free with xml_free, which takes NULL. */
struct xml *xml_read(struct bytes text, struct err *err);
void xml_free(struct xml *xml);

xml_node *xml_root(const struct xml *xml);
/* Child elements in document order, NULL after the last. */
xml_node *xml_first(const xml_node *node);
xml_node *xml_next(const xml_node *node);
const char *xml_name(const xml_node *node);
const char *xml_space(const xml_node *node); /* "" if none */
bool xml_is(const xml_node *node, const char *space, const char *name);
/* Text directly below node; "" if none. NULL if child elements cut it in pieces. */
const char *xml_text(const xml_node *node);
/* True if there is nothing but white space directly below node, child elements aside. */
bool xml_blank(const xml_node *node);

/* In document order; false past the end. */
bool xml_attribute_at(const xml_node *node, unsigned index, struct xml_attribute *out);
/* Value of the attribute of exactly that namespace (NULL: none) and name, or NULL. */
const char *xml_attribute(const xml_node *node, const char *space, const char *name);

/* Takes node with everything below it out of its document. */
void xml_remove(xml_node *node);

#endif
