/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_DEVICE_RULES_H
#define HOOK_DEVICE_RULES_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"
#include "spec/oci_config.h"

/*
 * The device rules that the kernel applies to a process, whatever config.json lists: a runtime may have been told to
 * leave cgroups alone, and the kernel may hold a rule other than it was written. They are final when createRuntime
 * hooks run.
 *
 * Cgroup version 1: devices.list of the process's own cgroup. A list that still has a default of everything reads as
 * one rule, allow a *:* rwm, whatever was denied after it. Version 2: the kernel tells only that a program decides.
 */

enum device_rules_source {
	DEVICE_RULES_NONE, /* the kernel applies none, or no answer can be had: at is NULL */
	DEVICE_RULES_LISTED, /* at is the kernel's own list, each an allow; what is not in it is denied */
	/* a program decides that does not decide about this process too: config.json's list counts */
	DEVICE_RULES_CONFIGURED,
};

struct device_rules {
	enum device_rules_source source;
	struct oci_rule *at;
	size_t count;
};

/*
 * Of the process, by the mounts of this one. root: "" but in tests, goes in front of /proc and of where hierarchies are
 * mounted. Always NONE where this process is in a user namespace other than the initial one: it is a user's, and so are
 * the mounts. -1 with CODE_INTERNAL: this process's own /proc cannot be read; *out is NONE.
 */
int device_rules_read(const char *root, pid_t pid, struct device_rules *out, struct err *err);
void device_rules_free(struct device_rules *rules);

#endif
