/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_RECORD_H
#define HOOK_RECORD_H

#include "lib/err.h"
#include "spec/container_record.h"

/*
 * The records of containers that got a token (spec/container_record.h), as files. All -1 with CODE_INTERNAL unless
 * said.
 */

/* Takes the place of the container's earlier one; those of containers that are gone go. */
int record_write(const struct container_record *record, struct err *err);
/* CODE_REFRESH_UNKNOWN: there is none of that id. */
int record_read(const char *id, struct container_record *record, struct err *err);
void record_remove(const char *id);

#endif
