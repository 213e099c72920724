/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collect/wire.h"

#include <stdlib.h>

#include "attest/collect/machine.h"
#include "lib/code.h"
#include "test/unit/unit.h"

static const struct collect_states states = {3, 1, 2, 1, 0, COLLECT_ABSENT, 1, 2, 0, 1,
							"550.144.03", "/dev/nvidia7"};
static const struct collect_identity identity = {"GPU-0b1f", "00000000:41:00.0", 7, 9, 1, "96.00.9F.00.01"};

static void
test_states(void)
{
	struct collect_states got = {0};
	struct err err = ERR_INIT;
	struct buf payload = {0};

	collect_put_states(&payload, &states);
	CHECK(collect_get_states(buf_bytes(&payload), &got, &err) == 0);
	CHECK(memcmp(&got, &states, sizeof(got)) == 0);
	for (size_t size = 0; size < payload.size; size++)
		CHECK(collect_get_states(bytes_of(payload.data, size), &got, &err) != 0);
	buf_add(&payload, "", 1);
	CHECK(collect_get_states(buf_bytes(&payload), &got, &err) != 0);
	buf_free(&payload);
}

static void
test_states_range(void)
{
	struct collect_states bad = states, got;
	struct err err = ERR_INIT;
	struct buf payload = {0};

	bad.gpus = 0;
	collect_put_states(&payload, &bad);
	CHECK(collect_get_states(buf_bytes(&payload), &got, &err) != 0);
	payload.size = 0;
	bad.gpus = GPU_MAX + 1;
	collect_put_states(&payload, &bad);
	CHECK(collect_get_states(buf_bytes(&payload), &got, &err) != 0);
	payload.size = 0;
	bad.gpus = 1;
	memset(bad.driver_version, '1', sizeof(bad.driver_version) - 1);
	collect_put_states(&payload, &bad);
	CHECK(collect_get_states(buf_bytes(&payload), &got, &err) == 0 && strlen(got.driver_version) == 80);
	buf_add(&payload, "1", 1);
	payload.data[10 * 4]++; /* the text's size */
	CHECK(collect_get_states(buf_bytes(&payload), &got, &err) != 0);
	payload.size = 0;
	bad = states;
	bad.lost = 2; /* of 1 that is missing */
	collect_put_states(&payload, &bad);
	CHECK(collect_get_states(buf_bytes(&payload), &got, &err) != 0);
	payload.size = 0;
	bad = states;
	bad.missing_names[0] = '\0';
	collect_put_states(&payload, &bad);
	CHECK(collect_get_states(buf_bytes(&payload), &got, &err) != 0);
	buf_free(&payload);
}

static void
test_identity(void)
{
	struct collect_identity got = {0}, bad = identity;
	struct err err = ERR_INIT;
	struct buf payload = {0};

	collect_put_identity(&payload, &identity);
	CHECK(collect_get_identity(buf_bytes(&payload), &got, &err) == 0);
	CHECK(memcmp(&got, &identity, sizeof(got)) == 0);
	for (size_t size = 0; size < payload.size; size++)
		CHECK(collect_get_identity(bytes_of(payload.data, size), &got, &err) != 0);
	payload.size = 0;
	strcpy(bad.uuid, "GPU 1");
	collect_put_identity(&payload, &bad);
	CHECK(collect_get_identity(buf_bytes(&payload), &got, &err) != 0);
	payload.size = 0;
	strcpy(bad.uuid, "GPU\n");
	collect_put_identity(&payload, &bad);
	CHECK(collect_get_identity(buf_bytes(&payload), &got, &err) != 0);
	buf_free(&payload);
}

/* The form of the kernel driver's file; only the two lines are read. */
static void
test_agree(void)
{
	static const struct {
		const char *text;
		bool agree;
	} rows[] = {
		{"Model: \t\t NVIDIA H100 PCIe\nIRQ:   \t\t 20\nGPU UUID: \t GPU-0b1f\nBus Location: \t 0000:41:00.0\n"
		 "Device Minor: \t 7\nGPU Excluded:\t No\n", true},
		{"GPU UUID: GPU-0b1f\nDevice Minor: 7", true},
		{"GPU UUID: GPU-0b1e\nDevice Minor: 7\n", false},
		{"GPU UUID: GPU-0b1f\nDevice Minor: 70\n", false},
		{"GPU UUID: GPU-0b1f\nDevice Minor: 8\n", false},
		{"GPU UUID: GPU-0b1f\n", false},
		{"Device Minor: 7\n", false},
		{"GPU UUID: GPU-0b1f\nDevice Minor: 7\nDevice Minor: 7\n", false},
		{"XGPU UUID: GPU-0b1f\nDevice Minor: 7\n", false},
		{"GPU UUID: GPU-????????\nDevice Minor: 7\n", false},
		{"", false},
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = machine_agree(bytes_of_text(rows[i].text), &identity, &err);

		CHECK((rc == 0) == rows[i].agree);
		CHECK(rc == 0 || err_code(&err) == CODE_DEVICE_MAPPING);
	}
}

int
main(void)
{
	RUN(test_states);
	RUN(test_states_range);
	RUN(test_identity);
	RUN(test_agree);
	return unit_end();
}
