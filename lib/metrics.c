/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/metrics.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORM "cgpu metrics 1" /* the layout of struct metrics; another one is begun anew */
#define TRIES 20              /* of one millisecond each */

const int64_t metrics_bucket_ms[METRICS_BUCKETS] = {100, 250, 500, 1000, 2500, 5000, 10000, 25000, INT64_MAX};

void
metrics_count(struct metrics *sum, enum log_event event, int code, int64_t took_ms)
{
	unsigned i = 0;

	if (event < METRICS_EVENTS)
		sum->starts[event]++;
	if (event == LOG_REFUSED && code > 0 && code < 256)
		sum->refused[code]++;
	while (took_ms > metrics_bucket_ms[i])
		i++;
	sum->duration[i]++;
	sum->duration_ms += (uint64_t)(took_ms > 0 ? took_ms : 0);
}

/* Never waits: whoever holds the lock may have been stopped. */
static bool
try_lock(int fd, short type)
{
	struct flock all = {.l_type = type, .l_whence = SEEK_SET};

	for (unsigned i = 0; i < TRIES; i++) {
		if (fcntl(fd, F_OFD_SETLK, &all) == 0)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

static int
open_file(const char *path, int flags)
{
	struct stat status;
	int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid())
		return fd;
	close(fd);
	return -1;
}

static bool
read_sum(int fd, struct metrics *out)
{
	if (lseek(fd, 0, SEEK_SET) == 0 && read(fd, out, sizeof(*out)) == sizeof(*out) &&
	    strncmp(out->form, FORM, sizeof(out->form)) == 0)
		return true;
	*out = (struct metrics){.form = FORM};
	return false;
}

/* Between form and last_success there is nothing but counters. */
static void
add_counters(struct metrics *sum, const struct metrics *more)
{
	for (size_t at = offsetof(struct metrics, starts); at < offsetof(struct metrics, last_success);
	     at += sizeof(uint64_t)) {
		uint64_t *to = (uint64_t *)(void *)((char *)sum + at);

		*to += *(const uint64_t *)(const void *)((const char *)more + at);
	}
	if (more->last_success > sum->last_success)
		sum->last_success = more->last_success;
}

void
metrics_add(const char *path, const struct metrics *more)
{
	int fd = open_file(path, O_RDWR | O_CREAT);
	struct metrics sum;
	ssize_t written;

	if (fd < 0)
		return;
	if (try_lock(fd, F_WRLCK)) {
		read_sum(fd, &sum);
		add_counters(&sum, more);
		written = lseek(fd, 0, SEEK_SET) == 0 ? write(fd, &sum, sizeof(sum)) : -1;
		(void)written; /* a full file system costs these numbers and nothing else */
	}
	close(fd);
}

bool
metrics_read(const char *path, struct metrics *out)
{
	int fd = open_file(path, O_RDONLY);
	bool whole = fd >= 0 && try_lock(fd, F_RDLCK) && read_sum(fd, out);

	if (!whole)
		*out = (struct metrics){.form = FORM};
	if (fd >= 0)
		close(fd);
	return whole;
}
