/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_TOKEN_RESULT_H
#define ATTEST_TOKEN_RESULT_H

#include "attest/token/nonce.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "spec/gpu_evidence.h"

/*
 * The attestation result (RFC 9334, RFC 9711) and the files that the container gets. Made only for a run whose every
 * step passed.
 *
 *   attestation.env, evidence.json       always
 *   token.jwt, detached-eat.json, jwks.json   NVIDIA's detached EAT: signed by the key of the run, or, where the remote
 * verifier alone appraised, as it came run.jwt, run-jwks.json               then the statement of the run: nonce,
 * policy, and whose token it is remote-eat.json, remote-jwks.json    where both appraised: the remote verifier's, as
 * they came
 */

#define RESULT_FILES_MAX 7
#define RESULT_DIRECTORY "/run/cgpu" /* in the container */

struct result_file {
	const char *name;
	char *content; /* text, owned */
};

struct result_input {
	EVP_PKEY *key;
	const struct nonce_parts *parts;
	uint8_t nonce[NONCE_SIZE];
	const char *container_id, *image_id; /* NULL = not known */
	struct bytes config_digest;          /* 32 bytes or {NULL, 0} */
	bool shared_pid;                     /* the container joined a PID namespace */
	int64_t at, lifetime;                /* seconds since 1970, seconds */
	struct json *const *claims;          /* verified claims of each GPU */
	const char *const *uuid;             /* as the driver says, unsigned */
	const struct gpu_evidence *evidence;
	unsigned gpus;
	bool custom_anchor;        /* conf_custom_anchor */
	const char *policy_digest; /* 64 hex digits */
	const char *loosenings;    /* names separated by commas, "" = none */
	const char *verifier;      /* "local", "remote", "both" */
	struct bytes remote_tokens, remote_keys; /* as they came; {NULL, 0} where nobody was asked */
	const char *remote_anchor; /* what the remote verifier's keys are believed on */
};

struct result {
	struct result_file file[RESULT_FILES_MAX];
	unsigned files;
	int64_t expires; /* of the token, seconds since 1970 */
};

int result_make(const struct result_input *input, struct result *out, struct err *err);
const char *result_content(const struct result *result, const char *name); /* NULL if there is none */
void result_free(struct result *result);

#endif
