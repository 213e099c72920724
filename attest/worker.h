/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_WORKER_H
#define ATTEST_WORKER_H

#include "lib/frame.h"
#include "lib/spawn.h"

/*
 * The line between a run and a worker process: two pipes that carry the frames of lib/frame.h, in the order given
 * there. Both ends are equally strict for every worker:
 *
 *   HELLO     comes first, once: the other end's version is ours, and the run's random part comes back
 *   FAILURE   known code other than CODE_OK, text, nothing else; then the end of file
 *   VERDICT   known code, the random part once more, text; after all input was read; then the end of file and exit 0
 *   all       a type and a size that lib/frame.h has, in its order, until the deadline
 */

#define WORKER_ECHO_SIZE 32 /* the random part */
#define WORKER_ARGS_MAX 4

/* -- the run's end ------------------------------------------------------------------------------------------------- */

/*
 * What a worker is called, and the codes for one that did not answer in time, for one that ended before it was to, and
 * for one that sent FAILURE (0: the code in it).
 */
struct worker_role {
	const char *name;
	int late, died, failed;
};

/*
 * A worker that was started. After a failure the process is gone and reaped, and worker_kill frees nothing more.
 * err has role's codes, or those of FAILURE, or CODE_WORKER: it could not be started, or broke a rule. A
 * zero-initialised one is not running.
 */
struct worker {
	struct spawn child; /* pid 0: not running; then the pipes are closed, too */
	const struct worker_role *role;
	struct frame_writer to;
	struct frame_reader from;
	struct buf payload; /* of the frame received last */
	int64_t deadline;
	uint8_t echo[WORKER_ECHO_SIZE];
	bool greeted;
};

/*
 * Starts the program at path with role's name, our process id and args (up to a NULL) as arguments; HELLO waits to be
 * sent. role outlives the worker. deadline (lib/clock.h) holds for everything.
 */
int worker_start(struct worker *worker, const struct worker_role *role, const char *path, const char *const args[],
		 int64_t deadline, struct err *err);
/* Waits for the worker's HELLO. Without this call the first worker_receive does so. */
int worker_hello(struct worker *worker, struct err *err);
/* Adds a frame, which is sent by the next call that waits, and empties payload. */
int worker_send(struct worker *worker, enum frame_type type, struct buf *payload, struct err *err);
/* Sends what waits, for a worker that says nothing but HELLO meanwhile. */
int worker_flush(struct worker *worker, struct err *err);
/* Sends what waits until the worker says something, and takes one frame into worker->payload. */
int worker_receive(struct worker *worker, enum frame_type *type, struct err *err);
/* The same for a frame of one type. */
int worker_expect(struct worker *worker, enum frame_type want, struct err *err);
/* After a frame that breaks a rule, which err tells with code 0: kills the worker. Returns -1. */
int worker_broken(struct worker *worker, struct err *err);
/* The VERDICT that was received last, and then the orderly end. */
int worker_verdict(struct worker *worker, int *code, char text[ERR_TEXT_MAX], struct err *err);
/* Lets the worker end: no more frames, exit status 0. */
int worker_end(struct worker *worker, struct err *err);
/* Kills and reaps what still runs; harmless otherwise. */
void worker_kill(struct worker *worker);

/* -- the worker's end ---------------------------------------------------------------------------------------------- */

/*
 * Who started this process. Functions return -1 with CODE_WORKER where the run broke a rule; caller_fail then tells it.
 */
struct caller {
	struct frame_reader from;
	struct frame_writer to;
	int64_t deadline;
	uint8_t echo[WORKER_ECHO_SIZE]; /* once greeted */
};

/* The first argument of a worker: the run's process id. false: it is none. */
bool caller_parent(const char *text, pid_t *parent);
/* 1 at the end of file. */
int caller_receive(struct caller *caller, enum frame_type *type, struct buf *payload, struct err *err);
int caller_expect(struct caller *caller, enum frame_type want, struct buf *payload, struct err *err);
/* Takes HELLO; the answer waits to be sent. */
int caller_greet(struct caller *caller, struct err *err);
/* Adds a frame and empties payload. */
int caller_send(struct caller *caller, enum frame_type type, struct buf *payload, struct err *err);
int caller_flush(struct caller *caller, struct err *err);
/* Sends what waits and VERDICT, after which only the exit with status 0 may follow. */
int caller_verdict(struct caller *caller, int code, const char *text, struct err *err);
/* Sends FAILURE instead of what waits, after which only the end may follow. */
void caller_fail(struct caller *caller, const struct err *cause);

#endif
