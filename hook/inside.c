/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"

#define DEATH_MS 500

_Static_assert(sizeof(struct err) <= PIPE_BUF, "the answer has to come in one piece");

static _Noreturn void
child_run(const struct container *container, int (*function)(const void *context, struct err *err), const void *context,
	  int pipe, pid_t parent)
{
	struct err err = ERR_INIT;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(CODE_INTERNAL);
	if (setns(container->pidfd, CLONE_NEWNS) != 0)
		err_set(&err, CODE_ATTACH, "setns: %s", err_errno(errno));
	else if (function(context, &err) != 0 && err.code == CODE_OK)
		err.code = CODE_INTERNAL;
	if (write(pipe, &err, sizeof(err)) != sizeof(err))
		_exit(CODE_INTERNAL);
	_exit(CODE_OK);
}

/* Something to read, or the end of the pipe. */
static bool
wait_for(int fd, int64_t deadline)
{
	struct pollfd answer = {fd, POLLIN, 0};
	int result;

	do
		result = poll(&answer, 1, clock_left_ms(deadline));
	while (result < 0 && errno == EINTR);
	return result > 0;
}

/* The end of the pipe is that of the child; in a call that waits for nobody's signal it may not come. */
static int
collect(pid_t child, int fd, int64_t deadline, struct err *err)
{
	struct err answer = ERR_INIT;
	int status = -1;
	ssize_t size;

	if (!wait_for(fd, deadline)) {
		kill(child, SIGKILL);
		if (wait_for(fd, clock_boot_ms() + DEATH_MS))
			waitpid(child, NULL, 0);
		return err_set(err, CODE_DEADLINE,
			       "the process in the container's mount namespace did not come back in time");
	}
	size = read(fd, &answer, sizeof(answer));
	if (waitpid(child, &status, 0) != child || status != 0 || size != sizeof(answer))
		return err_set(err, CODE_ATTACH,
			       "the process in the container's mount namespace ended with status 0x%x",
			       (unsigned)status);
	if (answer.code == CODE_OK)
		return 0;
	*err = answer;
	return -1;
}

int
inside_run(const struct container *container, int (*function)(const void *context, struct err *err),
	   const void *context, int64_t deadline, struct err *err)
{
	pid_t child, parent = getpid();
	int ends[2], result;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(err, CODE_ATTACH, "pipe: %s", err_errno(errno));
	child = fork();
	if (child == 0)
		child_run(container, function, context, ends[1], parent);
	close(ends[1]);
	result = child < 0 ? err_set(err, CODE_ATTACH, "fork: %s", err_errno(errno))
			   : collect(child, ends[0], deadline, err);
	close(ends[0]);
	return result;
}
