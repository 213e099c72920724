/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/mode.h"

#include <stdio.h>
#include <string.h>

#include "lib/code.h"

#define MULTI_GPU_NONE 0
#define MULTI_GPU_PROTECTED_PCIE 1
#define MULTI_GPU_NVLE 2
#define ENVIRONMENT_PRODUCTION 2

static const char *
word(const char *const *words, size_t count, uint32_t value)
{
	static char ring[4][32];
	static unsigned next;
	char *out = ring[next++ % 4];

	if (value < count)
		return words[value];
	if (value == COLLECT_ABSENT)
		return "not reported";
	snprintf(out, sizeof(ring[0]), "unknown (%u)", value);
	return out;
}

const char *
mode_environment(uint32_t value)
{
	static const char *const words[] = {"unavailable", "simulation", "production"};

	return word(words, 3, value);
}

const char *
mode_multi_gpu(uint32_t value)
{
	static const char *const words[] = {"none", "protected PCIe", "NVLink encryption"};

	return word(words, 3, value);
}

const char *
mode_cpu_caps(uint32_t value)
{
	static const char *const words[] = {"none", "AMD SEV", "Intel TDX", "AMD SEV-SNP", "AMD SEV-SNP vTOM"};

	return word(words, 5, value);
}

const char *
mode_ready(uint32_t value)
{
	static const char *const words[] = {"not-ready", "ready"};

	return word(words, 2, value);
}

/* With protected PCIe, ccFeature reads 0 although confidential computing is on: that mode is judged on its own. */
static int
judge_cc(const struct collect_states *states, struct steps *steps)
{
	struct err err = ERR_INIT;
	bool other_mode = states->multi_gpu == MULTI_GPU_PROTECTED_PCIE || states->multi_gpu == MULTI_GPU_NVLE;

	if (states->cc_feature == 1 || (states->cc_feature == 0 && other_mode)) {
		steps_ok(steps, attester_run, "cc-mode", "CC status: ON");
		return 0;
	}
	if (states->cc_feature == 0)
		err_set(&err, CODE_CC_OFF, "confidential computing is off, want on");
	else
		err_set(&err, CODE_MODE_UNKNOWN, "confidential computing state %u is unknown", states->cc_feature);
	return steps_fail(steps, attester_run, "cc-mode", &err);
}

static int
judge_environment(const struct collect_states *states, struct steps *steps)
{
	struct err err = ERR_INIT;

	if (states->environment == ENVIRONMENT_PRODUCTION) {
		steps_ok(steps, attester_run, "environment", "production");
		return 0;
	}
	err_set(&err, states->environment < ENVIRONMENT_PRODUCTION ? CODE_ENVIRONMENT : CODE_MODE_UNKNOWN,
		"environment is %s, want production", mode_environment(states->environment));
	return steps_fail(steps, attester_run, "environment", &err);
}

static int
judge_devtools(const struct collect_states *states, struct steps *steps)
{
	struct err err = ERR_INIT;

	if (states->devtools == 0) {
		steps_ok(steps, attester_run, "devtools", "off");
		return 0;
	}
	if (states->devtools == 1)
		err_set(&err, CODE_DEVTOOLS, "developer tools mode is on, want off");
	else
		err_set(&err, CODE_MODE_UNKNOWN, "developer tools mode %u is unknown", states->devtools);
	return steps_fail(steps, attester_run, "devtools", &err);
}

static int
judge_multi_gpu(const struct collect_states *states, struct steps *steps)
{
	struct err err = ERR_INIT;

	if (states->multi_gpu == MULTI_GPU_NONE || states->multi_gpu == COLLECT_ABSENT) {
		steps_ok(steps, attester_run, "multi-gpu", "%s", mode_multi_gpu(states->multi_gpu));
		return 0;
	}
	err_set(&err,
		states->multi_gpu == MULTI_GPU_PROTECTED_PCIE ? CODE_PROTECTED_PCIE
		: states->multi_gpu == MULTI_GPU_NVLE         ? CODE_NVLE
							      : CODE_MODE_UNKNOWN,
		"multi-GPU mode is %s, want none", mode_multi_gpu(states->multi_gpu));
	return steps_fail(steps, attester_run, "multi-gpu", &err);
}

static int
judge_persistence(const struct collect_states *states, const struct collect_identity *gpu, struct steps *steps)
{
	struct err err = ERR_INIT;

	for (uint32_t i = 0; i < states->gpus; i++) {
		if (gpu[i].persistence == 1)
			continue;
		err_set(&err, CODE_PERSISTENCE, "persistence mode of %s (%s) is off, want on", gpu[i].uuid, gpu[i].pci);
		return steps_fail(steps, attester_run, "persistence", &err);
	}
	steps_ok(steps, attester_run, "persistence", "on");
	return 0;
}

static int
judge_ready(const struct collect_states *states, const struct conf *conf, struct steps *steps)
{
	bool reported = conf->ready == READY_REPORT && (states->ready == 0 || states->ready == COLLECT_ABSENT);
	bool managed = conf->ready == READY_MANAGE && states->ready == 0;
	struct err err = ERR_INIT;

	if (states->ready == 1 || reported || managed) {
		steps_ok(steps, attester_run, "ready-state", "%s%s", mode_ready(states->ready),
			 reported ? " (reported, not required)" : managed ? " (to be set after a pass)" : "");
		return 0;
	}
	if (states->ready == 0)
		err_set(&err, CODE_NOT_READY, "the GPUs' ready state is not-ready, want ready");
	else if (states->ready == COLLECT_ABSENT)
		err_set(&err, CODE_READY_UNSUPPORTED, "the driver tells no ready state, want ready");
	else
		err_set(&err, CODE_MODE_UNKNOWN, "ready state %u is unknown", states->ready);
	return steps_fail(steps, attester_run, "ready-state", &err);
}

int
mode_judge_ready(const struct collect_states *states, const struct collect_identity *gpu, const struct conf *conf,
		 struct steps *steps)
{
	int rc = judge_persistence(states, gpu, steps);

	return judge_ready(states, conf, steps) | rc;
}

int
mode_judge(const struct collect_states *states, const struct collect_identity *gpu, const struct conf *conf,
	   struct steps *steps)
{
	int rc = 0;

	steps_ok(steps, attester_run, "driver", "version %s, %u GPU%s%s%s", states->driver_version, states->gpus,
		 states->gpus == 1 ? "" : "s", states->missing > 0 ? "; not given: " : "", states->missing_names);
	rc |= judge_cc(states, steps);
	rc |= judge_environment(states, steps);
	rc |= judge_devtools(states, steps);
	rc |= judge_multi_gpu(states, steps);
	rc |= mode_judge_ready(states, gpu, conf, steps);
	return rc;
}

static int
compare_states(const struct collect_states *a, const struct collect_states *b, struct err *err)
{
	const struct {
		const char *name;
		uint32_t before, after;
	} field[] = {
		{"CPU capability", a->cpu_caps, b->cpu_caps},
		{"GPU capability", a->gpu_caps, b->gpu_caps},
		{"environment", a->environment, b->environment},
		{"confidential computing", a->cc_feature, b->cc_feature},
		{"developer tools", a->devtools, b->devtools},
		{"multi-GPU mode", a->multi_gpu, b->multi_gpu},
		{"ready state", a->ready, b->ready},
		{"number of GPUs", a->gpus, b->gpus},
		{"number of missing GPUs", a->missing, b->missing},
	};

	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++)
		if (field[i].before != field[i].after)
			return err_set(err, CODE_STATE_CHANGED, "%s changed from %u to %u", field[i].name,
				       field[i].before, field[i].after);
	if (strcmp(a->driver_version, b->driver_version) != 0)
		return err_set(err, CODE_STATE_CHANGED, "driver changed from %s to %s", a->driver_version,
			       b->driver_version);
	return 0;
}

static int
compare_identity(const struct collect_identity *a, const struct collect_identity *b, struct err *err)
{
	if (strcmp(a->uuid, b->uuid) != 0 || strcmp(a->pci, b->pci) != 0 || a->minor != b->minor)
		return err_set(err, CODE_STATE_CHANGED, "%s at %s, minor %u, became %s at %s, minor %u", a->uuid,
			       a->pci, a->minor, b->uuid, b->pci, b->minor);
	if (a->architecture != b->architecture || a->persistence != b->persistence ||
	    strcmp(a->vbios_version, b->vbios_version) != 0)
		return err_set(err, CODE_STATE_CHANGED, "%s: architecture, persistence or VBIOS changed", a->uuid);
	return 0;
}

int
mode_unchanged(const struct collect_states *before, const struct collect_identity *gpu_before,
	       const struct collect_states *after, const struct collect_identity *gpu_after, const char *step,
	       struct steps *steps)
{
	struct err err = ERR_INIT;
	int rc = compare_states(before, after, &err);

	for (uint32_t i = 0; rc == 0 && i < before->gpus; i++)
		rc = compare_identity(&gpu_before[i], &gpu_after[i], &err);
	if (rc != 0)
		return steps_fail(steps, attester_run, step, &err);
	steps_ok(steps, attester_run, step, "modes and identities unchanged");
	return 0;
}
