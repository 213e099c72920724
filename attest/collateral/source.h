/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_SOURCE_H
#define ATTEST_COLLATERAL_SOURCE_H

#include "attest/collateral/cache.h"
#include "attest/collateral/need.h"
#include "attest/policy/conf.h"
#include "attest/progress.h"

/*
 * Where a run finds reference manifests, revocation answers and the remote verifier's tokens. In this order: files
 * given by hand; the cache of this boot for revocation answers; directories with NVIDIA's names, `RIM_DIR/<id>.xml` and
 * `OCSP_DIR/<question name>.der`; the cache; the services. What the services are asked for in one round overlaps.
 * Nothing found is believed: appraise verifies all of it, and asks again (then the services only) for what does not
 * hold.
 */
struct collateral_store {
	const char *rim_dir, *ocsp_dir;       /* NULL or "" = none */
	const char *file[COLLATERAL_KINDS];   /* answers whatever is asked for of that kind; NULL = none */
	const struct conf *services;          /* whose services are asked; NULL = none */
	struct cache *cache;                  /* NULL = none */
	bool stored_answers; /* answers without our nonce are acceptable: OCSP_DIR comes before the responder */
	int64_t max_age;                      /* of a cached revocation answer, seconds */
	bool refresh;                         /* what is past half its time in the cache is fetched anew */
	struct bytes remote_question;         /* body for COLLATERAL_TOKENS */
	int64_t deadline;                     /* lib/clock.h */
	const struct progress *progress;      /* NULL = none */
	unsigned hits;                        /* set here: what was answered without asking a service */
	struct collateral_state *state;       /* owned; NULL at first, collateral_close ends it */
};

/* A collateral_source.serve; context is a struct collateral_store. */
void collateral_serve(void *context, struct collateral *need, unsigned count);

/*
 * After the appraisal: what was fetched and verified goes into the cache, the highest nonce-bound time into its floor.
 */
void collateral_keep(struct collateral_store *store, const struct keep *keep, unsigned count);

/* The last answer of the remote verifier of that kind in this run; {NULL, 0} = none. Valid until collateral_close. */
struct bytes collateral_last(const struct collateral_store *store, enum collateral_kind kind);
/* Requests to services so far. */
unsigned collateral_requests(const struct collateral_store *store);

void collateral_close(struct collateral_store *store);

#endif
