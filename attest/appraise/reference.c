/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/reference.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "spec/rim_signature.h"

#define SIGNER_CERTIFICATES 4

struct judgement {
	const struct reference_want *want;
	struct attester attester;
	struct steps *steps;
	struct reference *out;
	bool failed;
	struct rim_signature dsig;
	char name[32]; /* of the step, by step_name() */
};

static const char *
kind_name(enum reference_kind kind)
{
	return kind == REFERENCE_DRIVER ? "driver" : "vbios";
}

static const char *
step_name(struct judgement *judgement, const char *tail)
{
	snprintf(judgement->name, sizeof(judgement->name), "%s-rim%s", kind_name(judgement->want->kind), tail);
	return judgement->name;
}

static int
fail_manifest(struct judgement *judgement, const char *tail, int code, struct err *err)
{
	err_wrap(err, code, "%s RIM", kind_name(judgement->want->kind));
	judgement->failed = true;
	return steps_fail(judgement->steps, judgement->attester, step_name(judgement, tail), err);
}

static void
skip_step(struct judgement *judgement, const char *tail, const char *why)
{
	steps_skip(judgement->steps, judgement->attester, step_name(judgement, tail), "%s", why);
}

static int
judge_shape(struct judgement *judgement, struct bytes text)
{
	struct err err = ERR_INIT;
	enum rim_shape shape;

	shape = rim_signature_read(text, &judgement->dsig, &err);
	if (shape != RIM_SIGNED)
		return fail_manifest(judgement, "", shape == RIM_NO_XML ? CODE_RIM_FORMAT : CODE_RIM_PROFILE, &err);
	steps_ok(judgement->steps, judgement->attester, step_name(judgement, ""), "%zu bytes, one enveloped signature",
		 text.size);
	return 0;
}

static int
read_signer_chain(struct judgement *judgement, struct x509_memo *memo, struct err *err)
{
	const struct rim_signature *dsig = &judgement->dsig;
	struct bytes der[SIGNER_CERTIFICATES];

	if (dsig->certificates != SIGNER_CERTIFICATES)
		return err_set(err, 0, "%u certificates, want %d", dsig->certificates, SIGNER_CERTIFICATES);
	for (unsigned i = 0; i < SIGNER_CERTIFICATES; i++) {
		der[i] = buf_bytes(&dsig->certificate[i]);
		if (der[i].size == 0)
			return err_set(err, 0, "certificate %u is not base64", i);
	}
	return x509_chain_from_der(der, SIGNER_CERTIFICATES, memo, &judgement->out->chain, err);
}

/* 0 if the signer's key may be used: its certificate leads to the anchor, be it too late or too early. */
static int
judge_chain(struct judgement *judgement, const X509 *anchor, int64_t at, struct x509_memo *memo)
{
	struct reference *out = judgement->out;
	struct err err = ERR_INIT;
	char signer[65] = "", until[32];

	if (read_signer_chain(judgement, memo, &err) < 0)
		return fail_manifest(judgement, "-chain", CODE_RIM_CHAIN, &err);
	out->chain_verdict = x509_chain_verify(&out->chain, anchor, at, memo, &err);
	if (out->chain_verdict == X509_EXPIRED) {
		fail_manifest(judgement, "-chain", CODE_RIM_EXPIRED, &err);
		return 0;
	}
	if (out->chain_verdict != X509_TRUSTED)
		return fail_manifest(judgement, "-chain", CODE_RIM_CHAIN, &err);
	if (!x509_common_name(out->chain.cert[0], signer, sizeof(signer)))
		snprintf(signer, sizeof(signer), "(no common name)");
	clock_format(x509_chain_not_after(&out->chain), until);
	steps_ok(judgement->steps, judgement->attester, step_name(judgement, "-chain"), "signer %s, valid until %s",
		 signer, until);
	return 0;
}

static int
verify_manifest(const struct rim_signature *dsig, EVP_PKEY *key, struct err *err)
{
	uint8_t digest[SHA384_SIZE];

	if (key == NULL)
		return err_set(err, 0, "the signer's key is not P-384");
	if (dsig->digest.size != SHA384_SIZE)
		return err_set(err, 0, "DigestValue is not base64 of %d bytes", SHA384_SIZE);
	crypto_sha384(buf_bytes(&dsig->document), digest);
	if (memcmp(dsig->digest.data, digest, sizeof(digest)) != 0)
		return err_set(err, 0, "the digest is wrong: the document was changed");
	if (crypto_verify_raw(key, buf_bytes(&dsig->signed_info), buf_bytes(&dsig->signature), err) < 0)
		return err_wrap(err, 0, "SignatureValue");
	return 0;
}

static int
judge_signature(struct judgement *judgement)
{
	struct err err = ERR_INIT;

	if (verify_manifest(&judgement->dsig, x509_public_key(judgement->out->chain.cert[0]), &err) < 0)
		return fail_manifest(judgement, "-signature", CODE_RIM_SIGNATURE, &err);
	judgement->out->signature_verified = true;
	steps_ok(judgement->steps, judgement->attester, step_name(judgement, "-signature"),
		 "ECDSA P-384, SHA-384, C14N 1.1");
	return 0;
}

/*
 * A manifest does not name its kind. In NVIDIA's the driver's has had rows 7 and 21..40 active, the VBIOS' rows 0..6
 * and 8..12. Others may come, so only one that has nothing but the other kind's is told by them.
 */
static bool
is_other_kind(const struct rim *rim, enum reference_kind kind)
{
	static const uint64_t rows[] = {[REFERENCE_DRIVER] = 0x1ffffe00080, [REFERENCE_VBIOS] = 0x1f7f};
	uint64_t active = 0;

	for (unsigned i = 0; i < RIM_ROWS_MAX; i++)
		active |= (uint64_t)rim->row[i].active << i;
	return (active & ~rows[kind == REFERENCE_DRIVER ? REFERENCE_VBIOS : REFERENCE_DRIVER]) == 0;
}

static int
judge_content(struct judgement *judgement)
{
	const struct reference_want *want = judgement->want;
	struct rim *rim = &judgement->out->rim;
	struct err err = ERR_INIT;

	if (rim_parse(buf_bytes(&judgement->dsig.document), rim, &err) < 0)
		return fail_manifest(judgement, "-content", CODE_RIM_CONTENT, &err);
	judgement->out->measurements_available = true;
	if (is_other_kind(rim, want->kind)) {
		err_set(&err, 0, "all %u active rows are those of another kind of manifest", rim->active);
		fail_manifest(judgement, "-content", CODE_RIM_PRODUCT, &err);
	} else if (want->product != NULL && strcmp(rim->product, want->product) != 0) {
		err_set(&err, 0, "for product '%s', want '%s'", rim->product, want->product);
		fail_manifest(judgement, "-content", CODE_RIM_PRODUCT, &err);
	} else {
		steps_ok(judgement->steps, judgement->attester, step_name(judgement, "-content"),
			 "%u active rows for %s%s", rim->active, rim->product,
			 want->product ? "" : " (product not compared)");
	}
	return 0;
}

static void
judge_rim_version(struct judgement *judgement)
{
	const struct reference_want *want = judgement->want;
	const char *version = judgement->out->rim.version;
	struct err err = ERR_INIT;

	judgement->out->version_match = (want->kind == REFERENCE_DRIVER ? strcmp(version, want->version) :
					 strcasecmp(version, want->version)) == 0;
	if (judgement->out->version_match) {
		steps_ok(judgement->steps, judgement->attester, step_name(judgement, "-version"), "%s", version);
		return;
	}
	err_set(&err, 0, "for version '%s', want '%s'", version, want->version);
	fail_manifest(judgement, "-version", CODE_RIM_VERSION, &err);
}

int
reference_verify(struct bytes xml, const struct reference_want *want, const X509 *anchor, int64_t at,
		 struct attester attester, struct x509_memo *memo, struct steps *steps, struct reference *out)
{
	static const char *const tail[] = {"-chain", "-signature", "-content", "-version"};
	static const char *const why[] = {"the manifest's shape is not acceptable", "the signer is not trusted",
					  "not signed", "not readable"};
	struct judgement judgement = {.want = want, .attester = attester, .steps = steps, .out = out};
	size_t passed;

	*out = (struct reference){.fetched = true};
	passed = judge_shape(&judgement, xml) < 0 ? 0 : judge_chain(&judgement, anchor, at, memo) < 0 ? 1 :
		 judge_signature(&judgement) < 0 ? 2 : judge_content(&judgement) < 0 ? 3 : 4;
	if (passed == 4)
		judge_rim_version(&judgement);
	for (size_t i = passed; i < 4; i++)
		skip_step(&judgement, tail[i], why[passed]);
	out->verified = passed == 4 && !judgement.failed;
	rim_signature_free(&judgement.dsig);
	return out->verified ? 0 : -1;
}

void
reference_free(struct reference *reference)
{
	x509_chain_free(&reference->chain);
	*reference = (struct reference){0};
}
