/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_TOKENS_H
#define ATTEST_APPRAISE_TOKENS_H

#include "attest/appraise/evidence.h"
#include "attest/appraise/round.h"
#include "attest/token/remote.h"

/* The remote verifier's tokens and the key set that they are judged by: one judgement of both. */

struct tokens {
	const struct remote_trust *trust;
	const uint8_t *nonce; /* 32 bytes */
	int64_t at;
	const struct evidence *evidence;
	unsigned gpus;
	const struct collateral *answer, *key_set; /* of the round that asks for them; key_set NULL: pinned */
	enum remote_verdict verdict;
	struct steps steps;
	char *claims[GPU_MAX];
	int64_t issued;
};

/* Asks for them in this round; their judgement starts from the beginning whenever one of the two is another. */
void tokens_ask(struct tokens *tokens, struct round *round);
void tokens_free(struct tokens *tokens);

#endif
