/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_QUERIES_H
#define ATTEST_APPRAISE_QUERIES_H

#include "attest/appraise/evidence.h"
#include "attest/appraise/revocation.h"
#include "attest/appraise/round.h"
#include "attest/steps.h"

/* Revocation along certification paths: each certificate is asked about once, whoever's path it stands in. */

#define QUERIES_MAX (3 * GPU_MAX * (X509_CHAIN_MAX - 1)) /* paths of a GPU and of its two manifests */

/* One certificate's revocation, asked for and judged once. */
struct query {
	const struct queries *queries;
	struct revocation_question question;
	struct revocation said;
	bool good;
	struct err err; /* why not good */
};

/* Of one path: query[i] concerns certificate i and is NULL where none was asked. */
struct query_path {
	const struct query *query[X509_CHAIN_MAX];
	unsigned asked;
};

struct queries {
	struct revocation_policy policy;
	int64_t at;
	struct x509_memo *memo;
	struct query list[QUERIES_MAX];
	unsigned count;
};

/*
 * Asks about the certificates of a chain from the first on, root excepted, in this round: none if the chain does not
 * lead to its anchor (chain_holds).
 */
void queries_ask(struct queries *queries, struct round *round, enum x509_verdict verdict,
		 const struct x509_chain *chain, unsigned first, struct query_path *path);
/* The step name of attester; path NULL: there is none. */
void query_path_step(const struct query_path *path, const struct x509_chain *chain, struct attester attester,
		     const char *name, struct steps *steps);
void queries_free(struct queries *queries);

#endif
