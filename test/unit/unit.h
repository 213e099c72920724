/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_H
#define TEST_UNIT_H

/*
 * TAP for C tests. A test file is: static void test_x(void) functions with CHECK lines, and
 * int main(void) { RUN(test_x); ... return unit_end(); }. A test that cannot run here says unit_skip("why"); return;
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int unit_count, unit_failed;
static bool unit_bad;
static const char *unit_why;

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			unit_bad = true;                                                                               \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
		}                                                                                                      \
	} while (0)

#define CHECK_TEXT(have, want)                                                                                         \
	do {                                                                                                           \
		const char *have_ = (have), *want_ = (want);                                                           \
		if (have_ == NULL || strcmp(have_, want_) != 0) {                                                      \
			unit_bad = true;                                                                               \
			printf("# %s:%d: have '%s', want '%s'\n", __FILE__, __LINE__, have_ ? have_ : "(null)",        \
			       want_);                                                                                 \
		}                                                                                                      \
	} while (0)

#define RUN(test) unit_run(#test, test)

static inline void
unit_skip(const char *why)
{
	unit_why = why;
}

static inline void
unit_run(const char *name, void (*test)(void))
{
	unit_bad = false;
	unit_why = NULL;
	test();
	unit_failed += unit_bad;
	printf("%s %d %s%s%s\n", unit_bad ? "not ok" : "ok", ++unit_count, name, unit_why ? " # SKIP " : "",
	       unit_why ? unit_why : "");
	fflush(stdout);
}

static inline int
unit_end(void)
{
	printf("1..%d\n", unit_count);
	return unit_failed != 0;
}

#endif
