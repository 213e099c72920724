/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise_run.h"
#include "lib/code.h"

/*
 * Every certificate below the root is asked about, with one exception: certificate 0 of a device is made by the device at
 * each start, so its issuer, which is the device itself, keeps no list and no responder knows it.
 */
#define DEVICE_FIRST 1
#define RIM_FIRST 0

static struct query *
find_query(struct run *run, const X509 *cert, const X509 *issuer)
{
	struct query *query;
	struct revocation_question question;
	struct err err = ERR_INIT;

	for (unsigned i = 0; i < run->queries; i++) {
		query = &run->query[i];
		if (X509_cmp(query->question.cert, cert) == 0 && X509_cmp(query->question.issuer, issuer) == 0)
			return query;
	}
	query = &run->query[run->queries++];
	if (revocation_ask(cert, issuer, REVOCATION_SHA1, &question, &err) < 0)
		query->err = err;
	query->question = question;
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

static void
judge_query(struct run *run, struct query *query, const struct collateral *need)
{
	if (need->err.code != CODE_OK) {
		query->err = need->err;
		return;
	}
	query->good = revocation_judge(&query->question, buf_bytes(&need->answer), run->input->at, &run->input->revocation,
				       run->memo, &query->said, &query->err) == 0;
}

static void
ask_source(struct run *run)
{
	struct collateral *needs = xcalloc(run->queries, sizeof(*needs));
	unsigned *asked_by = xcalloc(run->queries, sizeof(*asked_by));
	unsigned count = 0;

	for (unsigned i = 0; i < run->queries; i++) {
		struct revocation_question *question = &run->query[i].question;

		if (run->query[i].err.code != CODE_OK)
			continue;
		asked_by[count] = i;
		needs[count++] = (struct collateral){
			.kind = COLLATERAL_OCSP, .name = question->name, .question = buf_bytes(&question->der)};
	}
	if (count != 0)
		run->source->serve(run->source->context, needs, count);
	for (unsigned i = 0; i < count; i++) {
		judge_query(run, &run->query[asked_by[i]], &needs[i]);
		buf_free(&needs[i].answer);
	}
	free(needs);
	free(asked_by);
}

void
appraise_revocation(struct run *run)
{
	for (unsigned i = 0; i < run->input->gpus; i++)
		ask_chain(run, run->evidence[i].chain_verdict, &run->evidence[i].chain, DEVICE_FIRST, &run->gpu[i].path);
	for (unsigned i = 0; i < run->manifests; i++) {
		struct manifest *manifest = &run->manifest[i];

		ask_chain(run, manifest->reference.chain_verdict, &manifest->reference.chain, RIM_FIRST, &manifest->path);
	}
	if (run->queries != 0)
		ask_source(run);
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
			 x509_common_name(chain->cert[i], common_name, sizeof(common_name)) ? common_name : "no common name");
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
