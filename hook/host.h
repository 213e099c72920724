/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_HOST_H
#define HOOK_HOST_H

#include "hook/decision.h"

/*
 * The answers of the real host. /proc/devices and the kernel's device rules are read at once, the rest when it is asked
 * for.
 */

struct host {
	pid_t pid;       /* of the container */
	dev_t dev;       /* the file system of /dev, 0 if that is none of its own, and its root */
	ino_t dev_root;
	char *mounts;    /* text of this process's mountinfo, NULL until it is needed */
	int has_gpu;     /* -1 until it is needed */
};

/* pid: the container's process. answers->context points to host. Fails with CODE_INTERNAL; host_close in any case. */
int host_open(pid_t pid, struct host *host, struct decision_host *answers, struct err *err);
void host_close(struct host *host, struct decision_host *answers);

#endif
