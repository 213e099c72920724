/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_LIVE_H
#define ATTEST_CMD_LIVE_H

#include "attest/cmd/options.h"
#include "attest/run.h"

/* What the commands that talk to the driver share. */

/* "all", or minors of /dev/nvidiaN separated by commas; absent means all. */
int live_gpus(const struct options *options, struct run_request *request, struct err *err);
/* Deadline of the configuration, counted from now. */
int64_t live_deadline(const struct conf *conf);
/* What a run of root's leaves for `cgpu status --format prom`. */
void live_count(const struct run *run);

#endif
