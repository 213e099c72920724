/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/engine.h"
#include "lib/code.h"
#include "lib/crypto.h"

unsigned
appraise_need(struct run *run, enum collateral_kind kind, char *name)
{
	struct round *round = &run->round;

	for (unsigned i = 0; i < round->count; i++) {
		if (round->need[i].kind == kind && strcmp(round->need[i].name, name) == 0) {
			free(name);
			return i;
		}
	}
	round->need[round->count] = (struct collateral){.kind = kind, .name = name};
	round->state[round->count] = (struct need_state){.came = true};
	return round->count++;
}

static bool
needs_manifest(const struct collateral *need)
{
	return need->kind == COLLATERAL_DRIVER_RIM || need->kind == COLLATERAL_VBIOS_RIM;
}

/* Signatures over plain bytes come before any XML is read. */
static void
judge_round(struct run *run)
{
	struct round *round = &run->round;
	struct need_state *state = round->state;
	bool remote = false;

	for (unsigned i = 0; i < round->count; i++) {
		if (state[i].came && round->need[i].kind == COLLATERAL_OCSP)
			state[i].holds = appraise_judge_query(run, state[i].query, &round->need[i]);
		remote = remote || (state[i].came && round->need[i].kind >= COLLATERAL_TOKENS);
	}
	if (remote)
		appraise_judge_remote(run);
	for (unsigned i = 0; i < round->count; i++) {
		if (state[i].came && round->need[i].kind == COLLATERAL_KEY_SET)
			state[i].holds = appraise_key_set_holds(run);
		else if (state[i].came && needs_manifest(&round->need[i]))
			state[i].holds = appraise_judge_manifests(run, i);
		state[i].came = false;
	}
}

/* Nothing is asked for again that was just made for this run, but a key set: the service may have changed its keys. */
static bool
want_again(const struct run *run, unsigned index)
{
	const struct collateral *need = &run->round.need[index];

	if (need->err.code != CODE_OK || need->kind == COLLATERAL_TOKENS || run->round.state[index].holds)
		return false;
	if (need->kind == COLLATERAL_KEY_SET && run->remote.verdict == REMOTE_KEY_MISSING)
		return true;
	return need->origin == ORIGIN_DIRECTORY || need->origin == ORIGIN_CACHE;
}

/* Takes the second answer, unless there is none or judging it would only tell the first fault once more. */
static bool
replace_answer(struct collateral *need, struct collateral *second, const struct query *query)
{
	bool same = bytes_equal(buf_bytes(&need->answer), buf_bytes(&second->answer));

	if (query != NULL)
		same = same &&
		       memcmp(appraise_nonce(query, need), appraise_nonce(query, second), REVOCATION_NONCE_SIZE) == 0;
	if (second->err.code != CODE_OK || same) {
		buf_free(&second->answer);
		return false;
	}
	buf_free(&need->answer);
	*need = *second;
	return true;
}

static void
ask_again(struct run *run)
{
	struct round *round = &run->round;
	struct collateral *again = xcalloc(round->count, sizeof(*again));
	unsigned *place = xcalloc(round->count, sizeof(*place)), count = 0;

	for (unsigned i = 0; i < round->count; i++) {
		const struct collateral *need = &round->need[i];

		if (!want_again(run, i))
			continue;
		again[count] = (struct collateral){need->kind, need->name, need->question, .again = true};
		if (round->state[i].query != NULL)
			memcpy(again[count].nonce, round->state[i].query->question.nonce, sizeof(again->nonce));
		place[count++] = i;
	}
	if (count != 0)
		run->source->serve(run->source->context, again, count);
	for (unsigned i = 0; i < count; i++)
		round->state[place[i]].came =
			replace_answer(&round->need[place[i]], &again[i], round->state[place[i]].query);
	if (count != 0)
		judge_round(run);
	free(again);
	free(place);
}

static void
keep_need(struct run *run, const struct collateral *need, struct keep entry)
{
	entry.kind = need->kind;
	entry.name = xstrdup(need->name);
	entry.origin = need->origin;
	crypto_sha256(buf_bytes(&need->answer), entry.digest);
	run->out->keep[run->out->keeps++] = entry;
}

static struct keep
keep_answer(const struct revocation *said)
{
	return (struct keep){
		.until = said->until, .time = said->nonce_matches ? said->produced_at : 0, .made = said->produced_at};
}

/* Tokens are not worth keeping, but they bind the time they were made at to our nonce. */
static void
keep_what_holds(struct run *run)
{
	for (unsigned i = 0; i < run->round.count; i++) {
		const struct collateral *need = &run->round.need[i];
		const struct need_state *state = &run->round.state[i];

		if (need->err.code != CODE_OK)
			continue;
		if (need->kind == COLLATERAL_TOKENS && run->remote.verdict == REMOTE_PASS)
			keep_need(run, need, (struct keep){.time = run->remote.issued});
		else if (need->kind == COLLATERAL_KEY_SET && run->remote.verdict == REMOTE_PASS)
			keep_need(run, need, (struct keep){0});
		else if (need->kind == COLLATERAL_OCSP && state->holds)
			keep_need(run, need, keep_answer(&state->query->said));
		else if (needs_manifest(need) && state->holds)
			keep_need(run, need, (struct keep){.until = appraise_manifests_until(run, i)});
	}
}

void
appraise_round(struct run *run)
{
	struct round *round = &run->round;

	if (round->count == 0)
		return;
	run->source->serve(run->source->context, round->need, round->count);
	judge_round(run);
	ask_again(run);
	keep_what_holds(run);
	for (unsigned i = 0; i < round->count; i++) {
		free(round->need[i].name);
		buf_free(&round->need[i].answer);
	}
	round->count = 0;
}
