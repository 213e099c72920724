/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/x509.h>
#include <stdlib.h>

#include "attest/appraise/compare.h"
#include "attest/policy/roots.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "spec/gpu_evidence.h"
#include "test/unit/sample.h"
#include "test/unit/unit.h"

/* A report with 64 blocks, block i+1 filled with the byte i; manifests that fit it. */
static uint8_t value[64][48];
static struct gpu_report report;
static struct reference driver, vbios;

static void
set_row(struct reference *reference, unsigned index)
{
	struct rim_row *row = &reference->rim.row[index];

	*row = (struct rim_row){.active = true, .alternatives = 1};
	memset(row->hash[0], (int)index, RIM_HASH_SIZE);
	reference->rim.active++;
}

static void
set_up(void)
{
	report = (struct gpu_report){.nvdec = GPU_NVDEC_ENABLED};
	driver = vbios = (struct reference){.fetched = true, .measurements_available = true, .verified = true};
	for (unsigned i = 0; i < 64; i++) {
		memset(value[i], (int)i, sizeof(value[i]));
		report.spdm.block[i] = (struct spdm_block){(uint8_t)(i + 1), 1, {value[i], sizeof(value[i])}};
	}
	report.spdm.blocks = 64;
	set_row(&driver, 7);
	for (unsigned i = 21; i <= 40; i++)
		set_row(&driver, i);
	for (unsigned i = 0; i <= 12; i++)
		if (i != 7)
			set_row(&vbios, i);
}

static struct comparison comparison;
static char detail[ERR_TEXT_MAX];

static int
compare(const struct reference *first, const struct reference *second)
{
	struct steps steps = {0};
	int code;

	compare_measurements(&report, first, second, attester_gpu(0), &steps, &comparison);
	steps_conclude(&steps);
	code = steps_code(&steps);
	snprintf(detail, sizeof(detail), "%s", steps.list[0].detail);
	CHECK(steps.count == 1 && comparison.success == (code == CODE_OK));
	CHECK_TEXT(steps.list[0].name, "measurements");
	steps_free(&steps);
	return code;
}

static void
test_match(void)
{
	set_up();
	CHECK(compare(&driver, &vbios) == CODE_OK);
	CHECK(comparison.compared && comparison.no_conflict && comparison.mismatches == 0);
	value[50][0] ^= 1; /* no manifest covers it */
	CHECK(compare(&driver, &vbios) == CODE_OK);
}

static void
test_all_mismatches_are_listed(void)
{
	set_up();
	value[7][47] ^= 1;
	value[40][0] ^= 1;
	value[9][0] ^= 1;
	CHECK(compare(&driver, &vbios) == CODE_MEASUREMENT);
	CHECK_TEXT(detail, "no reference value matches; differing: Driver 7,40 Firmware 9");
	CHECK(comparison.mismatches == 3 && comparison.mismatch[2].index == 9);
	CHECK(comparison.mismatch[2].source == REFERENCE_VBIOS && comparison.mismatch[2].runtime.data == value[9]);
}

static void
test_alternatives(void)
{
	set_up();
	memset(value[22], 0xee, sizeof(value[22]));
	driver.rim.row[22].alternatives = 3;
	memset(driver.rim.row[22].hash[3], 0xee, RIM_HASH_SIZE); /* beyond the count: none */
	CHECK(compare(&driver, &vbios) == CODE_MEASUREMENT);
	driver.rim.row[22].alternatives = 4;
	CHECK(compare(&driver, &vbios) == CODE_OK);
}

static void
test_missing_and_short_blocks(void)
{
	set_up();
	report.spdm.block[12].value.size = 47;
	report.spdm.block[30].index = 200;
	CHECK(compare(&driver, &vbios) == CODE_MEASUREMENT);
	CHECK_TEXT(detail, "no reference value matches; differing: Driver 30 Firmware 12");
	CHECK(comparison.mismatch[0].runtime.data == NULL);
}

static void
test_decoder(void)
{
	set_up();
	value[35][0] ^= 1;
	CHECK(compare(&driver, &vbios) == CODE_MEASUREMENT);
	report.nvdec = GPU_NVDEC_DISABLED;
	CHECK(compare(&driver, &vbios) == CODE_OK);
	value[36][0] ^= 1;
	CHECK(compare(&driver, &vbios) == CODE_MEASUREMENT);
	set_up();
	report.nvdec = GPU_NVDEC_UNKNOWN;
	CHECK(compare(&driver, &vbios) == CODE_MEASUREMENT);
}

static void
test_conflict(void)
{
	set_up();
	set_row(&vbios, 7);
	CHECK(compare(&driver, &vbios) == CODE_RIM_CONFLICT);
	CHECK(!comparison.no_conflict);
}

static void
test_incomplete(void)
{
	set_up();
	value[9][0] ^= 1;
	CHECK(compare(NULL, &vbios) == CODE_MEASUREMENT);
	CHECK_TEXT(detail, "no driver manifest to compare with; differing: Firmware 9");
	CHECK(!comparison.compared && !comparison.no_conflict);
	CHECK(compare(&driver, NULL) == CODE_MEASUREMENT);
	CHECK(compare(NULL, NULL) == CODE_MEASUREMENT);
	set_up();
	driver.verified = false;
	CHECK(compare(&driver, &vbios) == CODE_MEASUREMENT && comparison.mismatches == 0);
	vbios.measurements_available = false;
	CHECK(compare(&driver, &vbios) == CODE_MEASUREMENT);
}

/* -- genuine reports and manifests --------------------------------------------------------------------------------- */

#define AT 1717200000 /* 2024-06-01: inside the validity of the signers */

static bool
load_report(const char *name, struct buf *bytes)
{
	struct buf text = {0};
	struct err err = ERR_INIT;
	bool there = sample_read(name, &text);

	if (there) {
		CHECK(gpu_evidence_hex(buf_bytes(&text), bytes, &err) == 0);
		CHECK(gpu_report_parse(buf_bytes(bytes), &report, &err) == 0);
	}
	buf_free(&text);
	return there;
}

/* NULL name: no such manifest. Its version need not fit: the rows are compared all the same. */
static const struct reference *
load_manifest(const char *name, enum reference_kind kind, struct reference *out)
{
	const struct reference_want want = {kind, "", "GH100"};
	struct err err = ERR_INIT;
	struct steps steps = {0};
	struct buf text = {0};
	X509 *root = x509_anchor(roots_rim(), &err);

	if (name == NULL || !sample_read(name, &text)) {
		X509_free(root);
		return NULL;
	}
	reference_verify(buf_bytes(&text), &want, root, AT, attester_gpu(0), NULL, &steps, out);
	CHECK(out->signature_verified && out->measurements_available && !out->version_match);
	steps_free(&steps);
	buf_free(&text);
	X509_free(root);
	return out;
}

#define NVTRUST "gpu/nvtrust/"
#define REPORT_550 NVTRUST "hopperAttestationReport.txt"
#define REPORT_535 "gpu/sdk/hopperAttestationReport_535.86.09.txt"
#define DRIVER_545 NVTRUST "Driver_RIM_test_no_gpu.swidtag"
#define VBIOS_TEST NVTRUST "1010_0200_882_96005E0001_test_no_gpu.swidtag"
#define VBIOS_PROD NVTRUST "1010_0200_882_96005E0001_PROD.swidtag"

static void
test_genuine(void)
{
	static const struct {
		const char *report, *driver, *vbios, *differing;
	} table[] = {
		{REPORT_535, NULL, VBIOS_PROD, ""},
		{REPORT_535, NULL, VBIOS_TEST, "; differing: Firmware 1,2,3,9"},
		{REPORT_535, DRIVER_545, NULL, "; differing: Driver 7,21,22,25,29,30,31,34,39,40"},
		{REPORT_550, DRIVER_545, VBIOS_TEST,
		 "; differing: Driver 7,21,22,25,26,27,29,30,31,32,34,36,37,39,40 Firmware 1,2,3,9,11"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf bytes = {0};
		const struct reference *first, *second;

		driver = vbios = (struct reference){0};
		if (!load_report(table[i].report, &bytes)) {
			unit_skip(NO_SAMPLES);
			return;
		}
		first = load_manifest(table[i].driver, REFERENCE_DRIVER, &driver);
		second = load_manifest(table[i].vbios, REFERENCE_VBIOS, &vbios);
		CHECK(compare(first, second) == CODE_MEASUREMENT);
		CHECK_TEXT(detail + strcspn(detail, ";"), table[i].differing);
		reference_free(&driver);
		reference_free(&vbios);
		buf_free(&bytes);
	}
}

int
main(void)
{
	crypto_init();
	RUN(test_match);
	RUN(test_all_mismatches_are_listed);
	RUN(test_alternatives);
	RUN(test_missing_and_short_blocks);
	RUN(test_decoder);
	RUN(test_conflict);
	RUN(test_incomplete);
	RUN(test_genuine);
	return unit_end();
}
