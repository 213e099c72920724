/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_NODE_QUEUE_H
#define ATTEST_NODE_QUEUE_H

#include <stdint.h>

#include "lib/err.h"

/*
 * A counting lock: so many runs of this machine, or user, at once that a storm of starts leaves processors to others.
 * First come, first served; a user who is not root has a line of his own, and holds up nobody else. The hook asks for
 * no container that reaches no GPU, so nobody without one stands in it.
 */
#define QUEUE_FILE "cgpu.lock" /* in PATH_RUN, or in the folder of the user's session */

/* As many as processors, 4 to 16. */
unsigned queue_places(void);
/*
 * Waits for one of the places in the lock file at path, which is made if it is missing, for at most three quarters of
 * the time that is left until deadline (lib/clock.h): the rest belongs to the run. The descriptor to close when the run
 * is over; a process that dies gives its place back. -1 with CODE_DEADLINE, or with CODE_WORKER if the file cannot be
 * used.
 */
int queue_enter(const char *path, unsigned places, int64_t deadline, struct err *err);

#endif
