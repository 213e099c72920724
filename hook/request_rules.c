/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/capability.h>
#include <string.h>

#include "hook/request.h"

/*
 * The device rules, taken in order to what holds in the end for a device. The kernel's own list says all; of a list in
 * config.json that a program of the kernel stands for, what no rule touches is the runtime's choice and counts as open.
 */

enum grant { DENIED, BY_WILDCARD, BY_MAJOR };

static const struct oci_rule everything = {
	.allow = true, .type = 'a', .major = OCI_ANY, .minor = OCI_ANY, .read = true, .write = true, .mknod = true,
};

struct rules {
	const struct oci_rule *at;
	size_t count;
	enum grant untouched;
};

static struct rules
rules_of(const struct request *request)
{
	const struct device_rules *kernel = &request->host->rules;

	if (kernel->source == DEVICE_RULES_LISTED)
		return (struct rules){kernel->at, kernel->count, DENIED};
	if (kernel->source == DEVICE_RULES_CONFIGURED)
		return (struct rules){request->config->rules, request->config->rule_count, BY_WILDCARD};
	return (struct rules){&everything, 1, BY_WILDCARD};
}

/*
 * Type a: version 1 of the cgroup takes an allow of type a for everything, whatever the rest of the rule says; a deny
 * is taken at its narrowest. minor OCI_ANY: every device of the major that no rule names.
 */
static bool
rule_fits(const struct oci_rule *rule, int64_t major, int64_t minor)
{
	if (rule->type == 'a' && rule->allow)
		return true;
	return rule->type != 'b' && (rule->major == OCI_ANY || rule->major == major) &&
	       (rule->minor == OCI_ANY || rule->minor == minor);
}

/* To read or to write; the right to make a node opens nothing. */
static enum grant
opened_by(const struct rules *rules, int64_t major, int64_t minor)
{
	enum grant read = rules->untouched, write = rules->untouched;

	for (size_t i = 0; i < rules->count; i++) {
		const struct oci_rule *rule = &rules->at[i];
		bool whole = rule->allow && rule->type == 'a';
		enum grant grant = !rule->allow					? DENIED
				   : rule->type == 'a' || rule->major == OCI_ANY ? BY_WILDCARD
										 : BY_MAJOR;

		if (!rule_fits(rule, major, minor))
			continue;
		if (rule->read || whole)
			read = grant;
		if (rule->write || whole)
			write = grant;
	}
	return read > write ? read : write;
}

bool
request_opens(const struct request *request, int64_t major, int64_t minor)
{
	struct rules rules = rules_of(request);

	return opened_by(&rules, major, minor) != DENIED;
}

/* A whole major is open by a rule of its own. */
static void
judge_whole(struct request *request, int64_t major, enum device_class class, const char *where)
{
	if (class == DEVICE_VFIO) {
		if (request_may_reach(request))
			request_raw(request, "%s: VFIO c %lld:*", where, (long long)major);
	} else if (class == DEVICE_SHARED) {
		request_any(request, "%s: c %lld:*", where, (long long)major);
	} else if (class == DEVICE_DRM) {
		if (!request->guessed)
			request_open(request, "%s: c %lld:*", where, (long long)major);
	} else if (class != DEVICE_OTHER) {
		request_all(request, "%s: c %lld:*", where, (long long)major);
	}
}

static void
judge(struct request *request, const struct rules *rules, int64_t major, int64_t minor, const char *where)
{
	enum device_class class = device_numbers_class(&request->host->numbers, major);
	enum grant grant = opened_by(rules, major, minor);

	/* What comes with everything is told by NVIDIA's own majors; drm and VFIO nodes have to be named. */
	if (grant == DENIED || (grant == BY_WILDCARD && (class == DEVICE_DRM || class == DEVICE_VFIO)))
		return;
	if (grant == BY_WILDCARD && class != DEVICE_OTHER) {
		request_open(request, "%s: everything is allowed", where);
	} else if (minor == OCI_ANY) {
		judge_whole(request, major, class, where);
	} else {
		request_device(request, major, minor, where);
	}
}

static void
judge_major(struct request *request, const struct rules *rules, int64_t major, const char *where)
{
	int64_t minors[DECISION_MINORS_MAX];
	size_t count = 0;

	judge(request, rules, major, OCI_ANY, where);
	for (size_t i = 0; i < rules->count && !request->out->all; i++) {
		const struct oci_rule *rule = &rules->at[i];
		size_t k = 0;

		if (rule->minor == OCI_ANY || (rule->major != major && rule->major != OCI_ANY))
			continue;
		while (k < count && minors[k] != rule->minor)
			k++;
		if (k < count)
			continue;
		if (count == DECISION_MINORS_MAX) {
			request_open(request, "%s: many rules for c %lld", where, (long long)major);
			return;
		}
		minors[count++] = rule->minor;
		judge(request, rules, major, rule->minor, where);
	}
}

void
request_opened(struct request *request, const char *where)
{
	struct rules rules = rules_of(request);

	judge_major(request, &rules, DEVICE_NVIDIA_MAJOR, where);
	judge_major(request, &rules, DEVICE_DRM_MAJOR, where);
	for (unsigned i = 0; i < request->host->numbers.count; i++) {
		if (request->host->numbers.majors[i].number != DEVICE_NVIDIA_MAJOR)
			judge_major(request, &rules, request->host->numbers.majors[i].number, where);
	}
	for (int64_t minor = 1; minor <= 4; minor++)
		request_device(request, DEVICE_MEM_MAJOR, minor, where);
}

bool
request_opens_more(const struct request *request)
{
	struct decision found = *request->out;
	struct request trial = *request;

	if (found.all)
		return false;
	trial.out = &found;
	request_opened(&trial, "");
	return trial.wanted != request->wanted || found.all || found.count != request->out->count ||
	       (trial.raw[0] != '\0' && request->raw[0] == '\0');
}
