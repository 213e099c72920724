/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/toml.h"

#include <stdlib.h>

#include "test/unit/unit.h"

/* "type text|text+": what a document says of a path; "error: ..." where it is none. */
static const char *
found(const char *document, const char *path)
{
	static const char *const types[] = {"none", "text", "list", "table", "other"};
	static char out[512];
	struct toml_value value;
	struct err err = ERR_INIT;

	if (toml_find(bytes_of_text(document), path, &value, &err) != 0) {
		snprintf(out, sizeof(out), "error: %s", err.text);
		toml_free(&value);
		return out;
	}
	snprintf(out, sizeof(out), "%s", types[value.type]);
	if (value.text != NULL)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), " %s", value.text);
	for (unsigned i = 0; i < value.items; i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", i == 0 ? " " : "|", value.item[i]);
	if (value.append)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "+");
	toml_free(&value);
	return out;
}

static void
test_places(void)
{
	CHECK_TEXT(found("", "a"), "none");
	CHECK_TEXT(found("a = \"x\"\n", "a"), "text x");
	CHECK_TEXT(found("a = \"x\"", "a"), "text x");
	CHECK_TEXT(found("# c\r\n\r\n[t]\r\na = 'x' # c\r\n", "t/a"), "text x");
	CHECK_TEXT(found("[engine]\nhooks_dir = [\"/a\", \"/b\",]\n[network]\nhooks_dir = []\n", "engine/hooks_dir"),
		   "list /a|/b");
	CHECK_TEXT(found("[crio]\n[crio.runtime]\nhooks_dir = [\n  \"/a\", # one\n\n  '/b'\n]\n",
			 "crio/runtime/hooks_dir"),
		   "list /a|/b");
	CHECK_TEXT(found("crio.runtime.hooks_dir = ['/a']\n", "crio/runtime/hooks_dir"), "list /a");
	CHECK_TEXT(found("[crio]\nruntime = {hooks_dir = ['/a'], x = {y = 1}}\n", "crio/runtime/hooks_dir"), "list /a");
	CHECK_TEXT(found("[plugins.\"io.containerd.grpc.v1.cri\"]\nenable_cdi = true\n",
			 "plugins/io.containerd.grpc.v1.cri/enable_cdi"),
		   "other true");
	CHECK_TEXT(found("[ plugins . 'io.x' ]\n\"enable_cdi\" = false\n", "plugins/io.x/enable_cdi"), "other false");
	CHECK_TEXT(found("[[a]]\nb = 1\n[c]\nb = 2\n", "c/b"), "other 2");
	CHECK_TEXT(found("[\"a/b\"]\nc = 1\n", "a/b/c"), "none");
	CHECK_TEXT(found("[a]\nb = 1\n", "b"), "none");
}

static void
test_values(void)
{
	CHECK_TEXT(found("a = [\"/x\", {append = true}]", "a"), "list /x+");
	CHECK_TEXT(found("a = [\"/x\", {append=false}]", "a"), "list /x");
	CHECK_TEXT(found("a = [{append = true}, \"/x\"]", "a"), "list /x+");
	CHECK_TEXT(found("a = []", "a"), "list");
	CHECK_TEXT(found("a = [1, [\"deep\"], \"x\"]", "a"), "list x");
	CHECK_TEXT(found("a = \"q\\\"\\\\ \\u00e4 \\U0001F600\\t\"", "a"), "text q\"\\ \xc3\xa4 \xf0\x9f\x98\x80\t");
	CHECK_TEXT(found("a = '\\x'", "a"), "text \\x");
	CHECK_TEXT(found("a = \"\"\"\none\n  \"two\" \\\n   three\"\"\"\nb = 1", "a"), "text one\n  \"two\" three");
	CHECK_TEXT(found("a = '''\r\none'''", "a"), "text one");
	CHECK_TEXT(found("a = \"\"\"one\"\"\"\"\"", "a"), "text one\"\"");
	CHECK_TEXT(found("d = 1979-05-27 07:32:00Z\na = 1_000", "a"), "other 1_000");
	CHECK_TEXT(found("d = 1979-05-27T07:32:00-08:00\nd2 = 1979-05-27\na = -0x1f", "a"), "other -0x1f");
	CHECK_TEXT(found("a = {}", "a"), "table");
}

static void
test_errors(void)
{
	static const char *const documents[][2] = {
		{"a", "line 1: a name without '='"},
		{"\n\na = ", "line 3: no value"},
		{"a = \"x", "line 1: a text without an end"},
		{"a = \"x\ny\"", "line 1: a text without an end"},
		{"a = \"\\q\"", "line 1: an unknown escape"},
		{"a = \"\\u12zz\"", "line 1: an escape of no character"},
		{"a = \"\\ud800\"", "line 1: an escape of no character"},
		{"a = \"\\u1", "line 1: an escape that is cut"},
		{"a = [1", "line 1: a list without an end"},
		{"a = {b = 1", "line 1: an inline table without an end"},
		{"a = 1 2", "line 1: something behind the value"},
		{"[a", "line 1: the head of a table without an end"},
		{"[[a]\nb = 1", "line 1: the head of a table without an end"},
		{"= 1", "line 1: no name"},
		{"a = 1\na = 2", "line 2: the same key again"},
		{"a = [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "line 1: too many lists and tables inside each other"},
	};

	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		char want[128];

		snprintf(want, sizeof(want), "error: %s", documents[i][1]);
		CHECK_TEXT(found(documents[i][0], "a"), want);
	}
	/* A NUL ends nothing. */
	CHECK(toml_find(bytes_of("a = 1\n\0b = 2", 12), "b", &(struct toml_value){0}, &(struct err)ERR_INIT) != 0);
}

static void
test_too_many(void)
{
	struct buf text = {0};

	buf_add_text(&text, "a = [");
	for (int i = 0; i <= TOML_ITEMS_MAX; i++)
		buf_add_text(&text, "'x',");
	buf_add_text(&text, "]");
	CHECK_TEXT(found((const char *)text.data, "a"), "error: line 1: a list that is too long");
	CHECK_TEXT(found((const char *)text.data, "b"), "error: line 1: a list that is too long");
	buf_free(&text);
}

int
main(void)
{
	RUN(test_places);
	RUN(test_values);
	RUN(test_errors);
	RUN(test_too_many);
	return unit_end();
}
