/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/appraise.h"

#include <stdlib.h>

#include "attest/appraise/chain.h"
#include "attest/appraise/claims.h"
#include "attest/appraise/compare.h"
#include "attest/appraise/manifests.h"
#include "attest/appraise/queries.h"
#include "attest/appraise/round.h"
#include "attest/appraise/tokens.h"
#include "lib/code.h"

_Static_assert(MANIFESTS_MAX + QUERIES_MAX + 2 <= ROUND_MAX, "a round must have room for all that GPUs can need");

/* What is known of one GPU. */
struct appraised {
	bool named; /* chain and signature vouch for the report's fields: manifests may be named and rows compared */
	struct manifest *driver, *vbios; /* NULL: not named */
	struct query_path path;
	struct comparison comparison;
	struct steps steps;
};

/* The work of one appraise_run: what GPUs share stands here once. */
struct work {
	const struct appraise_input *input;
	X509 *device_root, *rim_root;
	struct x509_memo *memo;
	struct evidence evidence[GPU_MAX];
	struct appraised gpu[GPU_MAX];
	struct manifests manifests;
	struct queries queries;
	struct tokens tokens;
	struct round round;
};

static void
copy_steps(struct steps *to, const struct steps *from, struct attester attester)
{
	for (size_t i = 0; i < from->count; i++) {
		struct step step = from->list[i];

		step.attester = attester;
		steps_add(to, &step);
	}
}

/* -- evidence ------------------------------------------------------------------------------------------------------ */
static void
verify_evidence(struct work *work)
{
	const struct appraise_input *input = work->input;
	struct steps distinct = {0};

	for (unsigned i = 0; i < input->gpus; i++) {
		struct evidence *evidence = &work->evidence[i];

		evidence_verify(&input->gpu[i], work->device_root, input->nonce, input->at, attester_gpu(i), work->memo,
				&work->gpu[i].steps, evidence);
		work->gpu[i].named =
			chain_holds(evidence->chain_verdict) && evidence->signature_verified && evidence->parsed;
	}
	evidence_distinct(work->evidence, input->gpus, &distinct);
	for (size_t i = 0; i < distinct.count; i++)
		steps_add(&work->gpu[distinct.list[i].attester.index].steps, &distinct.list[i]);
	steps_free(&distinct);
}

/* -- what is needed ------------------------------------------------------------------------------------------------ */
static void
ask_local(struct work *work)
{
	for (unsigned i = 0; i < work->input->gpus; i++) {
		struct appraised *gpu = &work->gpu[i];

		if (!gpu->named)
			continue;
		gpu->driver = manifests_ask(&work->manifests, &work->round, REFERENCE_DRIVER, &work->evidence[i]);
		gpu->vbios = manifests_ask(&work->manifests, &work->round, REFERENCE_VBIOS, &work->evidence[i]);
	}
	for (unsigned i = 0; i < work->input->gpus; i++)
		queries_ask(&work->queries, &work->round, work->evidence[i].chain_verdict, &work->evidence[i].chain,
			    CHAIN_DEVICE_FIRST, &work->gpu[i].path);
}

static void
ask_round(struct work *work, const struct collateral_source *source, struct appraisal *out)
{
	round_run(&work->round, source, out->keep, &out->keeps);
}

/* What is known from the evidence alone is asked for in the first round, what the manifests name in the second. */
static void
ask_all(struct work *work, const struct collateral_source *source, struct appraisal *out)
{
	if (work->input->verifier & APPRAISE_LOCAL)
		ask_local(work);
	if (work->input->verifier & APPRAISE_REMOTE)
		tokens_ask(&work->tokens, &work->round);
	ask_round(work, source, out);
	manifests_ask_signers(&work->manifests, &work->round, &work->queries);
	ask_round(work, source, out);
}

/* -- verdict ------------------------------------------------------------------------------------------------------- */
static const struct reference *
reference_of(const struct manifest *manifest)
{
	return manifest ? &manifest->reference : NULL;
}

static void
add_manifest_steps(const struct manifest *manifest, struct attester attester, const char *name, struct steps *steps)
{
	if (manifest != NULL)
		copy_steps(steps, &manifest->steps, attester);
	else
		steps_skip(steps, attester, name, "the report does not vouch for the manifest's name");
}

static void
add_signer_step(const struct manifest *manifest, struct attester attester, const char *name, struct steps *steps)
{
	query_path_step(manifest ? &manifest->path : NULL, manifest ? &manifest->reference.chain : NULL, attester, name,
			steps);
}

static void
conclude_gpu(struct work *work, unsigned number)
{
	struct appraised *gpu = &work->gpu[number];
	struct steps *steps = &gpu->steps;
	struct attester attester = attester_gpu(number);

	add_manifest_steps(gpu->driver, attester, "driver-rim", steps);
	add_manifest_steps(gpu->vbios, attester, "vbios-rim", steps);
	query_path_step(&gpu->path, &work->evidence[number].chain, attester, "device-chain-revocation", steps);
	add_signer_step(gpu->driver, attester, "driver-rim-revocation", steps);
	add_signer_step(gpu->vbios, attester, "vbios-rim-revocation", steps);
	if (gpu->named)
		compare_measurements(&work->evidence[number].report, reference_of(gpu->driver),
				     reference_of(gpu->vbios), attester, steps, &gpu->comparison);
	else
		steps_skip(steps, attester, "measurements", "the report is not verified");
}

static char *
local_claims(const struct work *work, unsigned index)
{
	const struct appraised *gpu = &work->gpu[index];

	return claims_of(&(struct claims_basis){work->input->nonce, &work->evidence[index], &gpu->path, gpu->driver,
						gpu->vbios, &gpu->comparison});
}

/* Both verifiers speak in the steps; in the claims the local one, if it was asked. */
static void
appraise_gpus(struct work *work, const struct collateral_source *source, struct appraisal *out)
{
	bool local = work->input->verifier & APPRAISE_LOCAL;

	verify_evidence(work);
	ask_all(work, source, out);
	for (unsigned i = 0; i < work->input->gpus; i++) {
		if (local)
			conclude_gpu(work, i);
		out->claims[i] = local ? local_claims(work, i) : work->tokens.claims[i];
		if (!local)
			work->tokens.claims[i] = NULL;
		copy_steps(&out->steps, &work->gpu[i].steps, attester_gpu(i));
	}
	for (size_t i = 0; i < work->tokens.steps.count; i++)
		steps_add(&out->steps, &work->tokens.steps.list[i]);
	out->gpus = work->input->gpus;
}

/* -- begin and end ------------------------------------------------------------------------------------------------- */
static int
check_input(const struct appraise_input *input, struct err *err)
{
	if (input->gpus == 0 || input->gpus > GPU_MAX)
		return err_set(err, CODE_NO_VERDICT, "evidence of %u GPUs, want 1 to %d", input->gpus,
			       GPU_MAX);
	if (input->verifier == 0 || input->verifier > (APPRAISE_LOCAL | APPRAISE_REMOTE))
		return err_set(err, CODE_NO_VERDICT, "verifier %u is none", input->verifier);
	return 0;
}

static int
read_anchors(struct work *work, struct err *err)
{
	work->device_root = x509_anchor(work->input->device_root, err);
	if (work->device_root == NULL)
		return err_wrap(err, CODE_USAGE, "device-root");
	work->rim_root = x509_anchor(work->input->rim_root, err);
	work->manifests.root = work->rim_root;
	return work->rim_root != NULL ? 0 : err_wrap(err, CODE_USAGE, "rim-root");
}

static struct work *
work_new(const struct appraise_input *input)
{
	struct work *work = xcalloc(1, sizeof(*work));

	work->input = input;
	work->memo = x509_memo_new();
	work->manifests.at = work->queries.at = work->tokens.at = input->at;
	work->manifests.memo = work->queries.memo = work->memo;
	work->queries.policy = input->revocation;
	work->tokens.trust = &input->remote;
	work->tokens.nonce = input->nonce;
	work->tokens.evidence = work->evidence;
	work->tokens.gpus = input->gpus;
	return work;
}

static void
work_free(struct work *work)
{
	queries_free(&work->queries);
	manifests_free(&work->manifests);
	tokens_free(&work->tokens);
	for (unsigned i = 0; i < work->input->gpus; i++) {
		evidence_free(&work->evidence[i]);
		steps_free(&work->gpu[i].steps);
	}
	x509_memo_free(work->memo);
	X509_free(work->device_root);
	X509_free(work->rim_root);
	free(work);
}

int
appraise_run(const struct appraise_input *input, const struct collateral_source *source, struct appraisal *out,
	     struct err *err)
{
	const struct step *failed;
	struct work *work;

	*out = (struct appraisal){0};
	if (check_input(input, err) < 0)
		return -1;
	work = work_new(input);
	if (read_anchors(work, err) < 0)
		steps_fail(&out->steps, attester_run, "trust-anchors", err);
	else
		appraise_gpus(work, source, out);
	work_free(work);
	steps_conclude(&out->steps);
	failed = steps_first_failure(&out->steps);
	if (steps_code(&out->steps) == CODE_OK)
		return 0;
	return err_set(err, steps_code(&out->steps), "%s: %s", failed ? failed->name : "steps",
		       failed ? failed->detail : "none");
}
