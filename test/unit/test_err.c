/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/err.h"

#include <errno.h>

#include "lib/code.h"
#include "test/unit/unit.h"

static void
test_wrap(void)
{
	struct err err = ERR_INIT;

	CHECK(err_code(&err) == CODE_INTERNAL);
	CHECK(err_set(&err, 0, "row %d: bad", 7) == -1);
	CHECK(err_code(&err) == CODE_INTERNAL);
	CHECK(err_wrap(&err, CODE_RIM_CONTENT, "driver RIM") == -1);
	CHECK(err_wrap(&err, 0, "gpu %d", 0) == -1);
	CHECK_TEXT(err.text, "gpu 0: driver RIM: row 7: bad");
	CHECK(err_code(&err) == CODE_RIM_CONTENT);
}

static void
test_long_text_is_cut(void)
{
	struct err err = ERR_INIT;

	err_set(&err, CODE_STATE, "%0*d", 3000, 1);
	err_wrap(&err, 0, "%0*d", 3000, 2);
	CHECK(strlen(err.text) == ERR_TEXT_MAX - 1);
}

static void
test_errno_is_a_name(void)
{
	CHECK_TEXT(err_errno(ENOENT), "ENOENT");
	CHECK_TEXT(err_errno(123456), "errno");
}

static void
test_codes_are_distinct(void)
{
	for (size_t i = 0; i < code_count; i++) {
		CHECK(code_find(code_table[i].number) == &code_table[i]);
		/* 126 to 192 are what shells say of commands and signals, 255 what says that nothing is known. */
		CHECK(code_table[i].number >= 0 && code_table[i].number < 255);
		CHECK(code_table[i].number < 126 || code_table[i].number > 192);
		for (size_t k = 0; k < i; k++) {
			CHECK(strcmp(code_table[i].name, code_table[k].name) != 0);
			CHECK(code_table[i].number > code_table[k].number);
		}
	}
	CHECK(code_find(126) == NULL);
	CHECK_TEXT(code_name(126), "unknown");
}

int
main(void)
{
	RUN(test_wrap);
	RUN(test_long_text_is_cut);
	RUN(test_errno_is_a_name);
	RUN(test_codes_are_distinct);
	return unit_end();
}
