/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hook/inside.h"
#include "hook/target.h"
#include "lib/code.h"

/* The mount calls go by number: glibc wraps them from 2.36 on only, and its header clashes with linux/mount.h. */

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
configure(int context, const struct content_owner *owner, const char *label, size_t size)
{
	/* tmpfs without size or nr_inodes is bounded by half the memory only. */
	if (set_number(context, "size", size) != 0 || set_number(context, "nr_inodes", CONTENT_INODES) != 0 ||
	    set_text(context, "mode", "0755") != 0 || set_number(context, "uid", owner->uid) != 0 ||
	    set_number(context, "gid", owner->gid) != 0)
		return -1;
	/* A kernel without SELinux does not know the option. */
	if (label != NULL && has_selinux() && set_text(context, "context", label) != 0)
		return -1;
	return (int)syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* A tmpfs that is mounted nowhere. */
static int
make_tmpfs(const struct content_owner *owner, const char *label, size_t size, struct err *err)
{
	int context, mount = -1;

	context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (context < 0)
		return err_set(err, CODE_ATTACH, "fsopen of tmpfs: %s", err_errno(errno));
	if (configure(context, owner, label, size) != 0) {
		err_set(err, CODE_ATTACH, "fsconfig of tmpfs: %s", err_errno(errno));
		goto out;
	}
	mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mount < 0)
		err_set(err, CODE_ATTACH, "fsmount of tmpfs: %s", err_errno(errno));
out:
	close(context);
	return mount;
}

static int
set_read_only(int mount, bool read_only)
{
	struct mount_attr attr = {.propagation = MS_PRIVATE};

	*(read_only ? &attr.attr_set : &attr.attr_clr) = MOUNT_ATTR_RDONLY;
	return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attr, sizeof(attr));
}

/* What nobody can make again: the id is random and the file system's for as long as it lives. */
static int
identify(int mount, struct attach_place *place)
{
	struct statfs fs;
	struct stat root;

	if (fstat(mount, &root) != 0 || fstatfs(mount, &fs) != 0)
		return -1;
	place->device = root.st_dev;
	place->inode = root.st_ino;
	memcpy(&place->id, &fs.f_fsid, sizeof(place->id));
	return 0;
}

static int
fill(int mount, int content, const struct attach_file *files, unsigned count, struct attach_place *place,
     struct err *err)
{
	if (content_put(content, &place->owner, files, count, err) != 0)
		return -1;
	if (identify(content, place) != 0 || set_read_only(mount, true) != 0)
		return err_set(err, CODE_ATTACH, "mount_setattr: %s", err_errno(errno));
	return 0;
}

/* The directory of the result: the mount, or one in it where that covers the parent. */
static int
open_content(int mount, const struct target *target, struct err *err)
{
	int fd;

	if (!target->covers)
		return fcntl(mount, F_DUPFD_CLOEXEC, 0);
	fd = mkdirat(mount, TARGET_NAME, 0755) != 0
		? -1 : openat(mount, TARGET_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 0755) == 0 && (!target->mapped || fchown(fd, target->uid, target->gid) == 0))
		return fd;
	err_set(err, CODE_ATTACH, "directory for the result: %s", err_errno(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

struct move {
	int mount, directory;
};

static int
move_inside(const void *context, struct err *err)
{
	const struct move *move = context;

	if (syscall(SYS_move_mount, move->mount, "", move->directory, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
		return err_set(err, CODE_ATTACH, "move_mount: %s", err_errno(errno));
	return 0;
}

int
attach_files(const struct container *container, const char *root_path, const char *label,
	     const struct attach_file *files, unsigned count, int64_t deadline, struct attach_place *place,
	     struct err *err)
{
	struct move move = {.mount = -1};
	struct target target;
	int content = -1, result = -1;

	*place = (struct attach_place){.id = 0};
	if (target_open(container, root_path, &target, err) != 0)
		goto out;
	place->owner = (struct content_owner){target.mapped, target.uid, target.gid};
	move = (struct move){make_tmpfs(&place->owner, label, content_room(files, count), err), target.directory};
	if (move.mount < 0 || (content = open_content(move.mount, &target, err)) < 0)
		goto out;
	if (fill(move.mount, content, files, count, place, err) != 0 ||
	    inside_run(container, move_inside, &move, deadline, err) != 0 ||
	    target_holds(&target, content, err) != 0 || container_check(container, err) != 0)
		goto out;
	result = 0;
out:
	if (content >= 0)
		close(content);
	if (move.mount >= 0)
		close(move.mount);
	target_close(&target);
	return result;
}

/* -- later, when the container's root user may have changed everything ------------------------------------------- */

struct again {
	const struct attach_place *place;
	const struct attach_file *files;
	unsigned count;
};

/* O_PATH: of what the container may have put there, nothing is opened before it is known to be ours. */
static int
open_ours(const struct attach_place *place, struct err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/" TARGET_DIRECTORY, &how, sizeof(how));
	struct attach_place seen = {.id = 0};

	if (fd < 0)
		return err_set(err, CODE_REFRESH_TARGET, "/" TARGET_DIRECTORY " in the container: %s",
			       err_errno(errno));
	if (identify(fd, &seen) == 0 && seen.device == place->device && seen.inode == place->inode &&
	    seen.id == place->id)
		return fd;
	close(fd);
	return err_set(err, CODE_REFRESH_TARGET,
		       "/" TARGET_DIRECTORY " in the container is another file system than the one "
		       "that was attached");
}

/* The container sees a read-only mount; the clone is nobody's but ours, and nothing is mounted on it. */
static int
put_inside(const void *context, struct err *err)
{
	const struct again *again = context;
	int ours = open_ours(again->place, err), clone, result = -1;

	if (ours < 0)
		return -1;
	clone = (int)syscall(SYS_open_tree, ours, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	close(ours);
	if (clone < 0)
		return err_set(err, CODE_REFRESH_TARGET, "open_tree of /" TARGET_DIRECTORY ": %s", err_errno(errno));
	if (set_read_only(clone, false) != 0)
		err_set(err, CODE_REFRESH_TARGET, "mount_setattr of a clone of /" TARGET_DIRECTORY ": %s",
			err_errno(errno));
	else if (content_put(clone, &again->place->owner, again->files, again->count, err) == 0)
		result = 0;
	else
		err_wrap(err, CODE_REFRESH_TARGET, "/" TARGET_DIRECTORY " in the container");
	close(clone);
	return result;
}

int
attach_again(const struct container *container, const struct attach_place *place, const struct attach_file *files,
	     unsigned count, int64_t deadline, struct err *err)
{
	const struct again again = {place, files, count};

	if (place->id == 0)
		return err_set(err, CODE_REFRESH_TARGET,
			       "this kernel gives a tmpfs no id of its own; one from 5.13 on is needed");
	return inside_run(container, put_inside, &again, deadline, err);
}
