/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/c14n.h"

#include <stdlib.h>
#include <string.h>

/* What the canonical form writes in place of c in text, in an attribute's value; NULL: itself. */
static const char *
escape_of(char c, bool attribute)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '\r': return "&#xD;";
	case '>': return attribute ? NULL : "&gt;";
	case '"': return attribute ? "&quot;" : NULL;
	case '\t': return attribute ? "&#x9;" : NULL;
	case '\n': return attribute ? "&#xA;" : NULL;
	default: return NULL;
	}
}

static void
put_escaped(struct buf *out, const char *text, bool attribute)
{
	const char *from = text;

	for (; *text != '\0'; text++) {
		const char *escape = escape_of(*text, attribute);

		if (escape == NULL)
			continue;
		buf_add(out, from, (size_t)(text - from));
		buf_add_text(out, escape);
		from = text + 1;
	}
	buf_add(out, from, (size_t)(text - from));
}

static void
put_attribute(struct buf *out, const char *prefix, const char *name, const char *value)
{
	buf_add_text(out, " ");
	buf_add_text(out, prefix);
	if (*prefix != '\0' && *name != '\0')
		buf_add_text(out, ":");
	buf_add_text(out, name);
	buf_add_text(out, "=\"");
	put_escaped(out, value, true);
	buf_add_text(out, "\"");
}

/* The namespace of prefix by the first count declarations; "" if there is none. */
static const char *
space_among(const struct xml_namespace *namespace, unsigned count, const char *prefix)
{
	while (count-- > 0)
		if (strcmp(namespace[count].prefix, prefix) == 0)
			return namespace[count].space;
	return "";
}

static int
compare_prefixes(const void *left, const void *right)
{
	return strcmp(((const struct xml_namespace *)left)->prefix, ((const struct xml_namespace *)right)->prefix);
}

/* A declaration is written where it says something that the elements written around it do not. */
static void
put_namespaces(struct buf *out, const struct c14n_element *element)
{
	struct xml_namespace written[C14N_NAMESPACES_MAX];
	size_t count = 0;

	for (unsigned i = element->around; i < element->namespaces && count < C14N_NAMESPACES_MAX; i++) {
		const struct xml_namespace *own = &element->namespace[i];

		if (strcmp(space_among(element->namespace, element->namespaces, own->prefix), own->space) == 0 &&
		    strcmp(space_among(element->namespace, element->around, own->prefix), own->space) != 0)
			written[count++] = *own;
	}
	qsort(written, count, sizeof(written[0]), compare_prefixes);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(written[i - 1].prefix, written[i].prefix) != 0)
			put_attribute(out, "xmlns", written[i].prefix, written[i].space);
}

void
c14n_put_start(struct buf *out, const struct c14n_element *element)
{
	buf_add_text(out, "<");
	buf_add(out, element->name.data, element->name.size);
	put_namespaces(out, element);
	for (unsigned i = 0; i < element->attributes; i++)
		put_attribute(out, element->attribute[i].prefix, element->attribute[i].name,
			      element->attribute[i].value);
	buf_add_text(out, ">");
}

void
c14n_put_text(struct buf *out, const char *text)
{
	put_escaped(out, text, false);
}

void
c14n_put_end(struct buf *out, struct bytes name)
{
	buf_add_text(out, "</");
	buf_add(out, name.data, name.size);
	buf_add_text(out, ">");
}

int
c14n_compare(const void *left, const void *right)
{
	const struct xml_attribute *a = left, *b = right;
	int order = strcmp(a->space ? a->space : "", b->space ? b->space : "");

	return order != 0 ? order : strcmp(a->name, b->name);
}
