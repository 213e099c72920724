/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"

#define SPAWN_FDS_MAX 16
#define KILL_GRACE_MS                                                                                                  \
	2000 /* a process in an uninterruptible call of a driver outlives SIGKILL: its starter must not wait */

/* What the child tells through a close-on-exec pipe if it does not come to exec. */
struct report {
	int step;
	int number; /* errno */
};

enum { STEP_PARENT, STEP_SIGNALS, STEP_GROUP, STEP_FDS, STEP_EXEC };
static const char *const step_names[] = {"parent is gone", "signals", "setpgid", "file descriptors", "exec"};

static int
open_program(const char *path, struct err *err)
{
	struct stat status;
	int fd;

	if (path[0] != '/')
		return err_set(err, CODE_WORKER, "%s: not an absolute path", path);
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, CODE_WORKER, "%s: open: %s", path, err_errno(errno));
	if (fstat(fd, &status) != 0)
		err_set(err, CODE_WORKER, "%s: fstat: %s", path, err_errno(errno));
	else if (!S_ISREG(status.st_mode))
		err_set(err, CODE_WORKER, "%s: not a regular file", path);
	else if (!fs_owner_trusted(status.st_uid))
		err_set(err, CODE_WORKER, "%s: owner is %u, want root", path, status.st_uid);
	else if ((status.st_mode & 022) != 0)
		err_set(err, CODE_WORKER, "%s: mode is %04o, want no write permission for group and others", path,
			status.st_mode & 07777);
	else
		return fd;
	close(fd);
	return -1;
}

/* -- the child between vfork and exec: system calls only, in the parent's memory --------------------------------- */

static int
reset_child_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number <= SIGRTMAX; number++)
		if (number != SIGKILL && number != SIGSTOP)
			sigaction(number, &action, NULL); /* EINVAL for the two that glibc keeps for itself */
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Everything is first moved above the wanted range, so that no number is overwritten before it was copied. */
static int
place_fds(const int *fds, unsigned count, int *program, int *report)
{
	int moved[SPAWN_FDS_MAX];

	*program = fcntl(*program, F_DUPFD_CLOEXEC, count);
	*report = fcntl(*report, F_DUPFD_CLOEXEC, count);
	if (*program < 0 || *report < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		if (fds[i] >= 0) {
			moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, count);
		} else {
			int null = open("/dev/null", O_RDWR | O_CLOEXEC);

			moved[i] = null < 0 ? -1 : fcntl(null, F_DUPFD_CLOEXEC, count);
		}
		if (moved[i] < 0)
			return -1;
	}
	for (unsigned i = 0; i < count; i++)
		if (dup2(moved[i], (int)i) < 0)
			return -1;
	return (int)syscall(SYS_close_range, count, ~0u, CLOSE_RANGE_CLOEXEC);
}

static int
prepare_child(pid_t parent, const int *fds, unsigned count, int *program, int *report)
{
	/* Whoever died before the signal was asked for is seen by getppid. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		return STEP_PARENT;
	if (setpgid(0, 0) != 0)
		return STEP_GROUP;
	if (place_fds(fds, count, program, report) != 0)
		return STEP_FDS;
	if (reset_child_signals() != 0)
		return STEP_SIGNALS;
	return STEP_EXEC;
}

static _Noreturn void
run_child(pid_t parent, int program, char *const argv[], const int *fds, unsigned count, int report)
{
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
	struct report failed;

	errno = 0;
	failed.step = prepare_child(parent, fds, count, &program, &report);
	if (failed.step == STEP_EXEC)
		syscall(SYS_execveat, program, "", argv, environment, AT_EMPTY_PATH);
	failed.number = errno;
	if (write(report, &failed, sizeof(failed)) < 0)
		_exit(CODE_INTERNAL);
	_exit(CODE_INTERNAL);
}

/* -- the parent -------------------------------------------------------------------------------------------------- */

/*
 * With all signals blocked, so that no handler of ours runs in the child. vfork: to copy the page tables and to fault
 * on every page afterwards costs a tenth of a whole run.
 */
static pid_t
fork_blocked(pid_t parent, int program, char *const argv[], const int *fds, unsigned count, int report)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = vfork();
	if (pid == 0)
		run_child(parent, program, argv, fds, count, report);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* End of file means that exec closed the pipe. */
static int
read_exec_report(int fd, const char *path, struct err *err)
{
	struct report failed;
	ssize_t got;

	do
		got = read(fd, &failed, sizeof(failed));
	while (got < 0 && errno == EINTR);
	if (got == 0)
		return 0;
	if (got != sizeof(failed))
		return err_set(err, CODE_WORKER, "%s: start: broken report", path);
	return err_set(err, CODE_WORKER, "%s: start: %s: %s", path, step_names[failed.step], err_errno(failed.number));
}

static int
start_program(int program, const char *path, char *const argv[], const int *fds, unsigned count, struct spawn *out,
	      struct err *err)
{
	int report[2], rc;

	if (pipe2(report, O_CLOEXEC) != 0)
		return err_set(err, CODE_WORKER, "%s: pipe: %s", path, err_errno(errno));
	out->pid = fork_blocked(getpid(), program, argv, fds, count, report[1]);
	rc = out->pid < 0 ? err_set(err, CODE_WORKER, "%s: fork: %s", path, err_errno(errno)) : 0;
	close(report[1]);
	if (rc == 0) {
		out->pidfd = (int)syscall(SYS_pidfd_open, out->pid, 0);
		if (out->pidfd < 0)
			rc = err_set(err, CODE_WORKER, "%s: pidfd_open: %s", path, err_errno(errno));
		else
			rc = read_exec_report(report[0], path, err);
		if (rc != 0)
			spawn_kill(out);
	}
	close(report[0]);
	return rc;
}

int
spawn_start(const char *path, char *const argv[], const int *fds, unsigned count, struct spawn *out, struct err *err)
{
	int program, rc;

	*out = (struct spawn){0, -1};
	if (count < 3 || count > SPAWN_FDS_MAX)
		return err_set(err, CODE_INTERNAL, "%s: %u file descriptors, want 3 to %d", path, count, SPAWN_FDS_MAX);
	program = open_program(path, err);
	if (program < 0)
		return -1;
	rc = start_program(program, path, argv, fds, count, out, err);
	close(program);
	if (rc != 0)
		*out = (struct spawn){0, -1};
	return rc;
}

/* 1 = it ended (and is not reaped yet), 0 = the deadline passed. */
static int
wait_end(const struct spawn *child, int64_t deadline)
{
	struct pollfd ended = {child->pidfd, POLLIN, 0};
	int left;

	do {
		left = clock_left_ms(deadline);
		if (poll(&ended, 1, left) > 0)
			return 1;
	} while (left > 0);
	return 0;
}

/*
 * The group is killed while the leader is still unreaped: until then the number can belong to nobody else. status is
 * untouched if the process does not die of it.
 */
static void
kill_and_reap(struct spawn *child, int *status)
{
	kill(-child->pid, SIGKILL);
	kill(child->pid, SIGKILL); /* it may not have come to setpgid */
	if (child->pidfd < 0 || wait_end(child, clock_boot_ms() + KILL_GRACE_MS))
		while (waitpid(child->pid, status, 0) < 0 && errno == EINTR)
			;
	if (child->pidfd >= 0)
		close(child->pidfd);
	*child = (struct spawn){0, -1};
}

int
spawn_wait(struct spawn *child, int64_t deadline, struct err *err)
{
	int status = -1;
	bool ended;

	if (child->pid <= 0)
		return err_set(err, CODE_INTERNAL, "no process to wait for");
	ended = wait_end(child, deadline);
	kill_and_reap(child, &status);
	if (!ended)
		return err_set(err, CODE_DEADLINE, "killed: the deadline passed");
	if (WIFSIGNALED(status))
		return err_set(err, CODE_WORKER, "ended by signal %d (SIG%s)", WTERMSIG(status),
			       sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, CODE_WORKER, "ended with exit status %d", WEXITSTATUS(status));
	return 0;
}

void
spawn_kill(struct spawn *child)
{
	int status;

	if (child->pid > 0)
		kill_and_reap(child, &status);
}
