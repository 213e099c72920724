/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy.h"

#include <stdlib.h>
#include <string.h>

#include "lib/code.h"

int
policy_version_compare(const char *a, const char *b, int base)
{
	while (*a != '\0' || *b != '\0') {
		char *end_a = (char *)a, *end_b = (char *)b;
		unsigned long part_a = *a ? strtoul(a, &end_a, base) : 0, part_b = *b ? strtoul(b, &end_b, base) : 0;

		if (part_a != part_b)
			return part_a < part_b ? -1 : 1;
		if ((*a != '\0' && end_a == a) || (*b != '\0' && end_b == b))
			return strcmp(a, b);
		a = *end_a == '.' ? end_a + 1 : end_a;
		b = *end_b == '.' ? end_b + 1 : end_b;
	}
	return 0;
}

struct version_rule {
	const char *step, *claim, *minimum;
	int base, code;
};

static int
judge_version(const struct version_rule *rule, const struct json *claims, int gpu, struct steps *steps)
{
	const char *have = json_text(json_get(claims, rule->claim));
	struct err err = ERR_INIT;

	if (rule->minimum[0] == '\0')
		return 0;
	if (have != NULL && policy_version_compare(have, rule->minimum, rule->base) >= 0) {
		steps_ok(steps, gpu, rule->step, "%s, at least %s", have, rule->minimum);
		return 0;
	}
	err_set(&err, rule->code, "%s is %s, want at least %s", rule->claim, have ? have : "not known", rule->minimum);
	return steps_fail(steps, gpu, rule->step, &err);
}

static int
judge_model(const struct conf_list *models, const struct json *claims, int gpu, struct steps *steps)
{
	const char *have = json_text(json_get(claims, "hwmodel"));
	struct err err = ERR_INIT;

	if (models->count == 0)
		return 0;
	for (unsigned i = 0; have != NULL && i < models->count; i++) {
		if (strcmp(models->item[i], have) == 0) {
			steps_ok(steps, gpu, "policy-model", "%s", have);
			return 0;
		}
	}
	err_set(&err, CODE_MODEL, "hwmodel is '%s', which hardware-models does not list", have ? have : "not known");
	return steps_fail(steps, gpu, "policy-model", &err);
}

static int
judge_count(const struct conf *conf, unsigned gpus, struct steps *steps)
{
	struct err err = ERR_INIT;

	if (conf->gpu_count == 0)
		return 0;
	if (conf->gpu_count == (int64_t)gpus) {
		steps_ok(steps, STEP_RUN, "policy-gpu-count", "%u", gpus);
		return 0;
	}
	err_set(&err, CODE_GPU_COUNT, "%u GPUs, gpu-count wants %lld", gpus, (long long)conf->gpu_count);
	return steps_fail(steps, STEP_RUN, "policy-gpu-count", &err);
}

int
policy_judge(const struct conf *conf, struct json *const *claims, unsigned gpus, struct steps *steps)
{
	const struct version_rule driver = {"policy-driver-version", "x-nvidia-gpu-driver-version", conf->min_driver_version, 10,
					    CODE_DRIVER_VERSION};
	const struct version_rule vbios = {"policy-vbios-version", "x-nvidia-gpu-vbios-version", conf->min_vbios_version, 16,
					   CODE_VBIOS_VERSION};
	int rc = judge_count(conf, gpus, steps);

	for (unsigned i = 0; i < gpus; i++) {
		rc |= judge_model(&conf->hardware_models, claims[i], (int)i, steps);
		rc |= judge_version(&driver, claims[i], (int)i, steps);
		rc |= judge_version(&vbios, claims[i], (int)i, steps);
	}
	return rc;
}
