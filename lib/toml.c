/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/toml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16
#define NAME_SEPARATOR '/'
#define NAME_REPLACED '\n' /* for a separator inside a name: no path that is asked for has it */

struct reader {
	const char *start, *at, *end;
	const char *wanted;
	struct toml_value *out;
	unsigned depth;
	struct err *err;
};

static int
fail_line(const struct reader *reader, const char *what)
{
	unsigned line = 1;

	for (const char *c = reader->start; c < reader->at; c++)
		line += *c == '\n';
	return err_set(reader->err, 0, "line %u: %s", line, what);
}

static char
peek(const struct reader *reader)
{
	return reader->at < reader->end ? *reader->at : '\0';
}

static bool
take(struct reader *reader, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, text, size) != 0)
		return false;
	reader->at += size;
	return true;
}

static void
skip(struct reader *reader, const char *characters)
{
	while (reader->at < reader->end && *reader->at != '\0' && strchr(characters, *reader->at) != NULL)
		reader->at++;
}

static void
skip_comment(struct reader *reader)
{
	if (peek(reader) == '#')
		while (reader->at < reader->end && *reader->at != '\n')
			reader->at++;
}

/* Between the elements of a list lines and comments count for nothing. */
static void
skip_filler(struct reader *reader)
{
	const char *before;

	do {
		before = reader->at;
		skip(reader, " \t\r\n");
		skip_comment(reader);
	} while (reader->at != before);
}

static int
end_line(struct reader *reader)
{
	skip(reader, " \t");
	skip_comment(reader);
	skip(reader, "\r");
	if (reader->at == reader->end || take(reader, "\n"))
		return 0;
	return fail_line(reader, "something behind the value");
}

/* -- texts and names --------------------------------------------------------------------------------------------- */

static void
add_utf8(struct buf *out, unsigned long rune)
{
	if (rune < 0x80)
		buf_printf(out, "%c", (int)rune);
	else if (rune < 0x800)
		buf_printf(out, "%c%c", (int)(0xc0 | rune >> 6), (int)(0x80 | (rune & 0x3f)));
	else if (rune < 0x10000)
		buf_printf(out, "%c%c%c", (int)(0xe0 | rune >> 12), (int)(0x80 | (rune >> 6 & 0x3f)),
			   (int)(0x80 | (rune & 0x3f)));
	else
		buf_printf(out, "%c%c%c%c", (int)(0xf0 | rune >> 18), (int)(0x80 | (rune >> 12 & 0x3f)),
			   (int)(0x80 | (rune >> 6 & 0x3f)), (int)(0x80 | (rune & 0x3f)));
}

static int
read_rune(struct reader *reader, unsigned digits, struct buf *out)
{
	char hex[9] = "", *end;
	unsigned long rune;

	if (reader->end - reader->at < (ptrdiff_t)digits)
		return fail_line(reader, "an escape that is cut");
	memcpy(hex, reader->at, digits);
	rune = strtoul(hex, &end, 16);
	if (hex[strspn(hex, "0123456789abcdefABCDEF")] != '\0' || *end != '\0' || rune == 0 || rune > 0x10ffff ||
	    (rune >= 0xd800 && rune <= 0xdfff))
		return fail_line(reader, "an escape of no character");
	reader->at += digits;
	add_utf8(out, rune);
	return 0;
}

static int
read_escape(struct reader *reader, bool many_lines, struct buf *out)
{
	static const char from[] = "btnfre\"\\", to[] = "\b\t\n\f\r\x1b\"\\";
	const char *found;
	char c = peek(reader);

	if (take(reader, "u"))
		return read_rune(reader, 4, out);
	if (take(reader, "U"))
		return read_rune(reader, 8, out);
	if (many_lines && c != '\0' && strchr(" \t\r\n", c) != NULL) {
		skip(reader, " \t\r\n");
		return 0;
	}
	found = c == '\0' ? NULL : strchr(from, c);
	if (found == NULL)
		return fail_line(reader, "an unknown escape");
	buf_add(out, &to[found - from], 1);
	reader->at++;
	return 0;
}

/* The quote or quotes that begin it are taken. */
static int
read_quoted(struct reader *reader, const char *quote, struct buf *out)
{
	bool many_lines = strlen(quote) == 3, basic = quote[0] == '"';

	if (many_lines && !take(reader, "\n"))
		take(reader, "\r\n");
	while (reader->at < reader->end && *reader->at != '\0' && (many_lines || *reader->at != '\n')) {
		if (take(reader, quote)) {
			/* Up to two quotes may stand before the three that end it. */
			while (many_lines && peek(reader) == quote[0])
				buf_add(out, reader->at++, 1);
			return 0;
		}
		if (!basic || !take(reader, "\\"))
			buf_add(out, reader->at++, 1);
		else if (read_escape(reader, many_lines, out) != 0)
			return -1;
	}
	return fail_line(reader, "a text without an end");
}

static int
read_any_quoted(struct reader *reader, struct buf *out)
{
	static const char *const quotes[] = {"\"\"\"", "'''", "\"", "'"};

	buf_add_text(out, "");
	for (size_t i = 0; i < sizeof(quotes) / sizeof(*quotes); i++)
		if (take(reader, quotes[i]))
			return read_quoted(reader, quotes[i], out);
	return fail_line(reader, "no text");
}

static int
read_name(struct reader *reader, struct buf *path)
{
	static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	const char *start = reader->at;
	struct buf name = {0};
	int rc = 0;

	if (peek(reader) == '"' || peek(reader) == '\'') {
		rc = read_any_quoted(reader, &name);
	} else {
		skip(reader, bare);
		buf_add(&name, start, (size_t)(reader->at - start));
		rc = name.size > 0 ? 0 : fail_line(reader, "no name");
	}
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] == NAME_SEPARATOR)
			name.data[i] = NAME_REPLACED;
	if (path->size > 0)
		buf_printf(path, "%c", NAME_SEPARATOR);
	buf_add(path, name.data, name.size);
	buf_free(&name);
	return rc;
}

/* Names with dots between them, behind those of path. */
static int
read_names(struct reader *reader, struct buf *path)
{
	do {
		skip(reader, " \t");
		if (read_name(reader, path) != 0)
			return -1;
		skip(reader, " \t");
	} while (take(reader, "."));
	return 0;
}

/* -- values ------------------------------------------------------------------------------------------------------ */

static int read_pair(struct reader *reader, const struct buf *table, bool *append);
static int read_value(struct reader *reader, const struct buf *path, struct toml_value *out);

static int
read_inline_table(struct reader *reader, const struct buf *path, struct toml_value *out)
{
	out->type = TOML_TABLE;
	skip_filler(reader);
	while (!take(reader, "}")) {
		if (read_pair(reader, path, &out->append) != 0)
			return -1;
		skip_filler(reader);
		if (!take(reader, ",") && peek(reader) != '}')
			return fail_line(reader, "an inline table without an end");
		skip_filler(reader);
	}
	return 0;
}

static int
take_item(struct reader *reader, struct toml_value *item, struct toml_value *out)
{
	out->append |= item->type == TOML_TABLE && item->append;
	if (item->type != TOML_TEXT)
		return 0;
	if (out->items == TOML_ITEMS_MAX)
		return fail_line(reader, "a list that is too long");
	out->item[out->items++] = item->text;
	item->text = NULL;
	return 0;
}

static int
read_list(struct reader *reader, struct toml_value *out)
{
	static const struct buf nowhere = {(uint8_t *)"\n", 1, 0};
	int rc = 0;

	out->type = TOML_LIST;
	skip_filler(reader);
	while (rc == 0 && !take(reader, "]")) {
		struct toml_value item = {0};

		rc = read_value(reader, &nowhere, &item);
		if (rc == 0)
			rc = take_item(reader, &item, out);
		toml_free(&item);
		skip_filler(reader);
		if (rc == 0 && !take(reader, ",") && peek(reader) != ']')
			rc = fail_line(reader, "a list without an end");
		skip_filler(reader);
	}
	return rc;
}

static int
read_plain(struct reader *reader, struct toml_value *out)
{
	static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-.:";
	const char *start = reader->at;

	skip(reader, characters);
	if (reader->at == start)
		return fail_line(reader, "no value");
	/* A date may have a blank before its time. */
	if (reader->at - start == 10 && start[4] == '-' && peek(reader) == ' ' && reader->end - reader->at > 2 &&
	    reader->at[1] >= '0' && reader->at[1] <= '2') {
		reader->at++;
		skip(reader, characters);
	}
	out->type = TOML_OTHER;
	out->text = xprintf("%.*s", (int)(reader->at - start), start);
	return 0;
}

static int
read_value(struct reader *reader, const struct buf *path, struct toml_value *out)
{
	struct buf text = {0};
	int rc;

	if (++reader->depth > DEPTH_MAX)
		return fail_line(reader, "too many lists and tables inside each other");
	if (peek(reader) == '"' || peek(reader) == '\'') {
		rc = read_any_quoted(reader, &text);
		out->type = TOML_TEXT;
		out->text = buf_steal_text(&text);
	} else if (take(reader, "[")) {
		rc = read_list(reader, out);
	} else if (take(reader, "{")) {
		rc = read_inline_table(reader, path, out);
	} else {
		rc = read_plain(reader, out);
	}
	reader->depth--;
	return rc;
}

/* append: set where the pair is append = true. */
static int
read_pair(struct reader *reader, const struct buf *table, bool *append)
{
	struct toml_value value = {0};
	struct buf path = {0};
	int rc;

	buf_add(&path, table->data, table->size);
	rc = read_names(reader, &path);
	if (rc == 0 && !take(reader, "="))
		rc = fail_line(reader, "a name without '='");
	skip(reader, " \t");
	if (rc == 0)
		rc = read_value(reader, &path, &value);
	if (rc == 0 && append != NULL && path.size > 7 && memcmp(path.data + path.size - 7, "/append", 7) == 0)
		*append = value.type == TOML_OTHER && strcmp(value.text, "true") == 0;
	if (rc == 0 && bytes_equal(buf_bytes(&path), bytes_of_text(reader->wanted))) {
		if (reader->out->type != TOML_NONE) {
			rc = fail_line(reader, "the same key again");
		} else {
			*reader->out = value;
			value = (struct toml_value){0};
		}
	}
	toml_free(&value);
	buf_free(&path);
	return rc;
}

static int
read_header(struct reader *reader, struct buf *table)
{
	const char *end = take(reader, "[") ? "]]" : "]";

	table->size = 0;
	if (read_names(reader, table) != 0)
		return -1;
	return take(reader, end) ? 0 : fail_line(reader, "the head of a table without an end");
}

int
toml_find(struct bytes document, const char *path, struct toml_value *out, struct err *err)
{
	const char *start = document.size > 0 ? (const char *)document.data : "";
	struct reader reader = {
		.start = start, .at = start, .end = start + document.size, .wanted = path, .out = out, .err = err};
	struct buf table = {0};
	int rc = 0;

	*out = (struct toml_value){0};
	for (skip_filler(&reader); rc == 0 && reader.at < reader.end; skip_filler(&reader)) {
		rc = take(&reader, "[") ? read_header(&reader, &table) : read_pair(&reader, &table, NULL);
		if (rc == 0)
			rc = end_line(&reader);
	}
	buf_free(&table);
	return rc;
}

void
toml_free(struct toml_value *value)
{
	free(value->text);
	for (unsigned i = 0; i < value->items; i++)
		free(value->item[i]);
	*value = (struct toml_value){0};
}
