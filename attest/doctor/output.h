/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_DOCTOR_OUTPUT_H
#define ATTEST_DOCTOR_OUTPUT_H

#include "lib/buf.h"
#include "lib/spawn.h"

/*
 * What a program prints: started, and read later, so that several run at once. Nothing is on its standard input and
 * error.
 */
struct output {
	struct spawn child; /* pid 0: not running */
	int fd;
};

/* -1 with CODE_WORKER. */
int output_start(const char *path, char *const argv[], struct output *out, struct err *err);
/*
 * Everything until the end, at most max bytes; the exit status does not matter. -1 where it did not end in time or said
 * more.
 */
int output_read(struct output *output, size_t max, int64_t deadline, struct buf *text, struct err *err);

#endif
