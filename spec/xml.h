/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_XML_H
#define SPEC_XML_H

#include <stdbool.h>

#include "lib/err.h"
#include "spec/c14n.h"

/*
 * A pull parser for the part of XML 1.0 and of Namespaces in XML that signed manifests are made of, which writes the
 * canonical form (Canonical XML 1.1, without comments) of what it reads. UTF-8 only. No document type, comment, CDATA
 * section or processing instruction; no entity but the five of XML. Names are ASCII, namespaces are absolute (http,
 * https, urn), and the prefix xml is not used. Character references are read, because the canonical form has them.
 */

#define XML_BYTES_MAX 0x100000
#define XML_DEPTH_MAX 16
#define XML_ELEMENTS_MAX 8192
#define XML_ATTRIBUTES_MAX 2048 /* of one element; so many hashes of a row are for its reader to count */
#define XML_NAMESPACES_MAX 8    /* declared at one element */
#define XML_NAME_MAX 64         /* of a prefix, of a name behind it */
#define XML_URI_MAX 256

enum xml_event {
	XML_BAD,   /* and so for ever; the call that found it says why */
	XML_START, /* of an element: depth, space, name and attributes are its own */
	XML_TEXT,  /* text: all up to the next tag */
	XML_END,   /* of the element that is open: depth is still its own */
	XML_DONE,  /* nothing comes after the root */
};

struct xml_element {
	struct bytes name;   /* with its prefix, as it stands in the start tag */
	unsigned namespaces; /* in scope around it */
	size_t kept;         /* bytes of names that are those around it */
};

/* Strings live until the next call, namespaces until the end of the element that declares them. */
struct xml_reader {
	enum xml_event event; /* the last one */
	unsigned depth;       /* 1 = the root */
	const char *space;    /* "" if none */
	const char *name;
	struct xml_attribute *attribute; /* sorted by c14n_compare */
	unsigned attributes;
	const char *text;
	struct buf *canonical; /* where the canonical form of coming events goes; borrowed, NULL = nowhere */

	struct bytes in;
	size_t at;
	bool empty; /* the start tag was the end tag too */
	unsigned elements, namespaces;
	struct xml_namespace *namespace; /* in scope, the innermost last */
	struct xml_element open[XML_DEPTH_MAX];
	char *strings, *names; /* of the last event, of namespaces in scope: neither can be longer than the text */
	size_t strings_size, names_size;
};

/* text is borrowed. Free with xml_close, whatever xml_open said. -1 with code 0. */
int xml_open(struct xml_reader *reader, struct bytes text, struct err *err);
void xml_close(struct xml_reader *reader);
/* XML_BAD with code 0 in err. */
enum xml_event xml_next(struct xml_reader *reader, struct err *err);

/*
 * The next child of the element that is open: 1 at its start, 0 at the end of the open element. -1 if there is text
 * other than white space before, with code 0 in err; the event is XML_BAD only if the text is no XML.
 */
int xml_child(struct xml_reader *reader, struct err *err);
/* Reads to the end of the element that has just started. -1 with code 0. */
int xml_skip(struct xml_reader *reader, struct err *err);

/* At XML_START. */
bool xml_is(const struct xml_reader *reader, const char *space, const char *name);
/* Value of the attribute of exactly that namespace (NULL: none) and name, or NULL. */
const char *xml_attribute(const struct xml_reader *reader, const char *space, const char *name);
/*
 * At XML_START: the canonical form of this element alone begins in out, as that of a document subset does, with all
 * namespaces that are in scope.
 */
void xml_canonical_apex(struct xml_reader *reader, struct buf *out);

#endif
