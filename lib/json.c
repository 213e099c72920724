/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "lib/json_memory.h"

/* Values of one array or object lie side by side in the arena; all text there ends with a NUL beyond its size. */
struct json {
	enum json_type type;
	bool truth;
	struct bytes text; /* of strings and numbers */
	struct bytes name; /* as member of an object */
	const struct json *items;
	size_t count;
};

#define CHUNK_SIZE 16384

struct chunk {
	struct chunk *next;
	size_t used, room;
	max_align_t data[];
};

struct document {
	struct json root; /* first: what the caller holds */
	struct chunk *chunks;
};

struct frame {
	enum json_type type;
	size_t start;      /* of its values among the pending ones */
	struct bytes name; /* its own */
};

struct builder {
	const struct json_limits *limits;
	bool strict;
	struct document *document;
	struct json *pending; /* values of containers that are still open */
	size_t pending_count, pending_room;
	struct frame *frames;
	unsigned depth;
	size_t values;
	struct bytes name; /* of the member to come */
	struct err *err;
};

const struct json_limits json_limits_default = {1 << 20, 64 << 10, 32, 4096};

/* -- arena ------------------------------------------------------------------------------------------------------- */

static void *
arena_take(struct document *document, size_t size)
{
	struct chunk *chunk = document->chunks;
	uint8_t *taken;

	size = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
	if (chunk == NULL || chunk->room - chunk->used < size) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		chunk = xcalloc(1, sizeof(*chunk) + room);
		chunk->room = room;
		chunk->next = document->chunks;
		document->chunks = chunk;
	}
	taken = (uint8_t *)chunk->data + chunk->used;
	chunk->used += size;
	return taken;
}

static struct bytes
arena_text(struct document *document, const void *data, size_t size)
{
	uint8_t *copy = arena_take(document, size + 1);

	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return bytes_of(copy, size);
}

void
json_free(struct json *root)
{
	struct document *document = (struct document *)root;

	if (document == NULL)
		return;
	while (document->chunks != NULL) {
		struct chunk *chunk = document->chunks;

		document->chunks = chunk->next;
		free(chunk);
	}
	free(document);
}

/* -- raw text: what yajl does not look at ------------------------------------------------------------------------ */

/* Unicode, table 3-7: yajl takes overlong forms and surrogates. */
size_t
json_utf8_size(const uint8_t *text, size_t left)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t size;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	size = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (left < size)
		return 0;
	if (text[0] == 0xe0)
		low = 0xa0;
	else if (text[0] == 0xed)
		high = 0x9f;
	else if (text[0] == 0xf0)
		low = 0x90;
	else if (text[0] == 0xf4)
		high = 0x8f;
	if (text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

/* The code unit of \uXXXX at text; false if it is none. */
static bool
code_unit(const uint8_t *text, size_t left, unsigned *unit)
{
	uint8_t raw[2];

	if (left < 6 || text[0] != '\\' || text[1] != 'u' || !hex_decode(raw, 2, (const char *)text + 2, 4))
		return false;
	*unit = (unsigned)raw[0] << 8 | raw[1];
	return true;
}

/* Size of the escape at text, or 0. yajl turns a lone surrogate into a question mark and joins any two units. */
static size_t
escape_size(const uint8_t *text, size_t left)
{
	unsigned unit, second;

	if (left < 2)
		return 0;
	if (text[1] != 'u')
		return strchr("\"\\/bfnrt", text[1]) != NULL && text[1] != '\0' ? 2 : 0;
	if (!code_unit(text, left, &unit) || (unit >= 0xdc00 && unit <= 0xdfff))
		return 0;
	if (unit < 0xd800 || unit > 0xdbff)
		return 6;
	if (!code_unit(text + 6, left - 6, &second) || second < 0xdc00 || second > 0xdfff)
		return 0;
	return 12;
}

/*
 * Besides strings yajl takes vertical tab and form feed as white space, and a string that the end of the text cuts off
 * after the document passes its completion call.
 */
static int
check_raw(struct bytes text, struct err *err)
{
	bool in_string = false;
	size_t size;

	for (size_t at = 0; at < text.size; at += size) {
		const uint8_t *byte = text.data + at;

		size = in_string && *byte == '\\' ? escape_size(byte, text.size - at)
						  : json_utf8_size(byte, text.size - at);
		if (size == 0)
			return err_set(err, 0, "JSON: byte %zu: %s", at,
				       *byte == '\\' ? "bad escape or lone surrogate" : "bad UTF-8");
		if (*byte < 0x20 && (in_string || (*byte != '\t' && *byte != '\n' && *byte != '\r')))
			return err_set(err, 0, "JSON: byte %zu: control character 0x%02x", at, *byte);
		if (*byte == '"')
			in_string = !in_string;
	}
	return in_string ? err_set(err, 0, "JSON: string without end") : 0;
}

/* -- events ------------------------------------------------------------------------------------------------------ */

static bool
count_value(struct builder *builder)
{
	if (builder->values++ < builder->limits->values)
		return true;
	err_set(builder->err, 0, "JSON: more than %zu values", builder->limits->values);
	return false;
}

static void
add_value(struct builder *builder, const struct json *value)
{
	if (builder->depth == 0) {
		builder->document->root = *value;
		return;
	}
	if (builder->pending_count == builder->pending_room) {
		builder->pending_room = builder->pending_room * 2 + 64;
		builder->pending = xrealloc(builder->pending, builder->pending_room * sizeof(*builder->pending));
	}
	builder->pending[builder->pending_count++] = *value;
}

static int
add_scalar(struct builder *builder, enum json_type type, struct bytes text, bool truth)
{
	struct json value = {.type = type, .truth = truth, .name = builder->name};

	if (!count_value(builder))
		return 0;
	if (text.size > builder->limits->string) {
		err_set(builder->err, 0, "JSON: a value of %zu bytes, allowed are %zu", text.size,
			builder->limits->string);
		return 0;
	}
	if (type == JSON_STRING || type == JSON_NUMBER)
		value.text = arena_text(builder->document, text.data, text.size);
	add_value(builder, &value);
	return 1;
}

static int
on_null(void *context)
{
	return add_scalar(context, JSON_NULL, bytes_of(NULL, 0), false);
}

static int
on_bool(void *context, int truth)
{
	return add_scalar(context, JSON_BOOL, bytes_of(NULL, 0), truth != 0);
}

static int
on_number(void *context, const char *text, size_t size)
{
	return add_scalar(context, JSON_NUMBER, bytes_of(text, size), false);
}

static int
on_string(void *context, const unsigned char *text, size_t size)
{
	return add_scalar(context, JSON_STRING, bytes_of(text, size), false);
}

static int
on_name(void *context, const unsigned char *text, size_t size)
{
	struct builder *builder = context;

	if (!count_value(builder))
		return 0;
	if (size > builder->limits->string) {
		err_set(builder->err, 0, "JSON: a name of %zu bytes, allowed are %zu", size, builder->limits->string);
		return 0;
	}
	builder->name = arena_text(builder->document, text, size);
	return 1;
}

static int
open_container(struct builder *builder, enum json_type type)
{
	if (!count_value(builder))
		return 0;
	if (builder->depth == builder->limits->depth) {
		err_set(builder->err, 0, "JSON: nested deeper than %u", builder->limits->depth);
		return 0;
	}
	builder->frames[builder->depth++] = (struct frame){type, builder->pending_count, builder->name};
	builder->name = bytes_of(NULL, 0);
	return 1;
}

static int
on_array(void *context)
{
	return open_container(context, JSON_ARRAY);
}

static int
on_object(void *context)
{
	return open_container(context, JSON_OBJECT);
}

static int
compare_member_names(const void *a, const void *b)
{
	const struct bytes *left = *(const struct bytes *const *)a, *right = *(const struct bytes *const *)b;
	size_t size = left->size < right->size ? left->size : right->size;
	int order = memcmp(left->data, right->data, size);

	return order != 0 ? order : (left->size > right->size) - (left->size < right->size);
}

static int
check_distinct_names(const struct json *object, struct err *err)
{
	const struct bytes **names = xcalloc(object->count, sizeof(*names));
	int rc = 0;

	for (size_t i = 0; i < object->count; i++)
		names[i] = &object->items[i].name;
	qsort(names, object->count, sizeof(*names), compare_member_names);
	for (size_t i = 1; rc == 0 && i < object->count; i++) {
		if (bytes_equal(*names[i - 1], *names[i]))
			rc = err_set(err, 0, "JSON: member '%.64s' stands twice in one object",
				     (const char *)names[i]->data);
	}
	free(names);
	return rc;
}

static int
on_container_end(void *context)
{
	struct builder *builder = context;
	const struct frame *frame = &builder->frames[--builder->depth];
	struct json value = {.type = frame->type, .name = frame->name};

	value.count = builder->pending_count - frame->start;
	if (value.count > 0) {
		struct json *items = arena_take(builder->document, value.count * sizeof(*items));

		memcpy(items, builder->pending + frame->start, value.count * sizeof(*items));
		value.items = items;
	}
	builder->pending_count = frame->start;
	if (builder->strict && value.type == JSON_OBJECT && check_distinct_names(&value, builder->err) < 0)
		return 0;
	add_value(builder, &value);
	builder->name = bytes_of(NULL, 0);
	return 1;
}

static int
run_yajl(struct builder *builder, struct bytes text)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_object,
		.yajl_map_key = on_name,
		.yajl_end_map = on_container_end,
		.yajl_start_array = on_array,
		.yajl_end_array = on_container_end,
	};
	yajl_handle parser = yajl_alloc(&callbacks, JSON_MEMORY, builder);
	yajl_status status = parser == NULL ? yajl_status_error : yajl_parse(parser, text.data, text.size);
	size_t at = parser == NULL ? 0 : yajl_get_bytes_consumed(parser);

	if (status == yajl_status_ok)
		status = yajl_complete_parse(parser);
	if (parser != NULL)
		yajl_free(parser);
	if (status == yajl_status_client_canceled)
		return -1;
	return status == yajl_status_ok ? 0 : err_set(builder->err, 0, "JSON: syntax error near byte %zu", at);
}

static struct json *
build_document(struct bytes text, const struct json_limits *limits, bool strict, struct err *err)
{
	struct builder builder = {.limits = limits, .strict = strict, .err = err};
	int rc;

	if (text.size > limits->bytes) {
		err_set(err, 0, "JSON: %zu bytes, allowed are %zu", text.size, limits->bytes);
		return NULL;
	}
	if (check_raw(text, err) < 0)
		return NULL;
	builder.document = xcalloc(1, sizeof(*builder.document));
	builder.frames = xcalloc(limits->depth, sizeof(*builder.frames));
	rc = run_yajl(&builder, text);
	free(builder.pending);
	free(builder.frames);
	if (rc == 0)
		return &builder.document->root;
	json_free(&builder.document->root);
	return NULL;
}

struct json *
json_parse(struct bytes text, const struct json_limits *limits, struct err *err)
{
	return build_document(text, limits, false, err);
}

struct json *
json_read(struct bytes text, const struct json_limits *limits, struct err *err)
{
	return build_document(text, limits, true, err);
}

/* -- access ------------------------------------------------------------------------------------------------------ */

enum json_type
json_type(const struct json *value)
{
	return value->type;
}

size_t
json_count(const struct json *value)
{
	return value == NULL ? 0 : value->count;
}

const struct json *
json_at(const struct json *value, size_t index)
{
	return index < json_count(value) ? &value->items[index] : NULL;
}

struct bytes
json_name(const struct json *object, size_t index)
{
	const struct json *member = json_at(object, index);

	return member == NULL ? bytes_of(NULL, 0) : member->name;
}

const struct json *
json_get(const struct json *object, const char *name)
{
	struct bytes want = bytes_of_text(name);

	if (object == NULL || object->type != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->count; i++) {
		if (bytes_equal(object->items[i].name, want))
			return &object->items[i];
	}
	return NULL;
}

bool
json_bool(const struct json *value, bool *out)
{
	if (value == NULL || value->type != JSON_BOOL)
		return false;
	*out = value->truth;
	return true;
}

bool
json_integer(const struct json *value, int64_t min, int64_t max, int64_t *out)
{
	struct bytes text = json_number_text(value);
	bool negative = text.size > 0 && text.data[0] == '-';
	int64_t number = 0;

	if (text.size == 0 || (negative && text.data[1] == '0'))
		return false;
	for (size_t i = negative; i < text.size; i++) {
		int digit = text.data[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, negative ? -digit : digit, &number))
			return false;
	}
	if (number < min || number > max)
		return false;
	*out = number;
	return true;
}

struct bytes
json_bytes(const struct json *value)
{
	return value != NULL && value->type == JSON_STRING ? value->text : bytes_of(NULL, 0);
}

const char *
json_text(const struct json *value)
{
	struct bytes text = json_bytes(value);

	if (text.data == NULL || memchr(text.data, '\0', text.size) != NULL)
		return NULL;
	return (const char *)text.data;
}

struct bytes
json_number_text(const struct json *value)
{
	return value != NULL && value->type == JSON_NUMBER ? value->text : bytes_of(NULL, 0);
}
