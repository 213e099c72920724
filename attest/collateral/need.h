/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_NEED_H
#define ATTEST_COLLATERAL_NEED_H

#include "attest/collateral/kind.h"
#include "lib/buf.h"
#include "lib/err.h"

/* What an appraisal needs, who serves it, and what of it is worth keeping. */

struct collateral {
	enum collateral_kind kind;
	char *name;            /* manifest id, revocation_question.name, or "" */
	struct bytes question; /* OCSP request; {NULL, 0} for others */
	bool again;            /* the source gave one that does not hold: it drops that one and looks further */
	struct buf answer;     /* the source fills this and what follows */
	enum collateral_origin origin;
	/* OCSP: the nonce in question; out of the cache: the nonce of the request that this answer was made for */
	uint8_t nonce[32];
	struct err err;        /* why there is no answer; code 0 = there is one */
};

/*
 * Serves a whole round at once, so that requests can overlap. Distinct names of one kind only. There are two rounds:
 * what the evidence names, then the answers about the signers of the manifests. After each one more may come, with
 * again set, for answers that do not hold (need_may_repeat). If that one brings nothing, the first fault counts.
 */
struct collateral_source {
	void (*serve)(void *context, struct collateral *need, unsigned count);
	void *context;
};

/*
 * Collateral that was verified. What came from the network is worth keeping until it ends by its own word. Tokens are
 * listed for their time only.
 */
struct keep {
	enum collateral_kind kind;
	char *name;
	int64_t until; /* seconds since 1970: end of its signers' validity, of a revocation answer's window; else 0 */
	int64_t time;  /* of an answer that echoed our nonce: when it was made, by its signer's clock; else 0 */
	int64_t made;  /* of any revocation answer; else 0 */
	enum collateral_origin origin;
	uint8_t digest[32]; /* SHA-256 of it */
};

#define KEEPS_MAX 512

/* Whether the need may be asked for once more, should its answer not hold: its row says from where. */
bool need_may_repeat(const struct collateral *need);

#endif
