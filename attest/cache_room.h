/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CACHE_ROOM_H
#define ATTEST_CACHE_ROOM_H

#include <dirent.h>
#include <stdint.h>

/* Directories of a cache whose files count together. */
#define ROOM_DIRS_MAX 4

struct room {
	int dir[ROOM_DIRS_MAX];
	unsigned dirs;
	uint64_t bytes_max;
	unsigned entries_max;
};

/* Drops the oldest files until one more of size bytes fits; an older one of its name, which it replaces, stays. */
void room_make(const struct room *room, const char *file, uint64_t size);
/* Drops the temporary files that killed writers left (lib/fs.h). */
void room_remove_temporaries(int dir);

/* The names in dir by order, but for temporary files; none where it cannot be read. For room_free. */
int room_names(int dir, struct dirent ***out);
void room_free(struct dirent **names, int count);

#endif
