/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/code.h"

static _Noreturn void
out_of_memory(void)
{
	static const char line[] = "out of memory\n";

	if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		_exit(CODE_INTERNAL);
	_exit(CODE_INTERNAL);
}

void *
xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);

	if (memory == NULL)
		out_of_memory();
	return memory;
}

void *
xrealloc(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);

	if (memory == NULL)
		out_of_memory();
	return memory;
}

void *
xmemdup(const void *data, size_t size)
{
	void *memory = xcalloc(1, size);

	if (size > 0)
		memcpy(memory, data, size);
	return memory;
}

char *
xstrdup(const char *text)
{
	return xmemdup(text, strlen(text) + 1);
}

char *
xprintf(const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int size;

	va_start(args, format);
	size = vasprintf(&text, format, args);
	va_end(args);
	if (size < 0)
		out_of_memory();
	return text;
}

struct bytes
bytes_of(const void *data, size_t size)
{
	return (struct bytes){data, size};
}

struct bytes
bytes_of_text(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

void
buf_reserve(struct buf *buf, size_t more)
{
	size_t want = buf->size + more + 1;

	if (want < more)
		out_of_memory();
	if (want <= buf->room)
		return;
	want = want < buf->room * 2 ? buf->room * 2 : want;
	buf->data = xrealloc(buf->data, want);
	buf->room = want;
}

void
buf_add(struct buf *buf, const void *data, size_t size)
{
	buf_reserve(buf, size);
	if (size > 0)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
}

void
buf_add_text(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int size;

	va_start(args, format);
	size = vasprintf(&text, format, args);
	va_end(args);
	if (size < 0)
		out_of_memory();
	buf_add(buf, text, (size_t)size);
	free(text);
}

struct bytes
buf_bytes(const struct buf *buf)
{
	return (struct bytes){buf->data, buf->size};
}

char *
buf_steal_text(struct buf *buf)
{
	char *text;

	buf_add(buf, "", 0);
	text = (char *)buf->data;
	*buf = (struct buf){0};
	return text;
}

void
buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}

struct cursor
cursor_of(struct bytes bytes)
{
	return (struct cursor){bytes.data, bytes.size};
}

bool
cursor_take(struct cursor *cursor, size_t size, struct bytes *out)
{
	if (cursor->left < size)
		return false;
	*out = (struct bytes){cursor->at, size};
	cursor->at += size;
	cursor->left -= size;
	return true;
}

static bool
take_le(struct cursor *cursor, size_t size, uint32_t *out)
{
	struct bytes field;
	uint32_t value = 0;

	if (!cursor_take(cursor, size, &field))
		return false;
	for (size_t i = size; i-- > 0;)
		value = value << 8 | field.data[i];
	*out = value;
	return true;
}

bool
cursor_u8(struct cursor *cursor, uint8_t *out)
{
	uint32_t value;

	if (!take_le(cursor, 1, &value))
		return false;
	*out = (uint8_t)value;
	return true;
}

bool
cursor_u16le(struct cursor *cursor, uint16_t *out)
{
	uint32_t value;

	if (!take_le(cursor, 2, &value))
		return false;
	*out = (uint16_t)value;
	return true;
}

bool
cursor_u24le(struct cursor *cursor, uint32_t *out)
{
	return take_le(cursor, 3, out);
}

void
hex_encode(char *out, const void *data, size_t size)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *byte = data;

	for (size_t i = 0; i < size; i++) {
		*out++ = digit[byte[i] >> 4];
		*out++ = digit[byte[i] & 15];
	}
	*out = '\0';
}

char *
hex_text(struct bytes bytes)
{
	char *text = xcalloc(2, bytes.size + 1);

	hex_encode(text, bytes.data, bytes.size);
	return text;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
hex_decode(void *out, size_t size, const char *text, size_t text_size)
{
	uint8_t *byte = out;

	if (text_size % 2 != 0 || text_size / 2 != size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		byte[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void
text_escape(char *out, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text != '\0' && used + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7f && c != '\\')
			out[used++] = (char)c;
		else
			used += (size_t)snprintf(out + used, 5, "\\x%02x", c);
	}
	out[used] = '\0';
}
