/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/queries.h"

#include <stdlib.h>
#include <string.h>

#include "attest/appraise/chain.h"
#include "lib/clock.h"
#include "lib/code.h"

/* An answer from the cache echoes the nonce of the request that it was made for. */
static const uint8_t *
nonce_of(const struct query *query, const struct collateral *need)
{
	return need->origin == ORIGIN_CACHE ? need->nonce : query->question.nonce;
}

/*
 * A responder that echoes our nonce answered after we asked. If it is ahead of our clock, our clock was set back.
 */
static int
check_clock(const struct revocation *said, int64_t at, struct err *err)
{
	char text[2][32];

	if (!said->nonce_matches || said->produced_at <= at + REVOCATION_SKEW)
		return 0;
	clock_format(said->produced_at, text[0]);
	clock_format(at, text[1]);
	return err_set(err, CODE_CLOCK, "the clock says %s, a service that answers us %s", text[1], text[0]);
}

static enum judgement
judge_query(void *context, const struct collateral *need)
{
	struct query *query = context;
	const struct queries *queries = query->queries;
	struct revocation_question asked = query->question;

	query->err = need->err;
	query->good = false;
	if (need->err.code != CODE_OK)
		return DOES_NOT_HOLD;
	memcpy(asked.nonce, nonce_of(query, need), sizeof(asked.nonce));
	query->good = revocation_judge(&asked, buf_bytes(&need->answer), queries->at, &queries->policy, queries->memo,
				       &query->said, &query->err) == 0;
	if (query->good || query->err.code == CODE_OCSP_STALE)
		query->good = check_clock(&query->said, queries->at, &query->err) == 0 && query->good;
	return query->good ? HOLDS : DOES_NOT_HOLD;
}

static bool
keep_query(const void *context, const struct collateral *need, struct keep *out)
{
	const struct query *query = context;
	const struct revocation *said = &query->said;

	(void)need;
	out->until = said->until;
	out->time = said->nonce_matches ? said->produced_at : 0;
	out->made = said->produced_at;
	return query->good;
}

static const struct judge query_judge = {judge_query, keep_query};

static void
ask_source(struct query *query, struct round *round)
{
	struct collateral *need =
		round_need(round, COLLATERAL_OCSP, xstrdup(query->question.name), &query_judge, query);

	if (need->question.data != NULL) {
		err_set(&query->err, CODE_OCSP_OTHER, "another certificate of the same issuer has its serial number");
		return;
	}
	round_question(round, need, buf_bytes(&query->question.der), query->question.nonce);
}

/* A certificate authority that was certified again is asked about once. */
static bool
same_issuer(const X509 *a, const X509 *b)
{
	return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
	       EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

static struct query *
find_query(struct queries *queries, struct round *round, const X509 *cert, const X509 *issuer)
{
	struct query *query;

	for (unsigned i = 0; i < queries->count; i++) {
		query = &queries->list[i];
		if (X509_cmp(query->question.cert, cert) == 0 && same_issuer(query->question.issuer, issuer))
			return query;
	}
	query = &queries->list[queries->count++];
	query->queries = queries;
	if (revocation_ask(cert, issuer, queries->policy.hash, &query->question, &query->err) == 0)
		ask_source(query, round);
	return query;
}

void
queries_ask(struct queries *queries, struct round *round, enum x509_verdict verdict, const struct x509_chain *chain,
	    unsigned first, struct query_path *path)
{
	if (!chain_holds(verdict))
		return;
	for (unsigned i = first; i + 1 < chain->count; i++) {
		path->query[i] = find_query(queries, round, chain->cert[i], chain->cert[i + 1]);
		path->asked++;
	}
}

/* From the root down: an upper certificate that is revoked takes everything below with it. */
void
query_path_step(const struct query_path *path, const struct x509_chain *chain, struct attester attester,
		const char *name, struct steps *steps)
{
	unsigned bad = 0, held = 0;
	struct err err = ERR_INIT;

	if (path == NULL || path->asked == 0) {
		steps_skip(steps, attester, name, "the chain does not lead to the pinned root");
		return;
	}
	for (unsigned i = chain->count; i-- > 0;) {
		const struct query *query = path->query[i];
		char common_name[65];

		if (query == NULL)
			continue;
		held += query->good && query->said.status == REVOCATION_REVOKED;
		if (query->good || bad++ != 0)
			continue;
		err = query->err;
		err_wrap(&err, 0, "certificate %u (%s)", i,
			 x509_common_name(chain->cert[i], common_name, sizeof(common_name)) ? common_name
											    : "no common name");
	}
	if (bad > 1)
		err_wrap(&err, 0, "%u of %u certificates", bad, path->asked);
	if (bad != 0)
		steps_fail(steps, attester, name, &err);
	else
		steps_ok(steps, attester, name, "%u certificates good%s", path->asked - held,
			 held != 0 ? ", others on hold, which the policy allows" : "");
}

void
queries_free(struct queries *queries)
{
	for (unsigned i = 0; i < queries->count; i++)
		revocation_question_free(&queries->list[i].question);
	queries->count = 0;
}
