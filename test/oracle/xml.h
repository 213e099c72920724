/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ORACLE_XML_H
#define TEST_ORACLE_XML_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * What spec/xml.h and spec/rim_signature.h are held against: libxml2 and xmlsec, in the same profile.
 *
 * The part of XML 1.0 that signed documents need: elements, attributes, namespaces, text. UTF-8 only, and no document
 * type, entity, comment, CDATA section or processing instruction: what canonicalization drops or rewrites could say
 * something else to a reader than to the verifier. Nothing outside the given bytes is ever opened.
 */

#define ORACLE_BYTES_MAX 0x100000
#define ORACLE_DEPTH_MAX 16
#define ORACLE_ELEMENTS_MAX 8192
#define ORACLE_ATTRIBUTES_MAX 2048 /* of one element; so many hashes of a row are for its reader to count */
#define ORACLE_NAMESPACES_MAX 8 /* declared at one element */
#define ORACLE_NAME_MAX 64
#define ORACLE_URI_MAX 256

struct oracle_xml;
typedef struct _xmlNode oracle_node; /* an element; owned by its document */

struct oracle_attribute {
	const char *space; /* namespace, NULL if none */
	const char *name;
	const char *value;
};

/* What the library does once, before a sandbox is entered; oracle_read does it where it was not done. */
void oracle_init(void);

/* NULL and *err with code 0 if the bytes are not acceptable. Free with oracle_free, which takes NULL. */
struct oracle_xml *oracle_read(struct bytes text, struct err *err);
void oracle_free(struct oracle_xml *xml);

oracle_node *oracle_root(const struct oracle_xml *xml);
/* Child elements in document order, NULL after the last. */
oracle_node *oracle_first(const oracle_node *node);
oracle_node *oracle_next(const oracle_node *node);
const char *oracle_name(const oracle_node *node);
const char *oracle_space(const oracle_node *node); /* "" if none */
bool oracle_is(const oracle_node *node, const char *space, const char *name);
/* Text directly below node; "" if none. NULL if child elements cut it in pieces. */
const char *oracle_text(const oracle_node *node);
/* True if there is nothing but white space directly below node, child elements aside. */
bool oracle_blank(const oracle_node *node);

/* In document order; false past the end. */
bool oracle_attribute_at(const oracle_node *node, unsigned index, struct oracle_attribute *out);
/* Value of the attribute of exactly that namespace (NULL: none) and name, or NULL. */
const char *oracle_attribute(const oracle_node *node, const char *space, const char *name);

/* Canonical XML 1.1 of the document, or of the subset that is node with everything below it. false if there is none. */
bool oracle_canonical(const struct oracle_xml *xml, const oracle_node *node, struct buf *out);

/* Takes node with everything below it out of its document. */
void oracle_remove(oracle_node *node);

#endif
