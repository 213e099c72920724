/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/fs_fail.h"

int
fs_open_directory(int dir, const char *name, int flags, bool make)
{
	int fd = openat(dir, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT || !make || (mkdirat(dir, name, 0700) != 0 && errno != EEXIST))
		return fd;
	return openat(dir, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
check_own(int fd, mode_t type, const char *name, struct err *err)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return fail(err, errno, "%s: fstat: %s", name, err_errno(errno));
	if ((status.st_mode & S_IFMT) != type)
		return fail(err, EPERM, "%s: not a %s", name, type == S_IFDIR ? "directory" : "regular file");
	if (status.st_uid == geteuid() && (status.st_mode & 077) == 0)
		return 0;
	return fail(err, EPERM, "%s: owner is %u and mode %04o, want %u and no permission for others", name,
		    status.st_uid, status.st_mode & 07777, geteuid());
}

/* fd, as it came from open(2), if it is the caller's alone. */
static int
own_or_closed(int fd, mode_t type, const char *name, struct err *err)
{
	int saved;

	if (fd < 0)
		return fail(err, errno, "%s: open: %s", name, err_errno(errno));
	if (check_own(fd, type, name, err) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
fs_open_own_dir(int dir, const char *name, bool make, struct err *err)
{
	return own_or_closed(fs_open_directory(dir, name, O_RDONLY, make), S_IFDIR, name, err);
}

int
fs_read_own(int dir, const char *name, size_t max, struct buf *out, struct err *err)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hold us up before its type is known. */
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);

	fd = own_or_closed(fd, S_IFREG, name, err);
	return fd < 0 ? -1 : fs_read_named(fd, name, max, out, err);
}

int
fs_open_lock(int dir, const char *name, struct err *err)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;

	return own_or_closed(openat(dir, name, flags, 0600), S_IFREG, name, err);
}
