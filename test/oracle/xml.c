/* SPDX-License-Identifier: Apache-2.0 */
#include "test/oracle/xml.h"

#include <libxml/SAX2.h>
#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct oracle_xml {
	xmlDoc *doc;
	const char *refused; /* the rule that ended the parse, or NULL */
	unsigned depth, elements;
};

/* -- bytes, before the parser sees any ----------------------------------------------------------------------------- */

/* Length of the UTF-8 sequence (RFC 3629 table 3-7: no overlong form, no surrogate, at most U+10FFFF), 0 if it is none.
 */
static size_t
utf8_size(const uint8_t *at, size_t left)
{
	size_t size = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;

	if (size < 2 || size > left)
		return size > left ? 0 : size;
	for (size_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
	    (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return size;
}

static int
check_text(struct bytes text, struct err *err)
{
	if (text.size == 0 || text.size > ORACLE_BYTES_MAX)
		return err_set(err, 0, "%zu bytes, want 1 to %d", text.size, ORACLE_BYTES_MAX);
	if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		return err_set(err, 0, "byte 0: byte order mark");
	for (size_t i = 0, size; i < text.size; i += size) {
		size = utf8_size(text.data + i, text.size - i);
		if (size == 0 || text.data[i] == 0)
			return err_set(err, 0, "byte %zu: %s", i, size == 0 ? "not UTF-8" : "NUL");
	}
	return 0;
}

/* Value of a quoted pseudo attribute at *at, which is moved behind it; NULL if there is none of that form. */
static char *
pseudo_attribute(char **at, char **name)
{
	char *value, quote;

	*name = *at + strspn(*at, " \t\r\n");
	value = *name + strspn(*name, "abcdefghijklmnopqrstuvwxyz");
	*at = value + strspn(value, " \t\r\n");
	if (value == *name || **at != '=')
		return NULL;
	*at += 1 + strspn(*at + 1, " \t\r\n");
	*value = '\0';
	quote = **at;
	value = *at + 1;
	if ((quote != '"' && quote != '\'') || (*at = strchr(value, quote)) == NULL)
		return NULL;
	*(*at)++ = '\0';
	return value;
}

/*
 * XML 1.0 section 2.8, for the two things that the parser would follow: version and encoding. Order and spelling are
 * left to it. *size = length of the declaration, 0 if there is none.
 */
static int
check_declaration(struct bytes text, size_t *size, struct err *err)
{
	char copy[128] = "", *at = copy, *end, *name, *value;

	*size = 0;
	if (text.size < 6 || memcmp(text.data, "<?xml", 5) != 0 || strchr(" \t\r\n", text.data[5]) == NULL)
		return 0;
	memcpy(copy, text.data + 5, text.size - 5 < sizeof(copy) - 1 ? text.size - 5 : sizeof(copy) - 1);
	end = strstr(copy, "?>");
	if (end == NULL)
		return err_set(err, 0, "XML declaration without end");
	*size = 5 + (size_t)(end - copy) + 2;
	*end = '\0';
	while (at[strspn(at, " \t\r\n")] != '\0') {
		value = pseudo_attribute(&at, &name);
		if (value == NULL)
			return err_set(err, 0, "XML declaration is not well-formed");
		if (strcmp(name, "version") == 0 && strcmp(value, "1.0") != 0)
			return err_set(err, 0, "XML version '%s', want 1.0", value);
		if (strcmp(name, "encoding") == 0 && strcasecmp(value, "UTF-8") != 0)
			return err_set(err, 0, "encoding '%s', want UTF-8", value);
	}
	return 0;
}

/*
 * '<' cannot stand in an attribute value (XML 1.0 section 3.1), so that every one of them begins markup. Attributes are
 * counted here, by their '=', because libxml2 before 2.12 compares each with all before it, and asks us only then.
 */
static int
check_markup(struct bytes text, struct err *err)
{
	size_t from, equals = 0;

	if (check_declaration(text, &from, err) < 0)
		return -1;
	for (size_t i = from; i < text.size; i++) {
		equals += text.data[i] == '=';
		if (equals > ORACLE_ATTRIBUTES_MAX + ORACLE_NAMESPACES_MAX)
			return err_set(err, 0, "byte %zu: more than %d attributes at one element", i,
				       ORACLE_ATTRIBUTES_MAX);
		if (text.data[i] != '<')
			continue;
		equals = 0;
		if (i + 1 < text.size && (text.data[i + 1] == '!' || text.data[i + 1] == '?'))
			return err_set(err, 0, "byte %zu: %s", i,
				       text.data[i + 1] == '?' ? "processing instruction"
							       : "document type, entity, comment or CDATA section");
	}
	return 0;
}

/* -- parser -------------------------------------------------------------------------------------------------------- */

static void
refuse(xmlParserCtxt *context, const char *why)
{
	struct oracle_xml *xml = context->_private;

	if (xml->refused == NULL)
		xml->refused = why;
	xmlStopParser(context);
}

static bool
too_long(const xmlChar *text, size_t max)
{
	return text != NULL && strnlen((const char *)text, max + 1) > max;
}

static const char *
element_fault(struct oracle_xml *xml, const xmlChar *name, const xmlChar *prefix, int spaces, const xmlChar **space,
	      int attributes, const xmlChar **attribute)
{
	if (++xml->depth > ORACLE_DEPTH_MAX)
		return "too deep";
	if (++xml->elements > ORACLE_ELEMENTS_MAX)
		return "too many elements";
	if (attributes > ORACLE_ATTRIBUTES_MAX || spaces > ORACLE_NAMESPACES_MAX)
		return "too many attributes or namespaces at one element";
	if (too_long(name, ORACLE_NAME_MAX) || too_long(prefix, ORACLE_NAME_MAX))
		return "element name too long";
	for (int i = 0; i < spaces; i++)
		if (too_long(space[2 * i], ORACLE_NAME_MAX) || too_long(space[2 * i + 1], ORACLE_URI_MAX))
			return "namespace too long";
	for (int i = 0; i < attributes; i++)
		if (too_long(attribute[5 * i], ORACLE_NAME_MAX) || too_long(attribute[5 * i + 1], ORACLE_NAME_MAX))
			return "attribute name too long";
	return NULL;
}

static void
on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int spaces,
	 const xmlChar **space, int attributes, int defaulted, const xmlChar **attribute)
{
	struct oracle_xml *xml = ((xmlParserCtxt *)context)->_private;
	const char *fault = element_fault(xml, name, prefix, spaces, space, attributes, attribute);

	if (fault != NULL)
		refuse(context, fault);
	else
		xmlSAX2StartElementNs(context, name, prefix, uri, spaces, space, attributes, defaulted, attribute);
}

static void
on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	((struct oracle_xml *)((xmlParserCtxt *)context)->_private)->depth--;
	xmlSAX2EndElementNs(context, name, prefix, uri);
}

static void
on_document_type(void *context, const xmlChar *name, const xmlChar *public, const xmlChar *system)
{
	(void)name, (void)public, (void)system;
	refuse(context, "document type");
}

static void
on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
	(void)target, (void)data;
	refuse(context, "processing instruction");
}

static void
on_comment(void *context, const xmlChar *text)
{
	(void)text;
	refuse(context, "comment");
}

static void
on_cdata(void *context, const xmlChar *text, int size)
{
	(void)text, (void)size;
	refuse(context, "CDATA section");
}

static void
on_reference(void *context, const xmlChar *name)
{
	(void)name;
	refuse(context, "entity reference");
}

static xmlParserInput *
load_nothing(const char *url, const char *id, xmlParserCtxt *context)
{
	(void)url, (void)id, (void)context;
	return NULL;
}

static void
print_nothing(void *context, const char *format, ...)
{
	(void)context, (void)format;
}

void
oracle_init(void)
{
	static bool done;

	if (done)
		return;
	xmlInitParser();
	xmlSetExternalEntityLoader(load_nothing);
	xmlSetGenericErrorFunc(NULL, print_nothing);
	done = true;
}

static int
parse(struct oracle_xml *xml, struct bytes text, struct err *err)
{
	xmlParserCtxt *context = xmlNewParserCtxt();
	const xmlError *error;
	int rc = -1;

	if (context == NULL)
		return err_set(err, 0, "no parser");
	context->_private = xml;
	context->sax->startElementNs = on_start;
	context->sax->endElementNs = on_end;
	context->sax->internalSubset = on_document_type;
	context->sax->externalSubset = on_document_type;
	context->sax->processingInstruction = on_instruction;
	context->sax->comment = on_comment;
	context->sax->cdataBlock = on_cdata;
	context->sax->reference = on_reference;
	/* The named encoding beats declaration and guess. No NOENT, DTDLOAD, DTDATTR, XINCLUDE, HUGE, RECOVER. */
	xml->doc = xmlCtxtReadMemory(context, (const char *)text.data, (int)text.size, NULL, "UTF-8",
				     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	error = xmlCtxtGetLastError(context);
	if (xml->refused != NULL)
		err_set(err, 0, "%s (limits: depth %d, %d elements, %d attributes, %d namespaces, names of %d bytes)",
			xml->refused, ORACLE_DEPTH_MAX, ORACLE_ELEMENTS_MAX, ORACLE_ATTRIBUTES_MAX,
			ORACLE_NAMESPACES_MAX, ORACLE_NAME_MAX);
	else if (xml->doc == NULL || xmlDocGetRootElement(xml->doc) == NULL || error != NULL)
		err_set(err, 0, "line %d: not well-formed (libxml2 error %d)", error ? error->line : 0,
			error ? error->code : 0);
	else
		rc = 0;
	xmlFreeParserCtxt(context);
	return rc;
}

struct oracle_xml *
oracle_read(struct bytes text, struct err *err)
{
	struct oracle_xml *xml;

	if (check_text(text, err) < 0 || check_markup(text, err) < 0)
		return NULL;
	oracle_init();
	xml = xcalloc(1, sizeof(*xml));
	if (parse(xml, text, err) == 0)
		return xml;
	oracle_free(xml);
	return NULL;
}

void
oracle_free(struct oracle_xml *xml)
{
	if (xml == NULL)
		return;
	xmlFreeDoc(xml->doc);
	free(xml);
}

/* -- tree ---------------------------------------------------------------------------------------------------------- */

static oracle_node *
element_from(xmlNode *node)
{
	while (node != NULL && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

oracle_node *
oracle_root(const struct oracle_xml *xml)
{
	return xmlDocGetRootElement(xml->doc);
}

oracle_node *
oracle_first(const oracle_node *node)
{
	return element_from(node->children);
}

oracle_node *
oracle_next(const oracle_node *node)
{
	return element_from(node->next);
}

const char *
oracle_name(const oracle_node *node)
{
	return (const char *)node->name;
}

const char *
oracle_space(const oracle_node *node)
{
	return node->ns != NULL && node->ns->href != NULL ? (const char *)node->ns->href : "";
}

bool
oracle_is(const oracle_node *node, const char *space, const char *name)
{
	return strcmp(oracle_space(node), space) == 0 && strcmp(oracle_name(node), name) == 0;
}

const char *
oracle_text(const oracle_node *node)
{
	const xmlNode *text = node->children;

	if (text == NULL)
		return "";
	return text->type == XML_TEXT_NODE && text->next == NULL ? (const char *)text->content : NULL;
}

bool
oracle_blank(const oracle_node *node)
{
	for (const xmlNode *child = node->children; child != NULL; child = child->next) {
		const char *text = (const char *)child->content;

		if (child->type == XML_ELEMENT_NODE)
			continue;
		if (child->type != XML_TEXT_NODE || text == NULL || text[strspn(text, " \t\r\n")] != '\0')
			return false;
	}
	return true;
}

/* One text node: no entity survives parse(). */
static const char *
attribute_value(const xmlAttr *attribute)
{
	const xmlNode *value = attribute->children;

	return value != NULL && value->content != NULL ? (const char *)value->content : "";
}

static const char *
attribute_space(const xmlAttr *attribute)
{
	return attribute->ns != NULL ? (const char *)attribute->ns->href : NULL;
}

bool
oracle_attribute_at(const oracle_node *node, unsigned index, struct oracle_attribute *out)
{
	const xmlAttr *attribute = node->properties;

	while (attribute != NULL && index-- > 0)
		attribute = attribute->next;
	if (attribute == NULL)
		return false;
	out->space = attribute_space(attribute);
	out->name = (const char *)attribute->name;
	out->value = attribute_value(attribute);
	return true;
}

const char *
oracle_attribute(const oracle_node *node, const char *space, const char *name)
{
	for (const xmlAttr *at = node->properties; at != NULL; at = at->next) {
		const char *own = attribute_space(at);

		if (strcmp((const char *)at->name, name) == 0 && (space == NULL) == (own == NULL) &&
		    (space == NULL || strcmp(own, space) == 0))
			return attribute_value(at);
	}
	return NULL;
}

static int
is_below(void *context, xmlNode *node, xmlNode *parent)
{
	const xmlNode *at = node->type == XML_NAMESPACE_DECL || node->type == XML_ATTRIBUTE_NODE ? parent : node;

	while (at != NULL && at != context)
		at = at->parent;
	return at != NULL;
}

bool
oracle_canonical(const struct oracle_xml *xml, const oracle_node *node, struct buf *out)
{
	xmlOutputBuffer *sink = xmlAllocOutputBuffer(NULL);
	int rc = xmlC14NExecute(xml->doc, node != NULL ? is_below : NULL, (void *)node, XML_C14N_1_1, NULL, 0, sink);

	xmlOutputBufferFlush(sink);
	if (rc >= 0)
		buf_add(out, xmlOutputBufferGetContent(sink), xmlOutputBufferGetSize(sink));
	xmlOutputBufferClose(sink);
	return rc >= 0;
}

void
oracle_remove(oracle_node *node)
{
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}
