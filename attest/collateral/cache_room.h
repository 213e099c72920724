/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_CACHE_ROOM_H
#define ATTEST_COLLATERAL_CACHE_ROOM_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Directories of a cache whose files count together, as they are while nobody else writes. Begins as {.bytes_max,
 * .entries_max} and ends with room_close; the directories stay the caller's and open until then.
 */
struct room {
	uint64_t bytes_max, bytes;
	unsigned entries_max, files;
	struct room_file *file; /* by age, the oldest first, once they are sorted */
	bool sorted;
};

/*
 * What is in dir counts from now on, but for temporary files that killed writers left (lib/fs.h), which go. NULL:
 * nothing counts.
 */
void room_add(struct room *room, int dir);
/*
 * Drops the oldest files until one more of size bytes fits, which is counted; one of its name, which it replaces,
 * stays.
 */
void room_make(struct room *room, int dir, const char *name, uint64_t size);
void room_close(struct room *room);

/* The names in dir by order, but for temporary files; none where it cannot be read. For room_free. */
int room_names(int dir, struct dirent ***out);
void room_free(struct dirent **names, int count);

#endif
