/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_ATTACH_H
#define HOOK_ATTACH_H

#include <stdint.h>

#include "hook/container.h"
#include "hook/content.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * The result into the container: a tmpfs of its own, filled by descriptor while nobody else can see it, made read-only,
 * then attached at /run/cgpu in one move. It covers whatever is there, stays inside the container's mount namespace and
 * ends with it; a hook that dies half-way leaves nothing.
 */

/* How that tmpfs is known again: nothing on the host keeps it. */
struct attach_place {
	uint64_t device, inode; /* of its root */
	uint64_t id;            /* f_fsid of statfs(2): random, the kernel's, new for each tmpfs; 0 before Linux 5.13 */
	struct content_owner owner;
};

/*
 * root_path: root.path of config.json, or NULL. label: linux.mountLabel, or NULL. deadline: lib/clock.h. -1 with the
 * codes of target_open, CODE_CONTAINER_GONE, CODE_DEADLINE or CODE_ATTACH.
 */
int attach_files(const struct container *container, const char *root_path, const char *label,
		 const struct attach_file *files, unsigned count, int64_t deadline, struct attach_place *place,
		 struct err *err);

/*
 * A new result onto the tmpfs of a container that runs. What is at /run/cgpu now has to be that file system; it is
 * written through a clone of its mount, so that nothing that the container mounts or links can lead elsewhere. -1 with
 * CODE_REFRESH_TARGET, CODE_ATTACH or CODE_DEADLINE: the container has the result that it had.
 */
int attach_again(const struct container *container, const struct attach_place *place, const struct attach_file *files,
		 unsigned count, int64_t deadline, struct err *err);

#endif
