/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_CONTENT_H
#define HOOK_CONTENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * A result on its tmpfs. Each one is a complete directory, and one link says which of them counts:
 *
 *   token.jwt -> ..data/token.jwt      ..data -> ..5f0c81d2a6e94b37      ..5f0c81d2a6e94b37/token.jwt
 *
 * A new result is written beside the old one, then the link is replaced in one step. Whoever opened the directory
 * behind
 * ..data reads one result and no mix: the one before stays there until the next but one comes.
 */

#define CONTENT_LINK "..data"
#define CONTENT_FILES_MAX 9
/*
 * The links, the root, a directory in it, ..data twice, and the directories: the present one, the one before, the new
 * one, one broken off.
 */
#define CONTENT_INODES (CONTENT_FILES_MAX + 4 + 4 * (CONTENT_FILES_MAX + 1))

struct attach_file {
	const char *name;
	struct bytes content;
};

struct content_owner {
	bool mapped; /* the container has a user namespace of its own */
	uid_t uid;   /* host ids of its root user */
	gid_t gid;
};

/* Bytes that the tmpfs may take for results of about this size. */
size_t content_room(const struct attach_file *files, unsigned count);

/*
 * Puts a result onto the tmpfs whose root is behind fd, and takes away what is not of it or the one before. A
 * container's root user may have changed everything there meanwhile: nothing leads out of the file system, and what is
 * in the way is an error. -1 with CODE_ATTACH: the link says what it said before.
 */
int content_put(int root, const struct content_owner *owner, const struct attach_file *files, unsigned count,
		struct err *err);

#endif
