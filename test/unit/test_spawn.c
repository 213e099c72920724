/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "test/unit/unit.h"

extern char **environ;

static char self[PATH_MAX];

/* -- the program that is started: this one again, with a word that says what it has to do ------------------------ */

static void
show_fds(void)
{
	DIR *listing = opendir("/proc/self/fd");
	unsigned long seen = 0;

	for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(listing))
			seen |= 1ul << atoi(entry->d_name);
	for (int fd = 0; fd < 64; fd++)
		if (seen >> fd & 1)
			printf("%d ", fd);
	closedir(listing);
}

static void
show_signals(void)
{
	struct sigaction action;
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int number = 1; number < 64; number++) {
		if (sigismember(&blocked, number) == 1)
			printf("blocked %d ", number);
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			printf("ignored %d ", number);
	}
}

static void
show_rest(void)
{
	int death = 0;

	prctl(PR_GET_PDEATHSIG, &death);
	for (char **variable = environ; *variable != NULL; variable++)
		printf("%s ", *variable);
	printf("death=%d leader=%d", death, getpgrp() == getpid());
}

static int
play(const char *part)
{
	char byte;

	if (strcmp(part, "fds") == 0)
		show_fds();
	else if (strcmp(part, "signals") == 0)
		show_signals();
	else if (strcmp(part, "rest") == 0)
		show_rest();
	else if (strcmp(part, "status") == 0)
		return 7;
	else if (strcmp(part, "die") == 0)
		kill(getpid(), SIGKILL);
	else if (strcmp(part, "stop") == 0)
		raise(SIGSTOP);
	else if (strcmp(part, "hang") == 0)
		while (read(0, &byte, 1) >= 0)
			pause();
	return 0;
}

/* -- the starter ------------------------------------------------------------------------------------------------- */

static int
start(const char *part, const int *fds, unsigned count, struct spawn *child, struct err *err)
{
	char *const argv[] = {self, (char *)part, NULL};

	fflush(stdout);
	return spawn_start(self, argv, fds, count, child, err);
}

/* What the program says, or the error's text. */
static char *
answer(const char *part, int input, unsigned extra)
{
	struct spawn child;
	struct buf out = {0};
	struct err err = ERR_INIT;
	int64_t deadline = clock_boot_ms() + 20000;
	int ends[2], fds[8] = {input, 0, 2, -1, -1, -1, -1, -1};

	if (pipe2(ends, O_CLOEXEC) != 0)
		return xstrdup("pipe");
	fds[1] = ends[1];
	if (start(part, fds, 3 + extra, &child, &err) == 0) {
		close(ends[1]);
		if (fs_read_stream(ends[0], 65536, deadline, &out, &err) != 0)
			buf_add_text(&out, err.text);
		if (spawn_wait(&child, deadline, &err) != 0)
			buf_add_text(&out, err.text);
	} else {
		close(ends[1]);
		buf_add_text(&out, err.text);
	}
	close(ends[0]);
	buf_add_text(&out, "");
	return buf_steal_text(&out);
}

static void
check_answer(const char *part, unsigned extra, const char *want)
{
	char *have = answer(part, -1, extra);

	CHECK_TEXT(have, want);
	free(have);
}

static void
test_fds_are_the_list(void)
{
	int leaked[18], count = 0;

	for (; count < 18; count++)
		leaked[count] = open("/dev/null", O_RDONLY); /* not close-on-exec: what a careless caller leaves */
	check_answer("fds", 0, "0 1 2 ");
	check_answer("fds", 3, "0 1 2 3 4 5 ");
	while (count > 0)
		close(leaked[--count]);
}

/* In a process of its own, because it loses its standard fds: each subset of 0 to 2 closed. */
static void
test_closed_standard_fds(void)
{
	for (unsigned closed = 1; closed < 8; closed++) {
		int status;
		pid_t starter;

		fflush(stdout);
		starter = fork();
		if (starter == 0) {
			for (int fd = 0; fd < 3; fd++)
				if (closed >> fd & 1)
					close(fd);
			_exit(strcmp(answer("fds", -1, 1), "0 1 2 3 ") != 0);
		}
		CHECK(waitpid(starter, &status, 0) == starter && status == 0);
	}
}

static void
test_order_of_fds_is_kept(void)
{
	struct spawn child;
	struct err err = ERR_INIT;
	struct buf out = {0};
	int first[2], second[2], fds[4];
	int64_t deadline = clock_boot_ms() + 20000;

	/* fd 1 of the child is one whose own number is also asked for, and the other way round. */
	CHECK(pipe2(first, O_CLOEXEC) == 0 && pipe2(second, O_CLOEXEC) == 0);
	CHECK(dup3(first[1], 11, O_CLOEXEC) == 11 && dup3(second[1], 12, O_CLOEXEC) == 12);
	fds[0] = 12;
	fds[1] = 11;
	fds[2] = 11;
	fds[3] = 2;
	CHECK(start("fds", fds, 4, &child, &err) == 0);
	close(11);
	close(12);
	close(first[1]);
	close(second[1]);
	CHECK(fs_read_stream(first[0], 100, deadline, &out, &err) == 0);
	CHECK(bytes_equal(buf_bytes(&out), bytes_of_text("0 1 2 3 ")));
	CHECK(fs_read_stream(second[0], 100, deadline, &out, &err) == 0 && out.size == 0);
	CHECK(spawn_wait(&child, deadline, &err) == 0 && child.pid == 0);
	close(first[0]);
	close(second[0]);
	buf_free(&out);
}

static void
test_signals_are_reset(void)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	check_answer("signals", 0, "");
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void
test_environment_and_group(void)
{
	setenv("LD_PRELOAD_CANARY", "1", 1);
	check_answer("rest", 0, "PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C death=9 leader=1");
}

static void
test_status(void)
{
	struct spawn child;
	struct err err = ERR_INIT;

	check_answer("status", 0, "ended with exit status 7");
	check_answer("die", 0, "ended by signal 9 (SIGKILL)");
	CHECK(start("status", (const int[]){-1, -1, 2}, 3, &child, &err) == 0);
	CHECK(spawn_wait(&child, clock_boot_ms() + 20000, &err) == -1 && err_code(&err) == CODE_WORKER);
	CHECK(spawn_wait(&child, clock_boot_ms() + 20000, &err) == -1);
	spawn_kill(&child);
}

/* A stopped process does not answer to anything but SIGKILL. */
static void
test_deadline(const char *part)
{
	struct spawn child;
	struct err err = ERR_INIT;
	int64_t begin = clock_boot_ms();
	int ends[2];
	pid_t pid;

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	CHECK(start(part, (const int[]){ends[0], -1, 2}, 3, &child, &err) == 0);
	pid = child.pid;
	CHECK(spawn_wait(&child, clock_boot_ms() + 100, &err) == -1);
	CHECK_TEXT(err.text, "killed: the deadline passed");
	CHECK(err_code(&err) == CODE_DEADLINE);
	CHECK(child.pid == 0 && child.pidfd == -1);
	CHECK(kill(pid, 0) == -1 && errno == ESRCH);
	CHECK(clock_boot_ms() - begin < 10000);
	close(ends[0]);
	close(ends[1]);
}

static void
test_deadline_of_hanging(void)
{
	test_deadline("hang");
}

static void
test_deadline_of_stopped(void)
{
	test_deadline("stop");
}

static void
test_kill(void)
{
	struct spawn child;
	struct err err = ERR_INIT;
	pid_t pid;

	CHECK(start("hang", (const int[]){-1, -1, 2}, 3, &child, &err) == 0);
	pid = child.pid;
	spawn_kill(&child);
	CHECK(child.pid == 0 && kill(pid, 0) == -1 && errno == ESRCH);
	spawn_kill(&child);
}

/*
 * The starter dies of SIGKILL: what it started is gone soon afterwards, seen by the end of a pipe that only it holds.
 */
static void
test_death_of_the_starter(void)
{
	struct err err = ERR_INIT;
	struct buf out = {0};
	int hold[2], tell[2], status;
	pid_t starter;
	char byte;

	CHECK(pipe2(hold, O_CLOEXEC) == 0 && pipe2(tell, O_CLOEXEC) == 0);
	fflush(stdout);
	starter = fork();
	if (starter == 0) {
		struct spawn child;
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) != 0 ||
		    start("hang", (const int[]){ends[0], hold[1], 2}, 3, &child, &err) != 0)
			_exit(1);
		close(hold[1]);
		if (write(tell[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(hold[1]);
	CHECK(read(tell[0], &byte, 1) == 1);
	CHECK(kill(starter, SIGKILL) == 0 && waitpid(starter, &status, 0) == starter);
	CHECK(fs_read_stream(hold[0], 10, clock_boot_ms() + 5000, &out, &err) == 0);
	close(hold[0]);
	close(tell[0]);
	close(tell[1]);
	buf_free(&out);
}

static void
check_refused(const char *path, const char *why)
{
	struct spawn child;
	struct err err = ERR_INIT;

	CHECK(spawn_start(path, (char *const[]){"x", NULL}, (const int[]){-1, -1, -1}, 3, &child, &err) == -1);
	CHECK(err_code(&err) == CODE_WORKER && child.pid == 0 && child.pidfd == -1);
	CHECK(strstr(err.text, why) != NULL);
	if (strstr(err.text, why) == NULL)
		printf("# %s\n", err.text);
}

static void
test_program_is_checked(void)
{
	char folder[] = "/tmp/cgpu-spawn.XXXXXX", path[64], other[64];
	struct err err = ERR_INIT;

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/program", folder);
	snprintf(other, sizeof(other), "%s/link", folder);
	CHECK(fs_write_atomic(path, bytes_of_text("nothing that runs"), 0755, &err) == 0);
	CHECK(symlink(path, other) == 0);
	check_refused("program", "not an absolute path");
	check_refused("/none", "/none: open: ENOENT");
	check_refused(folder, "not a regular file");
	check_refused(other, "not a regular file");
	check_refused(path, "start: exec: ENOEXEC");
	CHECK(chmod(path, 0644) == 0);
	check_refused(path, "start: exec: EACCES");
	CHECK(chmod(path, 0775) == 0);
	check_refused(path, "mode is 0775");
	if (geteuid() == 0) {
		CHECK(chmod(path, 0755) == 0 && chown(path, 12345, 0) == 0);
		check_refused(path, "owner is 12345");
	}
	CHECK(unlink(path) == 0 && unlink(other) == 0 && rmdir(folder) == 0);
}

int
main(int argc, char **argv)
{
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (argc > 1)
		return play(argv[1]);
	if (size < 0)
		return 1;
	RUN(test_fds_are_the_list);
	RUN(test_closed_standard_fds);
	RUN(test_order_of_fds_is_kept);
	RUN(test_signals_are_reset);
	RUN(test_environment_and_group);
	RUN(test_status);
	RUN(test_deadline_of_hanging);
	RUN(test_deadline_of_stopped);
	RUN(test_kill);
	RUN(test_death_of_the_starter);
	RUN(test_program_is_checked);
	return unit_end();
}
