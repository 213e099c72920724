/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_NODE_HOLDERS_H
#define ATTEST_NODE_HOLDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "spec/container_record.h"

/*
 * Containers whose processes hold a node of a GPU open, whatever engine started them, and what the gate decided about
 * each: a container that was restored from a checkpoint, or started around the gate, has no record whose process still
 * is the same.
 *
 * In a container is who has another root directory than the caller. Only what procfs tells is read: nothing of a
 * container is opened, no path is resolved there, and no file system is asked.
 */

enum holder_decision {
	HOLDER_ALLOWED = CONTAINER_ALLOWED,
	HOLDER_EXEMPT = CONTAINER_EXEMPT,
	HOLDER_OBSERVED = CONTAINER_OBSERVED,
	HOLDER_NONE,    /* nothing was decided that still holds */
	HOLDER_UNKNOWN, /* in a user namespace of a user without privilege, whose hook cannot leave a record */
};

#define HOLDER_DECISIONS 5

struct holder {
	enum holder_decision decision;
	char *id;           /* of the record; else what the cgroup's path tells, 64 hex digits; NULL = not known */
	const char *engine; /* what stops it by its id, as the cgroup's path tells; NULL = not known */
	pid_t pid;          /* the first process found */
	char name[64];      /* of its program: anything but a NUL */
	dev_t node;         /* the first one found */
	unsigned processes;
	uid_t user;         /* HOLDER_UNKNOWN: whose user namespace it is */
	uint64_t space;     /* the mount namespace: containers are told apart by it */
};

struct holders {
	struct holder *list;
	size_t count;
	unsigned of[HOLDER_DECISIONS]; /* containers */
	unsigned unseen; /* processes that this caller may not look at */
	bool late;       /* the deadline came first: there may be more */
	struct err fault; /* a record that cannot be read; code 0: none */
};

/* root: "" but in tests. deadline: lib/clock.h. -1 with CODE_INTERNAL: the records or procfs cannot be read. */
int holders_find(const char *root, int64_t deadline, struct holders *out, struct err *err);
void holders_free(struct holders *holders);

/* "allowed", "exempt", "observed", "none", "unknown". */
const char *holder_decision_name(enum holder_decision decision);

#endif
