/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SPAWN_H
#define LIB_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

/*
 * Starts a program of ours: absolute path, opened once, regular file, owner root (or the caller, where that is not
 * root), not writable by group or others, executed through that fd; environment PATH and LC_ALL=C only; own process
 * group; signal mask and dispositions reset; exactly the fds given, numbered from 0; killed when the starter dies.
 */
struct spawn {
	pid_t pid;
	int pidfd;
};

/* fds[i] becomes fd i of the child; -1 becomes /dev/null. count >= 3. -1 with CODE_WORKER. */
int
spawn_start(const char *path, char *const argv[], const int *fds, unsigned count, struct spawn *out, struct err *err);

/*
 * Waits until deadline (lib/clock.h), kills the process group if it is passed. 0 only for exit status 0; err tells the
 * rest.
 */
int spawn_wait(struct spawn *child, int64_t deadline, struct err *err);
/* Kills and reaps; harmless if already reaped (pid 0). */
void spawn_kill(struct spawn *child);

#endif
