/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_ROUND_H
#define ATTEST_APPRAISE_ROUND_H

#include "attest/collateral/need.h"

/* What is asked for at once. Each need carries its judge, so that a round knows no kind. */

#define ROUND_MAX 512

enum judgement {
	DOES_NOT_HOLD,
	OUTDATED, /* its service may have a newer one: asked for again even where the service just gave this one */
	HOLDS,
};

/* context is what round_need was given with it. */
struct judge {
	/* Judges need->answer or need->err; again if a second answer comes. */
	enum judgement (*judge)(void *context, const struct collateral *need);
	/* At the round's end: whether the answer is worth keeping; then fills until, time and made. */
	bool (*keep)(const void *context, const struct collateral *need, struct keep *out);
};

struct round {
	struct collateral need[ROUND_MAX];
	struct judging {
		const struct judge *judge;
		void *context;
		uint8_t nonce[32]; /* that need[i] asks with */
		bool came;         /* to be judged */
		enum judgement judgement;
	} judging[ROUND_MAX];
	unsigned count;
};

/*
 * The round's need of that kind and name, which is taken over; valid until the round ends. Two of the same are one: the
 * first judge and context stay.
 */
struct collateral *round_need(struct round *round, enum collateral_kind kind, char *name, const struct judge *judge,
			      void *context);
/* The question of a need and its nonce, 32 bytes, which is copied. */
void round_question(struct round *round, struct collateral *need, struct bytes question, const uint8_t *nonce);
/*
 * Asks source for the needs, judges what came, asks once more for what does not hold, and adds what is worth keeping to
 * keep. There are no needs afterwards.
 */
void round_run(struct round *round, const struct collateral_source *source, struct keep keep[KEEPS_MAX],
	       unsigned *keeps);

#endif
