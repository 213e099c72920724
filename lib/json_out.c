/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "lib/json.h"
#include "lib/json_memory.h"

#define DEPTH_MAX 64

struct json_out {
	yajl_gen gen;
	bool is_object[DEPTH_MAX];
	unsigned depth;
	bool pretty;
};

/* Every status but ok is a fault of the calling code: a value where a name belongs, or too deep. */
static void
want_ok(yajl_gen_status status)
{
	if (status != yajl_gen_status_ok)
		abort();
}

struct json_out *
json_out_new(bool pretty)
{
	struct json_out *out = xcalloc(1, sizeof(*out));

	out->gen = yajl_gen_alloc(JSON_MEMORY);
	if (out->gen == NULL)
		abort();
	out->pretty = pretty;
	yajl_gen_config(out->gen, yajl_gen_beautify, (int)pretty);
	yajl_gen_config(out->gen, yajl_gen_indent_string, "  ");
	return out;
}

static void
push_container(struct json_out *out, bool is_object)
{
	if (out->depth == DEPTH_MAX)
		abort();
	out->is_object[out->depth++] = is_object;
	want_ok(is_object ? yajl_gen_map_open(out->gen) : yajl_gen_array_open(out->gen));
}

void
json_out_object(struct json_out *out)
{
	push_container(out, true);
}

void
json_out_array(struct json_out *out)
{
	push_container(out, false);
}

void
json_out_end(struct json_out *out)
{
	if (out->depth == 0)
		abort();
	want_ok(out->is_object[--out->depth] ? yajl_gen_map_close(out->gen) : yajl_gen_array_close(out->gen));
}

void
json_out_bytes(struct json_out *out, struct bytes text)
{
	struct buf clean = {0};
	size_t size;

	buf_add(&clean, "", 0);
	for (size_t at = 0; at < text.size; at += size ? size : 1) {
		size = json_utf8_size(text.data + at, text.size - at);
		if (size > 0)
			buf_add(&clean, text.data + at, size);
		else
			buf_add_text(&clean, "\xef\xbf\xbd");
	}
	want_ok(yajl_gen_string(out->gen, clean.data, clean.size));
	buf_free(&clean);
}

void
json_out_text(struct json_out *out, const char *text)
{
	if (text == NULL)
		json_out_null(out);
	else
		json_out_bytes(out, bytes_of_text(text));
}

void
json_out_name(struct json_out *out, const char *name)
{
	json_out_bytes(out, bytes_of_text(name));
}

void
json_out_integer(struct json_out *out, int64_t value)
{
	want_ok(yajl_gen_integer(out->gen, value));
}

void
json_out_bool(struct json_out *out, bool value)
{
	want_ok(yajl_gen_bool(out->gen, value));
}

void
json_out_null(struct json_out *out)
{
	want_ok(yajl_gen_null(out->gen));
}

static void
write_scalar(struct json_out *out, const struct json *value)
{
	struct bytes number = json_number_text(value);
	bool truth = false;

	if (json_type(value) == JSON_STRING) {
		json_out_bytes(out, json_bytes(value));
	} else if (json_type(value) == JSON_NUMBER) {
		want_ok(yajl_gen_number(out->gen, (const char *)number.data, number.size));
	} else if (json_bool(value, &truth)) {
		json_out_bool(out, truth);
	} else {
		json_out_null(out);
	}
}

/* Recursion is bounded by DEPTH_MAX. */
void
json_out_value(struct json_out *out, const struct json *value)
{
	if (json_type(value) != JSON_OBJECT && json_type(value) != JSON_ARRAY) {
		write_scalar(out, value);
		return;
	}
	push_container(out, json_type(value) == JSON_OBJECT);
	for (size_t i = 0; i < json_count(value); i++) {
		if (json_type(value) == JSON_OBJECT)
			json_out_bytes(out, json_name(value, i));
		json_out_value(out, json_at(value, i));
	}
	json_out_end(out);
}

void
json_out_member_text(struct json_out *out, const char *name, const char *text)
{
	json_out_name(out, name);
	json_out_text(out, text);
}

void
json_out_member_integer(struct json_out *out, const char *name, int64_t value)
{
	json_out_name(out, name);
	json_out_integer(out, value);
}

void
json_out_member_bool(struct json_out *out, const char *name, bool value)
{
	json_out_name(out, name);
	json_out_bool(out, value);
}

void
json_out_member_hex(struct json_out *out, const char *name, struct bytes value)
{
	char *text = hex_text(value);

	json_out_member_text(out, name, text);
	free(text);
}

char *
json_out_finish(struct json_out *out)
{
	const unsigned char *text;
	size_t size;
	char *copy;

	if (out->depth != 0)
		abort();
	want_ok(yajl_gen_get_buf(out->gen, &text, &size));
	while (size > 0 && text[size - 1] == '\n') /* yajl ends some documents with one and others not */
		size--;
	copy = xprintf("%.*s%s", (int)size, (const char *)text, out->pretty ? "\n" : "");
	json_out_drop(out);
	return copy;
}

void
json_out_drop(struct json_out *out)
{
	yajl_gen_free(out->gen);
	free(out);
}
