/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/fs_fail.h"
#include "lib/idmap.h"

static uid_t
overflow_uid(void)
{
	struct buf text = {0};
	struct err err = ERR_INIT;
	unsigned uid = 65534;

	if (fs_read_file("/proc/sys/kernel/overflowuid", 64, &text, &err) == 0 && text.size > 0)
		sscanf((char *)text.data, "%u", &uid);
	buf_free(&text);
	return uid;
}

/*
 * In the user namespace of rootless containers the root of the host has no id, and what belongs to it shows the
 * overflow id. So does what belongs to any other user without an id here, but such a user comes to a path that is
 * trusted by its text only if root gave it one: every directory on the way is judged, and nobody but its owner can put
 * a name into one that passed. Where root has an id its files show that, and the overflow id is somebody else's for
 * certain.
 */
static bool
is_hidden_root(uid_t owner)
{
	struct err err = ERR_INIT;
	struct idmap map;

	return owner == overflow_uid() && idmap_read(&map, &err) == 0 && idmap_hides_root(&map);
}

bool
fs_owner_trusted(uid_t owner)
{
	return owner == 0 || owner == geteuid() || is_hidden_root(owner);
}

/* what: the part of the path up to this object, for the message. */
static int
check_object(int fd, bool directory, const char *what, int size, struct err *err)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return fail(err, errno, "%.*s: fstat: %s", size, what, err_errno(errno));
	if (directory ? !S_ISDIR(status.st_mode) : !S_ISREG(status.st_mode))
		return fail(err, EPERM, "%.*s: not a %s", size, what, directory ? "directory" : "regular file");
	if (!fs_owner_trusted(status.st_uid))
		return fail(err, EPERM, "%.*s: owner is %u, want root%s", size, what, status.st_uid,
			    geteuid() == 0 ? "" : " or the caller");
	if ((status.st_mode & 022) == 0 || (directory && (status.st_mode & S_ISVTX) && status.st_uid == 0))
		return 0;
	return fail(err, EPERM, "%.*s: mode is %04o, want no write permission for group and others", size, what,
		    status.st_mode & 07777);
}

enum object { OBJECT_FILE, OBJECT_DIRECTORY, OBJECT_MADE_DIRECTORY };

static int
open_object(int dir, const char *name, enum object object)
{
	if (object != OBJECT_FILE)
		return fs_open_directory(dir, name, O_PATH, object == OBJECT_MADE_DIRECTORY);
	/* O_NONBLOCK: a FIFO in the file's place must not hold us up before its type is known. */
	return openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
}

/* Steps from dir (consumed) to the component that ends at path + end. */
static int
step(int dir, const char *path, size_t start, size_t end, enum object object, struct err *err)
{
	char *name = xprintf("%.*s", (int)(end - start), path + start);
	int fd = open_object(dir, name, object), saved = errno;

	/* ENOTDIR and ELOOP stand for a symlink, too: none is followed. */
	if (fd < 0)
		fail(err, saved, "%.*s: open: %s", (int)end, path, err_errno(saved));
	if (fd >= 0 && check_object(fd, object != OBJECT_FILE, path, (int)end, err) != 0) {
		saved = errno;
		close(fd);
		fd = -1;
	}
	free(name);
	close(dir);
	errno = saved;
	return fd;
}

static bool
is_dots(const char *name, size_t size)
{
	return (size == 1 && name[0] == '.') || (size == 2 && name[0] == '.' && name[1] == '.');
}

static int
open_trusted_root(struct err *err)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(err, errno, "/: open: %s", err_errno(errno));
	if (check_object(fd, true, "/", 1, err) == 0)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/* The directory that the last component of path is in, which begins at *last. */
static int
open_parent(const char *path, enum object above, size_t *last, struct err *err)
{
	size_t at = 0, size = strlen(path);
	int fd;

	if (path[0] != '/' || path[size - 1] == '/')
		return fail(err, EPERM, "%s: not an absolute path to something in a directory", path);
	fd = open_trusted_root(err);
	while (fd >= 0) {
		size_t start = at + strspn(path + at, "/"), end = start + strcspn(path + start, "/");

		if (is_dots(path + start, end - start)) {
			close(fd);
			return fail(err, EPERM, "%s: '.' and '..' are not allowed", path);
		}
		*last = start;
		if (end == size)
			return fd;
		fd = step(fd, path, start, end, above, err);
		at = end;
	}
	return -1;
}

int
fs_open_trusted(const char *path, struct err *err)
{
	size_t last;
	int parent = open_parent(path, OBJECT_DIRECTORY, &last, err);

	return parent < 0 ? -1 : step(parent, path, last, strlen(path), OBJECT_FILE, err);
}

int
fs_make_own_dir(const char *path, struct err *err)
{
	size_t last;
	int parent = open_parent(path, OBJECT_MADE_DIRECTORY, &last, err), fd, saved;

	if (parent < 0)
		return -1;
	fd = fs_open_own_dir(parent, path + last, true, err);
	saved = errno;
	close(parent);
	if (fd < 0)
		err_wrap(err, 0, "%s", path);
	errno = saved;
	return fd;
}

int
fs_read_trusted(const char *path, size_t max, struct buf *out, struct err *err)
{
	int fd = fs_open_trusted(path, err);

	return fd < 0 ? -1 : fs_read_named(fd, path, max, out, err);
}
