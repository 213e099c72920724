/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json.h"

#include <stdlib.h>

#include "test/unit/unit.h"

static bool
takes_bytes(const char *text, size_t size, bool strict)
{
	struct err err = ERR_INIT;
	/* Its own block, so that a sanitizer sees every byte read past the end. */
	char *copy = xmemdup(text, size);
	struct json *root = (strict ? json_read : json_parse)(bytes_of(copy, size), &json_limits_default, &err);
	bool ok = root != NULL;

	CHECK(ok == (err.text[0] == '\0'));
	json_free(root);
	free(copy);
	return ok;
}

static bool
takes(const char *text)
{
	return takes_bytes(text, strlen(text), true);
}

static void
test_syntax(void)
{
	static const char *const good[] = {
		"1", "-0", " null\r\n\t", "\"\"", "[]", "{}", "[1.5e+3,true,{\"a\":[false]}]", "\"\x7f\""};
	static const char *const bad[] = {
		"",	     " ",	"{",	     "[1",	    "[1,]",   "{\"a\":1,}", "{\"a\"}",
		"{a:1}",     "[] []",	"{} \"x",    "{} \"",	    "1 \"ab", "[]x",	    "01",
		"-",	     "+1",	"1.",	     ".5",	    "1e",     "0x1",	    "NaN",
		"tru",	     "'a'",	"[\v]",	     "[\f]",	    "[1]\f",  "/**/1",	    "1//",
		"\"a\nb\"",  "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\\"", "\\u0031",    "\xef\xbb\xbf{}",
		"[\"a\"\0]", "\"\t\"",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK(takes(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (takes(bad[i])) {
			printf("# taken: %s\n", bad[i]);
			CHECK(false);
		}
	}
	CHECK(!takes_bytes("1\0", 2, false));
	CHECK(!takes_bytes("\"\0\"", 3, false));
}

static void
test_unicode(void)
{
	CHECK(takes("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""));
	CHECK(!takes("\"\xc0\x80\""));
	CHECK(!takes("\"\xc1\xbf\""));
	CHECK(!takes("\"\xe0\x9f\xbf\""));
	CHECK(!takes("\"\xed\xa0\x80\""));
	CHECK(!takes("\"\xf0\x8f\xbf\xbf\""));
	CHECK(!takes("\"\xf4\x90\x80\x80\""));
	CHECK(!takes("\"\xf8\x88\x80\x80\x80\""));
	CHECK(!takes("\"\xe2\x82\""));
	CHECK(!takes("\"\x80\""));
	CHECK(takes("\"\\ud83d\\ude00\\uFFFF\""));
	CHECK(!takes("\"\\ud83d\""));
	CHECK(!takes("\"\\ud83d\\u0041\""));
	CHECK(!takes("\"\\ude00\""));
	CHECK(!takes("\"\\ud83d\\ud83d\\ude00\""));
	CHECK(takes("\"\\\\ud83d\""));
}

static void
test_duplicates(void)
{
	CHECK(takes("{\"a\":1,\"A\":2,\"a\\u0000\":3,\"aa\":4,\"\":5}"));
	CHECK(!takes("{\"a\":1,\"b\":2,\"\\u0061\":3}"));
	CHECK(!takes("[{\"x\":{\"a\":1,\"a\":1}}]"));
	CHECK(!takes("{\"\":1,\"\":1}"));
	CHECK(takes("[{\"a\":1},{\"a\":1}]"));
	CHECK(takes_bytes("{\"a\":1,\"a\":1}", 13, false));
}

static void
test_limits(void)
{
	static const struct json_limits limits = {40, 4, 2, 5};
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{"[[1]]", true},
		{"[[[1]]]", false},
		{"[{}]", true},
		{"[{\"a\":[]}]", false},
		{"[1,2,3,4]", true},
		{"[1,2,3,4,5]", false},
		{"{\"a\":1,\"b\":2}", true},
		{"{\"a\":1,\"b\":[2]}", false},
		{"\"\\u0031234\"", true},
		{"\"12345\"", false},
		{"{\"12345\":1}", false},
		{"12345", false},
		{"1                                     ", true},
		{"1                                        ", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct json *root = json_read(bytes_of_text(cases[i].text), &limits, &err);

		if ((root != NULL) != cases[i].ok)
			printf("# %s: %s\n", cases[i].text, err.text);
		CHECK((root != NULL) == cases[i].ok);
		json_free(root);
	}
}

static void
test_access(void)
{
	struct err err = ERR_INIT;
	struct json *root =
		json_read(bytes_of_text("{\"o\":{\"a\":\"in\"},\"a\":[\"x\",\"y\\u0000z\",null,true],\"n\":1.50}"),
			  &json_limits_default, &err);
	const struct json *list = json_get(root, "a");
	bool truth = false;

	CHECK(json_type(root) == JSON_OBJECT && json_count(root) == 3);
	CHECK(bytes_equal(json_name(root, 1), bytes_of_text("a")));
	CHECK(json_at(root, 3) == NULL && json_get(root, "A") == NULL && json_get(NULL, "a") == NULL &&
	      json_get(list, "a") == NULL);
	CHECK_TEXT(json_text(json_get(json_get(root, "o"), "a")), "in");
	CHECK_TEXT(json_text(json_at(list, 0)), "x");
	CHECK(json_text(json_at(list, 1)) == NULL && json_bytes(json_at(list, 1)).size == 3);
	CHECK(json_type(json_at(list, 2)) == JSON_NULL && json_text(json_at(list, 2)) == NULL);
	CHECK(json_bool(json_at(list, 3), &truth) && truth && !json_bool(list, &truth));
	CHECK(bytes_equal(json_number_text(json_get(root, "n")), bytes_of_text("1.50")));
	json_free(root);
	json_free(NULL);
}

static bool
integer(const char *text, int64_t min, int64_t max, int64_t *out)
{
	struct err err = ERR_INIT;
	struct json *root = json_read(bytes_of_text(text), &json_limits_default, &err);
	bool ok = json_integer(root, min, max, out);

	json_free(root);
	return ok;
}

static void
test_integers(void)
{
	int64_t out = 7;

	CHECK(integer("0", 0, 9, &out) && out == 0);
	CHECK(integer("-9223372036854775808", INT64_MIN, INT64_MAX, &out) && out == INT64_MIN);
	CHECK(integer("9223372036854775807", INT64_MIN, INT64_MAX, &out) && out == INT64_MAX);
	CHECK(!integer("9223372036854775808", INT64_MIN, INT64_MAX, &out));
	CHECK(!integer("18446744073709555858", INT64_MIN, INT64_MAX, &out));
	CHECK(!integer("-0", -1, 1, &out));
	CHECK(!integer("1.0", 0, 9, &out));
	CHECK(!integer("1e0", 0, 9, &out));
	CHECK(!integer("10", 0, 9, &out));
	CHECK(!integer("-1", 0, 9, &out));
	CHECK(!integer("\"1\"", 0, 9, &out));
	CHECK(!integer("true", 0, 9, &out));
	CHECK(out == INT64_MAX);
}

static void
test_writing(void)
{
	struct err err = ERR_INIT;
	struct json *root = json_read(bytes_of_text("{\"k\":[1.50,\"\\u0000\",null,{}]}"), &json_limits_default, &err);
	struct json_out *out = json_out_new(false);
	char *text;

	json_out_object(out);
	json_out_name(out, "a\"b");
	json_out_array(out);
	json_out_text(out, "x\n\xff\xc3/\xe2\x82\xac");
	json_out_text(out, NULL);
	json_out_integer(out, INT64_MIN);
	json_out_bool(out, true);
	json_out_bytes(out, bytes_of(NULL, 0));
	json_out_end(out);
	json_out_name(out, "v");
	json_out_value(out, root);
	json_out_end(out);
	text = json_out_finish(out);
	CHECK_TEXT(text,
		   "{\"a\\\"b\":[\"x\\n\xef\xbf\xbd\xef\xbf\xbd/\xe2\x82\xac\",null,-9223372036854775808,true,\"\"],"
		   "\"v\":{\"k\":[1.50,\"\\u0000\",null,{}]}}");
	CHECK(takes(text));
	free(text);
	json_free(root);
}

static void
test_deep_text_is_refused_quickly(void)
{
	struct buf deep = {0};
	struct json_limits limits = {1 << 20, 64, 64, 1 << 20};
	struct err err = ERR_INIT;

	for (int i = 0; i < 200000; i++)
		buf_add_text(&deep, i % 2 ? "[" : "{\"a\":");
	CHECK(json_parse(buf_bytes(&deep), &limits, &err) == NULL);
	buf_free(&deep);
}

int
main(void)
{
	RUN(test_syntax);
	RUN(test_unicode);
	RUN(test_duplicates);
	RUN(test_limits);
	RUN(test_access);
	RUN(test_integers);
	RUN(test_writing);
	RUN(test_deep_text_is_refused_quickly);
	return unit_end();
}
