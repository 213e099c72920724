/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_APPRAISE_H
#define ATTEST_APPRAISE_APPRAISE_H

#include "attest/appraise/evidence.h"
#include "attest/appraise/reference.h"
#include "attest/appraise/revocation.h"
#include "attest/steps.h"
#include "attest/token/remote.h"

/*
 * The verifier (RFC 9334): evidence against reference values, revocation and policy. Bytes in, steps and claims out: no
 * file, no socket, no clock of its own.
 */

#define APPRAISE_GPUS_MAX 16

enum collateral_kind {
	COLLATERAL_DRIVER_RIM = 1, /* reference manifest, XML */
	COLLATERAL_VBIOS_RIM,
	COLLATERAL_OCSP,
	COLLATERAL_TOKENS,  /* the remote verifier's answer to the run's evidence: a detached EAT */
	COLLATERAL_KEY_SET, /* its JWKS */
};

/* Where an answer came from. What a directory or the cache gave and does not hold is asked for again, once. */
enum collateral_origin { ORIGIN_NONE, ORIGIN_FILE, ORIGIN_DIRECTORY, ORIGIN_CACHE, ORIGIN_NETWORK };

struct collateral {
	enum collateral_kind kind;
	char *name;            /* manifest id, revocation_question.name, or "" */
	struct bytes question; /* OCSP request; {NULL, 0} for others */
	bool again;            /* the source gave one that does not hold: it shall drop that and look further */
	struct buf answer;     /* filled by the source, and so below */
	enum collateral_origin origin;
	/* OCSP: what question asks with; out of the cache: what was asked with when that answer came */
	uint8_t nonce[32];
	struct err err;        /* why answer is not there; code 0 = it is there */
};

/*
 * Serves a whole round at once, so that requests can overlap. Distinct names of one kind only. There are two rounds:
 * what the evidence names, then the answers about the signers of the manifests. After each may come one more, with
 * again set, for what a directory or the cache gave and does not hold, and for a key set that lacks the tokens' key. If
 * that brings nothing, the first fault counts.
 */
struct collateral_source {
	void (*serve)(void *context, struct collateral *need, unsigned count);
	void *context;
};

/*
 * Collateral that was verified, what came from the network is worth keeping until it ends by its own word. Tokens are
 * listed for their time only.
 */
struct keep {
	enum collateral_kind kind;
	char *name;
	int64_t until; /* seconds since 1970: end of its signers' validity, of a revocation answer's window; else 0 */
	int64_t time;  /* of an answer that echoed our nonce: when it was made, by its signer's clock; else 0 */
	int64_t made;  /* of any revocation answer; else 0 */
	enum collateral_origin origin;
	uint8_t digest[32]; /* SHA-256 of it */
};

#define KEEPS_MAX 512

#define APPRAISE_LOCAL 1u
#define APPRAISE_REMOTE 2u

struct appraise_input {
	int64_t at; /* the one clock reading of the run */
	uint8_t nonce[32];
	struct bytes device_root, rim_root; /* PEM or DER */
	struct revocation_policy revocation;
	unsigned verifier; /* APPRAISE_LOCAL, APPRAISE_REMOTE or both: both must pass */
	struct remote_trust remote;
	struct evidence_raw gpu[APPRAISE_GPUS_MAX];
	unsigned gpus;
};

struct appraisal {
	struct steps steps;
	/*
	 * One JSON object per GPU: NVIDIA's claims 3.0, without iss, iat, exp, nbf, jti unless the remote verifier
	 * alone made them, which may leave a GPU without (NULL).
	 */
	char *claims[APPRAISE_GPUS_MAX];
	unsigned gpus;
	struct keep keep[KEEPS_MAX];
	unsigned keeps;
};

/* Everything of one run; what GPUs share is verified once. 0 only if every step of every GPU passed. */
int appraise_run(const struct appraise_input *input, const struct collateral_source *source, struct appraisal *out,
		 struct err *err);
void appraisal_free(struct appraisal *appraisal);

/* The product that the manifests of this GPU must be about, from signed fields; NULL: not known. */
const char *appraise_product(const struct evidence *evidence);

/*
 * Measurements against both manifests (step "measurements" for gpu): no index active in both (CODE_RIM_CONFLICT), index
 * 35 not compared where NVDEC0 is disabled, every other active row must match one alternative; all mismatches are
 * listed before it is decided. Either reference may be NULL or unverified: what is there is compared, and the step
 * fails all the same.
 */
struct mismatch {
	unsigned index; /* 0-based */
	enum reference_kind source;
	const uint8_t *golden; /* first alternative, 48 bytes */
	struct bytes runtime;  /* {NULL, 0}: the report has no such block */
};

struct comparison {
	bool compared;    /* both manifests were there */
	bool no_conflict;
	bool success;
	struct mismatch mismatch[2 * RIM_ROWS_MAX];
	unsigned mismatches;
};

int appraise_compare(const struct gpu_report *report, const struct reference *driver, const struct reference *vbios,
		     int gpu, struct steps *steps, struct comparison *out);

#endif
