/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the emulated GPUs answer and mint made, judged by the product's own verifier, which judges the genuine samples,
 * too: the good ones pass, and each fault is seen for what it is.
 */
#include "attest/appraise/appraise.h"
#include "attest/collateral/source.h"
#include "attest/collect/client.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/random.h"
#include "test/unit/emulated.h"
#include "test/unit/unit.h"

#define LIBRARY "emulator/libnvidia-ml.so.1"
#define HASH_OF_1 "111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
#define JANUARY_2026 1767225600
#define NONCE_OF_1 "1111111111111111111111111111111111111111111111111111111111111111"

struct row {
	const char *mint; /* options; NULL: the node of the row before */
	const char *faults;
	int code;
};

static int
collect(const uint8_t nonce[32], struct collected *out, unsigned *gpus, struct err *err)
{
	char *worker = emulated_built("collect"), *library = emulated_path("node/libnvidia-ml.so.1");
	static const bool all[GPU_MAX] = {[0 ... GPU_MAX - 1] = true};
	struct collect_identity identity[GPU_MAX];
	struct collect_states states;
	struct collector collector;
	int rc = -1;

	if (collect_start(worker, library, "/", false, clock_boot_ms() + 20000, &collector, err) == 0 &&
	    collect_states(&collector, &states, identity, err) == 0 &&
	    collect_reports(&collector, nonce, all, out, err) == 0)
		rc = collect_end(&collector, err);
	collect_kill(&collector);
	*gpus = states.gpus;
	free(library);
	free(worker);
	return rc;
}

static int
appraise(struct appraise_input *input, struct err *err)
{
	char *rim_dir = emulated_path("rim"), *ocsp_dir = emulated_path("ocsp");
	struct collateral_store store = {.rim_dir = rim_dir, .ocsp_dir = ocsp_dir};
	struct collateral_source source = {collateral_serve, &store};
	struct buf device_root = {0}, rim_root = {0};
	struct appraisal appraisal = {0};
	int rc;

	emulated_read("device-root.pem", &device_root);
	emulated_read("rim-root.pem", &rim_root);
	input->device_root = buf_bytes(&device_root);
	input->rim_root = buf_bytes(&rim_root);
	rc = appraise_run(input, &source, &appraisal, err);
	CHECK((rc == 0) == (steps_code(&appraisal.steps) == CODE_OK));
	rc = steps_code(&appraisal.steps);
	appraisal_free(&appraisal);
	buf_free(&rim_root);
	buf_free(&device_root);
	free(ocsp_dir);
	free(rim_dir);
	return rc;
}

/* The code of a whole verification at this time plus later seconds. */
static int
verify(int64_t later, struct err *err)
{
	struct appraise_input input = {.at = clock_wall() + later, .verifier = APPRAISE_LOCAL,
				       .revocation = {.allow_without_nonce = true, .max_age = 43200}};
	struct collected got[GPU_MAX] = {0};
	int code;

	random_bytes(input.nonce, sizeof(input.nonce));
	code = collect(input.nonce, got, &input.gpus, err) == 0 ? CODE_OK : err_code(err);
	for (unsigned i = 0; code == CODE_OK && i < input.gpus; i++)
		input.gpu[i] = (struct evidence_raw){buf_bytes(&got[i].report), buf_bytes(&got[i].chain_pem)};
	if (code == CODE_OK)
		code = appraise(&input, err);
	for (unsigned i = 0; i < GPU_MAX; i++)
		collected_free(&got[i]);
	return code;
}

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct err err = ERR_INIT;
		int code;

		if (rows[i].mint != NULL)
			CHECK(emulated_mint(LIBRARY, rows[i].mint));
		emulated_write("node/faults.conf", rows[i].faults);
		code = verify(0, &err);
		if (code != rows[i].code)
			printf("# '%s' '%s': have %d (%s), want %d\n", rows[i].mint ? rows[i].mint : "", rows[i].faults,
			       code, err.text, rows[i].code);
		CHECK(code == rows[i].code);
	}
}

static void
test_good(void)
{
	static const struct row rows[] = {
		{"", "", CODE_OK},
		{"--gpus 8", "", CODE_OK},
		{NULL, "order 7 6 5 4 3 2 1 0\n", CODE_OK},
		{"--arch blackwell", "", CODE_OK},
		{"--arch blackwell --gpus 2 --driver 575.32 --vbios 97.00.88.00.10", "", CODE_OK},
		{"--driver 590.12 --vbios 96.00.A5.00.01", "", CODE_OK},
		{"--driver 535.86.09 --vbios 96.00.5E.00.01", "", CODE_OK}, /* no firmware id in the report */
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_evidence(void)
{
	static const struct row rows[] = {
		{"--gpus 2", "gpu 1 measurement 9 " HASH_OF_1 "\n", CODE_MEASUREMENT},
		{NULL, "gpu 0 measurement 40 " HASH_OF_1 "\n", CODE_MEASUREMENT},
		{NULL, "gpu 0 measurement 35 " HASH_OF_1 "\n", CODE_OK}, /* NVDEC is off */
		{NULL, "gpu 0 measurement 35 " HASH_OF_1 "\ngpu 0 nvdec 0xaa\n", CODE_MEASUREMENT},
		{NULL, "gpu 0 measurement 50 " HASH_OF_1 "\n", CODE_OK}, /* in no manifest */
		{NULL, "gpu 0 nvdec 0\n", CODE_REPORT_FORMAT},
		{NULL, "gpu 1 nonce " NONCE_OF_1 "\n", CODE_NONCE},
		{NULL, "gpu 1 fwid " HASH_OF_1 "\n", CODE_FIRMWARE_ID},
		{NULL, "gpu 0 key gpu1.key\n", CODE_REPORT_SIGNATURE},
		{NULL, "gpu 1 evidence-of 0\n", CODE_DEVICE_DUPLICATE},
		{NULL, "gpu 0 report-size 4000\n", CODE_REPORT_SIGNATURE},
		{NULL, "gpu 0 chain-size 4000\n", CODE_DEVICE_CHAIN},
		{NULL, "gpu 0 report-driver 550.144.04\n", CODE_DRIVER_RIM_MISSING},
		{NULL, "gpu 0 report-vbios 96.00.9F.00.02\n", CODE_VBIOS_RIM_MISSING},
		{"--arch blackwell", "gpu 0 fwid " HASH_OF_1 "\n", CODE_FIRMWARE_ID},
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_manifests(void)
{
	static const struct row rows[] = {
		{"--damaged driver", "", CODE_RIM_SIGNATURE},
		{"--damaged vbios", "", CODE_RIM_SIGNATURE},
		{"--wrong-version driver", "", CODE_RIM_VERSION},
		{"--wrong-version vbios", "", CODE_RIM_VERSION},
		{"--wrong-product driver", "", CODE_RIM_PRODUCT},
		{"--without-rim driver", "", CODE_DRIVER_RIM_MISSING},
		{"--without-rim vbios", "", CODE_VBIOS_RIM_MISSING},
		{"--expired-signer", "", CODE_RIM_EXPIRED},
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_revocation(void)
{
	static const struct row rows[] = {
		{"--revoked brom", "", CODE_OCSP_REVOKED},
		{"--revoked identity", "", CODE_OCSP_REVOKED},
		{"--revoked rim-signer", "", CODE_OCSP_REVOKED},
		{"--revoked rim-ca", "", CODE_OCSP_REVOKED},
		{"--hold rim-signer", "", CODE_OCSP_HOLD},
		{"--unknown ica", "", CODE_OCSP_UNKNOWN},
		{"--unanswered rim-l3", "", CODE_OCSP_MISSING},
		{"--without-ocsp", "", CODE_OCSP_MISSING},
		{"--stale", "", CODE_OCSP_STALE},
	};
	struct err err = ERR_INIT;
	int code;

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
	/* Which check sees a changed byte first depends on where it stands. */
	CHECK(emulated_mint(LIBRARY, "--damaged-answer ica"));
	emulated_write("node/faults.conf", "");
	code = verify(0, &err);
	CHECK(code > CODE_OCSP_MISSING && code <= CODE_OCSP_OTHER);
}

/* Signers of manifests live for a year; a node minted for another time verifies at that time. */
static void
test_time(void)
{
	struct err err = ERR_INIT;

	CHECK(emulated_mint(LIBRARY, ""));
	emulated_write("node/faults.conf", "");
	CHECK(verify(365 * (int64_t)86400, &err) == CODE_RIM_EXPIRED);
	CHECK(emulated_mint(LIBRARY, "--at 2026-01-01T00:00:00Z"));
	CHECK(verify(JANUARY_2026 + 60 - clock_wall(), &err) == CODE_OK);
}

int
main(void)
{
	crypto_init();
	RUN(test_good);
	RUN(test_evidence);
	RUN(test_manifests);
	RUN(test_revocation);
	RUN(test_time);
	emulated_remove();
	return unit_end();
}
