/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_METRICS_H
#define LIB_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "lib/log.h"

/*
 * What starts leave for `cgpu status --format prom`: sums of this boot in one small file of root's. Nothing is decided
 * by it; a file that is missing, damaged or held by somebody is no error, and a start waits a few milliseconds for it
 * at most.
 */

#define METRICS_PATH PATH_RUN "/cgpu/metrics"
#define METRICS_BUCKETS 9
#define METRICS_EVENTS 4 /* LOG_ALLOWED to LOG_REFUSED */

/* Upper ends in milliseconds; the last has none. */
extern const int64_t metrics_bucket_ms[METRICS_BUCKETS];

struct metrics {
	char form[16];
	uint64_t starts[METRICS_EVENTS];
	uint64_t refused[256];             /* by exit code */
	uint64_t duration[METRICS_BUCKETS]; /* starts that took so long, each in one bucket */
	uint64_t duration_ms;              /* their sum */
	uint64_t hits, requests;           /* collateral that was here, and questions to services */
	int64_t last_success;              /* a run that passed: seconds since 1970; 0 = none */
};

/* One decision into a sum. */
void metrics_count(struct metrics *sum, enum log_event event, int code, int64_t took_ms);
/* Adds a sum to the one in the file, which is made if its folder is there; the later last_success stays. */
void metrics_add(const char *path, const struct metrics *more);
/* False, and zeros: there is none that can be read. */
bool metrics_read(const char *path, struct metrics *out);

#endif
