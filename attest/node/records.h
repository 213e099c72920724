/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_NODE_RECORDS_H
#define ATTEST_NODE_RECORDS_H

#include <stddef.h>

#include "spec/container_record.h"

/* Every record that the hook keeps (spec/container_record.h), those of containers that have ended included. */
struct records {
	struct container_record *list;
	size_t count;
	struct err fault; /* of the first that cannot be read; code 0: all were */
};

/*
 * path: CONTAINER_RECORDS. No directory: no container was let start with a GPU since the last boot. -1 with
 * CODE_INTERNAL.
 */
int records_read(const char *path, struct records *out, struct err *err);
void records_free(struct records *records);

#endif
