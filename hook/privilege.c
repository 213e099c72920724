/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/code.h"

#define BIT(capability) (UINT64_C(1) << (capability))

/*
 * SYS_PTRACE: the container's init has more capabilities than the reduced hook, and /proc/PID/ns is then closed to it.
 * SETUID and SETGID: fsuid.
 */
#define ATTACH_SET                                                                                                     \
	(BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT) | BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_SETUID) |         \
	 BIT(CAP_SETGID) | BIT(CAP_SYS_PTRACE))

/* The workers change ids, are limited, killed and stripped of their bounding set. */
#define ATTEST_SET                                                                                                     \
	(ATTACH_SET | BIT(CAP_SETPCAP) | BIT(CAP_KILL) | BIT(CAP_FOWNER) | BIT(CAP_DAC_READ_SEARCH) |                  \
	 BIT(CAP_SYS_RESOURCE) | BIT(CAP_IPC_LOCK))

/* Only takes away, so it works for a caller without capabilities as well. */
static int
keep(uint64_t set)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	unsigned i;

	if (syscall(SYS_capget, &header, data) != 0)
		return -1;
	for (i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(set >> (32 * i));
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	return (int)syscall(SYS_capset, &header, data);
}

int
privilege_reduce(bool decides, struct err *err)
{
	if (keep(ATTEST_SET | (decides ? BIT(CAP_NET_ADMIN) : 0)) != 0)
		return err_set(err, CODE_START, "capset: %s", err_errno(errno));
	return 0;
}

static const int allowed[] = {
	/* memory, files, time: what the C library does by itself */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(pipe2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(openat),
	SCMP_SYS(open),
	SCMP_SYS(openat2),
	SCMP_SYS(fstat),
	SCMP_SYS(stat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(umask),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getegid),
	/* the worker's end */
	SCMP_SYS(kill),
	SCMP_SYS(wait4),
	SCMP_SYS(waitid),
	SCMP_SYS(pidfd_send_signal),
	/* attach and its child */
	SCMP_SYS(clone),
	SCMP_SYS(fork),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(prctl),
	SCMP_SYS(setns),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(move_mount),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(fchmod),
	SCMP_SYS(setfsuid),
	SCMP_SYS(setfsgid),
	SCMP_SYS(symlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rmdir),
	SCMP_SYS(getdents64),
	SCMP_SYS(open_tree),
	/* the record of the container, and the answer to `cgpu attest --refresh` */
	SCMP_SYS(fsync),
	SCMP_SYS(pread64),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigtimedwait),
	/* log */
	SCMP_SYS(socket),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
};

/* Memory that can be executed is never made. */
static int
add_rules(scmp_filter_ctx context)
{
	int result = 0;
	size_t i;

	for (i = 0; result == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		result = seccomp_rule_add(context, SCMP_ACT_ALLOW, allowed[i], 0);
	if (result == 0)
		result = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
					  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (result == 0)
		result = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return result;
}

static int
filter(void)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int result;

	if (context == NULL)
		return -ENOMEM;
	/* Calls of another architecture, x32 among them, would pass by the list. */
	result = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (result == 0)
		result = seccomp_attr_set(context, SCMP_FLTATR_CTL_LOG, 1);
	if (result == 0)
		result = add_rules(context);
	if (result == 0)
		result = seccomp_load(context);
	seccomp_release(context);
	return result;
}

int
privilege_confine(bool may_kill, struct err *err)
{
	int result;

	if (keep(ATTACH_SET | (may_kill ? BIT(CAP_KILL) : 0)) != 0)
		return err_set(err, CODE_INTERNAL, "capset: %s", err_errno(errno));
	result = filter();
	if (result != 0)
		return err_set(err, CODE_INTERNAL, "seccomp: %s", err_errno(-result));
	return 0;
}
