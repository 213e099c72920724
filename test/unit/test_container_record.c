/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "spec/container_record.h"
#include "test/unit/unit.h"

static char *
print(void)
{
	const struct container_record record = {
		.decision = CONTAINER_OBSERVED,
		.id = "c1",
		.bundle = "/b",
		.pid = 77,
		.started = INT64_C(1) << 40,
		.minors = {0, 3},
		.count = 2,
		.privileged = true,
		.image_id = NULL,
		.name_space = "ns",
		.challenge = "a \"b\"",
		.config_digest = {0xab, 1},
		.device = 42,
		.inode = 1,
		.file_system = 0xfedcba9876543210,
		.mapped = true,
		.uid = 100000,
		.gid = 4294967295,
		.issued = 1000,
		.expires = 4600,
	};

	return container_record_print(&record);
}

static void
test_round(void)
{
	struct container_record record;
	struct err err = ERR_INIT;
	char *text = print();

	CHECK(container_record_parse(bytes_of_text(text), &record, &err) == 0);
	CHECK_TEXT(err.text, "");
	CHECK(record.decision == CONTAINER_OBSERVED);
	CHECK_TEXT(record.id, "c1");
	CHECK_TEXT(record.bundle, "/b");
	CHECK(record.pid == 77 && record.started == INT64_C(1) << 40 && !record.all && record.privileged &&
	      record.mapped);
	CHECK(record.count == 2 && record.minors[0] == 0 && record.minors[1] == 3);
	CHECK(record.image_id == NULL);
	CHECK_TEXT(record.name_space, "ns");
	CHECK_TEXT(record.challenge, "a \"b\"");
	CHECK(record.config_digest[0] == 0xab && record.config_digest[1] == 1 && record.config_digest[31] == 0);
	CHECK(record.device == 42 && record.inode == 1 && record.file_system == 0xfedcba9876543210);
	CHECK(record.uid == 100000 && record.gid == 4294967295 && record.issued == 1000 && record.expires == 4600);
	container_record_free(&record);
	free(text);
}

/* The whole text with the first from replaced by to. */
static bool
accepts(const char *from, const char *to)
{
	char *text = print(), *at = strstr(text, from), *changed;
	struct container_record record;
	struct err err = ERR_INIT;
	bool accepted;

	changed = xprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	accepted = container_record_parse(bytes_of_text(changed), &record, &err) == 0;
	container_record_free(&record);
	free(changed);
	free(text);
	return accepted;
}

static void
test_refused(void)
{
	CHECK(accepts("77", "78"));
	CHECK(accepts("\"observed\"", "\"exempt\""));
	CHECK(!accepts("\"observed\"", "\"refused\""));
	CHECK(!accepts("\"observed\"", "1"));
	CHECK(!accepts("\"decision\"", "\"event\""));
	CHECK(!accepts("77", "1"));
	CHECK(!accepts("77", "-1"));
	CHECK(!accepts("\"c1\"", "\"..\""));
	CHECK(!accepts("\"c1\"", "\"a/b\""));
	CHECK(!accepts("\"/b\"", "\"b\""));
	CHECK(!accepts("ab01", "ab0"));
	CHECK(!accepts("\"schema\"", "\"scheme\""));
	CHECK(!accepts("100000", "4294967296"));
	CHECK(!accepts("\"started\"", "\"start\""));
	CHECK(!accepts("{", "["));
	CHECK(!accepts("true", "1"));
	CHECK(!accepts("4600", "4600.5"));
}

int
main(void)
{
	RUN(test_round);
	RUN(test_refused);
	return unit_end();
}
