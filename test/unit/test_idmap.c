/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/idmap.h"

#include <stdlib.h>

#include "test/unit/unit.h"

#define INITIAL "         0          0 4294967295\n"
#define ROOTLESS "         0       1500          1\n         1     200000      65536\n"

static const struct {
	const char *text;
	bool whole, initial, hides_root;
} maps[] = {
	{INITIAL, true, true, false},
	{ROOTLESS, true, false, true},
	{"0 1500 1\n", true, false, true},
	{"0 0 1\n", true, false, false},                /* unshare --map-root-user by root */
	{"0 100000 65536\n65536 0 1\n", true, false, false}, /* root is there under another id */
	{"5 0 0\n0 1 1\n", true, false, true},          /* nobody at all */
	{"1 0 4294967294\n", true, false, false},
	{"0 1 4294967295\n", true, false, true},
	{"", false, false, false},
	{"\n", false, false, false},
	{"0 0\n", false, false, false},
	{"0 0 1", false, false, false}, /* cut off */
	{"0 0 1 1\n", false, false, false},
	{"0 x 1\n", false, false, false},
	{"0 0 1\n0 0 1\n\n", false, false, false},
};

static void
test_maps(void)
{
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		struct idmap map;
		bool whole = idmap_parse(bytes_of_text(maps[i].text), &map);

		if (whole != maps[i].whole || (whole && (idmap_is_initial(&map) != maps[i].initial ||
							 idmap_hides_root(&map) != maps[i].hides_root)))
			printf("# %s\n", maps[i].text);
		CHECK(whole == maps[i].whole);
		CHECK(!whole ||
		      (idmap_is_initial(&map) == maps[i].initial && idmap_hides_root(&map) == maps[i].hides_root));
	}
}

static void
test_outside(void)
{
	struct idmap map;
	uid_t id = 7;

	CHECK(idmap_parse(bytes_of_text(ROOTLESS), &map));
	CHECK(idmap_outside(&map, 0, &id) && id == 1500);
	CHECK(idmap_outside(&map, 1, &id) && id == 200000);
	CHECK(idmap_outside(&map, 65536, &id) && id == 265535);
	CHECK(!idmap_outside(&map, 65537, &id) && id == 265535);
	CHECK(!idmap_outside(&map, 4294967294u, &id));
}

static void
test_too_many_rows(void)
{
	struct buf text = {0};
	struct idmap map;

	for (unsigned i = 0; i < IDMAP_ROWS_MAX; i++)
		buf_printf(&text, "%u %u 1\n", i, 1000 + i);
	CHECK(idmap_parse(buf_bytes(&text), &map) && map.rows == IDMAP_ROWS_MAX);
	buf_printf(&text, "9999 9999 1\n");
	CHECK(!idmap_parse(buf_bytes(&text), &map));
	buf_free(&text);
}

static void
test_own(void)
{
	struct err err = ERR_INIT;
	struct idmap map;
	uid_t id;

	CHECK(idmap_read(&map, &err) == 0 && map.rows > 0 && idmap_outside(&map, 0, &id));
}

int
main(void)
{
	RUN(test_maps);
	RUN(test_outside);
	RUN(test_too_many_rows);
	RUN(test_own);
	return unit_end();
}
