/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/fs_fail.h"

/* Waits until fd is ready or has an error that the next call will tell. */
static int
wait_ready(int fd, short events, int64_t deadline, struct err *err)
{
	struct pollfd ready = {fd, events, 0};

	for (;;) {
		int left = clock_left_ms(deadline), rc;

		if (left == 0)
			return fail(err, ETIMEDOUT, "the deadline passed");
		rc = poll(&ready, 1, left);
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR && errno != EAGAIN)
			return fail(err, errno, "poll: %s", err_errno(errno));
	}
}

ssize_t
fs_read_some(int fd, void *data, size_t size, int64_t deadline, struct err *err)
{
	for (;;) {
		ssize_t got;

		if (wait_ready(fd, POLLIN, deadline, err) != 0)
			return -1;
		got = read(fd, data, size);
		if (got >= 0)
			return got;
		if (errno == EINTR || errno == EAGAIN)
			continue;
		return fail(err, errno, "read: %s", err_errno(errno));
	}
}

int
fs_read_stream(int fd, size_t max, int64_t deadline, struct buf *out, struct err *err)
{
	char chunk[16384];

	out->size = 0;
	for (;;) {
		ssize_t got = fs_read_some(fd, chunk, sizeof(chunk), deadline, err);

		if (got <= 0)
			return (int)got;
		if ((size_t)got > max - out->size)
			return fail(err, EPERM, "more than %zu bytes", max);
		buf_add(out, chunk, (size_t)got);
	}
}

static int
write_chunks(int fd, struct bytes content, int64_t deadline, struct err *err)
{
	/*
	 * A pipe that polls writable takes PIPE_BUF bytes at once; more would block past the deadline, unless
	 * O_NONBLOCK.
	 */
	bool blocks = content.size > PIPE_BUF && !(fcntl(fd, F_GETFL) & O_NONBLOCK);

	while (content.size > 0) {
		size_t size = blocks && content.size > PIPE_BUF ? PIPE_BUF : content.size;
		ssize_t put;

		if (wait_ready(fd, POLLOUT, deadline, err) != 0)
			return -1;
		put = write(fd, content.data, size);
		if (put < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (put < 0)
			return fail(err, errno, "write: %s", err_errno(errno));
		content.data += put;
		content.size -= (size_t)put;
	}
	return 0;
}

struct held_signal {
	sigset_t before;
	bool pending; /* raised by somebody else before */
};

/*
 * MSG_NOSIGNAL is for sockets only and dispositions belong to the program, so SIGPIPE is blocked in this thread, to
 * which the kernel directs it, and taken back if the write raised it.
 */
static struct held_signal
hold_sigpipe(void)
{
	struct held_signal held;
	sigset_t sigpipe, pending;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	sigpending(&pending);
	held.pending = sigismember(&pending, SIGPIPE) == 1;
	sigprocmask(SIG_BLOCK, &sigpipe, &held.before);
	return held;
}

/* Keeps errno, which is the write's. */
static void
release_sigpipe(const struct held_signal *held, bool failed)
{
	static const struct timespec at_once = {0, 0};
	sigset_t sigpipe;
	int saved = errno;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	if (failed && saved == EPIPE && !held->pending)
		while (sigtimedwait(&sigpipe, NULL, &at_once) < 0 && errno == EINTR)
			;
	sigprocmask(SIG_SETMASK, &held->before, NULL);
	errno = saved;
}

int
fs_write_stream(int fd, struct bytes content, int64_t deadline, struct err *err)
{
	struct held_signal held = hold_sigpipe();
	int rc = write_chunks(fd, content, deadline, err);

	release_sigpipe(&held, rc != 0);
	return rc;
}

ssize_t
fs_write_some(int fd, struct bytes content, struct err *err)
{
	struct held_signal held = hold_sigpipe();
	ssize_t put;

	do
		put = write(fd, content.data, content.size);
	while (put < 0 && errno == EINTR);
	release_sigpipe(&held, put < 0);
	if (put < 0 && errno != EAGAIN)
		return fail(err, errno, "write: %s", err_errno(errno));
	return put < 0 ? 0 : put;
}
