/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_ATTEST_H
#define HOOK_ATTEST_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/attach.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/spawn.h"

/*
 * The verdict on the container's GPUs: runs `cgpu attest` and believes it only if every part of its answer is in order.
 */

#define ATTEST_FILES CONTENT_FILES_MAX
#define ATTEST_ECHO 32
#define ATTEST_FACTS 24

struct attest_request {
	const char *container_id;
	struct bytes config;     /* the bytes of config.json that the decision was made on; {NULL, 0}: the digest */
	const uint8_t
		*config_digest; /* 32 bytes, of a container that runs: nothing of it is exempted or only observed */
	bool all;                /* every GPU of the host; else minors */
	const uint32_t *minors;
	unsigned count;
	bool privileged;
	bool shared_pid;         /* it joined a PID namespace (hook/processes.h) */
	bool before_driver;      /* no driver is there yet to attest anything */
	const char *bundle;      /* absolute path */
	const char *image_id;    /* NULL where not known, and so below */
	const char *name_space;
	const char *challenge;
};

struct attest_fact {
	char *name, *value;
};

struct attest_reply {
	bool exempt;   /* the policy lets the container start unattested: there are no files */
	bool observed; /* it was refused and starts all the same (mode = observe): the one file says so */
	char *text;  /* one line for log and audit */
	struct attach_file files[ATTEST_FILES]; /* their bytes are those of content */
	struct buf content[ATTEST_FILES];
	unsigned count;
	bool audit_required;                  /* the start is refused if its audit line cannot be written */
	struct attest_fact fact[ATTEST_FACTS]; /* for the audit line: GPUs, versions, digests */
	unsigned facts;
};

/* A run that was started. */
struct attest_run {
	const char *program;
	struct spawn child;
	int fd;              /* its answer comes here */
	uint8_t echo[ATTEST_ECHO];
};

/* program: absolute path of cgpu; kept by reference. -1 with CODE_WORKER: nothing was started. */
int attest_start(const char *program, const struct attest_request *request, struct attest_run *run, struct err *err);

/*
 * deadline: lib/clock.h. The run has ended afterwards, in any case. -1 with the code of the verdict, CODE_DEADLINE, or
 * CODE_WORKER (killed, or out of protocol). attest_free in any case.
 */
int attest_finish(struct attest_run *run, int64_t deadline, struct attest_reply *reply, struct err *err);
void attest_free(struct attest_reply *reply);
/* The value of a fact, or NULL. */
const char *attest_fact(const struct attest_reply *reply, const char *name);

#endif
