/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_FETCH_CLIENT_H
#define ATTEST_FETCH_CLIENT_H

#include "attest/fetch/wire.h"

/*
 * The run's side of the fetch worker: started when the first thing is wanted that nobody here has, kept until the run
 * ends, so that connections live on from round to round. Answers come in any order. What they hold is not believed:
 * appraise verifies it.
 */

struct fetcher;

/* NULL with CODE_WORKER. What the worker says of its settings is told by fetch_take. */
struct fetcher *fetch_start(const struct fetch_settings *settings, struct err *err);
/* A ticket, or -1 as fetch_take. It goes out with all others once fetch_take waits. */
int fetch_send(struct fetcher *fetcher, const struct fetch_request *request, struct err *err);
/*
 * Waits for one answer and takes it: 0, or -1 with its cause. A RIM that the service does not have is
 * CODE_DRIVER_RIM_MISSING or CODE_VBIOS_RIM_MISSING; time that is up CODE_DEADLINE; a worker that broke off
 * CODE_WORKER.
 */
int fetch_take(struct fetcher *fetcher, int ticket, struct buf *out, struct err *err);
/* Requests sent so far. */
unsigned fetch_count(const struct fetcher *fetcher);
/* Ends the worker; takes NULL. */
void fetch_end(struct fetcher *fetcher);

#endif
