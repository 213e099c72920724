/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/fs_fail.h"
#include "lib/random.h"

#define PAUSE_MS 20 /* and up to as much again, so that those who wait do not ask in step */

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

/* 1 = taken, 0 = all are. A place is a byte; the lock belongs to the open file and ends with its last descriptor. */
static int
take_free_place(int fd, unsigned places)
{
	for (unsigned i = 0; i < places; i++) {
		struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1};

		if (fcntl(fd, F_OFD_SETLK, &byte) == 0)
			return 1;
		if (errno != EAGAIN && errno != EACCES)
			return -1;
	}
	return 0;
}

static void
pause_briefly(void)
{
	uint8_t more;
	struct timespec time = {0, PAUSE_MS * 1000000};

	random_bytes(&more, sizeof(more));
	time.tv_nsec += time.tv_nsec / 256 * more;
	nanosleep(&time, NULL);
}

int
fs_lock(int dir, const char *name, unsigned places, int64_t deadline, struct err *err)
{
	/* Whoever else can open the file could take all places: it must be the caller's alone. */
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	int fd = own_or_closed(openat(dir, name, flags, 0600), S_IFREG, name, err), taken, number;

	if (fd < 0)
		return -1;
	while ((taken = take_free_place(fd, places)) == 0 && clock_left_ms(deadline) > 0)
		pause_briefly();
	if (taken == 1)
		return fd;
	number = taken == 0 ? ETIMEDOUT : errno;
	close(fd);
	return fail(err, number, "%s: %s: %s", name, taken == 0 ? "taken all the time" : "lock", err_errno(number));
}
