/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_INSIDE_H
#define HOOK_INSIDE_H

#include <stdint.h>

#include "hook/container.h"
#include "lib/err.h"

/*
 * Runs function in a child that has entered the container's mount namespace: mounts are attached and cloned from there
 * only, and this process never has the container's view of files. A child that does not come back until deadline
 * (lib/clock.h) is killed and left to die: a file system of the container's can hold it up. -1 with what function set,
 * CODE_ATTACH or CODE_DEADLINE.
 */
int inside_run(const struct container *container, int (*function)(const void *context, struct err *err),
	       const void *context, int64_t deadline, struct err *err);

#endif
