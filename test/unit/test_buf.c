/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/buf.h"

#include <stdlib.h>

#include "test/unit/unit.h"

static void
test_hex(void)
{
	uint8_t out[2];
	char text[5];

	CHECK(hex_decode(out, 2, "0aFf", 4) && out[0] == 0x0a && out[1] == 0xff);
	CHECK(!hex_decode(out, 2, "0aF", 3));
	CHECK(!hex_decode(out, 2, "0aFg", 4));
	CHECK(!hex_decode(out, 2, "0x0a", 4));
	hex_encode(text, out, 2);
	CHECK_TEXT(text, "0aff");
}

static bool
decodes(const char *text, bool url, const char *want)
{
	struct buf out = {0};
	bool ok = url ? base64url_decode(&out, text, strlen(text)) : base64_decode(&out, text, strlen(text));

	ok = ok && bytes_equal(buf_bytes(&out), bytes_of_text(want));
	buf_free(&out);
	return ok;
}

static void
test_base64(void)
{
	CHECK(decodes("", false, ""));
	CHECK(decodes("Zg==", false, "f"));
	CHECK(decodes("Zm8=", false, "fo"));
	CHECK(decodes("Zm9v", false, "foo"));
	CHECK(decodes("Zm8", true, "fo"));
	CHECK(!decodes("Zh==", false, "f"));  /* unused bits set */
	CHECK(!decodes("Zg", false, "f"));    /* padding missing */
	CHECK(!decodes("Zg==", true, "f"));   /* padding where none belongs */
	CHECK(!decodes("Zm 9v", false, "foo"));
	CHECK(!decodes("Zm9v\n", false, "foo"));
	CHECK(!decodes("====", false, ""));
	CHECK(!decodes("-_-_", false, "\xfb\xff\xbf"));
	CHECK(decodes("-_-_", true, "\xfb\xff\xbf"));
	CHECK(!decodes("Zm9vY", true, "foo"));
}

static void
test_base64_round_trip(void)
{
	uint8_t data[64];

	for (size_t size = 0; size <= sizeof(data); size++) {
		struct buf text = {0}, back = {0};

		for (size_t i = 0; i < size; i++)
			data[i] = (uint8_t)(i * 37 + size);
		base64url_encode(&text, bytes_of(data, size));
		CHECK(base64url_decode(&back, (char *)text.data, text.size));
		CHECK(bytes_equal(buf_bytes(&back), bytes_of(data, size)));
		buf_free(&text);
		buf_free(&back);
	}
}

static void
test_cursor(void)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5};
	struct cursor cursor = cursor_of(bytes_of(data, sizeof(data)));
	struct bytes field;
	uint32_t value;
	uint16_t half;

	CHECK(cursor_u24le(&cursor, &value) && value == 0x030201);
	CHECK(!cursor_u24le(&cursor, &value) && value == 0x030201);
	CHECK(cursor_u16le(&cursor, &half) && half == 0x0504);
	CHECK(cursor_take(&cursor, 0, &field) && field.size == 0);
	CHECK(!cursor_take(&cursor, 1, &field));
	CHECK(!cursor_take(&cursor, SIZE_MAX, &field));
}

static void
test_escape(void)
{
	char out[32];

	text_escape(out, sizeof(out), "a\nb\\\x7f\xc3");
	CHECK_TEXT(out, "a\\x0ab\\x5c\\x7f\\xc3");
	text_escape(out, 8, "\n\n\n");
	CHECK_TEXT(out, "\\x0a");
}

int
main(void)
{
	RUN(test_hex);
	RUN(test_base64);
	RUN(test_base64_round_trip);
	RUN(test_cursor);
	RUN(test_escape);
	return unit_end();
}
