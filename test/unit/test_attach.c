/* SPDX-License-Identifier: Apache-2.0 */
/* The result into a container that is no more than a process with a mount namespace and a root directory of its own. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook/attach.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "test/unit/unit.h"

static char folder[] = "/tmp/test-attach-XXXXXX", rootfs[64];

static const struct attach_file files[] = {
	{"token.jwt", {(const uint8_t *)"token", 5}},
	{"evidence.json", {(const uint8_t *)"evidence", 8}},
};

static struct attach_place place;

static int64_t
soon(void)
{
	return clock_boot_ms() + 5000;
}

/* What an image or a user may put there, as a shell script in the container's namespace; $1 is the root file system. */
static pid_t
start_init(const char *script, int flags)
{
	int ends[2];
	pid_t child;
	char byte;

	if (pipe(ends) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		if (unshare(CLONE_NEWNS | flags) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount(rootfs, rootfs, NULL, MS_BIND, NULL) != 0)
			_exit(1);
		execl("/bin/sh", "sh", "-euc", script, "sh", rootfs, NULL);
		_exit(1);
	}
	close(ends[1]);
	/* The script closes it when it is done: exec >&- of the fd that it inherited. */
	while (child > 0 && read(ends[0], &byte, 1) > 0)
		;
	close(ends[0]);
	return child;
}

#define READY "; exec sleep 60 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-"

static int
attach_to(pid_t pid, struct err *err)
{
	struct container container = {.pid = pid, .bundle = -1};
	int result;

	container.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	result = attach_files(&container, rootfs, "system_u:object_r:container_file_t:s0", files, 2, soon(), &place,
			      err);
	container_close(&container);
	return result;
}

static void
end_init(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
setup(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s' && mkdir -p '%s'", rootfs, rootfs);
	if (system(command) != 0)
		abort();
}

static bool
skip(void)
{
	if (geteuid() == 0)
		return false;
	unit_skip("needs root");
	return true;
}

/* The code of an attempt, 0 for success. */
static int
attempt(const char *script)
{
	struct err err = ERR_INIT;
	pid_t pid;
	int code;

	setup();
	pid = start_init(script, 0);
	code = attach_to(pid, &err) == 0 ? 0 : err_code(&err);
	if (code != 0)
		printf("# %s\n", err.text);
	end_init(pid);
	return code;
}

#define READ_ONLY "; mount --bind $1 $1; mount -o remount,bind,ro $1"

/* The image lacks /run/cgpu and nothing can be made in it. */
static void
test_read_only(void)
{
	char path[128];
	struct err err = ERR_INIT;
	struct statvfs fs;
	pid_t pid;

	if (skip())
		return;
	setup();
	pid = start_init("mkdir -p $1/run" READ_ONLY READY, 0);
	CHECK(attach_to(pid, &err) == 0);
	CHECK_TEXT(err.text, "");
	snprintf(path, sizeof(path), "/proc/%d/root%s/run/cgpu/token.jwt", (int)pid, rootfs);
	CHECK(access(path, R_OK) == 0);
	*strrchr(path, '/') = '\0';
	CHECK(statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0);
	snprintf(path, sizeof(path), "%s/run/cgpu", rootfs);
	CHECK(access(path, F_OK) != 0);
	end_init(pid);
	CHECK(attempt("mkdir -p $1/run/cgpu" READ_ONLY READY) == 0);
	/* Something of the image's would be hidden, or there is no /run at all. */
	CHECK(attempt("mkdir -p $1/run/lock" READ_ONLY READY) == CODE_ATTACH_READ_ONLY);
	CHECK(attempt(":" READ_ONLY READY) == CODE_ATTACH_READ_ONLY);
}

static void
test_plain(void)
{
	char path[128], content[16] = "";
	struct err err = ERR_INIT;
	struct statvfs fs;
	struct stat st;
	pid_t pid;
	int fd;

	if (skip())
		return;
	setup();
	pid = start_init(":" READY, 0);
	CHECK(attach_to(pid, &err) == 0);
	CHECK_TEXT(err.text, "");
	snprintf(path, sizeof(path), "/proc/%d/root%s/run/cgpu/token.jwt", (int)pid, rootfs);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0444);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0 && read(fd, content, sizeof(content) - 1) == 5);
	CHECK_TEXT(content, "token");
	CHECK(fstatvfs(fd, &fs) == 0);
	CHECK((fs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC)) ==
	      (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC));
	close(fd);
	/* On the host the directory is there, and empty. */
	snprintf(path, sizeof(path), "%s/run/cgpu", rootfs);
	CHECK(rmdir(path) == 0);
	end_init(pid);
}

static void
test_again(void)
{
	struct err err = ERR_INIT;
	pid_t pid;

	if (skip())
		return;
	setup();
	pid = start_init(":" READY, 0);
	CHECK(attach_to(pid, &err) == 0 && attach_to(pid, &err) == 0);
	end_init(pid);
}

static void
test_user_namespace(void)
{
	char path[128], line[64];
	struct err err = ERR_INIT;
	struct stat st;
	pid_t pid;
	int fd;

	if (skip())
		return;
	setup();
	CHECK(chown(rootfs, 100000, 100000) == 0);
	pid = start_init(":" READY, CLONE_NEWUSER);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	snprintf(line, sizeof(line), "0 100000 65536\n");
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0 && write(fd, line, strlen(line)) > 0);
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0 && write(fd, line, strlen(line)) > 0);
	close(fd);
	CHECK(attach_to(pid, &err) == 0);
	CHECK_TEXT(err.text, "");
	snprintf(path, sizeof(path), "/proc/%d/root%s/run/cgpu/token.jwt", (int)pid, rootfs);
	CHECK(stat(path, &st) == 0 && st.st_uid == 100000 && st.st_gid == 100000);
	snprintf(path, sizeof(path), "%s/run/cgpu", rootfs);
	CHECK(stat(path, &st) == 0 && st.st_uid == 100000);
	end_init(pid);
}

static void
test_targets(void)
{
	if (skip())
		return;
	CHECK(attempt("mkdir -p $1/run; ln -s /tmp $1/run/cgpu" READY) == CODE_ATTACH_TARGET);
	CHECK(attempt("ln -s ../../../.. $1/run" READY) == CODE_ATTACH_TARGET);
	CHECK(attempt("ln -s /proc/self/fd/0 $1/run" READY) == CODE_ATTACH_TARGET);
	CHECK(attempt("mkdir $1/run; : >$1/run/cgpu" READY) == CODE_ATTACH_TARGET);
	CHECK(attempt("mkdir $1/run; mkfifo $1/run/cgpu" READY) == CODE_ATTACH_TARGET);
	CHECK(attempt("mkdir $1/run; mknod $1/run/cgpu c 1 3" READY) == CODE_ATTACH_TARGET);
	CHECK(attempt(": >$1/run" READY) == CODE_ATTACH_TARGET);
	CHECK(attempt("mkdir -p $1/run/cgpu; mount -t proc proc $1/run/cgpu" READY) == CODE_ATTACH_TARGET);
	CHECK(attempt("mkdir -p $1/run; mount -t sysfs sysfs $1/run" READY) == CODE_ATTACH_TARGET);
	CHECK(attempt("mkdir -p $1/run; mount -t tmpfs t $1/run; mount --make-shared $1/run" READY) ==
	      CODE_ATTACH_SHARED);
	CHECK(attempt("mkdir -p $1/run/cgpu; mount -t tmpfs t $1/run/cgpu; mount --make-shared $1/run/cgpu" READY) ==
	      CODE_ATTACH_SHARED);
	CHECK(attempt("mount --make-shared $1" READY) == CODE_ATTACH_SHARED);
	/* Read-only and empty: nothing can be made there. */
	CHECK(attempt("mount -o remount,bind,ro $1" READY) == CODE_ATTACH_READ_ONLY);
	/* A volume there is covered; a container's own tmpfs below /run is used. */
	CHECK(attempt("mkdir -p $1/run/cgpu; mount -t tmpfs t $1/run/cgpu; echo forged >$1/run/cgpu/token.jwt" READY) ==
	      0);
	CHECK(attempt("mkdir -p $1/run; mount -t tmpfs t $1/run" READY) == 0);
}

static void
test_roots(void)
{
	struct err err = ERR_INIT;
	struct container container = {.pid = getpid(), .bundle = -1, .pidfd = -1};
	pid_t pid;

	if (skip())
		return;
	setup();
	/* Our own mount namespace. */
	CHECK(attach_files(&container, rootfs, NULL, files, 2, soon(), &place, &err) != 0 &&
	      err.code == CODE_CONTAINER_GONE);
	/* Not mounted on itself yet, or no more. */
	CHECK(attempt("umount $1" READY) == CODE_ROOTFS);
	pid = start_init(":" READY, 0);
	container.pid = pid;
	container.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	CHECK(attach_files(&container, "/", NULL, files, 2, soon(), &place, &err) != 0 && err.code == CODE_ROOTFS);
	CHECK(attach_files(&container, "/nowhere", NULL, files, 2, soon(), &place, &err) != 0 &&
	      err.code == CODE_ROOTFS);
	/* A link of the host on the way, and a path from the bundle. */
	CHECK(symlink(folder, "/tmp/test-attach-link") == 0);
	CHECK(attach_files(&container, "/tmp/test-attach-link/rootfs", NULL, files, 2, soon(), &place, &err) == 0);
	CHECK(unlink("/tmp/test-attach-link") == 0);
	container.bundle = open(folder, O_PATH | O_DIRECTORY);
	CHECK(attach_files(&container, "rootfs", NULL, files, 2, soon(), &place, &err) == 0);
	end_init(pid);
	CHECK(attach_files(&container, rootfs, NULL, files, 2, soon(), &place, &err) != 0 &&
	      err.code == CODE_CONTAINER_GONE);
	container_close(&container);
}

/* What cannot be filled is attached nowhere. */
static void
test_not_filled(void)
{
	const struct attach_file twice[] = {files[0], files[0]};
	struct err err = ERR_INIT;
	struct container container = {.bundle = -1};
	char path[128];

	if (skip())
		return;
	setup();
	container.pid = start_init(":" READY, 0);
	container.pidfd = (int)syscall(SYS_pidfd_open, container.pid, 0);
	CHECK(attach_files(&container, rootfs, NULL, twice, 2, soon(), &place, &err) != 0 && err.code == CODE_ATTACH);
	CHECK(strstr(err.text, ": EEXIST") != NULL);
	snprintf(path, sizeof(path), "/proc/%d/root%s/run/cgpu/%s", (int)container.pid, rootfs, files[0].name);
	CHECK(access(path, F_OK) != 0);
	end_init(container.pid);
	container_close(&container);
}

int
main(void)
{
	char command[128];

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", folder);
	RUN(test_plain);
	RUN(test_read_only);
	RUN(test_again);
	RUN(test_user_namespace);
	RUN(test_targets);
	RUN(test_roots);
	RUN(test_not_filled);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		return 1;
	return unit_end();
}
