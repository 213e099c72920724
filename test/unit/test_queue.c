/* SPDX-License-Identifier: Apache-2.0 */
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
	RUN(test_refuses_files);
	RUN(test_places);
	rmdir(directory);
	return unit_end();
}
