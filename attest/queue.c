/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/random.h"

#define PLACES_MIN 4
#define PLACES_MAX 16
#define PAUSE_MS 20 /* and up to as much again, so that those who wait do not ask in step */

unsigned
queue_places(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors < PLACES_MIN ? PLACES_MIN : processors > PLACES_MAX ? PLACES_MAX : (unsigned)processors;
}

/* Whoever else can open the file could take all places. */
static int
open_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0)
		return err_set(err, CODE_WORKER, "%s: open: %s", path, err_errno(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0)
		return fd;
	close(fd);
	return err_set(err, CODE_WORKER, "%s: want a file of our own with mode 0600", path);
}

/* 1 = taken, 0 = all are. A place is a byte; the lock belongs to the open file and ends with its last descriptor. */
static int
take_place(int fd, unsigned places)
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
queue_enter(const char *path, unsigned places, int64_t deadline, struct err *err)
{
	int64_t last = clock_boot_ms() + clock_left_ms(deadline) / 4 * 3;
	int fd = open_file(path, err), taken;

	if (fd < 0)
		return -1;
	while ((taken = take_place(fd, places)) == 0 && clock_left_ms(last) > 0)
		pause_briefly();
	if (taken == 1)
		return fd;
	if (taken == 0)
		err_set(err, CODE_DEADLINE, "%u other attestations were running all the time", places);
	else
		err_set(err, CODE_WORKER, "%s: lock: %s", path, err_errno(errno));
	close(fd);
	return -1;
}
