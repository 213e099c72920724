/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs_fail.h"

#define READ_SIZE 4096

int
fs_read_fd(int fd, size_t max, struct buf *out, struct err *err)
{
	struct stat status;

	out->size = 0;
	if (fstat(fd, &status) != 0)
		return fail(err, errno, "fstat: %s", err_errno(errno));
	if (!S_ISREG(status.st_mode))
		return fail(err, EPERM, "not a regular file");
	/* The size is a hint: 0 for files of procfs, and the file may grow meanwhile. */
	buf_reserve(out, status.st_size > 0 && (uint64_t)status.st_size < max ? (size_t)status.st_size + 1 : READ_SIZE);
	out->data[0] = '\0';
	for (;;) {
		ssize_t got = pread(fd, out->data + out->size, out->room - out->size - 1, (off_t)out->size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(err, errno, "read: %s", err_errno(errno));
		if (got == 0)
			return 0;
		if ((size_t)got > max - out->size)
			return fail(err, EPERM, "more than %zu bytes", max);
		out->size += (size_t)got;
		out->data[out->size] = '\0';
		if (out->size + 1 == out->room)
			buf_reserve(out, READ_SIZE);
	}
}

int
fs_read_named(int fd, const char *name, size_t max, struct buf *out, struct err *err)
{
	int rc = fs_read_fd(fd, max, out, err), saved = errno;

	close(fd);
	if (rc != 0)
		err_wrap(err, 0, "%s", name);
	errno = saved;
	return rc;
}

static int
read_path(const char *path, int flags, size_t max, struct buf *out, struct err *err)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hold us up before its type is known. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);

	if (fd < 0)
		return fail(err, errno, "%s: open: %s", path, err_errno(errno));
	return fs_read_named(fd, path, max, out, err);
}

int
fs_read_file(const char *path, size_t max, struct buf *out, struct err *err)
{
	return read_path(path, O_NOFOLLOW, max, out, err);
}

int
fs_read_linked(const char *path, size_t max, struct buf *out, struct err *err)
{
	return read_path(path, 0, max, out, err);
}

char *
fs_read_text(const char *path, size_t max)
{
	struct buf content = {0};
	int saved;

	if (fs_read_linked(path, max, &content, &(struct err)ERR_INIT) != 0) {
		saved = errno;
		buf_free(&content);
		errno = saved;
		return NULL;
	}
	return buf_steal_text(&content);
}

int
fs_write_fd(int fd, struct bytes content, struct err *err)
{
	while (content.size > 0) {
		ssize_t put = write(fd, content.data, content.size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail(err, errno, "write: %s", err_errno(errno));
		content.data += put;
		content.size -= (size_t)put;
	}
	return 0;
}

/* Fills and names the temporary file. Returns its fd, whose name in dir is then temporary[]. */
static int
create_temporary(int dir, const char *name, char *temporary, size_t size, struct err *err)
{
	uint64_t random;
	int fd;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail(err, errno, "getrandom: %s", err_errno(errno));
	if (snprintf(temporary, size, ".%s.%016llx", name, (unsigned long long)random) >= (int)size)
		return fail(err, ENAMETOOLONG, "name of more than %zu bytes", size - 18);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : fail(err, errno, "create %s: %s", temporary, err_errno(errno));
}

int
fs_write_atomic_at(int dir, const char *name, struct bytes content, mode_t mode, struct err *err)
{
	char temporary[256];
	int fd = create_temporary(dir, name, temporary, sizeof(temporary), err), rc, saved;

	if (fd < 0)
		return -1;
	rc = fs_write_fd(fd, content, err);
	if (rc == 0 && fchmod(fd, mode) != 0)
		rc = fail(err, errno, "fchmod: %s", err_errno(errno));
	if (rc == 0 && fsync(fd) != 0)
		rc = fail(err, errno, "fsync: %s", err_errno(errno));
	if (rc == 0 && renameat(dir, temporary, dir, name) != 0)
		rc = fail(err, errno, "rename: %s", err_errno(errno));
	saved = errno;
	close(fd);
	if (rc != 0)
		unlinkat(dir, temporary, 0);
	else if (fsync(dir) != 0)
		return fail(err, errno, "fsync of the directory: %s", err_errno(errno));
	errno = saved;
	return rc;
}

int
fs_write_atomic(const char *path, struct bytes content, mode_t mode, struct err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char *parent = slash == NULL ? xstrdup(".") : slash == path ? xstrdup("/") : xstrdup(path);
	int dir, rc = -1, saved;

	if (slash != NULL && slash != path)
		parent[slash - path] = '\0';
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		fail(err, errno, "open of the directory: %s", err_errno(errno));
	else
		rc = fs_write_atomic_at(dir, name, content, mode, err);
	saved = errno;
	if (dir >= 0)
		close(dir);
	free(parent);
	if (rc != 0)
		err_wrap(err, 0, "%s", path);
	errno = saved;
	return rc;
}
