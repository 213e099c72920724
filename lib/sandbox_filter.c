/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/sandbox.h"
#include "lib/sandbox_build.h"

/* What every worker needs to compute and to talk on the fds that it was given. */
static const int common[] = {
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(lseek),
	SCMP_SYS(fstat), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(sysinfo), /* glibc's qsort asks how much memory there is */
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
#if SANDBOX_ASAN
	SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigaction), SCMP_SYS(prlimit64), SCMP_SYS(sched_getaffinity),
#endif
};

/* A driver library reads its files and talks to its nodes by ioctl; which paths these are is Landlock's part. */
static const int collect[] = {
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(pread64),
	SCMP_SYS(fstatfs),
	SCMP_SYS(ioctl),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_getres),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(set_tid_address),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(uname),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getppid),
	SCMP_SYS(get_mempolicy),
	SCMP_SYS(mbind),
};

static const int fetch[] = {
	SCMP_SYS(connect),	   SCMP_SYS(getsockopt),  SCMP_SYS(setsockopt),	     SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),	   SCMP_SYS(sendto),	  SCMP_SYS(sendmsg),	     SCMP_SYS(sendmmsg),
	SCMP_SYS(recvfrom),	   SCMP_SYS(recvmsg),	  SCMP_SYS(recvmmsg),	     SCMP_SYS(shutdown),
	SCMP_SYS(fcntl),	   SCMP_SYS(ioctl),	  SCMP_SYS(pipe2),	     SCMP_SYS(eventfd2),
	SCMP_SYS(epoll_create1),   SCMP_SYS(epoll_ctl),	  SCMP_SYS(epoll_wait),	     SCMP_SYS(epoll_pwait),
	SCMP_SYS(rt_sigaction),	   SCMP_SYS(sigaltstack), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(uname),	   SCMP_SYS(stat),	  SCMP_SYS(newfstatat),	     SCMP_SYS(access),
	SCMP_SYS(getuid),	   SCMP_SYS(geteuid),	  SCMP_SYS(getgid),	     SCMP_SYS(getegid),
	SCMP_SYS(clock_nanosleep),
};

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static int
allow_list(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return rc;
}

/* Memory that can be executed is never made. */
static int
allow_memory(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return rc;
}

/* Whether a write can block (lib/fs.h). */
static int
allow_flags(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFL, 0));
}

/* clone3 hides its flags behind a pointer; glibc takes clone where it is told that there is none. */
static int
allow_threads(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_NEWUSER, CLONE_THREAD));

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
	/* abort() */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, getpid(), 0));
	return rc;
}

/* Nodes are opened for writing, but nothing is made or emptied: without Landlock, uid 0 could do so anywhere. */
static int
allow_open(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				  SCMP_A1(SCMP_CMP_MASKED_EQ, O_CREAT | O_TRUNC, 0));

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, O_CREAT | O_TRUNC, 0));
	return rc;
}

/* TCP and UDP; the others that a resolver tries (a name service cache, netlink) are missing rather than deadly. */
static int
allow_sockets(scmp_filter_ctx filter)
{
	static const int families[] = {AF_INET, AF_INET6};
	int rc = 0;

	for (size_t i = 0; i < COUNT(families) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_EQ, families[i], 0));
	for (int family = AF_UNIX; family <= AF_NETLINK && rc == 0; family += AF_NETLINK - AF_UNIX)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_EQ, family, 0));
	/* curl wakes its resolver's thread through a pair. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
				      SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	return rc;
}

static int
allow_role(scmp_filter_ctx filter, enum sandbox_role role)
{
	bool driver = role == SANDBOX_COLLECT || role == SANDBOX_READY;
	int rc = allow_list(filter, common, COUNT(common));

	if (rc == 0)
		rc = allow_memory(filter);
	if (rc == 0 && driver)
		rc = allow_list(filter, collect, COUNT(collect));
	if (rc == 0 && driver)
		rc = allow_open(filter);
	if (rc == 0 && role == SANDBOX_FETCH)
		rc = allow_list(filter, fetch, COUNT(fetch));
	if (rc == 0 && role == SANDBOX_FETCH)
		rc = allow_sockets(filter);
	if (rc == 0)
		rc = role == SANDBOX_APPRAISE ? allow_flags(filter) : allow_threads(filter);
	return rc;
}

int
sandbox_enter(enum sandbox_role role, struct err *err)
{
	/*
	 * A driver library of another version asks for more than the list: it is refused rather than killed, and
	 * logged.
	 */
	uint32_t otherwise =
		role == SANDBOX_COLLECT || role == SANDBOX_READY ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS;
	scmp_filter_ctx filter = seccomp_init(otherwise);
	int rc;

	if (filter == NULL)
		return err_set(err, CODE_WORKER, "seccomp: no filter");
	/* Calls of another architecture, x32 among them, would pass by the list. */
	rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* threads that the library started */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (rc == 0)
		rc = allow_role(filter, role);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc == 0 ? 0 : err_set(err, CODE_WORKER, "seccomp: %s", err_errno(-rc));
}
