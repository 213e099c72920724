/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/manifests.h"

#include <stdlib.h>
#include <string.h>

#include "attest/appraise/chain.h"
#include "lib/code.h"

/* -- judging ------------------------------------------------------------------------------------------------------- */
static void
verify_needed(const struct manifests *manifests, struct manifest *manifest)
{
	const struct collateral *need = manifest->need;

	steps_free(&manifest->steps);
	reference_free(&manifest->reference);
	if (need->err.code != CODE_OK)
		steps_fail(&manifest->steps, attester_run, kind_row(need->kind)->name, &need->err);
	else
		reference_verify(buf_bytes(&need->answer), &manifest->want, manifests->root, manifests->at,
				 attester_run, manifests->memo, &manifest->steps, &manifest->reference);
}

/* GPUs may need one document for different versions or products: it holds if it holds for all. */
static enum judgement
judge_manifests(void *context, const struct collateral *need)
{
	struct manifests *manifests = context;
	enum judgement judgement = HOLDS;

	for (unsigned i = 0; i < manifests->count; i++) {
		struct manifest *manifest = &manifests->list[i];

		if (manifest->need != need)
			continue;
		if (!manifest->reference.verified)
			verify_needed(manifests, manifest);
		if (!manifest->reference.verified)
			judgement = DOES_NOT_HOLD;
	}
	return judgement;
}

/* Until the end of the signer's validity. */
static bool
keep_manifests(const void *context, const struct collateral *need, struct keep *out)
{
	const struct manifests *manifests = context;
	bool holds = true;

	for (unsigned i = manifests->count; i-- > 0;) {
		const struct manifest *manifest = &manifests->list[i];

		if (manifest->need != need)
			continue;
		holds = holds && manifest->reference.verified;
		out->until = x509_chain_not_after(&manifest->reference.chain);
	}
	return holds;
}

static const struct judge manifests_judge = {judge_manifests, keep_manifests};

/* -- asking -------------------------------------------------------------------------------------------------------- */
static bool
same_product(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct manifest *
find_manifest(struct manifests *manifests, const struct collateral *need, const struct reference_want *want)
{
	struct manifest *manifest;

	for (unsigned i = 0; i < manifests->count; i++) {
		manifest = &manifests->list[i];
		if (manifest->need == need && strcmp(manifest->version, want->version) == 0 &&
		    same_product(manifest->product, want->product))
			return manifest;
	}
	manifest = &manifests->list[manifests->count++];
	manifest->need = need;
	manifest->version = xstrdup(want->version);
	manifest->product = want->product ? xstrdup(want->product) : NULL;
	manifest->want = (struct reference_want){want->kind, manifest->version, manifest->product};
	return manifest;
}

struct manifest *
manifests_ask(struct manifests *manifests, struct round *round, enum reference_kind kind,
	      const struct evidence *evidence)
{
	const struct gpu_report *report = &evidence->report;
	bool driver = kind == REFERENCE_DRIVER;
	struct reference_want want = {kind, driver ? report->driver_version : report->vbios_version,
				      gpu_arch_product(evidence->arch, report->chip)};
	char *id;

	if (want.product == NULL)
		return NULL;
	id = driver ? gpu_report_driver_rim_id(report, evidence->arch) : gpu_report_vbios_rim_id(report);
	return find_manifest(manifests,
			     round_need(round, driver ? COLLATERAL_DRIVER_RIM : COLLATERAL_VBIOS_RIM, id,
					&manifests_judge, manifests),
			     &want);
}

void
manifests_ask_signers(struct manifests *manifests, struct round *round, struct queries *queries)
{
	for (unsigned i = 0; i < manifests->count; i++) {
		struct manifest *manifest = &manifests->list[i];

		queries_ask(queries, round, manifest->reference.chain_verdict, &manifest->reference.chain,
			    CHAIN_SIGNER_FIRST, &manifest->path);
	}
}

void
manifests_free(struct manifests *manifests)
{
	for (unsigned i = 0; i < manifests->count; i++) {
		struct manifest *manifest = &manifests->list[i];

		reference_free(&manifest->reference);
		steps_free(&manifest->steps);
		free(manifest->version);
		free(manifest->product);
	}
	manifests->count = 0;
}
