/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_COMPARE_H
#define ATTEST_APPRAISE_COMPARE_H

#include "attest/appraise/reference.h"
#include "spec/gpu_report.h"

/* Measurements against the reference values of both manifests. */

struct mismatch {
	unsigned index; /* 0-based */
	enum reference_kind source;
	const uint8_t *golden; /* first alternative, 48 bytes */
	struct bytes runtime;  /* {NULL, 0}: the report has no such block */
};

struct comparison {
	bool compared;    /* both manifests were there */
	bool no_conflict;
	bool success;
	struct mismatch mismatch[2 * RIM_ROWS_MAX];
	unsigned mismatches;
};

/*
 * Step "measurements" of attester: no index is active in both (CODE_RIM_CONFLICT), index 35 is not compared where
 * NVDEC0 is disabled, every other active row must match one alternative; all mismatches are listed before it is
 * decided. Either reference may be NULL or unverified: what is there is compared, and the step fails all the same.
 */
int compare_measurements(const struct gpu_report *report, const struct reference *driver, const struct reference *vbios,
			 struct attester attester, struct steps *steps, struct comparison *out);

#endif
