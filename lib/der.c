/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/der.h"

#include <string.h>

#define LENGTH_BYTES_MAX 3

static bool
take_length(struct cursor *cursor, size_t *out)
{
	uint8_t first, byte;
	size_t length = 0;

	if (!cursor_u8(cursor, &first))
		return false;
	if (first < 0x80) {
		*out = first;
		return true;
	}
	if (first == 0x80 || first - 0x80 > LENGTH_BYTES_MAX)
		return false;
	for (int left = first - 0x80; left > 0; left--) {
		if (!cursor_u8(cursor, &byte) || (length == 0 && byte == 0))
			return false;
		length = length << 8 | byte;
	}
	*out = length;
	return length >= 0x80;
}

bool
der_next(struct cursor *cursor, struct der *out)
{
	struct cursor at = *cursor;
	struct der element;
	size_t length;

	if (!cursor_u8(&at, &element.tag) || (element.tag & 0x1f) == 0x1f)
		return false;
	if (!take_length(&at, &length) || !cursor_take(&at, length, &element.value))
		return false;
	*out = element;
	*cursor = at;
	return true;
}

bool
der_take(struct cursor *cursor, uint8_t tag, struct bytes *value)
{
	struct cursor at = *cursor;
	struct der element;

	if (!der_next(&at, &element) || element.tag != tag)
		return false;
	*value = element.value;
	*cursor = at;
	return true;
}

bool
der_open(struct cursor *cursor, uint8_t tag, struct cursor *inside)
{
	struct bytes value;

	if (!der_take(cursor, tag, &value))
		return false;
	*inside = cursor_of(value);
	return true;
}

bool
der_unsigned(struct cursor *cursor, uint8_t *out, size_t size)
{
	struct cursor at = *cursor;
	struct bytes value;

	if (!der_take(&at, DER_INTEGER, &value) || value.size == 0 || value.data[0] >= 0x80)
		return false;
	if (value.size > 1 && value.data[0] == 0) {
		if (value.data[1] < 0x80)
			return false;
		value = bytes_of(value.data + 1, value.size - 1);
	}
	if (value.size > size)
		return false;
	memset(out, 0, size - value.size);
	memcpy(out + size - value.size, value.data, value.size);
	*cursor = at;
	return true;
}
