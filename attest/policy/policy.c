/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/policy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
	const char *step, *claim;
	const char *minimum_key, *minimum; /* "" = none */
	const char *denied_key;
	const struct conf_list *denied;
	int base, code;
};

/* Hexadecimal digits come in either case. */
static const char *
find_denied(const struct version_rule *rule, const char *have)
{
	for (unsigned i = 0; i < rule->denied->count; i++)
		if (policy_version_compare(have, rule->denied->item[i], rule->base) == 0 ||
		    strcasecmp(have, rule->denied->item[i]) == 0)
			return rule->denied->item[i];
	return NULL;
}

static int
check_version(const struct version_rule *rule, const char *have, struct err *err)
{
	const char *denied;

	if (have == NULL)
		return err_set(err, rule->code, "%s: %s is not known",
			       rule->minimum[0] ? rule->minimum_key : rule->denied_key, rule->claim);
	if (rule->minimum[0] != '\0' && policy_version_compare(have, rule->minimum, rule->base) < 0)
		return err_set(err, rule->code, "%s: %s is %s, want at least %s", rule->minimum_key, rule->claim, have,
			       rule->minimum);
	denied = find_denied(rule, have);
	if (denied != NULL)
		return err_set(err, rule->code, "%s: %s is %s, want any but %s", rule->denied_key, rule->claim, have,
			       denied);
	return 0;
}

static int
judge_version(const struct version_rule *rule, const struct json *claims, struct attester attester, struct steps *steps)
{
	const char *have = json_text(json_get(claims, rule->claim));
	struct err err = ERR_INIT;

	if (rule->minimum[0] == '\0' && rule->denied->count == 0)
		return 0;
	if (check_version(rule, have, &err) != 0)
		return steps_fail(steps, attester, rule->step, &err);
	steps_ok(steps, attester, rule->step, "%s%s%s%s", have, rule->minimum[0] ? ", at least " : "", rule->minimum,
		 rule->denied->count ? ", not denied" : "");
	return 0;
}

static char *
list_text(const struct conf_list *list)
{
	struct buf text = {0};

	for (unsigned i = 0; i < list->count; i++)
		buf_printf(&text, "%s'%s'", i == 0 ? "" : ", ", list->item[i]);
	return buf_steal_text(&text);
}

static int
judge_model(const struct conf_list *models, const struct json *claims, struct attester attester, struct steps *steps)
{
	const char *have = json_text(json_get(claims, "hwmodel"));
	struct err err = ERR_INIT;
	char *wanted;

	if (models->count == 0)
		return 0;
	for (unsigned i = 0; have != NULL && i < models->count; i++) {
		if (strcmp(models->item[i], have) == 0) {
			steps_ok(steps, attester, "policy-model", "%s", have);
			return 0;
		}
	}
	wanted = list_text(models);
	err_set(&err, CODE_MODEL, "hardware-models: hwmodel is '%s', want %s%s", have ? have : "not known",
		models->count > 1 ? "one of " : "", wanted);
	free(wanted);
	return steps_fail(steps, attester, "policy-model", &err);
}

static int
judge_count(const struct conf *conf, unsigned gpus, struct steps *steps)
{
	struct err err = ERR_INIT;

	if (conf->gpu_count == 0)
		return 0;
	if (conf->gpu_count == (int64_t)gpus) {
		steps_ok(steps, attester_run, "policy-gpu-count", "%u", gpus);
		return 0;
	}
	err_set(&err, CODE_GPU_COUNT, "gpu-count: there are %u GPUs, want %lld", gpus, (long long)conf->gpu_count);
	return steps_fail(steps, attester_run, "policy-gpu-count", &err);
}

int
policy_judge(const struct conf *conf, const struct policy_file *file, struct json *const *claims, unsigned gpus,
	     struct steps *steps)
{
	const struct version_rule driver = {
		"policy-driver-version", "x-nvidia-gpu-driver-version", "min-driver-version", conf->min_driver_version,
		"denied-driver-versions", &conf->denied_driver_versions, 10, CODE_DRIVER_VERSION,
	};
	const struct version_rule vbios = {
		"policy-vbios-version", "x-nvidia-gpu-vbios-version", "min-vbios-version", conf->min_vbios_version,
		"denied-vbios-versions", &conf->denied_vbios_versions, 16, CODE_VBIOS_VERSION,
	};
	int rc = judge_count(conf, gpus, steps);

	for (unsigned i = 0; i < gpus; i++) {
		rc |= judge_model(&conf->hardware_models, claims[i], attester_gpu(i), steps);
		rc |= judge_version(&driver, claims[i], attester_gpu(i), steps);
		rc |= judge_version(&vbios, claims[i], attester_gpu(i), steps);
	}
	if (file != NULL)
		rc |= policy_file_judge(file, NULL, (const struct json *const *)claims, gpus, false, steps);
	return rc;
}

int
policy_choose(const struct conf *conf, const char *by_hand, struct policy_file **out, struct err *err)
{
	*out = NULL;
	if (by_hand == NULL && conf->policy_file[0] == '\0')
		return 0;
	*out = policy_file_read(by_hand ? by_hand : conf->policy_file, by_hand == NULL, err);
	return *out != NULL ? 0 : -1;
}

void
policy_digest(const struct conf *conf, const struct policy_file *file, char out[65])
{
	struct buf text = {0};
	uint8_t digest[SHA256_SIZE];
	char *settings = conf_deciding_text(conf);

	buf_add_text(&text, settings);
	if (file != NULL) {
		policy_file_digest(file, digest);
		hex_encode(out, digest, sizeof(digest));
		buf_printf(&text, "%s\n", out);
	}
	crypto_sha256(buf_bytes(&text), digest);
	hex_encode(out, digest, sizeof(digest));
	buf_free(&text);
	free(settings);
}
