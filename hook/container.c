/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/fs.h"
#include "lib/process.h"

static int
open_config(int bundle)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, bundle, "config.json", &how, sizeof(how));
}

static int
check_config(int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(err, CODE_CONFIG, "config.json: fstat: %s", err_errno(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, CODE_CONFIG, "config.json is no regular file");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, CODE_CONFIG, "config.json belongs to uid %u, want 0", st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(err, CODE_CONFIG, "config.json has mode %04o: group or others can write it",
			       st.st_mode & 07777u);
	return 0;
}

/*
 * The working directory of runc's process is the container's root, which is mounted on itself: whoever made the image
 * would write the configuration there. A bundle is a directory of the engine's.
 */
static bool
is_mounted(int fd)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) != 0 ||
	       (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0 ||
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* The fd of config.json; *bundle becomes the directory that it is in. */
static int
find_config(pid_t pid, const char *path, int *bundle, struct err *err)
{
	char cwd[32];
	int fd;

	*bundle = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*bundle < 0)
		return err_set(err, CODE_CONFIG, "bundle %s: %s", path, err_errno(errno));
	fd = strcmp(path, "/") == 0 ? -1 : open_config(*bundle);
	if (fd >= 0 || (strcmp(path, "/") != 0 && errno != ENOENT))
		goto done;
	close(*bundle);
	snprintf(cwd, sizeof(cwd), "/proc/%d/cwd", (int)pid);
	*bundle = open(cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*bundle < 0)
		return err_set(err, CODE_CONFIG, "bundle %s holds no config.json, and the container's process is gone",
			       path);
	if (is_mounted(*bundle))
		return err_set(err, CODE_CONFIG,
			       "bundle %s holds no config.json, and the container's process is in a root "
			       "directory",
			       path);
	fd = open_config(*bundle);
done:
	if (fd < 0)
		return err_set(err, CODE_CONFIG, "bundle %s: config.json: %s", path, err_errno(errno));
	return fd;
}

int
container_open(pid_t pid, const char *bundle, struct container *out, struct err *err)
{
	int fd, result = -1;

	*out = (struct container){.pid = pid, .bundle = -1};
	out->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	out->pidfd_errno = out->pidfd < 0 ? errno : 0;
	fd = find_config(pid, bundle, &out->bundle, err);
	if (fd < 0)
		return -1;
	if (check_config(fd, err) != 0)
		goto out;
	if (fs_read_fd(fd, CONTAINER_CONFIG_MAX, &out->config, err) != 0) {
		err_wrap(err, CODE_CONFIG, "config.json");
		goto out;
	}
	result = 0;
out:
	close(fd);
	return result;
}

int
container_find(pid_t pid, int64_t started, struct container *out, struct err *err)
{
	struct process seen;

	*out = (struct container){.pid = pid, .bundle = -1};
	out->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	out->pidfd_errno = out->pidfd < 0 ? errno : 0;
	if (out->pidfd >= 0 && (process_read("/proc", pid, &seen) != 0 || seen.started != started))
		return err_set(err, CODE_CONTAINER_GONE,
			       "process %d of the container has ended, and its number is another's", (int)pid);
	return container_check(out, err);
}

int
container_path(int fd, char out[CONTAINER_PATH_MAX])
{
	struct stat have, want;
	char link[32];
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, out, CONTAINER_PATH_MAX - 1);
	if (size < 0)
		return -1;
	out[size] = '\0';
	if (fstat(fd, &want) != 0 || stat(out, &have) != 0)
		return -1;
	if (out[0] == '/' && have.st_dev == want.st_dev && have.st_ino == want.st_ino)
		return 0;
	errno = ESTALE;
	return -1;
}

int
container_bundle(const struct container *container, char out[CONTAINER_PATH_MAX], struct err *err)
{
	if (container_path(container->bundle, out) != 0)
		return err_set(err, CODE_CONFIG, "path of the bundle: %s", err_errno(errno));
	return 0;
}

int
container_check(const struct container *container, struct err *err)
{
	struct pollfd pollfd = {container->pidfd, POLLIN, 0};
	struct stat own, other;
	char path[32];

	if (container->pidfd < 0)
		return err_set(err, CODE_CONTAINER_GONE, "process %d of the container: pidfd_open: %s",
			       (int)container->pid, err_errno(container->pidfd_errno));
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)container->pid);
	if (stat("/proc/self/ns/mnt", &own) != 0 || stat(path, &other) != 0)
		return err_set(err, CODE_CONTAINER_GONE, "mount namespace of process %d: %s", (int)container->pid,
			       err_errno(errno));
	if (own.st_dev == other.st_dev && own.st_ino == other.st_ino)
		return err_set(err, CODE_CONTAINER_GONE, "process %d of the container has the hook's mount namespace",
			       (int)container->pid);
	/* Last: only if it is alive now was all of the above the same process. */
	if (poll(&pollfd, 1, 0) != 0)
		return err_set(err, CODE_CONTAINER_GONE, "process %d of the container has ended", (int)container->pid);
	return 0;
}

void
container_close(struct container *container)
{
	if (container->pidfd >= 0)
		close(container->pidfd);
	if (container->bundle >= 0)
		close(container->bundle);
	buf_free(&container->config);
	container->pidfd = container->bundle = -1;
}
