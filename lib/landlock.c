/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/code.h"

/*
 * Numbers of the kernel's interface (include/uapi/linux/landlock.h of Linux 6.12), because the header of the build
 * machine may be older than the kernel of the node. The system calls have the same numbers on all architectures.
 */
#define SYSCALL_CREATE_RULESET 444
#define SYSCALL_ADD_RULE 445
#define SYSCALL_RESTRICT_SELF 446

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_OF_ABI_1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)     /* 2 */
#define FS_TRUNCATE (1ull << 14)  /* 3 */
#define FS_IOCTL_DEV (1ull << 15) /* 5 */
#define NET_BIND_TCP (1ull << 0)  /* 4 */
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ull << 0) /* 6 */
#define SCOPE_SIGNAL (1ull << 1)

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_beneath_attr {
	uint64_t access;
	int32_t parent;
} __attribute__((packed));

int
landlock_abi(void)
{
	long abi = syscall(SYSCALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0; /* ENOSYS: not built in; EOPNOTSUPP: switched off */
}

static struct ruleset_attr
handled(int abi, bool connect)
{
	struct ruleset_attr attr = {FS_OF_ABI_1, 0, 0};

	if (abi >= 2)
		attr.fs |= FS_REFER;
	if (abi >= 3)
		attr.fs |= FS_TRUNCATE;
	if (abi >= 4)
		attr.net = connect ? NET_BIND_TCP : NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		attr.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	return attr;
}

/* Older kernels refuse a structure that is longer than theirs and not zero behind its end: size by version. */
static size_t
attr_size(int abi)
{
	return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

static int
allow_path(int ruleset, const char *path, uint64_t access, struct err *err)
{
	struct path_beneath_attr rule = {access, open(path, O_PATH | O_CLOEXEC)};
	struct stat status;
	int rc = 0;

	if (rule.parent < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (rule.parent < 0 || fstat(rule.parent, &status) != 0)
		rc = err_set(err, CODE_WORKER, "Landlock: %s: open: %s", path, err_errno(errno));
	else if (!S_ISDIR(status.st_mode))
		rule.access &= ~FS_READ_DIR; /* EINVAL on a file otherwise */
	if (rc == 0 && syscall(SYSCALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0)
		rc = err_set(err, CODE_WORKER, "Landlock: %s: rule: %s", path, err_errno(errno));
	if (rule.parent >= 0)
		close(rule.parent);
	return rc;
}

static int
allow_paths(int ruleset, const char *const *paths, uint64_t access, struct err *err)
{
	for (; paths != NULL && *paths != NULL; paths++)
		if (allow_path(ruleset, *paths, access, err) != 0)
			return -1;
	return 0;
}

int
landlock_restrict(const char *const *read, const char *const *read_write, bool connect, struct err *err)
{
	const uint64_t reading = FS_READ_FILE | FS_READ_DIR;
	int abi = landlock_abi(), ruleset, rc;
	struct ruleset_attr attr = handled(abi, connect);

	if (abi == 0)
		return 0;
	ruleset = (int)syscall(SYSCALL_CREATE_RULESET, &attr, attr_size(abi), 0);
	if (ruleset < 0)
		return err_set(err, CODE_WORKER, "Landlock: ruleset: %s", err_errno(errno));
	rc = allow_paths(ruleset, read, reading, err);
	if (rc == 0)
		rc = allow_paths(ruleset, read_write, reading | FS_WRITE_FILE | (abi >= 5 ? FS_IOCTL_DEV : 0), err);
	if (rc == 0 && syscall(SYSCALL_RESTRICT_SELF, ruleset, 0) != 0)
		rc = err_set(err, CODE_WORKER, "Landlock: restrict: %s", err_errno(errno));
	close(ruleset);
	return rc;
}
