/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/mode.h"

#include "lib/code.h"
#include "test/unit/unit.h"

static const struct collect_states good = {
	.cpu_caps = 3,
	.gpu_caps = 1,
	.environment = 2,
	.cc_feature = 1,
	.ready = 1,
	.gpus = 1,
	.driver_version = "580.1",
};
static const struct collect_identity gpu = {
	.uuid = "GPU-1",
	.pci = "00000000:01:00.0",
	.architecture = 9,
	.persistence = 1,
	.vbios_version = "96.00.9F.00.01",
};

static int
judge(struct collect_states states, struct collect_identity identity, int64_t ready)
{
	struct conf conf = {.ready = ready};
	struct steps steps = {0};
	int rc = mode_judge(&states, &identity, &conf, &steps), code;

	steps_conclude(&steps);
	code = steps_code(&steps);
	CHECK((rc == 0) == (code == CODE_OK));
	steps_free(&steps);
	return code;
}

#define WITH(change)                                                                                                   \
	({                                                                                                             \
		struct collect_states states = good;                                                                   \
		states.change;                                                                                         \
		judge(states, gpu, READY_REQUIRE);                                                                     \
	})

static void
test_states(void)
{
	CHECK(WITH(gpus = 1) == CODE_OK);
	CHECK(WITH(cc_feature = 0) == CODE_CC_OFF);
	CHECK(WITH(cc_feature = 2) == CODE_MODE_UNKNOWN);
	CHECK(WITH(environment = 0) == CODE_ENVIRONMENT);
	CHECK(WITH(environment = 1) == CODE_ENVIRONMENT);
	CHECK(WITH(environment = 3) == CODE_MODE_UNKNOWN);
	CHECK(WITH(devtools = 1) == CODE_DEVTOOLS);
	CHECK(WITH(devtools = 7) == CODE_MODE_UNKNOWN);
	CHECK(WITH(multi_gpu = 1) == CODE_PROTECTED_PCIE);
	CHECK(WITH(multi_gpu = 2) == CODE_NVLE);
	CHECK(WITH(multi_gpu = 3) == CODE_MODE_UNKNOWN);
	CHECK(WITH(multi_gpu = COLLECT_ABSENT) == CODE_OK);
	CHECK(WITH(ready = 0) == CODE_NOT_READY);
	CHECK(WITH(ready = 2) == CODE_MODE_UNKNOWN);
	CHECK(WITH(ready = COLLECT_ABSENT) == CODE_READY_UNSUPPORTED);
}

static void
test_protected_pcie_hides_cc(void)
{
	struct collect_states states = good;

	states.cc_feature = 0;
	states.multi_gpu = 1;
	CHECK(judge(states, gpu, READY_REQUIRE) == CODE_PROTECTED_PCIE);
}

static void
test_ready_can_be_reported_only(void)
{
	struct collect_states states = good;

	states.ready = 0;
	CHECK(judge(states, gpu, READY_REPORT) == CODE_OK);
	states.ready = COLLECT_ABSENT;
	CHECK(judge(states, gpu, READY_REPORT) == CODE_OK);
	states.ready = 2;
	CHECK(judge(states, gpu, READY_REPORT) == CODE_MODE_UNKNOWN);
}

static void
test_ready_can_be_managed(void)
{
	struct collect_states states = good;

	states.ready = 0;
	CHECK(judge(states, gpu, READY_MANAGE) == CODE_OK);
	states.ready = COLLECT_ABSENT;
	CHECK(judge(states, gpu, READY_MANAGE) == CODE_READY_UNSUPPORTED);
}

static void
test_persistence(void)
{
	struct collect_identity identity = gpu;

	identity.persistence = 0;
	CHECK(judge(good, identity, READY_REQUIRE) == CODE_PERSISTENCE);
}

static int
changed(struct collect_states states, struct collect_identity identity)
{
	struct steps steps = {0};
	int code;

	mode_unchanged(&good, &gpu, &states, &identity, "second-reading", &steps);
	steps_conclude(&steps);
	code = steps_code(&steps);
	steps_free(&steps);
	return code;
}

static void
test_second_reading(void)
{
	struct collect_identity identity = gpu;
	struct collect_states states = good;

	CHECK(changed(states, identity) == CODE_OK);
	states.ready = 0;
	CHECK(changed(states, identity) == CODE_STATE_CHANGED);
	states = good;
	strcpy(states.driver_version, "580.2");
	CHECK(changed(states, identity) == CODE_STATE_CHANGED);
	strcpy(identity.uuid, "GPU-2");
	CHECK(changed(good, identity) == CODE_STATE_CHANGED);
	identity = gpu;
	identity.minor = 1;
	CHECK(changed(good, identity) == CODE_STATE_CHANGED);
	identity = gpu;
	identity.persistence = 0;
	CHECK(changed(good, identity) == CODE_STATE_CHANGED);
}

int
main(void)
{
	RUN(test_states);
	RUN(test_protected_pcie_hides_cc);
	RUN(test_ready_can_be_reported_only);
	RUN(test_ready_can_be_managed);
	RUN(test_persistence);
	RUN(test_second_reading);
	return unit_end();
}
