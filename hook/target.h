/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_TARGET_H
#define HOOK_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "hook/container.h"
#include "lib/err.h"

/*
 * Where the result goes: /run/cgpu below the container's root, found and checked by descriptor, never by a path that
 * the image could bend.
 */

#define TARGET_DIRECTORY "run/cgpu"
#define TARGET_NAME "cgpu" /* its last part */

struct target {
	int proc;       /* O_PATH of a genuine /proc */
	int root;       /* O_PATH of the container's root file system, as mounted in its namespace */
	int directory;  /* O_PATH of TARGET_DIRECTORY, or of its parent where covers is set */
	bool covers; /* read-only and empty parent: the mount with the result lies over it, with TARGET_NAME inside */
	bool mapped;    /* the container has a user namespace of its own */
	uid_t uid;      /* host ids of its root user (of its lowest user where it has none) */
	gid_t gid;
};

/*
 * root_path: root.path of config.json, relative to the bundle if not absolute, NULL if it says none. A missing
 * directory is made, as the container's own root user would make it; in an empty /run that is read-only nothing is
 * made. -1 with CODE_CONTAINER_GONE (no mount namespace of its own), CODE_ROOTFS, CODE_ATTACH_TARGET,
 * CODE_ATTACH_READ_ONLY or CODE_ATTACH_SHARED; target_close in any case.
 */
int target_open(const struct container *container, const char *root_path, struct target *out, struct err *err);

/* 0 if what is now seen at TARGET_DIRECTORY is the root of the mount behind fd. */
int target_holds(const struct target *target, int fd, struct err *err);

void target_close(struct target *target);

#endif
