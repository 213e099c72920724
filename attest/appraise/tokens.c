/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/tokens.h"

#include <stdlib.h>

#include "lib/code.h"

void
tokens_free(struct tokens *tokens)
{
	steps_free(&tokens->steps);
	for (unsigned i = 0; i < tokens->gpus; i++) {
		free(tokens->claims[i]);
		tokens->claims[i] = NULL;
	}
	tokens->verdict = REMOTE_FAIL;
	tokens->issued = 0;
}

static void
judge_both(struct tokens *tokens)
{
	const struct collateral *answer = tokens->answer, *key_set = tokens->key_set;
	struct remote_request request = {
		.trust = tokens->trust,
		.nonce = tokens->nonce,
		.at = tokens->at,
		.evidence = tokens->evidence,
		.gpus = tokens->gpus,
	};

	tokens_free(tokens);
	if (answer->err.code != CODE_OK) {
		steps_fail(&tokens->steps, attester_run, "remote-format", &answer->err);
		return;
	}
	if (key_set != NULL && key_set->err.code != CODE_OK) {
		steps_fail(&tokens->steps, attester_run, "remote-key-set", &key_set->err);
		return;
	}
	request.tokens = buf_bytes(&answer->answer);
	request.key_set = key_set != NULL ? buf_bytes(&key_set->answer) : tokens->trust->key_set;
	tokens->verdict = remote_judge(&request, &tokens->steps, tokens->claims, &tokens->issued);
}

/* Tokens whose key set is not pinned are judged with it, which comes after them. */
static enum judgement
judge_tokens(void *context, const struct collateral *need)
{
	struct tokens *tokens = context;

	(void)need;
	if (tokens->key_set == NULL)
		judge_both(tokens);
	return tokens->verdict == REMOTE_PASS ? HOLDS : DOES_NOT_HOLD;
}

/* The service may have changed its keys since this key set was read. */
static enum judgement
judge_key_set(void *context, const struct collateral *need)
{
	struct tokens *tokens = context;

	(void)need;
	judge_both(tokens);
	if (tokens->verdict == REMOTE_KEY_MISSING)
		return OUTDATED;
	for (size_t i = 0; i < tokens->steps.count; i++)
		if (tokens->steps.list[i].code == CODE_KEY_SET)
			return DOES_NOT_HOLD;
	return HOLDS;
}

/* Tokens are not worth keeping, but they bind the time they were made at to our nonce. */
static bool
keep_tokens(const void *context, const struct collateral *need, struct keep *out)
{
	const struct tokens *tokens = context;

	(void)need;
	out->time = tokens->issued;
	return tokens->verdict == REMOTE_PASS;
}

static bool
keep_key_set(const void *context, const struct collateral *need, struct keep *out)
{
	const struct tokens *tokens = context;

	(void)need;
	(void)out;
	return tokens->verdict == REMOTE_PASS;
}

void
tokens_ask(struct tokens *tokens, struct round *round)
{
	static const struct judge tokens_judge = {judge_tokens, keep_tokens}, key_judge = {judge_key_set, keep_key_set};

	tokens->answer = round_need(round, COLLATERAL_TOKENS, xstrdup(""), &tokens_judge, tokens);
	if (tokens->trust->key_set.data == NULL)
		tokens->key_set = round_need(round, COLLATERAL_KEY_SET, xstrdup(""), &key_judge, tokens);
}
