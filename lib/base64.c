/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 by RFC 4648. OpenSSL's decoder skips white space and ignores the unused bits of the last digit, so two texts
 * could mean the same bytes; tokens and evidence must have one spelling only.
 */
#include <string.h>

#include "lib/buf.h"

#define NO_DIGIT 64

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
encode(struct buf *out, struct bytes in, const char *alphabet, bool padded)
{
	for (size_t i = 0; i < in.size; i += 3) {
		size_t have = in.size - i < 3 ? in.size - i : 3;
		uint32_t group = 0;
		char text[4] = {'=', '=', '=', '='};

		for (size_t k = 0; k < 3; k++)
			group = group << 8 | (k < have ? in.data[i + k] : 0u);
		for (size_t k = 0; k <= have; k++)
			text[k] = alphabet[group >> (18 - 6 * k) & 63];
		buf_add(out, text, padded ? 4 : have + 1);
	}
}

/* By chunks: byte by byte the CA certificates of a system took 4 ms. */
static bool
decode(struct buf *out, const char *text, size_t size, const char *alphabet)
{
	uint8_t digit[256], chunk[768];
	uint32_t group = 0;
	unsigned bits = 0;
	size_t filled = 0;

	if (size % 4 == 1)
		return false;
	memset(digit, NO_DIGIT, sizeof(digit));
	for (uint8_t i = 0; i < 64; i++)
		digit[(uint8_t)alphabet[i]] = i;
	for (size_t i = 0; i < size; i++) {
		uint8_t value = digit[(uint8_t)text[i]];

		if (value == NO_DIGIT)
			return false;
		group = (group << 6 | value) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			chunk[filled++] = (uint8_t)(group >> bits);
		}
		if (filled == sizeof(chunk) || i + 1 == size) {
			buf_add(out, chunk, filled);
			filled = 0;
		}
	}
	return (group & ((1u << bits) - 1)) == 0;
}

void
base64_encode(struct buf *out, struct bytes in)
{
	encode(out, in, plain, true);
}

bool
base64_decode(struct buf *out, const char *text, size_t size)
{
	if (size % 4 != 0)
		return false;
	if (size > 0 && text[size - 1] == '=')
		size -= text[size - 2] == '=' ? 2 : 1;
	return decode(out, text, size, plain);
}

void
base64url_encode(struct buf *out, struct bytes in)
{
	encode(out, in, url, false);
}

bool
base64url_decode(struct buf *out, const char *text, size_t size)
{
	return decode(out, text, size, url);
}
