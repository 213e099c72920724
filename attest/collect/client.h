/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLECT_CLIENT_H
#define ATTEST_COLLECT_CLIENT_H

#include "attest/collect/wire.h"
#include "attest/worker.h"

/*
 * The run's side of the collect worker. Calls in this order: start, states, then optionally reports, recheck, ready,
 * then end; collect_kill at any time. A failure of the worker comes with its own code and text; else
 * CODE_DRIVER_HUNG (the deadline passed while the driver library had the turn), CODE_DRIVER_CRASHED (the process died)
 * or CODE_WORKER (it could not be started, or broke the protocol). After a failure the process is gone and reaped.
 */
struct collector {
	struct worker worker;
	unsigned gpus; /* as the first states said */
};

struct collected {
	struct buf report, chain_pem; /* owned; as received: nothing is known about them */
};

/*
 * deadline (lib/clock.h) holds for all calls. ready: collect_ready may be called. The collector may be zero-initialised
 * for collect_kill.
 */
int collect_start(const char *worker, const char *library, const char *driver_root, bool ready, int64_t deadline,
		  struct collector *collector, struct err *err);
int collect_states(struct collector *collector, struct collect_states *states,
		   struct collect_identity identity[GPU_MAX], struct err *err);
/* out[i] is filled for each identity i with wanted[i]; empty before. */
int collect_reports(struct collector *collector, const uint8_t nonce[32], const bool wanted[GPU_MAX],
		    struct collected out[GPU_MAX], struct err *err);
int collect_recheck(struct collector *collector, struct collect_states *states,
		    struct collect_identity identity[GPU_MAX], struct err *err);
/* Sets the ready state, then reads everything again. */
int collect_ready(struct collector *collector, bool ready, struct collect_states *states,
		  struct collect_identity identity[GPU_MAX], struct err *err);
/* Lets the worker end; anything but exit status 0 is a failure. */
int collect_end(struct collector *collector, struct err *err);
/* Kills and reaps what still runs; harmless otherwise. */
void collect_kill(struct collector *collector);
void collected_free(struct collected *collected);

#endif
