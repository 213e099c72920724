/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_CLIENT_H
#define ATTEST_APPRAISE_CLIENT_H

#include "attest/appraise/appraise.h"

struct appraise_worker {
	const char *path, *user; /* of the program; user NULL: ids stay */
	int64_t deadline;        /* lib/clock.h */
};

/*
 * appraise_run in the worker: the same result, with source asked in this process. What the worker said counts only if
 * all frames came in order, our random part came back and it exited 0; otherwise out is empty and err has CODE_WORKER,
 * or CODE_DEADLINE where the time was up.
 */
int appraise_remote(const struct appraise_worker *worker, const struct appraise_input *input,
		    const struct collateral_source *source, struct appraisal *out, struct err *err);

#endif
