/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/appraise.h"

#include <stdlib.h>
#include <string.h>

#include "attest/appraise/engine.h"
#include "lib/code.h"

bool
appraise_chain_holds(enum x509_verdict verdict)
{
	return verdict == X509_TRUSTED || verdict == X509_EXPIRED;
}

/* -- evidence ------------------------------------------------------------------------------------------------------ */
void
appraise_copy_steps(struct steps *to, const struct steps *from, int gpu)
{
	for (size_t i = 0; i < from->count; i++) {
		struct step step = from->list[i];

		step.gpu = gpu;
		steps_add(to, &step);
	}
}

static void
verify_evidence(struct run *run)
{
	const struct appraise_input *input = run->input;
	struct steps distinct = {0};

	for (unsigned i = 0; i < input->gpus; i++) {
		struct evidence *evidence = &run->evidence[i];

		evidence_verify(&input->gpu[i], run->device_root, input->nonce, input->at, (int)i, run->memo,
				&run->gpu[i].steps, evidence);
		run->gpu[i].named = appraise_chain_holds(evidence->chain_verdict) && evidence->signature_verified &&
				    evidence->parsed;
	}
	evidence_distinct(run->evidence, input->gpus, &distinct);
	for (size_t i = 0; i < distinct.count; i++)
		steps_add(&run->gpu[distinct.list[i].gpu].steps, &distinct.list[i]);
	steps_free(&distinct);
}

/* -- verdict ------------------------------------------------------------------------------------------------------- */
static const struct reference *
reference_of(const struct manifest *manifest)
{
	return manifest ? &manifest->reference : NULL;
}

static void
judge_gpu(struct run *run, unsigned index)
{
	struct gpu_run *gpu = &run->gpu[index];

	appraise_manifest_steps(run, index);
	appraise_revocation_steps(run, index);
	if (gpu->named)
		appraise_compare(&run->evidence[index].report, reference_of(gpu->driver), reference_of(gpu->vbios),
				 (int)index, &gpu->steps, &gpu->comparison);
	else
		steps_skip(&gpu->steps, (int)index, "measurements", "the report is not verified");
}

static void
run_free(struct run *run)
{
	for (unsigned i = 0; i < run->queries; i++)
		revocation_question_free(&run->query[i].question);
	for (unsigned i = 0; i < run->manifests; i++) {
		reference_free(&run->manifest[i].reference);
		steps_free(&run->manifest[i].steps);
		free(run->manifest[i].version);
		free(run->manifest[i].product);
	}
	for (unsigned i = 0; i < run->input->gpus; i++) {
		free(run->remote.claims[i]);
		evidence_free(&run->evidence[i]);
		steps_free(&run->gpu[i].steps);
	}
	steps_free(&run->remote.steps);
	x509_memo_free(run->memo);
	X509_free(run->device_root);
	X509_free(run->rim_root);
	free(run);
}

static int
read_anchors(struct run *run, struct err *err)
{
	run->device_root = x509_anchor(run->input->device_root, err);
	if (run->device_root == NULL)
		return err_wrap(err, CODE_USAGE, "device-root");
	run->rim_root = x509_anchor(run->input->rim_root, err);
	return run->rim_root != NULL ? 0 : err_wrap(err, CODE_USAGE, "rim-root");
}

/* What is known from the evidence alone is asked for in the first round, what the manifests name in the second. */
static void
gather(struct run *run)
{
	if (run->input->verifier & APPRAISE_LOCAL) {
		appraise_name_manifests(run);
		appraise_ask_devices(run);
	}
	if (run->input->verifier & APPRAISE_REMOTE)
		appraise_name_remote(run);
	appraise_round(run);
	appraise_ask_signers(run);
	appraise_round(run);
}

/* Both verifiers speak in the steps; in the claims the local one, if it was asked. */
static void
appraise_gpus(struct run *run, struct appraisal *out)
{
	bool local = run->input->verifier & APPRAISE_LOCAL;

	verify_evidence(run);
	gather(run);
	for (unsigned i = 0; i < run->input->gpus; i++) {
		if (local)
			judge_gpu(run, i);
		out->claims[i] = local ? appraise_claims(run, i) : run->remote.claims[i];
		if (!local)
			run->remote.claims[i] = NULL;
		appraise_copy_steps(&out->steps, &run->gpu[i].steps, (int)i);
	}
	for (size_t i = 0; i < run->remote.steps.count; i++)
		steps_add(&out->steps, &run->remote.steps.list[i]);
	out->gpus = run->input->gpus;
}

static int
check_input(const struct appraise_input *input, struct err *err)
{
	if (input->gpus == 0 || input->gpus > APPRAISE_GPUS_MAX)
		return err_set(err, CODE_NO_VERDICT, "evidence of %u GPUs, want 1 to %d", input->gpus,
			       APPRAISE_GPUS_MAX);
	if (input->verifier == 0 || input->verifier > (APPRAISE_LOCAL | APPRAISE_REMOTE))
		return err_set(err, CODE_NO_VERDICT, "verifier %u is none", input->verifier);
	return 0;
}

int
appraise_run(const struct appraise_input *input, const struct collateral_source *source, struct appraisal *out,
	     struct err *err)
{
	const struct step *failed;
	struct run *run;

	*out = (struct appraisal){0};
	if (check_input(input, err) < 0)
		return -1;
	run = xcalloc(1, sizeof(*run));
	run->input = input;
	run->source = source;
	run->out = out;
	run->memo = x509_memo_new();
	if (read_anchors(run, err) < 0)
		steps_fail(&out->steps, STEP_RUN, "trust-anchors", err);
	else
		appraise_gpus(run, out);
	run_free(run);
	steps_conclude(&out->steps);
	failed = steps_first_failure(&out->steps);
	if (steps_code(&out->steps) == CODE_OK)
		return 0;
	return err_set(err, steps_code(&out->steps), "%s: %s", failed ? failed->name : "steps",
		       failed ? failed->detail : "none");
}
