/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_FS_H
#define LIB_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Files by descriptor, with ceilings. Errors carry code 0 and the errno's name; the caller names what the file is to
 * it. After a failure errno is that of the call that failed (ENOENT: no such file), EPERM where a rule of ours was
 * broken.
 */

/* Whole content of an open regular file, from its start; more than max bytes is an error. */
int fs_read_fd(int fd, size_t max, struct buf *out, struct err *err);
/* Everything until end of file from a pipe or socket until deadline (lib/clock.h). */
int fs_read_stream(int fd, size_t max, int64_t deadline, struct buf *out, struct err *err);
/* Opens path without following a last symlink, reads it whole. "-" is not special. */
int fs_read_file(const char *path, size_t max, struct buf *out, struct err *err);
/* The same through links: for files that others read through them as well. */
int fs_read_linked(const char *path, size_t max, struct buf *out, struct err *err);
/* A text of proc or sysfs, whose paths lead through links, in new memory; NULL with errno: it cannot be read. */
char *fs_read_text(const char *path, size_t max);

/*
 * A file that decides about trust: path is absolute, every directory above and the file itself belong to root (or to
 * the caller where that is not root; in a user namespace where root has no id also to the overflow id, see fs_trust.c),
 * and nobody else can write to them (a sticky directory of root's counts as safe). No symlink is followed. Returns an
 * open fd.
 */
int fs_open_trusted(const char *path, struct err *err);
int fs_read_trusted(const char *path, size_t max, struct buf *out, struct err *err);
/* The owner rule alone. */
bool fs_owner_trusted(uid_t owner);

/*
 * What is the caller's alone: the caller owns it and nobody else has any permission. fs_make_own_dir opens a directory
 * below trusted ones; what is missing of its path is made, 0700. The others take a directory's descriptor and one name
 * in it.
 */
int fs_make_own_dir(const char *path, struct err *err);
int fs_open_own_dir(int dir, const char *name, bool make, struct err *err);
int fs_read_own(int dir, const char *name, size_t max, struct buf *out, struct err *err);
/*
 * One of so many places of a lock, 0600, made if missing; dir may be AT_FDCWD. The place belongs to the descriptor that
 * is returned and ends with it, whatever becomes of the process. ETIMEDOUT: all were taken until deadline
 * (lib/clock.h).
 */
int fs_lock(int dir, const char *name, unsigned places, int64_t deadline, struct err *err);
/*
 * A directory, never through a symlink, with these flags of open(2); made, 0700, if it is missing and make says so. No
 * err.
 */
int fs_open_directory(int dir, const char *name, int flags, bool make);

/*
 * Writes by temporary file in the same directory, fsync and rename: afterwards the old content or the new one is there.
 * The name of a temporary file begins with a dot; a writer that is killed leaves it behind.
 */
int fs_write_atomic(const char *path, struct bytes content, mode_t mode, struct err *err);
int fs_write_atomic_at(int dir, const char *name, struct bytes content, mode_t mode, struct err *err);

/* All of it to fd, retrying short writes. */
int fs_write_fd(int fd, struct bytes content, struct err *err);

/*
 * Pipes and sockets until deadline: the bytes that are there (at most size; 0 = end of file, -1), and all of content,
 * in larger pieces where fd has O_NONBLOCK. A peer that is gone is EPIPE, never a signal.
 */
ssize_t fs_read_some(int fd, void *data, size_t size, int64_t deadline, struct err *err);
int fs_write_stream(int fd, struct bytes content, int64_t deadline, struct err *err);
/* What goes in at once; 0: there is no room. For an fd with O_NONBLOCK. */
ssize_t fs_write_some(int fd, struct bytes content, struct err *err);

#endif
