/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_REFRESH_H
#define HOOK_REFRESH_H

#include "hook/attach.h"
#include "hook/attest.h"
#include "hook/stage.h"

/* A container that runs gets a new token in the place of the one that ends. */

/*
 * Keeps what that will take, of a container that just got its first token; of one that starts without a token, that it
 * was let start. place: NULL where nothing was attached. -1 with CODE_INTERNAL: it will get no other token, and counts
 * as one about which nothing was decided (attest/node/holders.h), which is no reason to refuse its start.
 */
int refresh_keep(const struct container *container, const struct attest_request *request,
		 const struct attest_reply *reply, const struct attach_place *place, struct err *err);

/*
 * Attests the container that stage names and gives it the result. The verdict goes to standard output as a frame, for
 * `cgpu attest --refresh`; journal and audit line are written. Returns the exit code.
 */
int refresh_run(const struct stage *stage, int64_t deadline);

#endif
