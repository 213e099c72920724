/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/oci_state.h"

#include <stdlib.h>

#include "lib/code.h"
#include "test/unit/unit.h"

static bool
takes(const char *version, const char *id, const char *status, const char *pid, const char *bundle)
{
	char *text = xprintf("{\"ociVersion\":%s,\"id\":%s,\"status\":%s,\"pid\":%s,\"bundle\":%s,\"root\":\"/x\"}",
			     version, id, status, pid, bundle);
	struct err err = ERR_INIT;
	struct oci_state state;
	bool ok = oci_state_parse(bytes_of_text(text), &state, &err) == 0;

	CHECK(ok || err_code(&err) == CODE_STATE);
	oci_state_free(&state);
	free(text);
	return ok;
}

static bool
takes_pid(const char *pid)
{
	return takes("\"1.2.0\"", "\"c1\"", "\"creating\"", pid, "\"/b\"");
}

static bool
takes_id(const char *id)
{
	return takes("\"1.2.0\"", id, "\"creating\"", "42", "\"/b\"");
}

static bool
takes_bundle(const char *bundle)
{
	return takes("\"1.2.0\"", "\"c1\"", "\"creating\"", "42", bundle);
}

static void
test_pid(void)
{
	static const char *const bad[] = {"0",	     "1",    "-2",   "-0",
					  "4194305", "4.0",  "42e0", "18446744073709555858",
					  "\"42\"",  "true", "null", "[42]"};

	CHECK(takes_pid("2") && takes_pid("4194304"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!takes_pid(bad[i]));
}

static void
test_id(void)
{
	char long_id[132];

	CHECK(takes_id("\"aZ0_.+-\""));
	CHECK(!takes_id("\"\"") && !takes_id("\".\"") && !takes_id("\"..\"") && !takes_id("\"a/b\"") &&
	      !takes_id("\"a b\""));
	CHECK(!takes_id("\"c1\\nPASS\"") && !takes_id("\"c\\u0000\"") && !takes_id("\"\xc3\xa9\"") && !takes_id("7"));
	memset(long_id, 'a', sizeof(long_id));
	long_id[0] = long_id[130] = '"';
	long_id[131] = '\0';
	CHECK(!takes_id(long_id));
	long_id[129] = '"';
	long_id[130] = '\0';
	CHECK(takes_id(long_id));
}

static void
test_bundle(void)
{
	CHECK(takes_bundle("\"/\"") && takes_bundle("\"/run/..b/c..\"") && takes_bundle("\"\\/run\\/x\""));
	CHECK(!takes_bundle("\"\"") && !takes_bundle("\"run\"") && !takes_bundle("\"/run/../etc\"") &&
	      !takes_bundle("\"/..\""));
	CHECK(!takes_bundle("\"/a\\u0000b\"") && !takes_bundle("\"/a\\nb\"") && !takes_bundle("null"));
}

static void
test_status_and_version(void)
{
	static const char *const good[] = {"\"1.0\"", "\"1.0.2-dev\"", "\"1.3.0+dev\""};
	static const char *const bad[] = {"\"1\"",    "\"1.\"",	  "\"9.0.0\"", "\"0.9\"",
					  "\"1.0 \"", "\"11.0\"", "\"1.x\"",   "1.2"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK(takes(good[i], "\"c\"", "\"created\"", "42", "\"/b\""));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!takes(bad[i], "\"c\"", "\"created\"", "42", "\"/b\""));
	CHECK(!takes("\"1.0\"", "\"c\"", "\"running\"", "42", "\"/b\""));
	CHECK(!takes("\"1.0\"", "\"c\"", "\"Creating\"", "42", "\"/b\""));
	CHECK(!takes("\"1.0\"", "\"c\"", "\"stopped\"", "42", "\"/b\""));
}

static void
test_names(void)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0\",\"id\":\"c\",\"status\":\"created\",\"pid\":42,\"bundle\":\"/b\",\"PID\":7,"
		"\"Bundle\":\"/evil\",\"x\":{\"pid\":1},\"annotations\":{\"bundle\":\"/evil\",\"k\":\"v\"}}";
	static const char *const bad[] = {"", "[]", "{}", "{\"pid\":42}", "{\"annotations\":[]}"};
	struct err err = ERR_INIT;
	struct oci_state state;

	CHECK(oci_state_parse(bytes_of_text(text), &state, &err) == 0);
	CHECK_TEXT(state.bundle, "/b");
	CHECK(state.pid == 42);
	CHECK_TEXT(oci_annotation(&state.annotations, "k"), "v");
	CHECK(oci_annotation(&state.annotations, "K") == NULL);
	oci_state_free(&state);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(oci_state_parse(bytes_of_text(bad[i]), &state, &err) == -1 && state.json == NULL);
}

int
main(void)
{
	RUN(test_pid);
	RUN(test_id);
	RUN(test_bundle);
	RUN(test_status_and_version);
	RUN(test_names);
	return unit_end();
}
