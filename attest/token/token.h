/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_TOKEN_TOKEN_H
#define ATTEST_TOKEN_TOKEN_H

#include "attest/steps.h"
#include "attest/token/nonce.h"
#include "lib/json.h"
#include "lib/jws.h"
#include "spec/gpu_evidence.h"

/*
 * An attestation result read by somebody who relies on it: NVIDIA's detached EAT, or its overall token alone, be it
 * this product's or the remote verifier's. Every token of either is read and judged here.
 */

#define TOKEN_ISSUER "oci-cgpu-hook" /* claim iss of this product's own */
#define TOKEN_MAX (2 << 20)
#define TOKEN_KEYS_MAX (1 << 20) /* a key set; that of NVIDIA's service has about 80 KiB */

/* How the steps are called; those of devices are each GPU's, the others the run's. */
struct token_steps {
	const char *format, *signature, *time, *claims, *device_signature, *device, *set;
};

/* What a token must be like. */
struct token_rules {
	const struct token_steps *steps;
	const char *issuer;       /* claim iss, byte by byte */
	bool nvidia;              /* by NVIDIA's verifier: its verdict on every check must stand in the claims */
	const uint8_t *nonce;     /* of NONCE_SIZE, what eat_nonce must be; NULL: any, but the same in every token */
	unsigned devices;         /* as many device tokens must come; 0: any number, or the overall token alone */
	int64_t ahead;            /* seconds by which iat and nbf may lie behind the time of judging */
	int64_t age;              /* seconds that iat may lie before it; 0 = as long as the token lives */
	struct jws_key_rules keys; /* its time is filled in by token_verify */
};

struct token_request {
	struct bytes text;
	const struct json *keys; /* a parsed JWKS, or NULL: then the signature step fails */
	const struct token_rules *rules;
	int64_t at;
};

struct token {
	struct json *overall;                   /* payload; NULL until the format was right */
	struct json *device[GPU_MAX];  /* payloads, in the order of GPU-0, GPU-1, ... */
	bool overall_signed,
		device_signed[GPU_MAX]; /* by a key of the set: the payload is its signer's word */
	unsigned devices;                       /* 0: the overall token alone */
	uint8_t nonce[NONCE_SIZE];              /* eat_nonce */
	bool key_missing;                       /* a token names a key that the set lacks */
};

/*
 * The rules for tokens of this product: steps "token-format", "token-signature", "token-time", "token-claims",
 * "device-signature", "device-token", "token-set".
 */
struct token_rules token_rules_own(void);

/* 0 only if every step passed. */
int token_verify(const struct token_request *request, struct steps *steps, struct token *out);

/*
 * The walk evidence -> nonce -> key -> token, step "token-anchor": the nonce that the GPUs signed (evidence_nonce, from
 * verified evidence) is made of the parts in the token and of the key, in keys, that signed it.
 */
int token_anchor(const struct token *token, const struct json *keys, const uint8_t evidence_nonce[NONCE_SIZE],
		 struct steps *steps);

/*
 * Claim iss of the overall token, or of its compact form alone, without looking at anything else; new memory or NULL.
 */
char *token_issuer(struct bytes text);

void token_free(struct token *token);

#endif
