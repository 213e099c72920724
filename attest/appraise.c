/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise.h"

#include <stdlib.h>
#include <string.h>

#include "attest/appraise_run.h"
#include "lib/code.h"

bool
appraise_chain_holds(enum x509_verdict verdict)
{
	return verdict == X509_TRUSTED || verdict == X509_EXPIRED;
}

/* -- evidence ------------------------------------------------------------------------------------------------------ */
static void
copy_steps(struct steps *to, const struct steps *from, int gpu)
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

/* -- reference manifests ------------------------------------------------------------------------------------------- */

/* Hopper's manifests are all for GH100; Blackwell reports name their chip, the first drivers' left out GB100. */
const char *
appraise_product(const struct evidence *evidence)
{
	switch (evidence->arch) {
	case GPU_ARCH_HOPPER:
		return "GH100";
	case GPU_ARCH_BLACKWELL:
		return evidence->report.chip[0] != '\0' ? evidence->report.chip : "GB100";
	default:
		return NULL;
	}
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static unsigned
find_need(struct collateral *needs, unsigned *count, enum collateral_kind kind, char *name)
{
	for (unsigned i = 0; i < *count; i++) {
		if (needs[i].kind == kind && strcmp(needs[i].name, name) == 0) {
			free(name);
			return i;
		}
	}
	needs[*count] = (struct collateral){.kind = kind, .name = name};
	return (*count)++;
}

static struct manifest *
find_manifest(struct run *run, unsigned need, const struct reference_want *want)
{
	struct manifest *manifest;

	for (unsigned i = 0; i < run->manifests; i++) {
		manifest = &run->manifest[i];
		if (manifest->need == need && strcmp(manifest->version, want->version) == 0 &&
		    same_text(manifest->product, want->product))
			return manifest;
	}
	manifest = &run->manifest[run->manifests++];
	manifest->need = need;
	manifest->version = xstrdup(want->version);
	manifest->product = want->product ? xstrdup(want->product) : NULL;
	manifest->want = (struct reference_want){want->kind, manifest->version, manifest->product};
	return manifest;
}

static void
name_manifests(struct run *run, struct collateral *needs, unsigned *count)
{
	for (unsigned i = 0; i < run->input->gpus; i++) {
		const struct evidence *evidence = &run->evidence[i];
		const struct gpu_report *report = &evidence->report;
		struct reference_want driver = {REFERENCE_DRIVER, report->driver_version, appraise_product(evidence)};
		struct reference_want vbios = {REFERENCE_VBIOS, report->vbios_version, appraise_product(evidence)};
		struct gpu_run *gpu = &run->gpu[i];

		if (!gpu->named)
			continue;
		if (evidence->arch != GPU_ARCH_UNKNOWN)
			gpu->driver = find_manifest(run,
						    find_need(needs, count, COLLATERAL_DRIVER_RIM,
							      gpu_report_driver_rim_id(report, evidence->arch)),
						    &driver);
		gpu->vbios = find_manifest(
			run, find_need(needs, count, COLLATERAL_VBIOS_RIM, gpu_report_vbios_rim_id(report)), &vbios);
	}
}

static void
verify_manifest(struct run *run, struct manifest *manifest, const struct collateral *need)
{
	const char *step = manifest->want.kind == REFERENCE_DRIVER ? "driver-rim" : "vbios-rim";

	if (need->err.code != CODE_OK)
		steps_fail(&manifest->steps, 0, step, &need->err);
	else
		reference_verify(buf_bytes(&need->answer), &manifest->want, run->rim_root, run->input->at, 0, run->memo,
				 &manifest->steps, &manifest->reference);
}

static void
verify_manifests(struct run *run)
{
	struct collateral needs[MANIFESTS_MAX] = {0};
	unsigned count = 0;

	name_manifests(run, needs, &count);
	if (count != 0)
		run->source->serve(run->source->context, needs, count);
	for (unsigned i = 0; i < run->manifests; i++)
		verify_manifest(run, &run->manifest[i], &needs[run->manifest[i].need]);
	for (unsigned i = 0; i < count; i++) {
		free(needs[i].name);
		buf_free(&needs[i].answer);
	}
}

static void
report_manifest(struct gpu_run *gpu, int index, const char *step, const struct manifest *manifest)
{
	if (manifest != NULL)
		copy_steps(&gpu->steps, &manifest->steps, index);
	else
		steps_skip(&gpu->steps, index, step, "the report does not vouch for the manifest's name");
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

	report_manifest(gpu, (int)index, "driver-rim", gpu->driver);
	report_manifest(gpu, (int)index, "vbios-rim", gpu->vbios);
	appraise_revocation_steps(run, index);
	if (gpu->named)
		appraise_compare(&run->evidence[index].report, reference_of(gpu->driver), reference_of(gpu->vbios), (int)index,
				 &gpu->steps, &gpu->comparison);
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
		evidence_free(&run->evidence[i]);
		steps_free(&run->gpu[i].steps);
	}
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

static void
appraise_gpus(struct run *run, struct appraisal *out)
{
	verify_evidence(run);
	verify_manifests(run);
	appraise_revocation(run);
	for (unsigned i = 0; i < run->input->gpus; i++) {
		judge_gpu(run, i);
		out->claims[i] = appraise_claims(run, i);
		copy_steps(&out->steps, &run->gpu[i].steps, (int)i);
	}
	out->gpus = run->input->gpus;
}

int
appraise_run(const struct appraise_input *input, const struct collateral_source *source, struct appraisal *out,
	     struct err *err)
{
	const struct step *failed;
	struct run *run;

	*out = (struct appraisal){0};
	if (input->gpus == 0 || input->gpus > APPRAISE_GPUS_MAX)
		return err_set(err, CODE_NO_VERDICT, "evidence of %u GPUs, want 1 to %d", input->gpus, APPRAISE_GPUS_MAX);
	run = xcalloc(1, sizeof(*run));
	run->input = input;
	run->source = source;
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
