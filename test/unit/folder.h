/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

/* A tree of files of a test's own below /tmp. */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"

static char folder[64];

static inline void
folder_make(void)
{
	snprintf(folder, sizeof(folder), "/tmp/cgpu-test.XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
}

static inline int
folder_remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status, (void)type, (void)place;
	return remove(path);
}

static inline void
folder_remove(void)
{
	nftw(folder, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path in the folder, whose directories are there then; valid until four calls later. */
static inline const char *
at(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned next;
	char *out = path[next++ % 4];

	snprintf(out, PATH_MAX, "%s/%s", folder, name);
	for (char *slash = out + strlen(folder); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(out, 0755);
		*slash = '/';
	}
	return out;
}

static inline void
put_bytes(const char *name, struct bytes content, mode_t mode)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, content.data, content.size) != (ssize_t)content.size || close(fd) != 0)
		abort();
}

static inline void
put_text(const char *name, const char *text)
{
	put_bytes(name, bytes_of_text(text), 0644);
}

/* The whole text of a file, in new memory; "" if it is not there. */
static inline char *
read_text(const char *name)
{
	int fd = open(at(name), O_RDONLY | O_CLOEXEC);
	char *text = xcalloc(1, 65536);

	if (fd >= 0 && (read(fd, text, 65535) < 0 || close(fd) != 0))
		abort();
	return text;
}

#endif
