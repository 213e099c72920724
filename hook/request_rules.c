/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "hook/request.h"

/*
 * The device cgroup's rules, taken in order to what holds in the end for each NVIDIA major: for every minor that a rule
 * names, and for the rest (OCI_ANY). What no rule touches is the runtime's choice.
 */

enum grant { UNTOUCHED, DENIED, BY_WILDCARD, BY_MAJOR };

struct access {
	enum grant read, write, mknod;
};

/*
 * Type a: version 1 of the cgroup takes an allow of type a for everything, whatever the rest of the rule says; a deny is
 * taken at its narrowest.
 */
static bool
rule_fits(const struct oci_rule *rule, int64_t major, int64_t minor)
{
	if (rule->type == 'a' && rule->allow)
		return true;
	return rule->type != 'b' && (rule->major == OCI_ANY || rule->major == major) &&
	       (rule->minor == OCI_ANY || rule->minor == minor);
}

static struct access
evaluate(const struct oci_config *config, int64_t major, int64_t minor)
{
	struct access access = {UNTOUCHED, UNTOUCHED, UNTOUCHED};

	for (size_t i = 0; i < config->rule_count; i++) {
		const struct oci_rule *rule = &config->rules[i];
		bool everything = rule->allow && rule->type == 'a';
		enum grant grant = !rule->allow ? DENIED : rule->type == 'a' || rule->major == OCI_ANY ? BY_WILDCARD : BY_MAJOR;

		if (!rule_fits(rule, major, minor))
			continue;
		if (rule->read || everything)
			access.read = grant;
		if (rule->write || everything)
			access.write = grant;
		if (rule->mknod || everything)
			access.mknod = grant;
	}
	return access;
}

static bool
may_make_nodes(const struct request *request, const struct oci_config *config)
{
	return config->may_mknod && !config->user_namespace && !request->host->rootless;
}

/*
 * What the rules say about one device: UNTOUCHED only where the container could make a node for it. Engines write the
 * wildcard "c *:* m" by default: a node without the right to open it.
 */
static enum grant
outcome(const struct request *request, const struct oci_config *config, int64_t major, int64_t minor)
{
	struct access access = evaluate(config, major, minor);

	if (access.read == BY_MAJOR || access.write == BY_MAJOR || access.mknod == BY_MAJOR)
		return BY_MAJOR;
	if (access.read == BY_WILDCARD || access.write == BY_WILDCARD)
		return BY_WILDCARD;
	if ((access.read == UNTOUCHED || access.write == UNTOUCHED) && may_make_nodes(request, config))
		return UNTOUCHED;
	return DENIED;
}

/* A rule names the whole of a major. Of drm and VFIO, which other vendors share, that counts for who can make nodes only. */
static void
judge_whole(struct request *request, const struct oci_config *config, int64_t major, enum device_class class)
{
	bool shared = class == DEVICE_DRM || class == DEVICE_VFIO;

	if (shared && (!request->host->numbers.has_nvidia || !may_make_nodes(request, config)))
		return;
	if (class == DEVICE_VFIO)
		request_raw(request, "linux.resources.devices: VFIO c %lld:*", (long long)major);
	else if (class == DEVICE_NODE || class == DEVICE_DRM || class == DEVICE_CAPS)
		request_all(request, "linux.resources.devices: c %lld:*", (long long)major);
	else
		request_device(request, major, 0, "", "linux.resources.devices");
}

/* minor OCI_ANY: every device of the major that no rule names. */
static void
judge(struct request *request, const struct oci_config *config, int64_t major, int64_t minor)
{
	enum device_class class = device_numbers_class(&request->host->numbers, major);
	enum grant grant = outcome(request, config, major, minor);

	/* What comes with everything is told by NVIDIA's own majors; drm and VFIO nodes have to be named. */
	if (grant == DENIED || (grant != BY_MAJOR && (class == DEVICE_DRM || class == DEVICE_VFIO)))
		return;
	if (grant != BY_MAJOR) {
		if (!request->host->numbers.has_nvidia)
			return;
		request->out->privileged |= config->may_admin;
		request_all(request, "linux.resources.devices: %s", grant == UNTOUCHED ? "no rule" : "everything is allowed");
		return;
	}
	if (minor == OCI_ANY)
		judge_whole(request, config, major, class);
	else
		request_device(request, major, minor, "", "linux.resources.devices");
}

static void
judge_major(struct request *request, const struct oci_config *config, int64_t major)
{
	int64_t minors[DECISION_MINORS_MAX];
	size_t count = 0;

	judge(request, config, major, OCI_ANY);
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct oci_rule *rule = &config->rules[i];
		size_t k = 0;

		if (rule->minor == OCI_ANY || (rule->major != major && (rule->major != OCI_ANY || !request->host->numbers.has_nvidia)))
			continue;
		while (k < count && minors[k] != rule->minor)
			k++;
		if (k < count)
			continue;
		if (count == DECISION_MINORS_MAX) {
			request_all(request, "linux.resources.devices: many rules for c %lld", (long long)major);
			return;
		}
		minors[count++] = rule->minor;
		judge(request, config, major, rule->minor);
	}
}

void
request_rules(struct request *request, const struct oci_config *config)
{
	judge_major(request, config, DEVICE_NVIDIA_MAJOR);
	judge_major(request, config, DEVICE_DRM_MAJOR);
	for (unsigned i = 0; i < request->host->numbers.count; i++) {
		if (request->host->numbers.majors[i].number != DEVICE_NVIDIA_MAJOR)
			judge_major(request, config, request->host->numbers.majors[i].number);
	}
}
