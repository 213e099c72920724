/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SANDBOX_H
#define LIB_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"

/*
 * Confinement of a worker, entered by the worker itself in two steps: sandbox_prepare right after exec (limits, ids,
 * capabilities, no new privileges, undumpable, Landlock), sandbox_enter after its libraries are initialised (the
 * seccomp allow-list, last). A kernel without Landlock (landlock_abi() of lib/landlock.h) is no error, everything else
 * that fails is. What a role may do afterwards is proven by test/unit/test_sandbox.c and test_sandbox_state.c.
 */

enum sandbox_role {
	/* device access only: NVML's files read-only, its nodes read-write; forbidden calls get EPERM */
	SANDBOX_COLLECT,
	SANDBOX_APPRAISE, /* nothing: read and write on the fds it was given; a forbidden call kills */
	SANDBOX_FETCH, /* network only; a forbidden call kills */
	/* SANDBOX_COLLECT, and CAP_SYS_ADMIN where the caller has it: the driver wants it for the ready state */
	SANDBOX_READY,
};

struct sandbox_paths { /* what Landlock leaves open; NULL-terminated lists, missing paths are skipped */
	const char *const *read;
	const char *const *read_write;
};

/*
 * user: name to change to, looked up in /etc/passwd by fgetpwent (no NSS in a root process); a missing one is an error.
 * NULL, or where sandbox_keeps_user(): ids stay, and all else holds. parent: pid of the starter, compared after the
 * parent-death signal was set (it is cleared by a change of ids, so it is set after the last one). paths: NULL = none.
 * -1 with CODE_WORKER.
 */
int sandbox_prepare(enum sandbox_role role, const char *user, pid_t parent, const struct sandbox_paths *paths,
		    struct err *err);
/*
 * Whether a worker stays the user that the caller is: one who is not root, or root of a namespace that has no id for
 * user.
 */
bool sandbox_keeps_user(const char *user);
int sandbox_enter(enum sandbox_role role, struct err *err);

#endif
