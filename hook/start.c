/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/code.h"

#define FILES_MIN 64

/* A file opened later must never become fd 2 and collect our messages. */
static int
open_standard_fds(struct err *err)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
		if (fd < 0)
			return err_set(err, CODE_START, "/dev/null: %s", err_errno(errno));
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

static int
close_other_fds(struct err *err)
{
	/* By number: glibc has the wrapper from 2.34 on only. */
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0) != 0)
		return err_set(err, CODE_START, "close_range: %s", err_errno(errno));
	return 0;
}

static int
reset_signals(struct err *err)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;
	int number;

	for (number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL); /* fails for SIGKILL, SIGSTOP and the two of the C library */
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return err_set(err, CODE_START, "sigprocmask: %s", err_errno(errno));
	return 0;
}

static int
check_ids(struct err *err)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) != 0 || getresgid(&gid[0], &gid[1], &gid[2]) != 0)
		return err_set(err, CODE_START, "getresuid: %s", err_errno(errno));
	if (uid[0] != uid[1] || uid[1] != uid[2] || gid[0] != gid[1] || gid[1] != gid[2])
		return err_set(err, CODE_START, "real and effective ids differ: uid %u and %u, gid %u and %u", uid[0],
			       uid[1], gid[0], gid[1]);
	if (getauxval(AT_SECURE) != 0)
		return err_set(err, CODE_START, "the program file carries privileges (AT_SECURE is set)");
	return 0;
}

static int
set_limits(struct err *err)
{
	struct rlimit core = {0, 0}, files;

	if (setrlimit(RLIMIT_CORE, &core) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
		return err_set(err, CODE_START, "limits: %s", err_errno(errno));
	if (files.rlim_cur >= FILES_MIN)
		return 0;
	if (files.rlim_max < FILES_MIN)
		return err_set(err, CODE_START, "at most %lu open files are allowed, want %d",
			       (unsigned long)files.rlim_max, FILES_MIN);
	files.rlim_cur = FILES_MIN;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		return err_set(err, CODE_START, "RLIMIT_NOFILE: %s", err_errno(errno));
	return 0;
}

int
start_clean(struct err *err)
{
	if (close_other_fds(err) != 0 || open_standard_fds(err) != 0)
		return -1;
	if (clearenv() != 0)
		return err_set(err, CODE_START, "the environment cannot be cleared");
	if (chdir("/") != 0)
		return err_set(err, CODE_START, "chdir to /: %s", err_errno(errno));
	umask(077);
	if (reset_signals(err) != 0 || set_limits(err) != 0 || check_ids(err) != 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, CODE_START, "prctl: %s", err_errno(errno));
	return 0;
}
