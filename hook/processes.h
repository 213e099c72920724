/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_PROCESSES_H
#define HOOK_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/process.h"

/*
 * What a container reaches by processes that were there before it: where it joins a PID namespace, the host's or
 * another container's, it takes open descriptors of those that the kernel lets it attach to (ptrace(2), "Ptrace access
 * mode checking"; pidfd_getfd(2)), and reads their files.
 *
 * Yama's restriction is not counted: it is for attaching alone, and a process may lift it for itself, as libraries for
 * message passing do.
 */

/* As config.json has it: ids of the container's own user namespace, and the capabilities of any set. */
struct processes_caller {
	uid_t uid;
	gid_t gid;
	uint64_t capabilities; /* bit N is number N */
};

/* The container's process found others before it in its PID namespace. False also where it is gone. */
bool processes_shared(const char *root, pid_t pid);

/*
 * Tells the character devices that those processes, of this namespace and of namespaces below it, have open. A device
 * that several have open is told several times. root: "" but in tests. Nothing where the namespace is the container's
 * own.
 */
void processes_devices(const char *root, pid_t pid, const struct processes_caller *caller, process_see_device *see,
		       void *seer);

#endif
