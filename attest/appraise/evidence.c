/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/evidence.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/chain.h"
#include "lib/code.h"
#include "lib/crypto.h"

#define FWID_FROM_BRANCH 550 /* reports of earlier drivers may lack the firmware id */

/* What the steps share. */
struct run {
	const struct evidence_raw *raw;
	const X509 *anchor;
	const uint8_t *nonce;
	int64_t at;
	struct attester attester;
	struct x509_memo *memo;
	struct steps *steps;
	struct evidence *out;
	struct chain_fwid fwid;
	struct err fwid_err; /* why fwid is not there */
};

static bool
has_chain(const struct evidence *evidence)
{
	return evidence->chain.count == CHAIN_DEVICE_CERTS;
}

static void
step_chain(struct run *run)
{
	struct evidence *out = run->out;
	struct err err = ERR_INIT;
	int rc = chain_verify(run->raw->chain_pem, run->anchor, run->at, run->memo, &out->chain, &out->chain_verdict,
			      &err);

	if (has_chain(out)) {
		out->ueid = x509_serial_decimal(out->chain.cert[0]);
		if (!x509_common_name(out->chain.cert[1], out->hardware_model, sizeof(out->hardware_model)))
			out->hardware_model[0] = '\0';
		chain_fwid_parse(out->chain.cert[0], &run->fwid, &run->fwid_err);
	}
	if (rc < 0)
		steps_fail(run->steps, run->attester, "device-chain", &err);
	else
		steps_ok(run->steps, run->attester, "device-chain", "%u certificates to the trusted root, %s",
			 out->chain.count, out->hardware_model);
}

static int
check_report_signature(const struct run *run, struct err *err)
{
	struct bytes report = run->raw->report, content, signature;
	EVP_PKEY *key = x509_public_key(run->out->chain.cert[0]);

	if (report.size > GPU_REPORT_MAX)
		return err_set(err, CODE_REPORT_FORMAT, "report: %zu bytes, at most %d", report.size, GPU_REPORT_MAX);
	if (spdm_measurements_split(report, &content, &signature, err) < 0)
		return err_wrap(err, CODE_REPORT_FORMAT, "report");
	if (crypto_verify_raw(key, content, signature, err) < 0)
		return err_wrap(err, CODE_REPORT_SIGNATURE, "report, by the key of certificate 0");
	return 0;
}

static void
step_signature(struct run *run)
{
	struct err err = ERR_INIT;

	if (!has_chain(run->out)) {
		steps_skip(run->steps, run->attester, "report-signature", "the device chain could not be read");
	} else if (check_report_signature(run, &err) < 0) {
		steps_fail(run->steps, run->attester, "report-signature", &err);
	} else {
		run->out->signature_verified = true;
		steps_ok(run->steps, run->attester, "report-signature", "ECDSA P-384 by the key of certificate 0");
	}
}

static void
step_format(struct run *run)
{
	struct gpu_report *report = &run->out->report;
	struct err err = ERR_INIT;

	if (gpu_report_parse(run->raw->report, report, &err) < 0) {
		*report = (struct gpu_report){0};
		err_wrap(&err, 0, "report");
		steps_fail(run->steps, run->attester, "report-format", &err);
		return;
	}
	run->out->parsed = true;
	steps_ok(run->steps, run->attester, "report-format", "%u measurements, driver %s, VBIOS %s",
		 report->spdm.blocks, report->driver_version, report->vbios_version);
}

static void
step_nonce(struct run *run)
{
	struct bytes have = run->out->report.spdm.request_nonce, want = bytes_of(run->nonce, SPDM_NONCE_SIZE);
	struct err err = ERR_INIT;
	char *have_text, *want_text;

	if (!run->out->parsed) {
		steps_skip(run->steps, run->attester, "nonce", "the report could not be read");
		return;
	}
	have_text = hex_text(have);
	want_text = hex_text(want);
	if (bytes_equal(have, want)) {
		run->out->nonce_match = true;
		steps_ok(run->steps, run->attester, "nonce", "%s", have_text);
	} else {
		err_set(&err, CODE_NONCE, "report: nonce is %s, want %s", have_text, want_text);
		steps_fail(run->steps, run->attester, "nonce", &err);
	}
	free(have_text);
	free(want_text);
}

static void
step_arch(struct run *run)
{
	struct err err = ERR_INIT;

	if (!has_chain(run->out)) {
		steps_skip(run->steps, run->attester, "architecture", "the device chain could not be read");
		return;
	}
	run->out->arch = gpu_arch_of_chip(run->out->hardware_model);
	if (chain_arch_match(run->out->hardware_model, run->fwid.form, run->out->report.chip, &err) < 0) {
		steps_fail(run->steps, run->attester, "architecture", &err);
		return;
	}
	run->out->arch_match = true;
	steps_ok(run->steps, run->attester, "architecture", "%s", gpu_arch_name(run->out->arch));
}

/* A version that does not begin with a branch number is held to the rule of today's drivers. */
static bool
fwid_required(const char *driver_version)
{
	unsigned branch = 0;
	size_t digits = 0;

	for (; isdigit((unsigned char)driver_version[digits]) && digits < 4; digits++)
		branch = branch * 10 + (unsigned)(driver_version[digits] - '0');
	return digits == 0 || driver_version[digits] != '.' || branch >= FWID_FROM_BRANCH;
}

static void
step_fwid(struct run *run)
{
	struct evidence *out = run->out;
	struct err err = run->fwid_err;

	if (!has_chain(out)) {
		steps_skip(run->steps, run->attester, "firmware-id", "the device chain could not be read");
	} else if (run->fwid.form == GPU_FWID_NONE) {
		steps_fail(run->steps, run->attester, "firmware-id", &err);
	} else if (!out->parsed) {
		steps_skip(run->steps, run->attester, "firmware-id", "the report could not be read");
	} else if (out->report.fwid.data == NULL && !fwid_required(out->report.driver_version)) {
		out->fwid_absent = true;
		steps_ok(run->steps, run->attester, "firmware-id", "the report of driver %s has none",
			 out->report.driver_version);
	} else if (out->report.fwid.data == NULL) {
		err_set(&err, CODE_FIRMWARE_ID, "the report of driver %s has no firmware id",
			out->report.driver_version);
		steps_fail(run->steps, run->attester, "firmware-id", &err);
	} else if (chain_fwid_match(&run->fwid, out->report.fwid, &err) < 0) {
		steps_fail(run->steps, run->attester, "firmware-id", &err);
	} else {
		out->fwid_match = true;
		steps_ok(run->steps, run->attester, "firmware-id", "certificate and report agree");
	}
}

int
evidence_verify(const struct evidence_raw *raw, const X509 *anchor, const uint8_t nonce[32], int64_t at,
		struct attester attester, struct x509_memo *memo, struct steps *steps, struct evidence *out)
{
	struct run run = {raw, anchor, nonce, at, attester, memo, steps, out, {0}, ERR_INIT};

	*out = (struct evidence){0};
	step_chain(&run);
	step_signature(&run);
	step_format(&run);
	step_nonce(&run);
	step_arch(&run);
	step_fwid(&run);
	out->verified = out->chain_verdict == X509_TRUSTED && out->signature_verified && out->parsed &&
			out->nonce_match && out->arch_match && (out->fwid_match || out->fwid_absent);
	return out->verified ? 0 : -1;
}

void
evidence_free(struct evidence *evidence)
{
	x509_chain_free(&evidence->chain);
	free(evidence->ueid);
	*evidence = (struct evidence){0};
}

static struct bytes
key_bits(const struct evidence *evidence, unsigned cert)
{
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(evidence->chain.cert[cert]);

	return bytes_of(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits));
}

/* The identity key stays when the attestation key is made anew, so one GPU cannot answer under two attestation keys. */
static const char *
what_is_shared(const struct evidence *a, const struct evidence *b)
{
	if (strcmp(a->ueid, b->ueid) == 0)
		return "ueid";
	if (bytes_equal(key_bits(a, 0), key_bits(b, 0)))
		return "attestation key";
	if (bytes_equal(key_bits(a, 1), key_bits(b, 1)))
		return "device identity key";
	return NULL;
}

static int
check_distinct_evidence(const struct evidence *list, unsigned count, unsigned index, struct err *err)
{
	for (unsigned i = 0; i < count; i++) {
		const char *shared = NULL;

		if (i != index && has_chain(&list[i]))
			shared = what_is_shared(&list[index], &list[i]);
		if (shared != NULL)
			return err_set(err, CODE_DEVICE_DUPLICATE, "GPU %u and GPU %u show the same %s", index, i,
				       shared);
	}
	return 0;
}

int
evidence_distinct(const struct evidence *list, unsigned count, struct steps *steps)
{
	int rc = 0;

	for (unsigned i = 0; i < count; i++) {
		struct err err = ERR_INIT;

		if (!has_chain(&list[i])) {
			steps_skip(steps, attester_gpu(i), "device-unique", "the device chain could not be read");
			rc = -1;
		} else if (check_distinct_evidence(list, count, i, &err) < 0) {
			rc = steps_fail(steps, attester_gpu(i), "device-unique", &err);
		} else {
			steps_ok(steps, attester_gpu(i), "device-unique", "ueid %s", list[i].ueid);
		}
	}
	return rc;
}
