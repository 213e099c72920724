/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Strict JSON. json_parse is RFC 8259 on top of yajl's event parser, without lone surrogates (section 8.2 leaves them
 * open); json_read is json_parse plus what RFC 7493 (I-JSON) asks for and every reader of this product needs: no member
 * name twice in one object (compared after unescaping, with length). Numbers keep their text; nothing passes through
 * double.
 */

struct json_limits {
	size_t bytes;    /* of the whole text */
	size_t string;   /* of one string after unescaping, names and numbers included */
	unsigned depth;  /* nested arrays and objects */
	size_t values;   /* values and member names together */
};

extern const struct json_limits json_limits_default; /* 1 MiB, strings 64 KiB, depth 32, 4096 values */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json; /* one value; owned by the root that json_parse gave */

/* Both return the root, or NULL and *err with code 0 (the caller names the object). json_free takes NULL. */
struct json *json_parse(struct bytes text, const struct json_limits *limits, struct err *err);
struct json *json_read(struct bytes text, const struct json_limits *limits, struct err *err);
void json_free(struct json *root);

enum json_type json_type(const struct json *value);

/* Of the well-formed UTF-8 sequence that text begins with, 1 to 4; 0 if there is none. left is at least 1. */
size_t json_utf8_size(const uint8_t *text, size_t left);

/* Elements of an array or object, in document order; NULL past the end. json_name gives the member's name. */
size_t json_count(const struct json *value);
const struct json *json_at(const struct json *value, size_t index);
struct bytes json_name(const struct json *object, size_t index);

/* The member of that exact name, or NULL if absent or if object is NULL or no object. */
const struct json *json_get(const struct json *object, const char *name);

/* Typed reads; false (or NULL) if value is NULL or of another type. */
bool json_bool(const struct json *value, bool *out);
/* Digits with an optional minus only: no fraction, no exponent, no minus zero, inside [min, max]. */
bool json_integer(const struct json *value, int64_t min, int64_t max, int64_t *out);
struct bytes json_bytes(const struct json *value);   /* string content, NULs possible; {NULL,0} if no string */
const char *json_text(const struct json *value);     /* string content; NULL if no string or if it contains NUL */
struct bytes json_number_text(const struct json *value);

/* -- writing: compact, UTF-8, foreign text escaped as JSON demands; invalid UTF-8 comes out as U+FFFD -- */
struct json_out;

struct json_out *json_out_new(bool pretty);
void json_out_object(struct json_out *out);
void json_out_array(struct json_out *out);
void json_out_end(struct json_out *out); /* of the innermost object or array */
void json_out_name(struct json_out *out, const char *name);
void json_out_text(struct json_out *out, const char *text); /* NULL writes null */
void json_out_bytes(struct json_out *out, struct bytes text);
void json_out_integer(struct json_out *out, int64_t value);
void json_out_bool(struct json_out *out, bool value);
void json_out_null(struct json_out *out);
void json_out_value(struct json_out *out, const struct json *value); /* a whole parsed value */
/* A member of the open object: name and value. */
void json_out_member_text(struct json_out *out, const char *name, const char *text); /* NULL writes null */
void json_out_member_integer(struct json_out *out, const char *name, int64_t value);
void json_out_member_bool(struct json_out *out, const char *name, bool value);
void json_out_member_hex(struct json_out *out, const char *name, struct bytes value); /* lower case */
/* Ends the document, returns its text in new memory and frees out. A pretty one ends with a line end. */
char *json_out_finish(struct json_out *out);
void json_out_drop(struct json_out *out); /* frees it without a text */

#endif
