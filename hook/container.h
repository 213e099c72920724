/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_CONTAINER_H
#define HOOK_CONTAINER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

/* The container that is being created: its init process and its bundle, held by descriptor from the first moment on. */

#define CONTAINER_CONFIG_MAX (16u << 20)
#define CONTAINER_PATH_MAX 4096

struct container {
	pid_t pid;
	int pidfd;        /* -1 with pidfd_errno if the process was gone at once */
	int pidfd_errno;
	int bundle;       /* O_PATH directory */
	struct buf config; /* the bytes of config.json, read once */
};

/*
 * bundle: absolute path out of the state. Some crun versions report their own working directory or "/" there; if that
 * holds no config.json, the working directory of the init process, which is the bundle then, is used, unless it is a
 * mount's root as that of a container. config.json has to be a regular file of root's (or the caller's) that nobody
 * else can write. -1 with CODE_CONFIG; container_close in any case.
 */
int container_open(pid_t pid, const char *bundle, struct container *out, struct err *err);

/*
 * The container that was started as that process (lib/process.h) and runs; without bundle and configuration. -1 with
 * CODE_CONTAINER_GONE; container_close in any case.
 */
int container_find(pid_t pid, int64_t started, struct container *out, struct err *err);

/*
 * The path without symlinks that leads to the directory behind fd. -1 with errno; ESTALE: it leads elsewhere here, as
 * for a directory of another mount namespace.
 */
int container_path(int fd, char out[CONTAINER_PATH_MAX]);

/* Where the bundle really is, as an absolute path. -1 with CODE_CONFIG. */
int container_bundle(const struct container *container, char out[CONTAINER_PATH_MAX], struct err *err);

/*
 * -1 with CODE_CONTAINER_GONE unless the init process is alive and has another mount namespace than this process: at
 * the stages after createRuntime a hook is inside already.
 */
int container_check(const struct container *container, struct err *err);

void container_close(struct container *container);

#endif
