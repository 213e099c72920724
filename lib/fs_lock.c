/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/fs_fail.h"
#include "lib/random.h"

/*
 * The bytes of the file, which has none, are what is locked: the places from 0, then who may join the line, then the
 * line. Who waits holds one byte of it, behind all that are held; nobody before it is what makes it the first. Nothing
 * is written, and the kernel takes back what a dead process held, so nothing of an earlier time can be in the way.
 */
#define DOOR 4095
#define LINE 4096

#define PAUSE_MS 10 /* and up to as much again, so that those who wait do not ask in step */
#define PAUSE_FIRST_MS 2

/* 1 = locked, 0 = another has it, -1. */
static int
lock_byte(int fd, int64_t at)
{
	struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	if (fcntl(fd, F_OFD_SETLK, &byte) == 0)
		return 1;
	return errno == EAGAIN || errno == EACCES ? 0 : -1;
}

static void
unlock_byte(int fd, int64_t at)
{
	struct flock byte = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	fcntl(fd, F_OFD_SETLK, &byte);
}

/* 1 = a byte of the range is another's, *held: one of them; size 0: to the end. 0 = none is; -1. */
static int
find_held(int fd, int64_t from, int64_t size, int64_t *held)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = size};

	if (fcntl(fd, F_OFD_GETLK, &range) != 0)
		return -1;
	*held = range.l_start;
	return range.l_type != F_UNLCK;
}

static int
take_free_place(int fd, unsigned places)
{
	int taken = 0;

	for (unsigned i = 0; taken == 0 && i < places; i++)
		taken = lock_byte(fd, i);
	return taken;
}

static void
pause_briefly(unsigned ms)
{
	uint8_t more;
	struct timespec time = {0, ms * 1000000L};

	random_bytes(&more, sizeof(more));
	time.tv_nsec += time.tv_nsec / 256 * more;
	nanosleep(&time, NULL);
}

/* The byte of the line that is held then, 0 if the deadline came first, -1. */
static int64_t
join_line(int fd, int64_t deadline)
{
	int64_t own = LINE, held;
	int got;

	while ((got = lock_byte(fd, DOOR)) == 0 && clock_left_ms(deadline) > 0)
		pause_briefly(PAUSE_FIRST_MS);
	if (got != 1)
		return got;
	while ((got = find_held(fd, own, 0, &held)) == 1)
		own = held + 1;
	if (got == 0)
		got = lock_byte(fd, own);
	unlock_byte(fd, DOOR);
	return got == 1 ? own : -1;
}

/* 1 = has a place, 0 = none is free or others are first, -1. */
static int
try_turn(int fd, int64_t own, unsigned places, bool *first)
{
	int64_t held;
	int before = own > LINE ? find_held(fd, LINE, own - LINE, &held) : 0;

	*first = before == 0;
	return *first ? take_free_place(fd, places) : before > 0 ? 0 : -1;
}

/* 1 = has a place, 0 = the deadline came first, -1. */
static int
wait_in_line(int fd, unsigned places, int64_t deadline)
{
	int64_t own = join_line(fd, deadline);
	bool first;
	int taken;

	if (own <= 0)
		return (int)own;
	while ((taken = try_turn(fd, own, places, &first)) == 0 && clock_left_ms(deadline) > 0)
		pause_briefly(first ? PAUSE_FIRST_MS : PAUSE_MS);
	if (taken == 1)
		unlock_byte(fd, own);
	return taken;
}

int
fs_lock(int dir, const char *name, unsigned places, int64_t deadline, struct err *err)
{
	int fd = fs_open_lock(dir, name, err), taken, number;
	int64_t held;

	if (fd < 0)
		return -1;
	taken = find_held(fd, LINE, 0, &held);
	taken = taken == 0 ? take_free_place(fd, places) : taken == 1 ? 0 : -1;
	if (taken == 0 && clock_left_ms(deadline) > 0)
		taken = wait_in_line(fd, places, deadline);
	if (taken == 1)
		return fd;
	number = taken == 0 ? ETIMEDOUT : errno;
	close(fd);
	return fail(err, number, "%s: %s: %s", name, taken == 0 ? "taken all the time" : "lock", err_errno(number));
}
