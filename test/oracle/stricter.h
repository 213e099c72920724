/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ORACLE_STRICTER_H
#define TEST_ORACLE_STRICTER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "test/oracle/compare.h"

/* What the product refuses and libxml2 takes, by the words of the refusal. No genuine manifest has any of it. */
static const struct stricter_reason {
	const char *words, *why;
} stricter_reasons[] = {
	{"no ASCII name where one must stand", "all names of the profile are ASCII; others only serve to look alike"},
	{"the prefix xml", "Canonical XML hands xml:lang and its like down to subsets, each by a rule of its own"},
	{"namespace that is no absolute name", "libraries differ in what they take for a URI: one spelling is enough"},
	{"character reference without 1 to 8 digits", "longer numbers only have zeros in front"},
};

static inline bool
stricter_by_design(const struct comparison *result)
{
	for (size_t i = 0; i < sizeof(stricter_reasons) / sizeof(stricter_reasons[0]); i++)
		if (strstr(result->our_err.text, stricter_reasons[i].words) != NULL)
			return true;
	return false;
}

#endif
