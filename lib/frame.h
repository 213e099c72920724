/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_FRAME_H
#define LIB_FRAME_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * What passes between processes: frames of u32 type, u32 payload size (both in the machine's order: the pipe never
 * leaves it), payload. Every type has a ceiling. Both ends check type and order; a verdict counts only after all frames
 * before it came, the peer exited 0 and the random part that the receiver made came back in it.
 *
 * cgpu-hook  <-  cgpu attest:  HELLO, then FILE*, then FACTS, then VERDICT
 * run        ->  collect:      HELLO, REPORTS, RECHECK, READY, end of file; each but HELLO may be left out
 * run        <-  collect:      HELLO, STATES, IDENTITY*, DONE | EVIDENCE*, DONE | STATES, IDENTITY*, DONE | the same
 * run        ->  appraise:     HELLO, PARAMETERS, EVIDENCE*, DONE; then one COLLATERAL for each NEED, in order
 * run        <-  appraise:     HELLO; rounds of (NEED*, DONE); STEP*, CLAIMS*, KEEP*, VERDICT
 * collateral ->  appraise:     HELLO, PARAMETERS, FILE
 * collateral <-  appraise:     HELLO; STEP*, CLAIMS*, FILE*, KEEP*, VERDICT: see attest/collateral/archive.h
 * run        ->  fetch:        HELLO, NETWORK, then REQUEST at any time, end of file
 * run        <-  fetch:        HELLO; RESPONSE for each REQUEST, in any order
 *
 * Every worker may send FAILURE at any time instead, and ends: see attest/worker.h.
 */
enum frame_type {
	FRAME_HELLO = 1,  /* field: PROJECT_VERSION; field: 32 random bytes that a worker returns, or empty */
	FRAME_FAILURE,    /* u32 code, field: text */
	FRAME_DONE,       /* u32 number of frames since the last DONE */
	FRAME_STATES,     /* u32 each: see attest/collect/wire.h */
	FRAME_IDENTITY,   /* one GPU: see attest/collect/wire.h */
	FRAME_REPORTS,    /* 32 bytes nonce, 16 bytes: 1 for each GPU whose report is wanted, else 0 */
	FRAME_EVIDENCE,   /* field: report, field: chain PEM */
	FRAME_RECHECK,    /* empty */
	FRAME_PARAMETERS, /* see attest/appraise/appraise.h */
	FRAME_NEED,       /* u32 kind, u32 again, field: name, field: question, field: nonce */
	FRAME_COLLATERAL, /* u32 code (CODE_OK or why it is missing), u32 origin, field: nonce, field: bytes or text */
	FRAME_STEP,       /* u32 kind of attester, u32 index, u32 status, u32 code, field: name, field: detail */
	FRAME_CLAIMS,     /* u32 gpu, field: JSON object; by ascending gpu, each once */
	FRAME_FILE,       /* field: name, field: content */
	FRAME_FACTS,      /* u32 flags of FRAME_FACT_*; then field: name, field: value, ... for the audit line */
	FRAME_VERDICT,    /* u32 code, field: the 32 random bytes, field: text */
	FRAME_KEEP,       /* u32 kind, field: name, i64 until, i64 nonce-bound time, i64 made; 0 = none */
	FRAME_NETWORK,    /* see attest/fetch/wire.h */
	FRAME_REQUEST,    /* see attest/fetch/wire.h */
	FRAME_RESPONSE,   /* u32 ticket, u32 code (CODE_OK or why there is none), field: bytes or text */
	FRAME_READY,      /* u32 1 or 0: the ready state to set */
};

#define FRAME_FACT_AUDIT 1u  /* the start is refused if its audit line cannot be written */
#define FRAME_FACT_EXEMPT 2u /* the policy lets the container start unattested: there are no files */
#define FRAME_FACT_OBSERVE 4u /* mode = observe: a start that enforcement refuses; attestation.env is the only file */

#define FRAME_HEADER 8 /* bytes before the payload */

/* How long the peer may take; milliseconds on CLOCK_BOOTTIME, see lib/clock.h. */
int frame_write(int fd, int64_t deadline, enum frame_type type, struct bytes payload, struct err *err);

/* "NEED"; "of unknown type". */
const char *frame_name(uint32_t type);

/*
 * The writing end of a line, zero but for fd at first. Frames wait in it and go out together: a write for each would
 * wake the peer as often. Sent frames are wiped.
 */
struct frame_writer {
	int fd;
	struct buf waiting; /* size 0: all was sent */
	size_t sent;        /* of waiting */
};

/* Adds a frame and empties payload. -1 with code 0: over the ceiling. */
int frame_add(struct frame_writer *writer, enum frame_type type, struct buf *payload, struct err *err);
/* Sends all that waits. -1 with code 0 and errno: EPIPE, ETIMEDOUT, ...; what waits then waits on. */
int frame_flush(struct frame_writer *writer, int64_t deadline, struct err *err);
/* Sends what goes in at once (fd has O_NONBLOCK). -1 with code 0 and errno. */
int frame_push(struct frame_writer *writer, struct err *err);
/* Wipes what waits and frees the memory. fd stays. */
void frame_discard(struct frame_writer *writer);

/* The reading end of a line, zero but for fd at first. Bytes behind a frame wait in ahead for the next read. */
struct frame_reader {
	int fd;
	size_t begin, end; /* of what waits */
	uint8_t ahead[4096];
};

/*
 * Reads one frame into payload (emptied first). 0, or -1 with code 0: end of file, deadline, unknown type, over the
 * ceiling. end_ok: 1 is returned for a clean end of file before a frame.
 */
int frame_read(struct frame_reader *reader, int64_t deadline, bool end_ok, enum frame_type *type, struct buf *payload,
	       struct err *err);
/* Something came already, which poll() of the fd does not tell. */
bool frame_waits(const struct frame_reader *reader);

/* Fields of a payload: u32, i64, and u32 size with bytes. Readers of a short payload return false and take nothing. */
void frame_put_u32(struct buf *payload, uint32_t value);
void frame_put_field(struct buf *payload, struct bytes value);
void frame_put_text(struct buf *payload, const char *text);
void frame_put_i64(struct buf *payload, int64_t value);
bool frame_get_u32(struct cursor *payload, uint32_t *value);
bool frame_get_i64(struct cursor *payload, int64_t *value);
bool frame_get_field(struct cursor *payload, struct bytes *value);
/* A field without NUL, as text in new memory. */
bool frame_get_text(struct cursor *payload, char **text);

#endif
