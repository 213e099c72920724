/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "attest/appraise/engine.h"
#include "lib/code.h"

static bool
is_pinned(const struct run *run)
{
	return run->input->remote.key_set.data != NULL;
}

void
appraise_name_remote(struct run *run)
{
	run->remote.tokens = &run->round.need[appraise_need(run, COLLATERAL_TOKENS, xstrdup(""))];
	if (!is_pinned(run))
		run->remote.key_set = &run->round.need[appraise_need(run, COLLATERAL_KEY_SET, xstrdup(""))];
}

static void
forget_tokens(struct run *run)
{
	steps_free(&run->remote.steps);
	for (unsigned i = 0; i < run->input->gpus; i++) {
		free(run->remote.claims[i]);
		run->remote.claims[i] = NULL;
	}
	run->remote.verdict = REMOTE_FAIL;
	run->remote.issued = 0;
}

void
appraise_judge_remote(struct run *run)
{
	struct remote_run *remote = &run->remote;
	const struct collateral *key_set = remote->key_set;
	struct remote_request request = {
		.trust = &run->input->remote,
		.nonce = run->input->nonce,
		.at = run->input->at,
		.evidence = run->evidence,
		.gpus = run->input->gpus,
	};

	forget_tokens(run);
	if (remote->tokens->err.code != CODE_OK) {
		steps_fail(&remote->steps, STEP_RUN, "remote-format", &remote->tokens->err);
		return;
	}
	if (key_set != NULL && key_set->err.code != CODE_OK) {
		steps_fail(&remote->steps, STEP_RUN, "remote-key-set", &key_set->err);
		return;
	}
	request.tokens = buf_bytes(&remote->tokens->answer);
	request.key_set = key_set != NULL ? buf_bytes(&key_set->answer) : run->input->remote.key_set;
	remote->verdict = remote_judge(&request, &remote->steps, remote->claims, &remote->issued);
}

bool
appraise_key_set_holds(const struct run *run)
{
	const struct remote_run *remote = &run->remote;

	for (size_t i = 0; i < remote->steps.count; i++)
		if (remote->steps.list[i].code == CODE_KEY_SET)
			return false;
	return remote->verdict != REMOTE_KEY_MISSING;
}
