/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/yaml.h"

#include <stdlib.h>

#include "test/unit/unit.h"

/* The text as JSON, or the reason of the refusal, in new memory. */
static char *
read_bytes(const char *text, size_t size)
{
	struct err err = ERR_INIT;
	struct json *root = yaml_read(bytes_of(text, size), &json_limits_default, &err);
	struct json_out *out;

	if (root == NULL) {
		CHECK(err.code == 0 && err.text[0] != '\0');
		return xstrdup(err.text);
	}
	out = json_out_new(false);
	json_out_value(out, root);
	json_free(root);
	return json_out_finish(out);
}

static void
reads(const char *text, const char *want)
{
	char *have = read_bytes(text, strlen(text));

	CHECK_TEXT(have, want);
	free(have);
}

static void
refuses(const char *text, const char *reason)
{
	char *have = read_bytes(text, strlen(text));

	if (strncmp(have, "YAML: ", 6) != 0 && strncmp(have, "JSON: ", 6) != 0)
		printf("# taken: %s\n", text);
	CHECK(strncmp(have, "YAML: ", 6) == 0 || strncmp(have, "JSON: ", 6) == 0);
	CHECK(strstr(have, reason) != NULL);
	free(have);
}

static void
test_values(void)
{
	reads("a: 1\nb: [x, 'y', \"z\\n\"]\nc: {d: true, e: false}\n",
	      "{\"a\":1,\"b\":[\"x\",\"y\",\"z\\n\"],\"c\":{\"d\":true,\"e\":false}}");
	reads("- null\n- ~\n-\n- ''\n", "[null,null,null,\"\"]");
	reads("[0, 7, -3, 999999999999999999]", "[0,7,-3,999999999999999999]");
	reads("- |\n  two\n  lines\n- >-\n  one\n  line\n", "[\"two\\nlines\\n\",\"one line\"]");
	reads("--- x\n...\n", "\"x\"");
	reads("# a comment\na: b # another\n", "{\"a\":\"b\"}");
	reads("\xc3\xa4: \"\\u00e4\\x41\"", "{\"\xc3\xa4\":\"\xc3\xa4"
					    "A\"}");
}

/* What YAML 1.1, YAML 1.2 and JSON take for different things. */
static void
test_plain_scalars(void)
{
	static const char *const unclear[] = {
		"no",
		"No",
		"NO",
		"yes",
		"y",
		"Y",
		"n",
		"on",
		"Off",
		"True",
		"FALSE",
		"Null",
		"012",
		"0o12",
		"0x1F",
		"0b101",
		"1e3",
		"1E3",
		"-1.5",
		".5",
		"1.",
		"+1",
		"-0",
		"1_000",
		"1:30",
		"-1:2",
		"1:2.5",
		".inf",
		"-.Inf",
		".NaN",
		"=",
		"2001-12-14",
		"2001-1-1 12:00",
		"00",
		"01",
		"1.5e-3",
		"1000000000000000000",
		"-.5",
		"0.1",
		"190:20:30",
	};
	static const char *const text[] = {"0.5.0", "570.86.10", "nope",         "0cb4354d-e517", "12a", "1-2",
					   "a:b",   "--x",       "/dev/nvidia0", "1.2.3.4",       "e3",  "none",
					   "~x",    "GPU-1",     "0/0",          "A=1",           "<<x"};

	for (size_t i = 0; i < sizeof(unclear) / sizeof(*unclear); i++) {
		char *plain = xprintf("a: %s\n", unclear[i]), *quoted = xprintf("a: '%s'\n", unclear[i]);
		char *want = xprintf("{\"a\":\"%s\"}", unclear[i]);

		refuses(plain, "without quotes");
		reads(quoted, want);
		free(plain);
		free(quoted);
		free(want);
	}
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
		char *plain = xprintf("a: %s\n", text[i]), *want = xprintf("{\"a\":\"%s\"}", text[i]);

		reads(plain, want);
		free(plain);
		free(want);
	}
}

static void
test_anchors(void)
{
	reads("a: &x [1, 2]\nb: *x\n", "{\"a\":[1,2],\"b\":[1,2]}");
	reads("a: &x {b: &y 1}\nc: [*x, *y]\n", "{\"a\":{\"b\":1},\"c\":[{\"b\":1},1]}");
	refuses("a: &x [*x]\n", "inside its own anchor");
	refuses("a: &x {b: [*x]}\n", "inside its own anchor");
	refuses("a: *x\n", "without anchor");
	refuses("a: &x 1\nb: &x 2\n", "twice");
	refuses("a: &x {b: 1}\nc:\n  <<: *x\n", "merge key");
	refuses("a: &x b\n*x : 1\n", "no text");
}

/* Ten levels of ten: what stands in 100 bytes per level would be 10^10 values. */
static void
test_ceilings(void)
{
	struct buf bomb = {0};
	char deep[200];

	buf_add_text(&bomb, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++)
		buf_printf(&bomb, "- &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i - 1,
			   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	refuses((const char *)bomb.data, "too many values");
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	refuses(deep, "too deep");
	/* Aliases nest, too. */
	bomb.size = 0;
	buf_add_text(&bomb, "- &b0 [x]\n");
	for (int i = 1; i < 40; i++)
		buf_printf(&bomb, "- &b%d [*b%d]\n", i, i - 1);
	refuses((const char *)bomb.data, "too deep");
	bomb.size = 0;
	for (int i = 0; i < 65; i++)
		buf_printf(&bomb, "- &c%d x\n", i);
	refuses((const char *)bomb.data, "too many of them");
	bomb.size = 0;
	for (int i = 0; i < 5000; i++)
		buf_add_text(&bomb, "- x\n");
	refuses((const char *)bomb.data, "too many values");
	bomb.size = 0;
	while (bomb.size <= 1 << 20)
		buf_add_text(&bomb, "# a comment of which there is too much\n");
	refuses((const char *)bomb.data, "more than 1048576 bytes");
	bomb.size = 0;
	while (bomb.size <= 64 << 10)
		buf_add_text(&bomb, "0123456789abcdef");
	refuses((const char *)bomb.data, "allowed are 65536");
	buf_free(&bomb);
}

static void
test_strictness(void)
{
	char *have = read_bytes("a: \"x\0y\"", 9);

	CHECK(strncmp(have, "YAML: ", 6) == 0);
	free(have);
	have = read_bytes(NULL, 0);
	CHECK(strstr(have, "no document") != NULL);
	free(have);
	refuses("", "no document");
	refuses("# nothing\n", "no document");
	refuses("a: 1\na: 2\n", "twice");
	refuses("a: 1\n\"\\x61\": 2\n", "twice");
	refuses("a: 1\n---\nb: 2\n", "second document");
	refuses("--- a\n--- b\n", "second document");
	refuses("%YAML 1.2\n---\na: 1\n", "directive");
	refuses("%TAG ! tag:example.com,2026:\n---\na: 1\n", "directive");
	refuses("a: !!str 1\n", "tag");
	refuses("a: !x [1]\n", "tag");
	refuses("! {a: 1}\n", "tag");
	refuses("[1]: a\n", "no text");
	refuses("{a: b}: c\n", "no text");
	refuses("1: a\n", "no text");
	refuses("true: a\n", "no text");
	refuses("~: a\n", "no text");
	refuses("\xef\xbb\xbf"
		"a: 1\n",
		"byte order mark");
	refuses("a: \xff\n", "");
	refuses("a: \x01\n", "");
	refuses("a: [1\n", "");
	refuses("a:\n\t- b\n", "");
	refuses("a: 'x\n", "");
	refuses("a: b: c\n", "");
}

/* Whatever is written reads as it was, and is written the same way again. */
static void
test_writing(void)
{
	static const char text[] = "{\"a\":[\"no\",\"012\",\"\",\" x \",\"a: b\",\"#\",\"- "
				   "x\",\"x\\ny\\n\",\"\\u0000\\u0001\\u00e4\\u2028\","
				   "\"*x\",\"&x\",\"!x\",\"%x\",\"@x\",\"`\",\"---\",\"...\",\"null\",\"-1\",\"1.5\","
				   "\"{}\",\"[\",\"?\",\"? x\","
				   "\"'\",\"\\\"\",\"\\\\\",\"0:0\",\"2026-01-01\",\"a\\tb\",\"x "
				   "#y\",\"~\",\"<<\"],\"b\":{},\"c\":[],\"d\":null,"
				   "\"e\":true,\"f\":-12,\"<<\":1,\"no\":[[],[{}],{\"x\":[1]}],\"\":\"\"}";
	struct err err = ERR_INIT;
	struct json *root = json_read(bytes_of_text(text), &json_limits_default, &err), *again;
	struct json_out *left, *right;
	char *written, *twice, *a, *b;

	CHECK(root != NULL);
	written = yaml_write(root);
	again = yaml_read(bytes_of_text(written), &json_limits_default, &err);
	CHECK(again != NULL);
	if (again == NULL) {
		printf("# %s\n%s", err.text, written);
		return;
	}
	left = json_out_new(false);
	right = json_out_new(false);
	json_out_value(left, root);
	json_out_value(right, again);
	a = json_out_finish(left);
	b = json_out_finish(right);
	CHECK_TEXT(b, a);
	twice = yaml_write(again);
	CHECK_TEXT(twice, written);
	free(a);
	free(b);
	free(written);
	free(twice);
	json_free(root);
	json_free(again);
}

int
main(void)
{
	RUN(test_values);
	RUN(test_plain_scalars);
	RUN(test_anchors);
	RUN(test_ceilings);
	RUN(test_strictness);
	RUN(test_writing);
	return unit_end();
}
