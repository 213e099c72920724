/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_NODE_PLACE_H
#define ATTEST_NODE_PLACE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * Other programs' files below a root ("" or a directory), read with a ceiling. Links are followed: they are part of a
 * system.
 */

#define PLACE_SMALL 65536
#define PLACE_NAMES_MAX 512

/* root and path in new memory. */
char *place_path(const char *root, const char *path);
/* The text of a regular file in new memory, up to a NUL; NULL with errno, EPERM for more than max bytes. */
char *place_read(const char *root, const char *path, size_t max);
/* The rest of the first line that begins with head, blanks around it cut off, in out; false: there is none. */
bool place_field(const char *text, const char *head, char *out, size_t size);
bool place_exists(const char *root, const char *path);
bool place_stat(const char *root, const char *path, struct stat *out);
/*
 * Names of a directory in byte order, those with a leading dot left out; at most PLACE_NAMES_MAX. NULL, count 0: there
 * is none.
 */
char **place_names(const char *root, const char *path, size_t *count);
void place_names_free(char **names, size_t count);

#endif
