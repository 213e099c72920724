/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/doctor/doctor.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/output.h"

/* Whether systemd does with our units what the administrator asked for. */

#define SYSTEMCTL "/usr/bin/systemctl"
#define ANSWER_MS 2000
#define UNITS_ANSWER_MAX 16384

static const char check[] = "units";

/* Without its watch, specifications that are written from now on stay without the gate. */
static bool
guards(const char *unit)
{
	return strcmp(unit, "cgpu-cdi.path") == 0 || strcmp(unit, "cgpu-cdi.timer") == 0;
}

/* One unit: the lines Name=value of its paragraph. True where it is active. */
static bool
judge_unit(struct doctor *doctor, const char *paragraph)
{
	struct findings *findings = &doctor->findings;
	char unit[64], active[32], enabled[32];

	if (!place_field(paragraph, "Id=", unit, sizeof(unit)) ||
	    !place_field(paragraph, "ActiveState=", active, sizeof(active)))
		return false;
	if (!place_field(paragraph, "UnitFileState=", enabled, sizeof(enabled)))
		enabled[0] = '\0';
	if (strcmp(active, "failed") == 0) {
		finding_add(findings, check, guards(unit) ? FINDING_FAIL : FINDING_WARN,
			    guards(unit) ? CODE_CDI_UNGATED : CODE_OK, "%s failed", unit);
		finding_action(findings, "journalctl -u %s -n 20; systemctl restart %s", unit, unit);
	} else if (strcmp(active, "inactive") == 0 && strcmp(enabled, "enabled") == 0) {
		finding_add(findings, check, guards(unit) ? FINDING_FAIL : FINDING_WARN,
			    guards(unit) ? CODE_CDI_UNGATED : CODE_OK, "%s is enabled and not active%s", unit,
			    guards(unit) ? ": CDI specifications that are written now stay without the gate" : "");
		finding_action(findings, "systemctl start %s", unit);
	}
	return strcmp(active, "active") == 0 || strcmp(active, "activating") == 0;
}

void
doctor_units_told(struct doctor *doctor, char *text)
{
	size_t before = doctor->findings.count;
	unsigned active = 0;

	for (char *paragraph = text, *end; paragraph != NULL; paragraph = end) {
		end = strstr(paragraph, "\n\n");
		if (end != NULL)
			*end = '\0', end += 2;
		active += judge_unit(doctor, paragraph);
	}
	if (doctor->findings.count == before)
		finding_ok(&doctor->findings, check, "%u active, none is enabled and not active, none failed", active);
}

void
doctor_units(struct doctor *doctor)
{
	char *argv[] = {"systemctl", "show", "--property=Id,ActiveState,UnitFileState", "cgpu-cdi.path",
			"cgpu-cdi.timer", "cgpu-cdi.service", "cgpu-collateral.timer", "cgpu-collateral.service",
			"cgpu-features.timer", "cgpu-features.service", "cgpu-metrics.timer", "cgpu-metrics.service",
			"cgpu-ready.service", "cgpu-refresh.timer", "cgpu-refresh.service", NULL};
	char *path = place_path(doctor->root, SYSTEMCTL), *real = realpath(path, NULL), *text;
	struct output output;
	struct buf answer = {0};
	struct err err = ERR_INIT;

	if (real == NULL || !place_exists(doctor->root, "/run/systemd/system")) {
		finding_skip(&doctor->findings, check, "no systemd runs here");
	} else if (output_start(real, argv, &output, &err) == 0 &&
		   output_read(&output, UNITS_ANSWER_MAX, clock_boot_ms() + ANSWER_MS, &answer, &err) == 0) {
		buf_add_text(&answer, "");
		text = buf_steal_text(&answer);
		doctor_units_told(doctor, text);
		free(text);
	} else {
		finding_skip(&doctor->findings, check, SYSTEMCTL " show: %s", err.text);
	}
	buf_free(&answer);
	free(real);
	free(path);
}
