/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes: borrowed views, owned buffers, a checked cursor, and the text forms of bytes.
 *
 * Memory: all programs here are short-lived and their only safe answer to exhaustion is to stop, so the x-functions
 * end the process with CODE_INTERNAL instead of returning NULL.
 */

void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
void *xmemdup(const void *data, size_t size);
/* printf into new memory. */
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A view of memory that somebody else owns. {NULL, 0} means "not there". */
struct bytes {
	const uint8_t *data;
	size_t size;
};

struct bytes bytes_of(const void *data, size_t size);
struct bytes bytes_of_text(const char *text); /* without the NUL */
bool bytes_equal(struct bytes a, struct bytes b);

/* Owned, growing. {NULL, 0, 0} is a valid empty one. data[size] is always a NUL once something was added. */
struct buf {
	uint8_t *data;
	size_t size;
	size_t room;
};

void buf_add(struct buf *buf, const void *data, size_t size);
/* Room for more bytes and a NUL behind data[size], for whoever writes them there and then adds to size. */
void buf_reserve(struct buf *buf, size_t more);
void buf_add_text(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct bytes buf_bytes(const struct buf *buf);
/* Hands the memory out as a NUL-terminated string that the caller frees; the buffer is empty afterwards. */
char *buf_steal_text(struct buf *buf);
void buf_free(struct buf *buf);

/*
 * Cursor over untrusted bytes: the only way in which formats here are read. Each call returns false, takes nothing and
 * leaves the value untouched if fewer bytes are left than asked for.
 */
struct cursor {
	const uint8_t *at;
	size_t left;
};

struct cursor cursor_of(struct bytes bytes);
bool cursor_take(struct cursor *cursor, size_t size, struct bytes *out);
bool cursor_u8(struct cursor *cursor, uint8_t *out);
bool cursor_u16le(struct cursor *cursor, uint16_t *out);
bool cursor_u24le(struct cursor *cursor, uint32_t *out);

/* Lower-case hex. out has room for 2 * size + 1. */
void hex_encode(char *out, const void *data, size_t size);
char *hex_text(struct bytes bytes); /* the same in new memory */
/* Exactly 2 * size digits of either case and nothing else; false otherwise. */
bool hex_decode(void *out, size_t size, const char *text, size_t text_size);

/* RFC 4648: section 4 with padding, section 5 without. Decoders are strict: canonical last digit, no white space. */
void base64_encode(struct buf *out, struct bytes in);
bool base64_decode(struct buf *out, const char *text, size_t size);
void base64url_encode(struct buf *out, struct bytes in);
bool base64url_decode(struct buf *out, const char *text, size_t size);

/* Copies text with every byte outside printable ASCII, and the backslash, as \xNN; cut to fit. */
void text_escape(char *out, size_t size, const char *text);

#endif
