/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_FACTS_H
#define ATTEST_CMD_FACTS_H

#include "attest/run.h"
#include "lib/buf.h"

/*
 * What cgpu-hook's audit line tells of a run: pairs of fields (lib/frame.h), name in [a-z_]+ and value, for
 * FRAME_FACTS. What is not known is left out; a value is at most LOG_VALUE_MAX long.
 */

/* run: NULL where nothing was run. */
void facts_put(struct buf *payload, const struct run_request *request, const struct run *run);
/* mode = observe: code would have refused the start. */
void facts_put_observed(struct buf *payload, int code);

#endif
