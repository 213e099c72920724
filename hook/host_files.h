/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_HOST_FILES_H
#define HOOK_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Small files and directory trees of the host. */

#define HOST_SMALL_FILE 65536

/* NULL if it is not there, or larger. proc and sysfs follow links inside themselves, so links are followed here. */
char *host_read(const char *path, size_t max);

/* One entry: its name, and the descriptor of the directory that it is in. False ends the walk. */
typedef bool host_see_entry(void *seer, int directory, const char *name, unsigned char type);

/* Every entry below a directory: no link is followed, no other mount entered. 1 all seen, 0 ended by see, -1 given up:
 * more than max entries, too deep, or on a file system of another machine's or of a program's. A missing directory has
 * no entry. */
int host_walk(const char *path, unsigned max, host_see_entry *see, void *seer);

#endif
