/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_ATTACH_H
#define HOOK_ATTACH_H

#include "hook/container.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * The result into the container: a tmpfs of its own, filled by descriptor while nobody else can see it, made read-only,
 * then attached at /run/cgpu in one move. It covers whatever is there, stays inside the container's mount namespace and
 * ends with it; a hook that dies half-way leaves nothing.
 */

struct attach_file {
	const char *name;
	struct bytes content;
};

/*
 * root_path: root.path of config.json, or NULL. label: linux.mountLabel, or NULL. -1 with the codes of target_open,
 * CODE_CONTAINER_GONE or CODE_ATTACH.
 */
int attach_files(const struct container *container, const char *root_path, const char *label,
		 const struct attach_file *files, unsigned count, struct err *err);

#endif
