/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_GATHER_H
#define ATTEST_COLLATERAL_GATHER_H

#include "attest/collateral/archive.h"
#include "attest/collateral/source.h"
#include "attest/policy/anchors.h"
#include "spec/gpu_evidence.h"

/*
 * What the appraisal of given evidence asks for, collected instead of used: an appraisal is run, its verdict is
 * nobody's, and what its source served goes into an archive. What an archive is worth is judged by itself.
 */
struct gather_request {
	const struct conf *conf;
	const struct archive_trust *trust;
	const struct gpu_evidence *evidence;
	unsigned gpus;
	const char *driver, *vbios; /* versions in place of those that the GPUs run; NULL = theirs */
	struct cache *cache;        /* NULL = none; gets what was fetched and holds */
	bool refresh_answers;       /* those past half their time are fetched anew */
	bool refresh_manifests;     /* those in the cache are fetched anew */
	const struct progress *progress;
	int64_t deadline;
};

struct gathered {
	struct archive archive; /* grows from call to call */
	/* evidence that cannot be used, what is missing; and "*-revocation" as the policy here sees it */
	struct steps steps;
	unsigned requests;      /* to services */
};

/*
 * -1 with CODE_USAGE for a version that cannot be one, or where the worker gave no answer. What is missing is told in
 * steps.
 */
int gather(const struct gather_request *request, struct gathered *out, struct err *err);
void gather_free(struct gathered *gathered);

#endif
