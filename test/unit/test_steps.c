/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/steps.h"

#include <limits.h>

#include "lib/code.h"
#include "test/unit/unit.h"

static const struct err bad = {CODE_NONCE, "other nonce"}, worse = {CODE_MEASUREMENT, "row 7"}, unset = ERR_INIT;

static void
test_no_verdict_until_concluded(void)
{
	struct steps steps = {0};

	CHECK(steps_code(&steps) == CODE_NO_VERDICT);
	steps_conclude(&steps);
	CHECK(steps_code(&steps) == CODE_NO_VERDICT); /* nothing was checked */
	steps_skip(&steps, attester_gpu(0), "nonce", "not reached");
	CHECK(steps_code(&steps) == CODE_NO_VERDICT); /* still nothing */
	steps_ok(&steps, attester_gpu(0), "nonce", "%d bytes", 32);
	CHECK(steps_code(&steps) == CODE_OK);
	CHECK_TEXT(steps.list[1].detail, "32 bytes");
	steps_free(&steps);
	steps_ok(&steps, attester_gpu(0), "nonce", "equal");
	CHECK(steps_code(&steps) == CODE_NO_VERDICT);
	steps_free(&steps);
}

static void
test_first_failure_speaks(void)
{
	struct steps steps = {0};

	steps_ok(&steps, attester_gpu(0), "device-chain", "%s", "");
	CHECK(steps_fail(&steps, attester_gpu(0), "nonce", &bad) == -1);
	CHECK(steps_fail(&steps, attester_gpu(1), "measurements", &worse) == -1);
	CHECK(steps_code(&steps) == CODE_NONCE);
	steps_conclude(&steps);
	CHECK(steps_code(&steps) == CODE_NONCE);
	CHECK_TEXT(steps_first_failure(&steps)->detail, "other nonce");
	steps_free(&steps);
}

static void
test_failure_never_reads_as_success(void)
{
	struct steps steps = {0};

	steps_fail(&steps, attester_gpu(0), "nonce", &unset);
	steps_conclude(&steps);
	CHECK(steps_code(&steps) == CODE_INTERNAL);
	steps_free(&steps);
	steps_add(&steps, &(struct step){attester_run, (char *)"x", STEP_FAIL, CODE_OK, (char *)""});
	steps_conclude(&steps);
	CHECK(steps_code(&steps) == CODE_INTERNAL);
	steps_free(&steps);
}

static void
test_attesters(void)
{
	char name[ATTESTER_NAME_SIZE];

	CHECK_TEXT(attester_name(attester_run, name), "run");
	CHECK_TEXT(attester_name(attester_gpu(0), name), "GPU-0");
	CHECK_TEXT(attester_name(attester_gpu(UINT_MAX), name), "GPU-4294967295");
	CHECK(attester_equal(attester_run, attester_run) && attester_equal(attester_gpu(1), attester_gpu(1)));
	CHECK(!attester_equal(attester_run, attester_gpu(0)) && !attester_equal(attester_gpu(0), attester_gpu(1)));
}

int
main(void)
{
	RUN(test_no_verdict_until_concluded);
	RUN(test_first_failure_speaks);
	RUN(test_failure_never_reads_as_success);
	RUN(test_attesters);
	return unit_end();
}
