/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/compare.h"
#include "lib/code.h"

#define NVDEC0_INDEX 35 /* measures the decoder's firmware, which is not loaded where NVDEC0 is disabled */

/* Rows that may be compared: those of a tree whose signature was right. */
static bool
has_rows(const struct reference *reference)
{
	return reference != NULL && reference->measurements_available;
}

static bool
row_matches(const struct rim_row *row, struct bytes runtime)
{
	for (unsigned i = 0; i < row->alternatives; i++)
		if (bytes_equal(bytes_of(row->hash[i], RIM_HASH_SIZE), runtime))
			return true;
	return false;
}

static void
compare_rows(const struct gpu_report *report, const struct reference *reference, enum reference_kind source,
	     struct comparison *out)
{
	for (unsigned i = 0; has_rows(reference) && i < RIM_ROWS_MAX; i++) {
		const struct rim_row *row = &reference->rim.row[i];
		struct bytes runtime = spdm_measurements_value(&report->spdm, i + 1);

		if (!row->active || (i == NVDEC0_INDEX && report->nvdec == GPU_NVDEC_DISABLED) ||
		    row_matches(row, runtime))
			continue;
		out->mismatch[out->mismatches++] = (struct mismatch){i, source, row->hash[0], runtime};
	}
}

static int
find_conflict(const struct reference *driver, const struct reference *vbios)
{
	for (unsigned i = 0; i < RIM_ROWS_MAX; i++)
		if (driver->rim.row[i].active && vbios->rim.row[i].active)
			return (int)i;
	return -1;
}

/* "Driver 7,21 Firmware 9" */
static char *
list_mismatches(const struct comparison *comparison)
{
	struct buf text = {0};

	for (unsigned i = 0; i < comparison->mismatches; i++) {
		const struct mismatch *mismatch = &comparison->mismatch[i];

		if (i == 0 || mismatch->source != comparison->mismatch[i - 1].source)
			buf_printf(&text, "%s%s ", i == 0 ? "" : " ",
				   mismatch->source == REFERENCE_DRIVER ? "Driver" : "Firmware");
		else
			buf_add_text(&text, ",");
		buf_printf(&text, "%u", mismatch->index);
	}
	return buf_steal_text(&text);
}

static const char *
why_incomplete(const struct reference *driver, const struct reference *vbios)
{
	if (!has_rows(driver))
		return has_rows(vbios) ? "no driver manifest to compare with" : "no manifests to compare with";
	if (!has_rows(vbios))
		return "no VBIOS manifest to compare with";
	if (!driver->verified)
		return "the driver manifest is not verified";
	return vbios->verified ? NULL : "the VBIOS manifest is not verified";
}

static int
judge_comparison(const struct gpu_report *report, const struct reference *driver, const struct reference *vbios,
      const struct comparison *comparison, struct err *err)
{
	const char *incomplete = why_incomplete(driver, vbios);
	int conflict = comparison->compared ? find_conflict(driver, vbios) : -1;

	if (conflict >= 0)
		err_set(err, CODE_RIM_CONFLICT, "index %d is active in both manifests", conflict);
	else if (incomplete != NULL)
		err_set(err, CODE_MEASUREMENT, "%s", incomplete);
	else if (report->nvdec != GPU_NVDEC_ENABLED && report->nvdec != GPU_NVDEC_DISABLED)
		err_set(err, CODE_MEASUREMENT, "state of NVDEC0 is not known");
	else if (comparison->mismatches == 0)
		return 0;
	else
		err_set(err, CODE_MEASUREMENT, "no reference value matches");
	if (comparison->mismatches != 0) {
		char *list = list_mismatches(comparison);
		size_t used = strlen(err->text);

		snprintf(err->text + used, sizeof(err->text) - used, "; differing: %s", list);
		free(list);
	}
	return -1;
}

int
compare_measurements(const struct gpu_report *report, const struct reference *driver, const struct reference *vbios,
		     struct attester attester, struct steps *steps, struct comparison *out)
{
	struct err err = ERR_INIT;

	*out = (struct comparison){0};
	out->compared = has_rows(driver) && has_rows(vbios);
	out->no_conflict = out->compared && find_conflict(driver, vbios) < 0;
	compare_rows(report, driver, REFERENCE_DRIVER, out);
	compare_rows(report, vbios, REFERENCE_VBIOS, out);
	if (judge_comparison(report, driver, vbios, out, &err) < 0)
		return steps_fail(steps, attester, "measurements", &err);
	out->success = true;
	steps_ok(steps, attester, "measurements", "%u driver and %u VBIOS rows match", driver->rim.active,
		 vbios->rim.active);
	return 0;
}
