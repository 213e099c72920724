/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_LANDLOCK_H
#define LIB_LANDLOCK_H

#include <stdbool.h>

#include "lib/err.h"

/* Landlock (landlock(7)): paths and ports, which a seccomp filter cannot see. What the kernel has of it is used. */

/* The interface's version; 0 = this kernel has none, or it is switched off at boot. */
int landlock_abi(void);

/*
 * Leaves this thread and those that it starts later only the listed paths (NULL = none, a list ends with NULL, missing
 * ones are skipped): reading in read, reading, writing and device ioctls in read_write; no binding of TCP ports; no
 * signals to and no abstract sockets of others; connecting over TCP only if connect is true. Needs no_new_privs. 0
 * without doing anything where landlock_abi() is 0. CODE_WORKER.
 */
int landlock_restrict(const char *const *read, const char *const *read_write, bool connect, struct err *err);

#endif
