/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/code.h"
#include "spec/mountinfo.h"

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202 /* ipc/mqueue.c: in no header */
#endif

/* -- the container's process in /proc -- */

static int
open_proc(struct err *err)
{
	struct statfs fs;
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstatfs(fd, &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC) {
		if (fd >= 0)
			close(fd);
		return err_set(err, CODE_START, "/proc is no procfs");
	}
	return fd;
}

/* Opens /proc/PID/NAME; its magic links are the point here. */
static int
open_of(const struct target *target, pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	return openat(target->proc, path, flags | O_CLOEXEC);
}

/* The host id behind the container's id 0, or behind its lowest id. */
static int
read_map(const struct target *target, pid_t pid, const char *name, unsigned *id, struct err *err)
{
	unsigned inside, outside, count, lowest = UINT_MAX;
	int fd = open_of(target, pid, name, O_RDONLY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (file == NULL) {
		if (fd >= 0)
			close(fd);
		return err_set(err, CODE_ROOTFS, "%s of the container: %s", name, err_errno(errno));
	}
	while (fscanf(file, "%u %u %u", &inside, &outside, &count) == 3) {
		if (inside >= lowest)
			continue;
		lowest = inside;
		*id = outside;
	}
	fclose(file);
	if (lowest == UINT_MAX)
		return err_set(err, CODE_ROOTFS, "%s of the container is empty", name);
	return 0;
}

static int
read_ids(const struct container *container, struct target *out, struct err *err)
{
	struct stat own, other;
	char path[32];

	snprintf(path, sizeof(path), "%d/ns/user", (int)container->pid);
	if (fstatat(out->proc, "self/ns/user", &own, 0) != 0 || fstatat(out->proc, path, &other, 0) != 0)
		return err_set(err, CODE_CONTAINER_GONE, "user namespace of process %d: %s", (int)container->pid,
			       err_errno(errno));
	/* In a shared user namespace uid_map tells how that was mapped by its parent, which is nothing to us. */
	out->mapped = own.st_dev != other.st_dev || own.st_ino != other.st_ino;
	if (!out->mapped)
		return 0;
	if (read_map(out, container->pid, "uid_map", &out->uid, err) != 0 ||
	    read_map(out, container->pid, "gid_map", &out->gid, err) != 0)
		return -1;
	return 0;
}

/* -- mounts -- */

/* The mount that fd is on: its id, and whether fd is its root. */
static int
mount_of(int fd, unsigned long *id, bool *is_root)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) != 0)
		return -1;
	if ((stx.stx_mask & STATX_MNT_ID) == 0 || (stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	*id = stx.stx_mnt_id;
	*is_root = (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	return 0;
}

/* What is mounted on a shared mount shows up at its peers, the host's among them. */
static int
check_private(const struct target *target, pid_t pid, struct err *err)
{
	struct mountinfo mount = {.id = 0};
	unsigned long id = 0;
	char *line = NULL;
	size_t room = 0;
	bool found = false, is_root;
	int fd;
	FILE *file;

	if (mount_of(target->directory, &id, &is_root) != 0)
		return err_set(err, CODE_ATTACH, "statx of /" TARGET_DIRECTORY ": %s", err_errno(errno));
	fd = open_of(target, pid, "mountinfo", O_RDONLY);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (file == NULL) {
		if (fd >= 0)
			close(fd);
		return err_set(err, CODE_CONTAINER_GONE, "mountinfo of process %d: %s", (int)pid, err_errno(errno));
	}
	while (!found && getline(&line, &room, file) > 0)
		found = mountinfo_parse(line, &mount) && mount.id == id;
	free(line);
	fclose(file);
	if (!found)
		return err_set(err, CODE_ROOTFS,
			       "/" TARGET_DIRECTORY " is on mount %lu, which is none of the container's", id);
	if (mount.shared)
		return err_set(err, CODE_ATTACH_SHARED, "/" TARGET_DIRECTORY " is on a mount with shared propagation");
	return 0;
}

/* -- the way down -- */

static int
open_beneath(int at, const char *path, uint64_t resolve)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = resolve | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
}

static bool
is_pseudo(int fd)
{
	static const uint32_t types[] = {
		PROC_SUPER_MAGIC, SYSFS_MAGIC,    DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC,   CGROUP2_SUPER_MAGIC,
		DEBUGFS_MAGIC,    TRACEFS_MAGIC,  SECURITYFS_MAGIC,   SELINUX_MAGIC,        SMACK_MAGIC,
		BPF_FS_MAGIC,     MQUEUE_MAGIC,   BINFMTFS_MAGIC,     NSFS_MAGIC,           HUGETLBFS_MAGIC,
		PSTOREFS_MAGIC,   EFIVARFS_MAGIC, AUTOFS_SUPER_MAGIC, RDTGROUP_SUPER_MAGIC,
	};
	struct statfs fs;
	size_t i;

	if (fstatfs(fd, &fs) != 0)
		return true;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((uint32_t)fs.f_type == types[i])
			return true;
	return false;
}

/*
 * As the container's root user where it is another one: the host's has no id in the container's file systems, and
 * making something there then fails with EOVERFLOW.
 */
static int
make_directory(const struct target *target, int at, const char *name)
{
	mode_t mask = umask(022);
	int result, saved;

	if (target->mapped) {
		setfsgid(target->gid);
		setfsuid(target->uid);
	}
	result = mkdirat(at, name, 0755);
	saved = errno;
	if (target->mapped) {
		setfsuid(geteuid());
		setfsgid(getegid());
	}
	umask(mask);
	errno = saved;
	return result;
}

static bool
is_empty_directory(int at)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool empty = list != NULL;

	while (empty && (entry = readdir(list)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (list != NULL)
		closedir(list);
	else if (fd >= 0)
		close(fd);
	return empty;
}

/* Makes what is missing. 1: at is read-only and empty, and shall be covered. */
static int
make_missing(const struct target *target, int at, const char *name, struct err *err)
{
	if (make_directory(target, at, name) == 0 || errno == EEXIST)
		return 0;
	if (errno == EROFS && strcmp(name, TARGET_NAME) == 0 && is_empty_directory(at))
		return 1;
	return err_set(err, errno == EROFS ? CODE_ATTACH_READ_ONLY : CODE_ATTACH_TARGET,
		       "mkdir '%s' for /" TARGET_DIRECTORY ": %s", name, err_errno(errno));
}

/* covers: what is missing is made, or covered; NULL: nothing is made. The fd of the last directory. */
static int
walk(const struct target *target, bool *covers, struct err *err)
{
	char path[] = TARGET_DIRECTORY, *rest = NULL, *name;
	int at = dup(target->root), next;

	for (name = strtok_r(path, "/", &rest); name != NULL && at >= 0; name = strtok_r(NULL, "/", &rest)) {
		next = open_beneath(at, name, RESOLVE_BENEATH);
		if (next < 0 && errno == ENOENT && covers != NULL) {
			int made = make_missing(target, at, name, err);

			*covers = made == 1;
			if (*covers)
				return at;
			next = made < 0 ? -1 : open_beneath(at, name, RESOLVE_BENEATH);
		}
		if (next < 0 && err->code == 0)
			err_set(err, CODE_ATTACH_TARGET,
				"'%s' of /" TARGET_DIRECTORY " in the container: %s, want a directory", name,
				err_errno(errno));
		close(at);
		at = next;
		if (at >= 0 && is_pseudo(at)) {
			err_set(err, CODE_ATTACH_TARGET, "'%s' of /" TARGET_DIRECTORY " is on a pseudo file system",
				name);
			close(at);
			at = -1;
		}
	}
	return at;
}

/*
 * root.path as an absolute path of the host. Links on the way to it are the host's, as in a storage that was moved to
 * another disk, and runtimes follow them; below it none is followed.
 */
static int
absolute_root(const struct container *container, const char *root_path, char out[CONTAINER_PATH_MAX], struct err *err)
{
	int fd = openat(container->bundle, root_path, O_PATH | O_DIRECTORY | O_CLOEXEC), result = -1;

	if (fd >= 0)
		result = container_path(fd, out);
	if (result != 0)
		err_set(err, CODE_ROOTFS, "root.path %.256s: %s", root_path, err_errno(errno));
	if (fd >= 0)
		close(fd);
	return result;
}

/* Mounts of the container hang below its root file system, which both runtimes mount on itself before the hook. */
static int
open_root(const struct container *container, const char *root_path, struct target *out, struct err *err)
{
	char path[CONTAINER_PATH_MAX];
	unsigned long id;
	struct stat root, host;
	bool is_root = false;
	int top;

	if (absolute_root(container, root_path, path, err) != 0)
		return -1;
	top = open_of(out, container->pid, "root", O_PATH | O_DIRECTORY);
	if (top < 0)
		return err_set(err, CODE_CONTAINER_GONE, "root of process %d: %s", (int)container->pid,
			       err_errno(errno));
	out->root = open_beneath(top, path, RESOLVE_IN_ROOT);
	close(top);
	if (out->root < 0)
		return err_set(err, CODE_ROOTFS, "root.path %s: %s", path, err_errno(errno));
	if (fstat(out->root, &root) != 0 || stat("/", &host) != 0)
		return err_set(err, CODE_ROOTFS, "root.path %s: %s", path, err_errno(errno));
	if (root.st_dev == host.st_dev && root.st_ino == host.st_ino)
		return err_set(err, CODE_ROOTFS, "root.path %s is the root directory of the host", path);
	if (mount_of(out->root, &id, &is_root) != 0)
		return err_set(err, CODE_ATTACH, "statx of the container's root: %s", err_errno(errno));
	if (!is_root)
		return err_set(err, CODE_ROOTFS, "root.path %s is not mounted in the container's namespace", path);
	return 0;
}

int
target_open(const struct container *container, const char *root_path, struct target *out, struct err *err)
{
	*out = (struct target){.proc = -1, .root = -1, .directory = -1};
	if (root_path == NULL)
		return err_set(err, CODE_ROOTFS, "config.json has no root.path");
	out->proc = open_proc(err);
	if (out->proc < 0 || container_check(container, err) != 0 || read_ids(container, out, err) != 0 ||
	    open_root(container, root_path, out, err) != 0 || container_check(container, err) != 0)
		return -1;
	out->directory = walk(out, &out->covers, err);
	if (out->directory < 0)
		return -1;
	return check_private(out, container->pid, err);
}

int
target_holds(const struct target *target, int fd, struct err *err)
{
	struct stat have, want;
	int seen = walk(target, NULL, err), same;

	if (seen < 0)
		return -1;
	same = fstat(seen, &have) == 0 && fstat(fd, &want) == 0 && have.st_dev == want.st_dev &&
	       have.st_ino == want.st_ino;
	close(seen);
	if (!same)
		return err_set(err, CODE_ATTACH_TARGET,
			       "/" TARGET_DIRECTORY " was replaced while the result was attached");
	return 0;
}

void
target_close(struct target *target)
{
	const int fds[] = {target->proc, target->root, target->directory};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*target = (struct target){.proc = -1, .root = -1, .directory = -1};
}
