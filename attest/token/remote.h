/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_TOKEN_REMOTE_H
#define ATTEST_TOKEN_REMOTE_H

#include <stdint.h>

#include "attest/appraise/evidence.h"
#include "attest/steps.h"
#include "attest/token/token.h"
#include "lib/json.h"
#include "spec/gpu_evidence.h"

/*
 * The remote verifier: NVIDIA Remote Attestation Service, GPU API v4. The run makes the question, appraise judges the
 * answer: a detached EAT with claims 3.0, every token of it signed by the service (ES384).
 */

/* What its tokens are believed on. */
struct remote_trust {
	const char *issuer;      /* claim iss, compared byte by byte */
	struct bytes key_set;    /* pinned JWKS: no other key counts, none is fetched; {NULL, 0} = not pinned */
	struct bytes
		key_root; /* PEM or DER, root or intermediate, to which the x5c of a key must lead; {NULL, 0} = none */
};

/*
 * {"nonce","arch","claims_version":"3.0","evidence_list":[{"evidence","certificate"}]} in new memory; one nonce, one
 * arch.
 */
char *remote_question(const struct gpu_evidence *evidence, unsigned gpus, struct err *err);

/*
 * How tokens of this issuer are judged, by whoever reads them. The service's keys live for two days and come with their
 * certificate (x5c), from which its own readers take them: a key without one is refused.
 */
struct token_rules remote_rules(const char *issuer);

/* What a key set lacks: the run fetches it once more, for services roll their keys over. */
enum remote_verdict { REMOTE_FAIL, REMOTE_KEY_MISSING, REMOTE_PASS };

struct remote_request {
	struct bytes tokens, key_set;      /* as they came; key_set: fetched or pinned */
	const struct remote_trust *trust;
	const uint8_t *nonce;              /* 32 bytes */
	int64_t at;
	/* what the tokens must be about, in the order that was sent; NULL = claims are not compared */
	const struct evidence *evidence;
	unsigned gpus;
};

/*
 * Steps "remote-key-set" where it cannot be read, "remote-format" (envelope, form of the overall token),
 * "remote-signature", "remote-time", "remote-token" (what the overall token says), "remote-device-signature" and
 * "remote-device-token" of each GPU, "remote-set", and "remote-evidence" of each GPU (ueid, model and versions are
 * those of the evidence). claims[i]: payload of GPU i's token, for the policy, owned by the caller; NULL where there is
 * none that the service signed. issued: claim iat of the overall token, or 0. With REMOTE_KEY_MISSING the steps say
 * CODE_KEY_SET: who asks again does so with a new list.
 */
enum remote_verdict
remote_judge(const struct remote_request *request, struct steps *steps, char *claims[], int64_t *issued);

/* The overall token in its compact form, out of an answer that was judged; new memory, NULL if there is none. */
char *remote_overall(struct bytes tokens, struct err *err);

#endif
