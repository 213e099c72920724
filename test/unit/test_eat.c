/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/eat.h"

#include "lib/json.h"
#include "test/unit/sample.h"
#include "test/unit/unit.h"

#define CHAIN {"2026-06-01T02:08:29Z", "valid", "good", NULL, true, true}

static const struct eat_gpu good = {
	.measres = "success",
	.secure = true,
	.nonce = "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb",
	.hardware_model = "GH100 A01 GSP BROM",
	.ueid = "478176379286082186618948445787393647364802107249",
	.oemid = "5703",
	.driver_version = "550.90.07",
	.vbios_version = "96.00.9F.00.01",
	.arch_check = true,
	.fwid_match = true,
	.report_parsed = true,
	.nonce_match = true,
	.signature_verified = true,
	.chain = {"9999-12-31T23:59:59Z", "valid", "good", NULL, true, true},
	.driver = {true, true, true, true, CHAIN},
	.vbios = {true, true, true, true, {"2026-02-22T23:17:58Z", "valid", "good", NULL, true, true}},
	.vbios_no_conflict = true,
};

static struct json *
encoded(const struct eat_gpu *gpu)
{
	char *text = eat_gpu_encode(gpu);
	struct err err = ERR_INIT;
	struct json *json = json_read(bytes_of_text(text), &json_limits_default, &err);

	CHECK(json != NULL);
	free(text);
	return json;
}

/* Signed in by the token's maker, or judged by NVIDIA alone. */
static bool
is_not_ours(struct bytes name)
{
	static const char *const names[] = {"iss",
					    "iat",
					    "exp",
					    "nbf",
					    "jti",
					    "x-nvidia-gpu-driver-rim-schema-validated",
					    "x-nvidia-gpu-vbios-rim-schema-validated"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (bytes_equal(name, bytes_of_text(names[i])))
			return true;
	return false;
}

/* Each member of theirs is one of ours with the same value. */
static unsigned
compare_members(const struct json *theirs, const struct json *ours)
{
	unsigned compared = 0;

	for (size_t i = 0; i < json_count(theirs); i++) {
		struct bytes name = json_name(theirs, i);
		char text[128];
		const struct json *a = json_at(theirs, i), *b;
		bool x, y;

		if (is_not_ours(name))
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)name.size, (const char *)name.data);
		b = json_get(ours, text);
		if (b == NULL || json_type(a) != json_type(b))
			CHECK_TEXT("absent or of another type", text);
		else if (json_type(a) == JSON_OBJECT)
			compared += compare_members(a, b);
		else if (json_type(a) == JSON_BOOL)
			CHECK(json_bool(a, &x) && json_bool(b, &y) && x == y);
		else if (json_type(a) == JSON_STRING)
			CHECK_TEXT(json_text(b), json_text(a));
		compared++;
	}
	return compared;
}

static void
test_same_as_nvidia(void)
{
	struct buf text = {0};
	struct err err = ERR_INIT;
	struct json *theirs, *ours;

	if (!sample_read("gpu/claims/hopperClaimsv3_decoded.json", &text)) {
		unit_skip(NO_SAMPLES);
		return;
	}
	theirs = json_read(buf_bytes(&text), &json_limits_default, &err);
	ours = encoded(&good);
	CHECK(compare_members(json_get(theirs, "GPU-0"), ours) == 39);
	json_free(theirs);
	json_free(ours);
	buf_free(&text);
}

static void
test_nothing_of_ours_without_cause(void)
{
	struct json *json = encoded(&good);

	for (size_t i = 0; i < json_count(json); i++)
		CHECK(json_name(json, i).size < 7 || memcmp(json_name(json, i).data, "x-cgpu-", 7) != 0);
	CHECK(json_type(json_get(json, "x-nvidia-mismatch-measurement-records")) == JSON_NULL);
	CHECK(json_get(json, "x-nvidia-gpu-switch-pdis") == NULL);
	CHECK_TEXT(json_text(json_get(json, "x-nvidia-device-type")), "gpu");
	CHECK_TEXT(json_text(json_get(json, "x-nvidia-gpu-claims-version")), "3.0");
	json_free(json);
}

static void
test_failure(void)
{
	static const uint8_t golden[48] = {0xab, 1}, runtime[48] = {2};
	const struct eat_mismatch mismatch[] = {
		{9, "Firmware", {golden, sizeof(golden)}, {runtime, sizeof(runtime)}},
		{40, "Driver", {golden, sizeof(golden)}, {NULL, 0}},
	};
	struct eat_gpu gpu = {.measres = "fail", .chain = {"", "invalid", "undefined", NULL, false, false}};
	struct json *json;
	const struct json *list, *item;
	int64_t number;

	gpu.mismatch = mismatch;
	gpu.mismatches = 2;
	gpu.driver.chain = gpu.vbios.chain = gpu.chain;
	json = encoded(&gpu);
	CHECK(json_type(json_get(json, "secboot")) == JSON_NULL && json_type(json_get(json, "dbgstat")) == JSON_NULL);
	CHECK(json_type(json_get(json, "ueid")) == JSON_NULL);
	list = json_get(json, "x-nvidia-mismatch-measurement-records");
	CHECK(json_count(list) == 2);
	item = json_at(list, 0);
	CHECK(json_integer(json_get(item, "index"), 0, 255, &number) && number == 9);
	CHECK(json_integer(json_get(item, "goldenSize"), 0, 255, &number) && number == 48);
	CHECK(strncmp(json_text(json_get(item, "goldenValue")), "ab0100", 6) == 0);
	CHECK_TEXT(json_text(json_get(item, "measurementSource")), "Firmware");
	item = json_at(list, 1);
	CHECK(json_integer(json_get(item, "runtimeSize"), 0, 255, &number) && number == 0);
	CHECK_TEXT(json_text(json_get(item, "runtimeValue")), "NA");
	json_free(json);
}

static void
test_own_claims_and_switches(void)
{
	static const uint8_t pdis[] = {8, 7, 6, 5, 4, 3, 2, 0xa1, 0, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 0xa1};
	static const char *const loosening[] = {"allow-certificate-hold", NULL};
	static const unsigned ids[] = {77};
	struct eat_gpu gpu = good;
	struct json *json;
	const struct json *list;
	bool absent;

	gpu.switch_pdis = bytes_of(pdis, sizeof(pdis));
	gpu.loosening = loosening;
	gpu.fwid_absent = true;
	gpu.unknown_ids = ids;
	gpu.unknown_count = 1;
	json = encoded(&gpu);
	list = json_get(json, "x-nvidia-gpu-switch-pdis");
	CHECK(json_count(list) == 2);
	CHECK_TEXT(json_text(json_at(list, 0)), "0000000000000000");
	CHECK_TEXT(json_text(json_at(list, 1)), "A102030405060708");
	CHECK_TEXT(json_text(json_at(json_get(json, "x-cgpu-loosening"), 0)), "allow-certificate-hold");
	CHECK(json_bool(json_get(json, "x-cgpu-fwid-absent"), &absent) && absent);
	CHECK(json_count(json_get(json, "x-cgpu-unknown-opaque-ids")) == 1);
	json_free(json);
}

int
main(void)
{
	RUN(test_same_as_nvidia);
	RUN(test_nothing_of_ours_without_cause);
	RUN(test_failure);
	RUN(test_own_claims_and_switches);
	return unit_end();
}
