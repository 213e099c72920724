/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook/target.h"
#include "lib/code.h"
#include "lib/fs.h"

/* The mount calls go by number: glibc wraps them from 2.36 on only, and its header clashes with linux/mount.h. */

/* tmpfs without size or nr_inodes is bounded by half the memory only. */
static size_t
size_of(const struct attach_file *files, unsigned count)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = 1;
	unsigned i;

	for (i = 0; i < count; i++)
		pages += files[i].content.size / page + 1;
	return pages * page;
}

static int
set_text(int context, const char *key, const char *text)
{
	return (int)syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, text, 0);
}

static int
set_number(int context, const char *key, size_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", value);
	return set_text(context, key, text);
}

static bool
has_selinux(void)
{
	struct statfs fs;

	return statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == SELINUX_MAGIC;
}

static int
configure(int context, const struct target *target, const char *label, size_t size, unsigned count)
{
	if (set_number(context, "size", size) != 0 || set_number(context, "nr_inodes", count + 2) != 0 ||
	    set_text(context, "mode", "0755") != 0 || set_number(context, "uid", target->uid) != 0 ||
	    set_number(context, "gid", target->gid) != 0)
		return -1;
	/* A kernel without SELinux does not know the option. */
	if (label != NULL && has_selinux() && set_text(context, "context", label) != 0)
		return -1;
	return (int)syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* A tmpfs that is mounted nowhere. */
static int
make_tmpfs(const struct target *target, const char *label, size_t size, unsigned count, struct err *err)
{
	int context, mount = -1;

	context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (context < 0)
		return err_set(err, CODE_ATTACH, "fsopen of tmpfs: %s", err_errno(errno));
	if (configure(context, target, label, size, count) != 0) {
		err_set(err, CODE_ATTACH, "fsconfig of tmpfs: %s", err_errno(errno));
		goto out;
	}
	mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mount < 0)
		err_set(err, CODE_ATTACH, "fsmount of tmpfs: %s", err_errno(errno));
out:
	close(context);
	return mount;
}

static int
write_file(int mount, const struct target *target, const struct attach_file *file, struct err *err)
{
	int fd, result = -1;

	fd = openat(mount, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	if (fd < 0)
		return err_set(err, CODE_ATTACH, "file %s: %s", file->name, err_errno(errno));
	if (fs_write_fd(fd, file->content, err) != 0) {
		err_wrap(err, CODE_ATTACH, "file %s", file->name);
		goto out;
	}
	/* The mode first: of a file of somebody else's it could not be set without CAP_FOWNER. */
	if (fchmod(fd, 0444) != 0 || (target->mapped && fchown(fd, target->uid, target->gid) != 0)) {
		err_set(err, CODE_ATTACH, "file %s: owner and mode: %s", file->name, err_errno(errno));
		goto out;
	}
	result = 0;
out:
	close(fd);
	return result;
}

static int
fill(int mount, const struct target *target, const struct attach_file *files, unsigned count, struct err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE};
	unsigned i;

	for (i = 0; i < count; i++)
		if (write_file(mount, target, &files[i], err) != 0)
			return -1;
	if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
		return err_set(err, CODE_ATTACH, "mount_setattr: %s", err_errno(errno));
	return 0;
}

/* What the child did last, and its errno. */
struct report {
	bool entered;
	int number;
};

static _Noreturn void
child_move(const struct container *container, int mount, int directory, int pipe, pid_t parent)
{
	struct report report = {false, 0};

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(CODE_INTERNAL);
	report.entered = setns(container->pidfd, CLONE_NEWNS) == 0;
	if (!report.entered || syscall(SYS_move_mount, mount, "", directory, "",
				       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
		report.number = errno;
	if (write(pipe, &report, sizeof(report)) != sizeof(report))
		_exit(CODE_INTERNAL);
	_exit(CODE_OK);
}

/* A mount can be attached from inside the target's namespace only; a child goes there, so that this process never has the
 * container's view of files. */
static int
move(const struct container *container, int mount, int directory, struct err *err)
{
	struct report report = {false, EPIPE};
	pid_t child, parent = getpid();
	int ends[2], status = -1;
	ssize_t size;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(err, CODE_ATTACH, "pipe: %s", err_errno(errno));
	child = fork();
	if (child == 0)
		child_move(container, mount, directory, ends[1], parent);
	close(ends[1]);
	size = child < 0 ? -1 : read(ends[0], &report, sizeof(report));
	close(ends[0]);
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || size != sizeof(report))
		return err_set(err, CODE_ATTACH, "the process that attaches the result ended with status 0x%x", (unsigned)status);
	if (report.number != 0)
		return err_set(err, CODE_ATTACH, "%s: %s", report.entered ? "move_mount" : "setns", err_errno(report.number));
	return 0;
}

int
attach_files(const struct container *container, const char *root_path, const char *label, const struct attach_file *files,
	     unsigned count, struct err *err)
{
	struct target target;
	int mount = -1, result = -1;

	if (target_open(container, root_path, &target, err) != 0)
		goto out;
	mount = make_tmpfs(&target, label, size_of(files, count), count, err);
	if (mount < 0)
		goto out;
	if (fill(mount, &target, files, count, err) != 0 || move(container, mount, target.directory, err) != 0 ||
	    target_holds(&target, mount, err) != 0 || container_check(container, err) != 0)
		goto out;
	result = 0;
out:
	if (mount >= 0)
		close(mount);
	target_close(&target);
	return result;
}
