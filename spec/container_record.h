/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_CONTAINER_RECORD_H
#define SPEC_CONTAINER_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * What is kept of a container with a GPU that was let start: CONTAINER_RECORDS/ID, 0600, one JSON object. The hook
 * writes it and takes it away. `cgpu attest --refresh` reads it for the next token, and who looks for containers about
 * which nothing was decided (attest/node/holders.h). None of it is secret or signed: it is root's.
 */

#define CONTAINER_RECORDS PATH_RUN "/cgpu/containers"
#define CONTAINER_RECORD_SIZE_MAX 65536
#define CONTAINER_RECORD_MINORS_MAX 64

enum container_decision {
	CONTAINER_ALLOWED,  /* attested: it has a token */
	CONTAINER_EXEMPT,   /* by policy */
	CONTAINER_OBSERVED, /* refused, and mode = observe */
};

#define CONTAINER_DECISIONS 3

struct container_record {
	enum container_decision decision;
	char *id;         /* the OCI state's, spec/oci_state.h */
	char *bundle;     /* absolute path */
	pid_t pid;        /* of its init process */
	int64_t started;  /* starttime of proc_pid_stat(5): with the pid the process, for this boot */
	bool all;         /* every GPU of the host; else minors */
	uint32_t minors[CONTAINER_RECORD_MINORS_MAX];
	unsigned count;
	bool privileged;
	char *image_id, *name_space, *challenge; /* NULL = none */
	uint8_t config_digest[32];               /* SHA-256 of config.json */
	/* the tmpfs that was attached, see hook/attach.h; 0 where none was */
	int64_t device, inode;
	uint64_t file_system;
	bool mapped;
	uint32_t uid, gid;
	int64_t issued, expires; /* of the token, seconds since 1970; 0 where there is none, and so is config_digest */
};

/* "allowed", "exempt", "observed": the events of the log. */
const char *container_decision_name(enum container_decision decision);

char *container_record_print(const struct container_record *record);
/* 0, or -1 with code 0 and *record empty. */
int container_record_parse(struct bytes text, struct container_record *record, struct err *err);
void container_record_free(struct container_record *record);

#endif
