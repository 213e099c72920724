/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/xml.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

_Static_assert(XML_DEPTH_MAX * XML_NAMESPACES_MAX <= C14N_NAMESPACES_MAX, "room for all that can be in scope");

#define SPACE " \t\r\n"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* -- characters ---------------------------------------------------------------------------------------------------- */

/* Length of the UTF-8 sequence (RFC 3629 table 3-7: not overlong, no surrogate, up to U+10FFFF), 0 if it is none. */
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

/* XML 1.0 section 2.2. */
static bool
is_xml_character(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c < 0xd800 || (c > 0xdfff && c < 0xfffe) || (c > 0xffff && c < 0x110000);
}

static int
check_characters(struct bytes in, struct err *err)
{
	if (in.size == 0 || in.size > XML_BYTES_MAX)
		return err_set(err, 0, "%zu bytes, want 1 to %d", in.size, XML_BYTES_MAX);
	if (in.size >= 3 && memcmp(in.data, "\xef\xbb\xbf", 3) == 0)
		return err_set(err, 0, "byte 0: byte order mark");
	for (size_t i = 0, size; i < in.size; i += size) {
		size = utf8_size(in.data + i, in.size - i);
		if (size == 0)
			return err_set(err, 0, "byte %zu: not UTF-8", i);
		if ((size == 1 && !is_xml_character(in.data[i])) ||
		    (size == 3 && memcmp(in.data + i, "\xef\xbf", 2) == 0 && in.data[i + 2] > 0xbd))
			return err_set(err, 0, "byte %zu: %s", i, in.data[i] ? "no character of XML" : "NUL");
	}
	return 0;
}

static size_t
put_utf8(char *out, uint32_t c)
{
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t head[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = size - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(head[size] | c);
	return size;
}

/* -- pieces -------------------------------------------------------------------------------------------------------- */

static bool
is_in_set(const char *set, char c)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* '\0', which stands nowhere in the text, behind its end. */
static char
peek_character(const struct xml_reader *reader)
{
	return reader->at < reader->in.size ? (char)reader->in.data[reader->at] : '\0';
}

static bool
take_literal(struct xml_reader *reader, const char *text)
{
	size_t size = strlen(text);

	if (reader->in.size - reader->at < size || memcmp(reader->in.data + reader->at, text, size) != 0)
		return false;
	reader->at += size;
	return true;
}

/* The longest run of characters of set. */
static struct bytes
take_run(struct xml_reader *reader, const char *set)
{
	size_t from = reader->at;

	while (is_in_set(set, peek_character(reader)))
		reader->at++;
	return bytes_of(reader->in.data + from, reader->at - from);
}

static bool
take_space(struct xml_reader *reader)
{
	return take_run(reader, SPACE).size > 0;
}

static enum xml_event
refuse_document(struct xml_reader *reader, struct err *err, const char *why)
{
	err_set(err, 0, "byte %zu: %s", reader->at, why);
	return reader->event = XML_BAD;
}

static int
refuse_piece(struct xml_reader *reader, struct err *err, const char *why)
{
	refuse_document(reader, err, why);
	return -1;
}

/* A copy that lives until the next event. Each byte of a tag is copied at most once, and its '=' or ':' is the NUL. */
static const char *
keep_string(struct xml_reader *reader, struct bytes text)
{
	char *out = reader->strings + reader->strings_size;

	memcpy(out, text.data, text.size);
	out[text.size] = '\0';
	reader->strings_size += text.size + 1;
	return out;
}

/* An ASCII name without colon (Namespaces in XML, NCName). */
static int
take_ncname(struct xml_reader *reader, struct bytes *out, struct err *err)
{
	if (!is_in_set(LETTERS "_", peek_character(reader)))
		return refuse_piece(reader, err, "no ASCII name where one must stand");
	*out = take_run(reader, LETTERS DIGITS "_-.");
	if (out->size > XML_NAME_MAX)
		return refuse_piece(reader, err, "name too long");
	return 0;
}

/* prefix is "" if there is none. */
static int
take_qualified_name(struct xml_reader *reader, const char **prefix, const char **name, struct err *err)
{
	struct bytes first, second;

	if (take_ncname(reader, &first, err) < 0)
		return -1;
	*prefix = "";
	if (!take_literal(reader, ":")) {
		*name = keep_string(reader, first);
		return 0;
	}
	if (take_ncname(reader, &second, err) < 0)
		return -1;
	*prefix = keep_string(reader, first);
	*name = keep_string(reader, second);
	if (strcmp(*prefix, "xml") == 0)
		return refuse_piece(reader, err, "the prefix xml, which has no place in this profile");
	return 0;
}

/* Eight digits at most: no sum of them is too large. */
static int
take_number(struct xml_reader *reader, uint32_t *out, struct err *err)
{
	bool hex = take_literal(reader, "x");
	struct bytes digits = take_run(reader, hex ? DIGITS "abcdefABCDEF" : DIGITS);

	*out = 0;
	if (digits.size == 0 || digits.size > 8 || !take_literal(reader, ";"))
		return refuse_piece(reader, err, "character reference without 1 to 8 digits and semicolon");
	for (size_t i = 0; i < digits.size; i++) {
		uint32_t digit = digits.data[i] <= '9' ? digits.data[i] - '0' : (digits.data[i] | 0x20) - 'a' + 10;

		*out = *out * (hex ? 16 : 10) + digit;
	}
	if (!is_xml_character(*out))
		return refuse_piece(reader, err, "reference to no character of XML");
	return 0;
}

/* Behind the '&'. Puts one character at *to, which is moved. */
static int
take_reference(struct xml_reader *reader, char **to, struct err *err)
{
	static const struct { const char *name, *text; } entity[] = {
		{"lt;", "<"}, {"gt;", ">"}, {"amp;", "&"}, {"quot;", "\""}, {"apos;", "'"}};
	uint32_t c;

	if (take_literal(reader, "#")) {
		if (take_number(reader, &c, err) < 0)
			return -1;
		*to += put_utf8(*to, c);
		return 0;
	}
	for (size_t i = 0; i < sizeof(entity) / sizeof(entity[0]); i++)
		if (take_literal(reader, entity[i].name)) {
			*(*to)++ = *entity[i].text;
			return 0;
		}
	return refuse_piece(reader, err, "entity that is none of the five");
}

/* Character data up to stop, in XML's reading: ends of lines are LF, and in a quoted value white space is a space. */
static const char *
take_characters(struct xml_reader *reader, char stop, struct err *err)
{
	char *out = reader->strings + reader->strings_size, *to = out, c;
	size_t from = reader->at;

	while ((c = peek_character(reader)) != stop && c != '\0') {
		if (c == '<' || (c == '>' && stop == '<' && reader->at >= from + 2 &&
				 memcmp(reader->in.data + reader->at - 2, "]]", 2) == 0)) {
			refuse_document(reader, err, c == '<' ? "'<' in a value" : "']]>' in text");
			return NULL;
		}
		reader->at++;
		if (c == '&') {
			if (take_reference(reader, &to, err) < 0)
				return NULL;
		} else if (c != '\r' || peek_character(reader) != '\n') {
			*to++ = (char)(c == '\r' ? '\n' : c);
			if (stop != '<' && is_in_set(SPACE, to[-1]))
				to[-1] = ' ';
		}
	}
	*to = '\0';
	reader->strings_size = (size_t)(to + 1 - reader->strings);
	return out;
}

static const char *
take_value(struct xml_reader *reader, struct err *err)
{
	char quote;
	const char *value;

	take_space(reader);
	if (!take_literal(reader, "=")) {
		refuse_document(reader, err, "no '=' behind an attribute's name");
		return NULL;
	}
	take_space(reader);
	quote = peek_character(reader);
	if (quote != '"' && quote != '\'') {
		refuse_document(reader, err, "value without quotes");
		return NULL;
	}
	reader->at++;
	value = take_characters(reader, quote, err);
	if (value != NULL && peek_character(reader) != quote) {
		refuse_document(reader, err, "value without end");
		return NULL;
	}
	reader->at++;
	return value;
}

/* -- declaration --------------------------------------------------------------------------------------------------- */

/* One of the two pseudo attributes that may be missing: 0 if it does not come next. */
static int
take_pseudo_attribute(struct xml_reader *reader, const char *name, const char **value, struct err *err)
{
	size_t from = reader->at;

	if (!take_space(reader) || !take_literal(reader, name)) {
		reader->at = from;
		return 0;
	}
	reader->strings_size = 0;
	*value = take_value(reader, err);
	if (*value != NULL && memchr(reader->in.data + from, '&', reader->at - from) != NULL)
		return refuse_piece(reader, err, "reference in the XML declaration");
	return *value != NULL ? 1 : -1;
}

/* XML 1.0 section 2.8: in this order. */
static int
take_declaration(struct xml_reader *reader, struct err *err)
{
	const char *value;
	int found;

	if (!take_literal(reader, "<?xml"))
		return 0;
	found = take_pseudo_attribute(reader, "version", &value, err);
	if (found == 0)
		return refuse_piece(reader, err, "processing instruction, or XML declaration without version");
	if (found > 0 && strcmp(value, "1.0") != 0)
		return err_set(err, 0, "XML version '%s', want 1.0", value);
	if (found > 0)
		found = take_pseudo_attribute(reader, "encoding", &value, err);
	if (found > 0 && strcasecmp(value, "UTF-8") != 0)
		return err_set(err, 0, "encoding '%s', want UTF-8", value);
	if (found >= 0)
		found = take_pseudo_attribute(reader, "standalone", &value, err);
	if (found > 0 && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return err_set(err, 0, "standalone '%s', want yes or no", value);
	take_space(reader);
	if (found >= 0 && !take_literal(reader, "?>"))
		return refuse_piece(reader, err, "XML declaration is not well-formed");
	return found < 0 ? -1 : 0;
}

/* -- namespaces ---------------------------------------------------------------------------------------------------- */

/*
 * Absolute, and of characters that no library reads in two ways: "http" or "https" with "//", or "urn", then letters,
 * digits and a few marks, '#' once. XML's own two namespaces belong to no other prefix.
 */
static bool
is_namespace(const char *space)
{
	static const char *const scheme[] = {"http://", "https://", "urn:"};
	static const char reserved[][40] = {"http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"};
	const char *rest = NULL;
	size_t marks;

	for (size_t i = 0; i < sizeof(scheme) / sizeof(scheme[0]) && rest == NULL; i++)
		if (strncmp(space, scheme[i], strlen(scheme[i])) == 0)
			rest = space + strlen(scheme[i]);
	if (rest == NULL || !is_in_set(LETTERS DIGITS, *rest) || strcmp(space, reserved[0]) == 0 ||
	    strcmp(space, reserved[1]) == 0)
		return false;
	marks = strspn(rest, *space == 'u' ? LETTERS DIGITS "-._~/:" : LETTERS DIGITS "-._~/");
	if (rest[marks] == '#')
		marks += 1 + strspn(rest + marks + 1, LETTERS DIGITS "-._~/");
	return rest[marks] == '\0' && strlen(space) <= XML_URI_MAX;
}

static int
declare_namespace(struct xml_reader *reader, const char *prefix, const char *space, struct err *err)
{
	unsigned around = reader->open[reader->depth - 1].namespaces;
	size_t prefix_size = strlen(prefix) + 1, space_size = strlen(space) + 1;
	char *out = reader->names + reader->names_size;

	if (strcmp(prefix, "xmlns") == 0 || !(is_namespace(space) || (*space == '\0' && *prefix == '\0')))
		return refuse_piece(reader, err, "namespace that is no absolute name, or of a reserved prefix");
	if (reader->namespaces - around == XML_NAMESPACES_MAX)
		return refuse_piece(reader, err, "too many namespaces at one element");
	for (unsigned i = around; i < reader->namespaces; i++)
		if (strcmp(reader->namespace[i].prefix, prefix) == 0)
			return refuse_piece(reader, err, "prefix declared twice at one element");
	memcpy(out, prefix, prefix_size);
	memcpy(out + prefix_size, space, space_size);
	reader->names_size += prefix_size + space_size;
	reader->namespace[reader->namespaces++] = (struct xml_namespace){out, out + prefix_size};
	return 0;
}

static const char *
space_of(const struct xml_reader *reader, const char *prefix)
{
	for (unsigned i = reader->namespaces; i-- > 0;)
		if (strcmp(reader->namespace[i].prefix, prefix) == 0)
			return reader->namespace[i].space;
	return *prefix == '\0' ? "" : NULL;
}

/* -- tags ---------------------------------------------------------------------------------------------------------- */

static int
take_attribute(struct xml_reader *reader, struct err *err)
{
	const char *prefix, *name, *value;

	if (take_qualified_name(reader, &prefix, &name, err) < 0 || (value = take_value(reader, err)) == NULL)
		return -1;
	if (strcmp(prefix, "xmlns") == 0)
		return declare_namespace(reader, name, value, err);
	if (*prefix == '\0' && strcmp(name, "xmlns") == 0)
		return declare_namespace(reader, "", value, err);
	if (reader->attributes == XML_ATTRIBUTES_MAX)
		return refuse_piece(reader, err, "too many attributes at one element");
	reader->attribute[reader->attributes++] = (struct xml_attribute){NULL, prefix, name, value};
	return 0;
}

/* Up to the end of the tag. */
static int
take_attributes(struct xml_reader *reader, struct err *err)
{
	bool spaced = take_space(reader);

	reader->attributes = 0;
	while (!is_in_set("/>", peek_character(reader))) {
		if (!spaced)
			return refuse_piece(reader, err, "no white space before an attribute");
		if (take_attribute(reader, err) < 0)
			return -1;
		spaced = take_space(reader);
	}
	return 0;
}

/* Once all declarations of the element are read. */
static int
resolve_prefixes(struct xml_reader *reader, const char *prefix, struct err *err)
{
	reader->space = space_of(reader, prefix);
	if (reader->space == NULL)
		return refuse_piece(reader, err, "prefix that is not declared");
	for (unsigned i = 0; i < reader->attributes; i++) {
		struct xml_attribute *attribute = &reader->attribute[i];

		if (*attribute->prefix != '\0' && (attribute->space = space_of(reader, attribute->prefix)) == NULL)
			return refuse_piece(reader, err, "prefix that is not declared");
	}
	qsort(reader->attribute, reader->attributes, sizeof(reader->attribute[0]), c14n_compare);
	for (unsigned i = 1; i < reader->attributes; i++)
		if (c14n_compare(&reader->attribute[i - 1], &reader->attribute[i]) == 0)
			return refuse_piece(reader, err, "attribute twice at one element");
	return 0;
}

/* around: namespaces of elements that are written around this one. */
static void
put_canonical_start(struct xml_reader *reader, unsigned around)
{
	const struct c14n_element element = {reader->open[reader->depth - 1].name,
					     reader->attribute, reader->attributes,
					     reader->namespace, reader->namespaces, around};

	c14n_put_start(reader->canonical, &element);
}

static enum xml_event
take_start(struct xml_reader *reader, struct err *err)
{
	size_t from = reader->at;
	const char *prefix;

	if (reader->depth == XML_DEPTH_MAX || reader->elements++ == XML_ELEMENTS_MAX)
		return refuse_document(reader, err, "too many elements, or too deep");
	if (take_qualified_name(reader, &prefix, &reader->name, err) < 0)
		return XML_BAD;
	reader->open[reader->depth++] = (struct xml_element){
		bytes_of(reader->in.data + from, reader->at - from), reader->namespaces, reader->names_size};
	if (take_attributes(reader, err) < 0)
		return XML_BAD;
	reader->empty = take_literal(reader, "/");
	if (!take_literal(reader, ">"))
		return refuse_document(reader, err, "'/' inside a tag");
	if (resolve_prefixes(reader, prefix, err) < 0)
		return XML_BAD;
	if (reader->canonical != NULL)
		put_canonical_start(reader, reader->open[reader->depth - 1].namespaces);
	return reader->event = XML_START;
}

/* Behind the "</"; or behind a tag that ended itself. */
static enum xml_event
take_end(struct xml_reader *reader, struct err *err)
{
	struct bytes name = reader->open[reader->depth - 1].name;

	if (!reader->empty) {
		if (reader->in.size - reader->at < name.size ||
		    memcmp(reader->in.data + reader->at, name.data, name.size) != 0)
			return refuse_document(reader, err, "end tag of another name");
		reader->at += name.size;
		take_space(reader);
		if (!take_literal(reader, ">"))
			return refuse_document(reader, err, "end tag of another name");
	}
	reader->empty = false;
	if (reader->canonical != NULL)
		c14n_put_end(reader->canonical, name);
	return reader->event = XML_END;
}

static void
leave_element(struct xml_reader *reader)
{
	const struct xml_element *left = &reader->open[--reader->depth];

	reader->namespaces = left->namespaces;
	reader->names_size = left->kept;
}

/* -- the document -------------------------------------------------------------------------------------------------- */

int
xml_open(struct xml_reader *reader, struct bytes text, struct err *err)
{
	*reader = (struct xml_reader){.in = text};
	if (check_characters(text, err) < 0)
		return -1;
	reader->strings = xcalloc(1, text.size + 1);
	reader->names = xcalloc(1, text.size + 1);
	reader->attribute = xcalloc(XML_ATTRIBUTES_MAX, sizeof(*reader->attribute));
	reader->namespace = xcalloc(C14N_NAMESPACES_MAX, sizeof(*reader->namespace));
	reader->event = XML_END;
	if (take_declaration(reader, err) == 0)
		return 0;
	reader->event = XML_BAD;
	return -1;
}

void
xml_close(struct xml_reader *reader)
{
	free(reader->strings);
	free(reader->names);
	free(reader->attribute);
	free(reader->namespace);
	*reader = (struct xml_reader){0};
}

/* Only white space stands before and after the root. */
static enum xml_event
take_outside(struct xml_reader *reader, struct err *err)
{
	take_space(reader);
	if (reader->at == reader->in.size && reader->elements > 0)
		return reader->event = XML_DONE;
	if (!take_literal(reader, "<") || reader->elements > 0)
		return refuse_document(reader, err,
				       reader->elements > 0 ? "something behind the root" : "no root element");
	return take_start(reader, err);
}

/* Text goes to the next tag. */
static enum xml_event
take_content(struct xml_reader *reader, struct err *err)
{
	reader->text = take_characters(reader, '<', err);
	if (reader->text == NULL)
		return XML_BAD;
	if (reader->at == reader->in.size)
		return refuse_document(reader, err, "element without end");
	if (reader->canonical != NULL)
		c14n_put_text(reader->canonical, reader->text);
	return reader->event = XML_TEXT;
}

enum xml_event
xml_next(struct xml_reader *reader, struct err *err)
{
	if (reader->event == XML_BAD)
		return XML_BAD;
	if (reader->event == XML_END && reader->depth > 0)
		leave_element(reader);
	reader->strings_size = 0;
	if (reader->depth == 0)
		return take_outside(reader, err);
	if (reader->empty || take_literal(reader, "</"))
		return take_end(reader, err);
	if (take_literal(reader, "<"))
		return take_start(reader, err);
	return take_content(reader, err);
}

int
xml_child(struct xml_reader *reader, struct err *err)
{
	enum xml_event event;

	while ((event = xml_next(reader, err)) == XML_TEXT)
		if (reader->text[strspn(reader->text, SPACE)] != '\0')
			return err_set(err, 0, "text between elements");
	return event == XML_START ? 1 : event == XML_END ? 0 : -1;
}

int
xml_skip(struct xml_reader *reader, struct err *err)
{
	unsigned depth = reader->depth;
	enum xml_event event;

	do {
		event = xml_next(reader, err);
	} while (event != XML_BAD && !(event == XML_END && reader->depth == depth));
	return event == XML_BAD ? -1 : 0;
}

bool
xml_is(const struct xml_reader *reader, const char *space, const char *name)
{
	return strcmp(reader->space, space) == 0 && strcmp(reader->name, name) == 0;
}

const char *
xml_attribute(const struct xml_reader *reader, const char *space, const char *name)
{
	const struct xml_attribute want = {.space = space, .name = name};

	for (unsigned i = 0; i < reader->attributes; i++)
		if (c14n_compare(&want, &reader->attribute[i]) == 0)
			return reader->attribute[i].value;
	return NULL;
}

void
xml_canonical_apex(struct xml_reader *reader, struct buf *out)
{
	reader->canonical = out;
	put_canonical_start(reader, 0);
}
