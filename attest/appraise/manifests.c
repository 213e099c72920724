/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/engine.h"
#include "lib/code.h"

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

void
appraise_name_manifests(struct run *run)
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
						    appraise_need(run, COLLATERAL_DRIVER_RIM,
								  gpu_report_driver_rim_id(report, evidence->arch)),
						    &driver);
		gpu->vbios =
			find_manifest(run, appraise_need(run, COLLATERAL_VBIOS_RIM, gpu_report_vbios_rim_id(report)),
				      &vbios);
	}
}

static void
judge_manifest(struct run *run, struct manifest *manifest, const struct collateral *need)
{
	const char *step = manifest->want.kind == REFERENCE_DRIVER ? "driver-rim" : "vbios-rim";

	steps_free(&manifest->steps);
	reference_free(&manifest->reference);
	if (need->err.code != CODE_OK)
		steps_fail(&manifest->steps, 0, step, &need->err);
	else
		reference_verify(buf_bytes(&need->answer), &manifest->want, run->rim_root, run->input->at, 0, run->memo,
				 &manifest->steps, &manifest->reference);
}

bool
appraise_judge_manifests(struct run *run, unsigned index)
{
	bool holds = true;

	for (unsigned i = 0; i < run->manifests; i++) {
		struct manifest *manifest = &run->manifest[i];

		if (manifest->need != index)
			continue;
		if (!manifest->reference.verified)
			judge_manifest(run, manifest, &run->round.need[index]);
		holds = holds && manifest->reference.verified;
	}
	return holds;
}

int64_t
appraise_manifests_until(const struct run *run, unsigned index)
{
	for (unsigned i = 0; i < run->manifests; i++)
		if (run->manifest[i].need == index)
			return x509_chain_not_after(&run->manifest[i].reference.chain);
	return 0;
}

static void
report_manifest(struct gpu_run *gpu, int index, const char *step, const struct manifest *manifest)
{
	if (manifest != NULL)
		appraise_copy_steps(&gpu->steps, &manifest->steps, index);
	else
		steps_skip(&gpu->steps, index, step, "the report does not vouch for the manifest's name");
}

void
appraise_manifest_steps(struct run *run, unsigned index)
{
	struct gpu_run *gpu = &run->gpu[index];

	report_manifest(gpu, (int)index, "driver-rim", gpu->driver);
	report_manifest(gpu, (int)index, "vbios-rim", gpu->vbios);
}
