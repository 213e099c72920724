/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_APPRAISE_H
#define ATTEST_APPRAISE_APPRAISE_H

#include "attest/appraise/evidence.h"
#include "attest/appraise/revocation.h"
#include "attest/collateral/need.h"
#include "attest/steps.h"
#include "attest/token/remote.h"

/*
 * The verifier (RFC 9334): evidence against reference values, revocation and policy. Bytes in, steps and claims out: no
 * file, no socket, no clock of its own.
 */

#define APPRAISE_LOCAL 1u
#define APPRAISE_REMOTE 2u

struct appraise_input {
	int64_t at; /* the one clock reading of the run */
	uint8_t nonce[32];
	struct bytes device_root, rim_root; /* PEM or DER */
	struct revocation_policy revocation;
	unsigned verifier; /* APPRAISE_LOCAL, APPRAISE_REMOTE or both: both must pass */
	struct remote_trust remote;
	struct evidence_raw gpu[GPU_MAX];
	unsigned gpus;
};

struct appraisal {
	struct steps steps;
	/*
	 * One JSON object per GPU: NVIDIA's claims 3.0, without iss, iat, exp, nbf, jti unless the remote verifier
	 * alone made them, which may leave a GPU without (NULL).
	 */
	char *claims[GPU_MAX];
	unsigned gpus;
	struct keep keep[KEEPS_MAX];
	unsigned keeps;
};

/* Everything of one run; what GPUs share is verified once. 0 only if every step of every GPU passed. */
int appraise_run(const struct appraise_input *input, const struct collateral_source *source, struct appraisal *out,
		 struct err *err);
void appraisal_free(struct appraisal *appraisal);

#endif
