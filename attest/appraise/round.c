/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/round.h"

#include <stdlib.h>
#include <string.h>

#include "lib/code.h"
#include "lib/crypto.h"

struct collateral *
round_need(struct round *round, enum collateral_kind kind, char *name, const struct judge *judge, void *context)
{
	for (unsigned i = 0; i < round->count; i++) {
		if (round->need[i].kind == kind && strcmp(round->need[i].name, name) == 0) {
			free(name);
			return &round->need[i];
		}
	}
	round->need[round->count] = (struct collateral){.kind = kind, .name = name};
	round->judging[round->count] = (struct judging){.judge = judge, .context = context, .came = true};
	return &round->need[round->count++];
}

void
round_question(struct round *round, struct collateral *need, struct bytes question, const uint8_t *nonce)
{
	need->question = question;
	memcpy(need->nonce, nonce, sizeof(need->nonce));
	memcpy(round->judging[need - round->need].nonce, nonce, sizeof(need->nonce));
}

static void
judge_needs(struct round *round, bool xml)
{
	for (unsigned i = 0; i < round->count; i++) {
		struct judging *judging = &round->judging[i];

		if (!judging->came || kind_row(round->need[i].kind)->xml != xml)
			continue;
		judging->judgement = judging->judge->judge(judging->context, &round->need[i]);
		judging->came = false;
	}
}

/* Signatures over plain bytes come before any XML is read. */
static void
judge_round(struct round *round)
{
	judge_needs(round, false);
	judge_needs(round, true);
}

/* What a service just made is asked for again only where it is outdated. */
static bool
want_again(const struct round *round, unsigned index)
{
	const struct collateral *need = &round->need[index];
	enum judgement judgement = round->judging[index].judgement;

	return judgement != HOLDS && need_may_repeat(need) &&
	       (judgement == OUTDATED || need->origin != ORIGIN_NETWORK);
}

/* Takes the second answer, unless there is none or judging it would only tell the first fault once more. */
static bool
take_second(struct collateral *need, struct collateral *second)
{
	bool same = bytes_equal(buf_bytes(&need->answer), buf_bytes(&second->answer)) &&
		    memcmp(need->nonce, second->nonce, sizeof(need->nonce)) == 0;

	if (second->err.code != CODE_OK || same) {
		buf_free(&second->answer);
		return false;
	}
	buf_free(&need->answer);
	*need = *second;
	return true;
}

static void
ask_again(struct round *round, const struct collateral_source *source)
{
	struct collateral *again = xcalloc(round->count, sizeof(*again));
	unsigned *place = xcalloc(round->count, sizeof(*place)), count = 0;

	for (unsigned i = 0; i < round->count; i++) {
		const struct collateral *need = &round->need[i];

		if (!want_again(round, i))
			continue;
		again[count] = (struct collateral){need->kind, need->name, need->question, .again = true};
		memcpy(again[count].nonce, round->judging[i].nonce, sizeof(again->nonce));
		place[count++] = i;
	}
	if (count != 0)
		source->serve(source->context, again, count);
	for (unsigned i = 0; i < count; i++)
		round->judging[place[i]].came = take_second(&round->need[place[i]], &again[i]);
	if (count != 0)
		judge_round(round);
	free(again);
	free(place);
}

static void
keep_what_holds(const struct round *round, struct keep keep[KEEPS_MAX], unsigned *keeps)
{
	for (unsigned i = 0; i < round->count; i++) {
		const struct collateral *need = &round->need[i];
		struct keep entry = {.kind = need->kind, .origin = need->origin};

		if (need->err.code != CODE_OK || *keeps == KEEPS_MAX ||
		    !round->judging[i].judge->keep(round->judging[i].context, need, &entry))
			continue;
		entry.name = xstrdup(need->name);
		crypto_sha256(buf_bytes(&need->answer), entry.digest);
		keep[(*keeps)++] = entry;
	}
}

void
round_run(struct round *round, const struct collateral_source *source, struct keep keep[KEEPS_MAX], unsigned *keeps)
{
	if (round->count == 0)
		return;
	source->serve(source->context, round->need, round->count);
	judge_round(round);
	ask_again(round, source);
	keep_what_holds(round, keep, keeps);
	for (unsigned i = 0; i < round->count; i++) {
		free(round->need[i].name);
		buf_free(&round->need[i].answer);
	}
	round->count = 0;
}
