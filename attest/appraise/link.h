/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_LINK_H
#define ATTEST_APPRAISE_LINK_H

#include "attest/appraise/client.h"
#include "attest/appraise/wire.h"
#include "lib/frame.h"
#include "lib/spawn.h"

/*
 * The line to an appraise worker, for its clients: start, greeting, frames, the verdict with our random part, and the
 * worker's end. Every failure has CODE_WORKER.
 */
struct appraise_link {
	int to;
	struct frame_reader from;
	int64_t deadline;
	uint8_t echo[APPRAISE_ECHO_SIZE];
	struct buf out;     /* frames that wait to be sent */
	struct buf payload; /* of the frame read last */
	struct spawn child;
};

/* Starts the worker and greets it. */
int appraise_link_start(const struct appraise_worker *worker, struct appraise_link *link, struct err *err);
/* Adds a frame, which is sent before the next read, and empties payload. */
int appraise_link_add(struct appraise_link *link, enum frame_type type, struct buf *payload, struct err *err);
int appraise_link_read(struct appraise_link *link, enum frame_type *type, struct err *err);
/* The worker's greeting. One that cannot begin says why in its place. */
int appraise_link_greeting(struct appraise_link *link, struct err *err);
/* The verdict out of the frame read last, which must have been the worker's last one. */
int appraise_link_verdict(struct appraise_link *link, int *code, char text[ERR_TEXT_MAX], struct err *err);
/*
 * Ends the line; rc is the outcome so far: 0 waits for an orderly exit, anything else kills. err is wrapped with the
 * path.
 */
int appraise_link_end(const struct appraise_worker *worker, struct appraise_link *link, int rc, struct err *err);

#endif
