/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/node/queue.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "test/unit/unit.h"

static char directory[] = "/tmp/cgpu-queue.XXXXXX";
static char path[64];

static int
enter(unsigned places, int left_ms, struct err *err)
{
	*err = (struct err)ERR_INIT;
	return queue_enter(path, places, clock_boot_ms() + left_ms, err);
}

static void
test_counts(void)
{
	struct err err;
	int64_t start = clock_boot_ms();
	int first = enter(2, 10000, &err), second = enter(2, 10000, &err), third;

	CHECK(first >= 0 && second >= 0 && clock_boot_ms() - start < 5000);
	start = clock_boot_ms();
	CHECK(enter(2, 200, &err) == -1 && err_code(&err) == CODE_DEADLINE);
	CHECK(clock_boot_ms() - start >= 140); /* three quarters of the time */
	close(first);
	third = enter(2, 10000, &err);
	CHECK(third >= 0);
	close(second);
	close(third);
}

static void
test_the_dead_leave(void)
{
	struct err err;
	pid_t child;
	char told;
	int ends[2], fd;

	CHECK(pipe(ends) == 0);
	child = fork();
	if (child == 0) {
		if (enter(1, 10000, &err) >= 0 && write(ends[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	CHECK(read(ends[0], &told, 1) == 1);
	CHECK(enter(1, 100, &err) == -1 && err_code(&err) == CODE_DEADLINE);
	kill(child, SIGKILL);
	fd = enter(1, 10000, &err);
	CHECK(fd >= 0);
	waitpid(child, NULL, 0);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

/* Locks that anybody holds on the file: its places that are taken, and who waits. */
static unsigned
count_locks(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	unsigned count = 0;

	while (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
		count++;
		lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = lock.l_start + lock.l_len};
	}
	close(fd);
	return count;
}

static void
wait_for_locks(unsigned count)
{
	for (unsigned i = 0; i < 2000 && count_locks() != count; i++)
		usleep(5000);
	CHECK(count_locks() == count);
}

/* A process that waits for one place, and tells its letter once it has it. */
static pid_t
start_waiter(char letter, int left_ms, int to)
{
	struct err err;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		/* A place of the test's is given back by the last descriptor of it. */
		for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
			if (fd != to)
				close(fd);
		if (enter(1, left_ms, &err) >= 0 && write(to, &letter, 1) == 1)
			_exit(0);
		_exit(1);
	}
	return child;
}

static void
test_order(void)
{
	char told[8] = "";
	pid_t child[7];
	struct err err;
	int ends[2], held = enter(1, 10000, &err), status = 0;
	ssize_t got;
	size_t size = 0;

	CHECK(held >= 0 && pipe(ends) == 0);
	for (unsigned i = 0; i < 7; i++) {
		/* The fourth gives up early. */
		child[i] = start_waiter("abcdefg"[i], i == 3 ? 200 : 60000, ends[1]);
		if (i != 3)
			wait_for_locks(i < 3 ? i + 2 : i + 1);
		else
			CHECK(waitpid(child[3], &status, 0) == child[3] && WEXITSTATUS(status) == 1);
	}
	/* Who is killed, or first in the line and killed, holds nobody up. */
	kill(child[0], SIGKILL);
	kill(child[4], SIGKILL);
	waitpid(child[0], NULL, 0);
	waitpid(child[4], NULL, 0);
	/* Nobody goes by who wait. */
	CHECK(enter(1, 100, &err) == -1 && err_code(&err) == CODE_DEADLINE);
	close(held);
	close(ends[1]);
	while (size < sizeof(told) - 1 && (got = read(ends[0], told + size, sizeof(told) - 1 - size)) > 0)
		size += (size_t)got;
	told[size] = '\0';
	CHECK_TEXT(told, "bcfg");
	for (unsigned i = 0; i < 7; i++)
		if (i != 0 && i != 3 && i != 4)
			CHECK(waitpid(child[i], &status, 0) == child[i] && WEXITSTATUS(status) == 0);
	close(ends[0]);
	CHECK(count_locks() == 0);
}

/* With a place free, who comes while others wait goes behind them. */
static void
test_no_overtaking(void)
{
	struct err err;
	int ends[2], first = enter(2, 10000, &err), second = enter(2, 10000, &err), status = 0;
	pid_t stopped;

	CHECK(first >= 0 && second >= 0 && pipe(ends) == 0);
	stopped = start_waiter('a', 60000, ends[1]);
	wait_for_locks(3);
	kill(stopped, SIGSTOP);
	CHECK(waitpid(stopped, &status, WUNTRACED) == stopped && WIFSTOPPED(status));
	close(first);
	CHECK(enter(2, 100, &err) == -1 && err_code(&err) == CODE_DEADLINE);
	kill(stopped, SIGCONT);
	CHECK(waitpid(stopped, &status, 0) == stopped && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	first = enter(2, 10000, &err);
	CHECK(first >= 0);
	close(first);
	close(second);
	close(ends[0]);
	close(ends[1]);
}

static void
test_refuses_files(void)
{
	struct err err;

	chmod(path, 0666);
	CHECK(enter(1, 1000, &err) == -1 && err_code(&err) == CODE_WORKER);
	unlink(path);
	CHECK(symlink("/dev/null", path) == 0);
	CHECK(enter(1, 1000, &err) == -1 && err_code(&err) == CODE_WORKER);
	unlink(path);
	CHECK(mkfifo(path, 0600) == 0);
	CHECK(enter(1, 1000, &err) == -1 && err_code(&err) == CODE_WORKER);
	unlink(path);
}

static void
test_places(void)
{
	CHECK(queue_places() >= 4 && queue_places() <= 16);
}

int
main(void)
{
	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/lock", directory);
	RUN(test_counts);
	RUN(test_the_dead_leave);
	RUN(test_order);
	RUN(test_no_overtaking);
	RUN(test_refuses_files);
	RUN(test_places);
	rmdir(directory);
	return unit_end();
}
