/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/clock.h"

#include <limits.h>

#include "test/unit/unit.h"

static void
test_parse(void)
{
	int64_t at = 0;

	CHECK(clock_parse("1970-01-01T00:00:00Z", &at) && at == 0);
	CHECK(clock_parse("2026-06-01T00:00:00Z", &at) && at == 1780272000);
	CHECK(clock_parse("2000-02-29T23:59:59Z", &at) && at == 951868799);
	CHECK(clock_parse("1969-12-31T23:59:59Z", &at) && at == -1);
	CHECK(clock_parse("9999-12-31T23:59:59Z", &at) && at == 253402300799);
}

static void
test_parse_refuses(void)
{
	static const char *const bad[] = {
		"", "2026-06-01", "2026-06-01T00:00:00", "2026-06-01T00:00:00z", "2026-06-01 00:00:00Z",
		"2026-06-01T00:00:00+0", "2026-06-01T00:00:60Z", "2026-06-01T24:00:00Z", "2026-06-01T00:60:00Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-06-00T00:00:00Z", "2026-06-31T00:00:00Z", " 026-06-01T00:00:00Z", "2026-06-01T00:00:00Z ",
		"+026-06-01T00:00:00Z", "2026-06-01T00:00:0.Z",
	};
	int64_t at = 42;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(!clock_parse(bad[i], &at));
		CHECK(at == 42);
	}
}

static void
test_format_agrees_with_parse(void)
{
	char text[32];
	int64_t back;

	/* Steps of a prime number of seconds over all four-digit years hit every month and both kinds of years. */
	for (int64_t at = -62135596800; at <= 253402300799; at += 86399 * 97) {
		clock_format(at, text);
		if (!clock_parse(text, &back) || back != at) {
			CHECK(back == at);
			break;
		}
	}
	clock_format(1780272000, text);
	CHECK_TEXT(text, "2026-06-01T00:00:00Z");
	clock_format(951868799, text);
	CHECK_TEXT(text, "2000-02-29T23:59:59Z");
}

static void
test_from_utc(void)
{
	int64_t at = -1;

	CHECK(clock_from_utc(2000, 2, 29, 23, 59, 59, &at) && at == 951868799);
	CHECK(clock_from_utc(1970, 1, 1, 0, 0, 0, &at) && at == 0);
	CHECK(!clock_from_utc(2026, 0, 1, 0, 0, 0, &at) && !clock_from_utc(2026, 13, 1, 0, 0, 0, &at));
	CHECK(!clock_from_utc(2026, 2, 29, 0, 0, 0, &at) && !clock_from_utc(2026, 2, 0, 0, 0, 0, &at));
	CHECK(!clock_from_utc(2026, 1, 1, 24, 0, 0, &at) && !clock_from_utc(2026, 1, 1, 0, -1, 0, &at));
	CHECK(!clock_from_utc(2026, 1, 1, 0, 0, 60, &at) && at == 0);
}

static void
test_left(void)
{
	int64_t now = clock_boot_ms();

	CHECK(clock_left_ms(0) == 0);
	CHECK(clock_left_ms(now - 1) == 0);
	CHECK(clock_left_ms(now + 60000) > 50000 && clock_left_ms(now + 60000) <= 60000);
	CHECK(clock_left_ms(INT64_MAX) == INT_MAX);
}

int
main(void)
{
	RUN(test_parse);
	RUN(test_parse_refuses);
	RUN(test_format_agrees_with_parse);
	RUN(test_from_utc);
	RUN(test_left);
	return unit_end();
}
