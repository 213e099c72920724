/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/evidence.h"

#include <stdlib.h>

#include "attest/appraise/chain.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "spec/gpu_evidence.h"
#include "test/unit/sample.h"
#include "test/unit/unit.h"

#define IN_2026 1780000000

/* NVIDIA's published reports: what their read-me says of each. */
enum sample { NVTRUST, R535, R590, SAMPLES_COUNT };

static const struct {
	const char *nonce_text, *driver, *vbios, *chip_sku, *project, *ueid;
	bool fwid;
	int protected_pcie;
	int64_t feature_flag;
} items[SAMPLES_COUNT] = {
	{"931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb", "550.90.07", "96.00.9F.00.01", "882",
	 "1010", "478176379286082186618948445787393647364802107249", true, 0, -1},
	{"27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66", "535.86.09", "96.00.5E.00.01", "882",
	 "1010", "395803620356496203949105887342232667833655422354", false, -1, -1},
	{"e97b23a1718095a0e9e35edca810768c70a6a5a389b705e753b197912bc11576", "590.12", "96.00.A5.00.01", "885", "G520",
	 "655333107904478077882826344426270545524203067314", true, 1, 2},
};
static struct item {
	uint8_t nonce[32];
	struct buf report, chain;
} data[SAMPLES_COUNT];
static X509 *root;

static bool
load_text(struct item *item, const char *report, const char *chain)
{
	struct buf text = {0};
	struct err err = ERR_INIT;
	bool there = sample_read(report, &text) && sample_read(chain, &item->chain);

	if (there)
		CHECK(gpu_evidence_hex(buf_bytes(&text), &item->report, &err) == 0);
	buf_free(&text);
	return there;
}

static bool
load_json(struct item *item, const char *name)
{
	struct gpu_evidence list[GPU_MAX];
	struct buf text = {0};
	struct err err = ERR_INIT;
	unsigned count = 0;

	if (!sample_read(name, &text))
		return false;
	CHECK(gpu_evidence_parse(buf_bytes(&text), list, &count, &err) == 0 && count == 1);
	buf_add(&item->report, list[0].report.data, list[0].report.size);
	buf_add(&item->chain, list[0].chain_pem.data, list[0].chain_pem.size);
	gpu_evidence_free(list, count);
	buf_free(&text);
	return true;
}

static bool
load(void)
{
	struct buf pem = {0};
	struct err err = ERR_INIT;

	if (root != NULL)
		return true;
	for (int i = 0; i < SAMPLES_COUNT; i++)
		CHECK(hex_decode(data[i].nonce, 32, items[i].nonce_text, 64));
	if (!sample_read("gpu/roots/verifier_device_root.pem", &pem) ||
	    !load_text(&data[NVTRUST], "gpu/nvtrust/hopperAttestationReport.txt", "gpu/nvtrust/hopperCertChain.txt") ||
	    !load_text(&data[R535], "gpu/sdk/hopperAttestationReport_535.86.09.txt",
		       "gpu/sdk/hopperCertChain_535.86.09.txt") ||
	    !load_json(&data[R590], "gpu/sdk/hopper_evidence.json")) {
		unit_skip(NO_SAMPLES);
		return false;
	}
	root = x509_anchor(buf_bytes(&pem), &err);
	CHECK(root != NULL);
	buf_free(&pem);
	return root != NULL;
}

struct outcome {
	int rc, code;
	char first[32]; /* step that failed */
	unsigned ok, skipped;
};

/* All six steps are always told. */
static struct outcome
verify(const struct evidence_raw *raw, const uint8_t nonce[32], int64_t at, struct evidence *evidence)
{
	struct steps steps = {0};
	struct outcome outcome = {0};

	outcome.rc = evidence_verify(raw, root, nonce, at, attester_gpu(0), NULL, &steps, evidence);
	steps_conclude(&steps);
	outcome.code = steps_code(&steps);
	CHECK(steps.count == 6);
	for (size_t i = 0; i < steps.count; i++) {
		outcome.ok += steps.list[i].status == STEP_OK;
		outcome.skipped += steps.list[i].status == STEP_SKIPPED;
	}
	if (steps_first_failure(&steps) != NULL)
		snprintf(outcome.first, sizeof(outcome.first), "%s", steps_first_failure(&steps)->name);
	CHECK((outcome.rc == 0) == evidence->verified && (outcome.rc == 0) == (outcome.code == CODE_OK));
	steps_free(&steps);
	return outcome;
}

static struct evidence_raw
raw_of(enum sample report, enum sample chain)
{
	return (struct evidence_raw){buf_bytes(&data[report].report), buf_bytes(&data[chain].chain)};
}

static void
test_genuine(void)
{
	for (int i = 0; load() && i < SAMPLES_COUNT; i++) {
		struct evidence_raw raw = raw_of((enum sample)i, (enum sample)i);
		struct evidence evidence;

		CHECK(verify(&raw, data[i].nonce, IN_2026, &evidence).rc == 0);
		CHECK(evidence.chain_verdict == X509_TRUSTED && evidence.signature_verified && evidence.nonce_match);
		CHECK(evidence.fwid_match == items[i].fwid && evidence.fwid_absent == !items[i].fwid);
		CHECK(evidence.arch == GPU_ARCH_HOPPER && evidence.arch_match);
		CHECK_TEXT(evidence.hardware_model, "GH100 A01 GSP BROM");
		CHECK_TEXT(evidence.ueid, items[i].ueid);
		CHECK_TEXT(evidence.report.driver_version, items[i].driver);
		CHECK_TEXT(evidence.report.vbios_version, items[i].vbios);
		CHECK_TEXT(evidence.report.chip_sku, items[i].chip_sku);
		CHECK_TEXT(evidence.report.project, items[i].project);
		CHECK_TEXT(evidence.report.project_sku, "0200");
		CHECK(evidence.report.spdm.blocks == 64 && evidence.report.nvdec == GPU_NVDEC_DISABLED);
		CHECK(evidence.report.protected_pcie == items[i].protected_pcie);
		CHECK(evidence.report.feature_flag == items[i].feature_flag && evidence.report.unknown_count == 0);
		evidence_free(&evidence);
	}
}

static void
expect(struct outcome have, int code, const char *step, unsigned ok, unsigned skipped)
{
	CHECK(have.rc < 0 && have.code == code && have.ok == ok && have.skipped == skipped);
	CHECK_TEXT(have.first, step);
}

/* One fault each: the step that must see it, and how many of the others still pass. */
static void
test_faults(void)
{
	struct evidence_raw raw;
	struct evidence evidence;
	uint8_t nonce[32];

	if (!load())
		return;
	raw = raw_of(NVTRUST, NVTRUST);
	memcpy(nonce, data[NVTRUST].nonce, 32);
	nonce[31] ^= 1;
	expect(verify(&raw, nonce, IN_2026, &evidence), CODE_NONCE, "nonce", 5, 0);
	CHECK(!evidence.nonce_match && evidence.signature_verified && evidence.fwid_match);
	evidence_free(&evidence);
	expect(verify(&raw, data[NVTRUST].nonce, 0, &evidence), CODE_DEVICE_CHAIN_EXPIRED, "device-chain", 5, 0);
	CHECK(evidence.chain_verdict == X509_EXPIRED);
	evidence_free(&evidence);
	raw = raw_of(NVTRUST, R535);
	expect(verify(&raw, data[NVTRUST].nonce, IN_2026, &evidence), CODE_REPORT_SIGNATURE, "report-signature", 4, 0);
	evidence_free(&evidence);
	raw.chain_pem.size--;
	raw.chain_pem.size /= 2;
	expect(verify(&raw, data[NVTRUST].nonce, IN_2026, &evidence), CODE_DEVICE_CHAIN, "device-chain", 2, 3);
	evidence_free(&evidence);
	raw = raw_of(NVTRUST, NVTRUST);
	raw.report.size--;
	expect(verify(&raw, data[NVTRUST].nonce, IN_2026, &evidence), CODE_REPORT_SIGNATURE, "report-signature", 2, 2);
	evidence_free(&evidence);
	raw.report.size = 0;
	expect(verify(&raw, data[NVTRUST].nonce, IN_2026, &evidence), CODE_REPORT_FORMAT, "report-signature", 2, 2);
	evidence_free(&evidence);
}

/* No bit of a signed report can change. */
static void
test_every_bit_is_signed(void)
{
	struct evidence_raw raw;
	struct evidence evidence;

	if (!load())
		return;
	raw = raw_of(R590, R590);
	for (size_t i = 0; i < raw.report.size; i += 397) {
		data[R590].report.data[i] ^= 0x10;
		CHECK(verify(&raw, data[R590].nonce, IN_2026, &evidence).rc < 0 && !evidence.signature_verified);
		evidence_free(&evidence);
		data[R590].report.data[i] ^= 0x10;
	}
}

static void
test_distinct(void)
{
	const enum sample order[] = {NVTRUST, R535, NVTRUST};
	struct evidence list[3];
	struct steps steps = {0};

	if (!load())
		return;
	for (int i = 0; i < 3; i++) {
		struct evidence_raw raw = raw_of(order[i], order[i]);

		CHECK(verify(&raw, data[order[i]].nonce, IN_2026, &list[i]).rc == 0);
	}
	CHECK(evidence_distinct(list, 2, &steps) == 0 && steps.count == 2);
	CHECK(evidence_distinct(list, 3, &steps) < 0 && steps.count == 5);
	CHECK(steps.list[2].status == STEP_FAIL && steps.list[2].code == CODE_DEVICE_DUPLICATE);
	CHECK(steps.list[3].status == STEP_OK && steps.list[4].status == STEP_FAIL);
	steps_free(&steps);
	for (int i = 0; i < 3; i++)
		evidence_free(&list[i]);
}

static void
test_architecture(void)
{
	struct err err = ERR_INIT;

	CHECK(gpu_arch_of_chip("GH100 A01 GSP BROM") == GPU_ARCH_HOPPER &&
	      gpu_arch_of_chip("GB110") == GPU_ARCH_BLACKWELL);
	CHECK(gpu_arch_of_chip("GB100 A01 GSP BROM") == GPU_ARCH_BLACKWELL);
	CHECK(gpu_arch_of_chip("GH1000") == GPU_ARCH_UNKNOWN && gpu_arch_of_chip("GB1") == GPU_ARCH_UNKNOWN);
	CHECK(gpu_arch_of_chip("LS_10 A01 FSP BROM") == GPU_ARCH_UNKNOWN && gpu_arch_of_chip("") == GPU_ARCH_UNKNOWN);
	CHECK(chain_arch_match("GB100 A01 GSP BROM", GPU_FWID_TCB_INFO, "GB100", &err) == 0);
	CHECK(chain_arch_match("GB100 A01 GSP BROM", GPU_FWID_NONE, "", &err) == 0);
	CHECK(chain_arch_match("GB100 A01 GSP BROM", GPU_FWID_COMPOSITE, "", &err) < 0 &&
	      err.code == CODE_FIRMWARE_ID);
	CHECK(chain_arch_match("GH100 A01 GSP BROM", GPU_FWID_TCB_INFO, "", &err) < 0 &&
	      err.code == CODE_FIRMWARE_ID);
	CHECK(chain_arch_match("GH100 A01 GSP BROM", GPU_FWID_COMPOSITE, "GB100", &err) < 0);
	CHECK(err.code == CODE_REPORT_FORMAT);
	CHECK(chain_arch_match("GR100 A01 GSP BROM", GPU_FWID_TCB_INFO, "", &err) < 0 &&
	      err.code == CODE_ARCHITECTURE);
}

int
main(void)
{
	crypto_init();
	RUN(test_genuine);
	RUN(test_faults);
	RUN(test_every_bit_is_signed);
	RUN(test_distinct);
	RUN(test_architecture);
	for (int i = 0; i < SAMPLES_COUNT; i++) {
		buf_free(&data[i].report);
		buf_free(&data[i].chain);
	}
	X509_free(root);
	return unit_end();
}
