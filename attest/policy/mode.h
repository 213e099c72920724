/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_POLICY_MODE_H
#define ATTEST_POLICY_MODE_H

#include "attest/collect/wire.h"
#include "attest/policy/conf.h"
#include "attest/steps.h"

/*
 * What the driver says about the machine and no report says signed: steps "driver", "cc-mode", "environment",
 * "devtools", "multi-gpu", "persistence", "ready-state" of the run. Judged before any report is asked for. 0 only if
 * all passed.
 */
int mode_judge(const struct collect_states *states, const struct collect_identity *gpu, const struct conf *conf,
	       struct steps *steps);

/* The last two of them alone. */
int mode_judge_ready(const struct collect_states *states, const struct collect_identity *gpu, const struct conf *conf,
		     struct steps *steps);

/* A later reading: nothing may have changed. */
int mode_unchanged(const struct collect_states *before, const struct collect_identity *gpu_before,
		   const struct collect_states *after, const struct collect_identity *gpu_after, const char *step,
		   struct steps *steps);

/* Words for `cgpu status` and messages; "unknown (N)" for values without one. Static or in a ring of four buffers. */
const char *mode_environment(uint32_t value);
const char *mode_multi_gpu(uint32_t value);
const char *mode_cpu_caps(uint32_t value);
const char *mode_ready(uint32_t value);

#endif
