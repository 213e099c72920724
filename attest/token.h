/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_TOKEN_H
#define ATTEST_TOKEN_H

#include "attest/nonce.h"
#include "attest/steps.h"
#include "lib/json.h"
#include "spec/gpu_evidence.h"

/*
 * An attestation result read by somebody who relies on it: NVIDIA's detached EAT, or its overall token alone. Steps
 * "token-format", "token-signature", "token-time", "token-claims" of the run, "device-token" of each GPU, "token-set".
 */

#define TOKEN_MAX (2 << 20)

struct token {
	struct json *overall;                   /* payload; NULL until the format was right */
	struct json *device[GPU_EVIDENCE_MAX];  /* payloads, in the order of GPU-0, GPU-1, ... */
	unsigned devices;                       /* 0: the overall token alone */
	uint8_t nonce[NONCE_SIZE];              /* eat_nonce */
};

/* keys: a parsed JWKS, or NULL: then the signature step fails. 0 only if every step passed. */
int token_verify(struct bytes text, const struct json *keys, int64_t at, struct steps *steps, struct token *out);

/*
 * The walk evidence -> nonce -> key -> token, step "token-anchor": the nonce that the GPUs signed (evidence_nonce, from
 * verified evidence) is made of the parts in the token and of the key, in keys, that signed it.
 */
int token_anchor(const struct token *token, const struct json *keys, const uint8_t evidence_nonce[NONCE_SIZE],
		 struct steps *steps);

void token_free(struct token *token);

#endif
