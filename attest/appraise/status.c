/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/engine.h"
#include "lib/clock.h"
#include "lib/code.h"

/*
 * Every certificate below the root is asked about, with one exception: certificate 0 of a device is made by the device
 * at each start, so its issuer, which is the device itself, keeps no list and no responder knows it.
 */
#define DEVICE_FIRST 1
#define RIM_FIRST 0

static void
ask_source(struct run *run, struct query *query)
{
	unsigned index = appraise_need(run, COLLATERAL_OCSP, xstrdup(query->question.name));
	struct collateral *need = &run->round.need[index];

	if (run->round.state[index].query != NULL) {
		err_set(&query->err, CODE_OCSP_OTHER, "another certificate of the same issuer has its serial number");
		return;
	}
	need->question = buf_bytes(&query->question.der);
	memcpy(need->nonce, query->question.nonce, sizeof(need->nonce));
	run->round.state[index].query = query;
}

/* A certificate authority that was certified again is asked once. */
static bool
same_issuer(const X509 *a, const X509 *b)
{
	return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
	       EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

static struct query *
find_query(struct run *run, const X509 *cert, const X509 *issuer)
{
	struct query *query;

	for (unsigned i = 0; i < run->queries; i++) {
		query = &run->query[i];
		if (X509_cmp(query->question.cert, cert) == 0 && same_issuer(query->question.issuer, issuer))
			return query;
	}
	query = &run->query[run->queries++];
	if (revocation_ask(cert, issuer, run->input->revocation.hash, &query->question, &query->err) == 0)
		ask_source(run, query);
	return query;
}

static void
ask_chain(struct run *run, enum x509_verdict verdict, const struct x509_chain *chain, unsigned first,
	  struct revocation_path *path)
{
	if (!appraise_chain_holds(verdict))
		return;
	for (unsigned i = first; i + 1 < chain->count; i++) {
		path->query[i] = find_query(run, chain->cert[i], chain->cert[i + 1]);
		path->asked++;
	}
}

void
appraise_ask_devices(struct run *run)
{
	for (unsigned i = 0; i < run->input->gpus; i++)
		ask_chain(run, run->evidence[i].chain_verdict, &run->evidence[i].chain, DEVICE_FIRST,
			  &run->gpu[i].path);
}

void
appraise_ask_signers(struct run *run)
{
	for (unsigned i = 0; i < run->manifests; i++) {
		struct manifest *manifest = &run->manifest[i];

		ask_chain(run, manifest->reference.chain_verdict, &manifest->reference.chain, RIM_FIRST,
			  &manifest->path);
	}
}

const uint8_t *
appraise_nonce(const struct query *query, const struct collateral *need)
{
	return need->origin == ORIGIN_CACHE ? need->nonce : query->question.nonce;
}

/*
 * Whoever echoes our nonce answers after we asked: a responder that is ahead of our clock says that ours was set back.
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

bool
appraise_judge_query(struct run *run, struct query *query, const struct collateral *need)
{
	const struct appraise_input *input = run->input;
	struct revocation_question asked = query->question;

	query->err = need->err;
	query->good = false;
	if (need->err.code != CODE_OK)
		return false;
	memcpy(asked.nonce, appraise_nonce(query, need), sizeof(asked.nonce));
	query->good = revocation_judge(&asked, buf_bytes(&need->answer), input->at, &input->revocation, run->memo,
				       &query->said, &query->err) == 0;
	if (query->good || query->err.code == CODE_OCSP_STALE)
		query->good = check_clock(&query->said, input->at, &query->err) == 0 && query->good;
	return query->good;
}

/* From the root down: an upper certificate that is revoked takes everything below with it. */
static void
step_for_path(struct gpu_run *gpu, int index, const char *name, const struct x509_chain *chain,
	      const struct revocation_path *path)
{
	unsigned bad = 0, held = 0;
	struct err err = ERR_INIT;

	if (path == NULL || path->asked == 0) {
		steps_skip(&gpu->steps, index, name, "the chain does not lead to the pinned root");
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
		steps_fail(&gpu->steps, index, name, &err);
	else
		steps_ok(&gpu->steps, index, name, "%u certificates good%s", path->asked - held,
			 held != 0 ? ", others on hold, which the policy allows" : "");
}

void
appraise_revocation_steps(struct run *run, unsigned index)
{
	struct gpu_run *gpu = &run->gpu[index];
	struct manifest *driver = gpu->driver, *vbios = gpu->vbios;

	step_for_path(gpu, (int)index, "device-chain-revocation", &run->evidence[index].chain, &gpu->path);
	step_for_path(gpu, (int)index, "driver-rim-revocation", driver ? &driver->reference.chain : NULL,
		      driver ? &driver->path : NULL);
	step_for_path(gpu, (int)index, "vbios-rim-revocation", vbios ? &vbios->reference.chain : NULL,
		      vbios ? &vbios->path : NULL);
}
