/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "test/unit/unit.h"

static char folder[] = "/tmp/cgpu-fs.XXXXXX";

/* A name in the folder, valid until four calls later. */
static const char *
at(const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *out = path[next++ % 4];

	snprintf(out, 256, "%s/%s", folder, name);
	return out;
}

static void
put(const char *name, const char *text, mode_t mode)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) != 0 || close(fd) != 0)
		abort();
}

static bool
reads(int (*read_it)(const char *, size_t, struct buf *, struct err *), const char *name, size_t max, const char *want)
{
	struct buf out = {0};
	struct err err = ERR_INIT;
	bool ok = read_it(at(name), max, &out, &err) == 0;

	if (!ok)
		printf("# %s\n", err.text);
	ok = ok && bytes_equal(buf_bytes(&out), bytes_of_text(want));
	buf_free(&out);
	return ok;
}

static void
test_read_file(void)
{
	struct buf out = {0};
	struct err err = ERR_INIT;

	put("plain", "12345", 0600);
	CHECK(reads(fs_read_file, "plain", 5, "12345"));
	CHECK(fs_read_file(at("plain"), 4, &out, &err) == -1 && errno == EPERM);
	CHECK(strstr(err.text, "/plain: more than 4 bytes") != NULL);
	CHECK(fs_read_file(at("none"), 4, &out, &err) == -1 && errno == ENOENT);
	CHECK(strstr(err.text, "/none: open: ENOENT") != NULL);
	CHECK(fs_read_file(folder, 4, &out, &err) == -1 && errno == EPERM);
	CHECK(symlink(at("plain"), at("link")) == 0);
	CHECK(fs_read_file(at("link"), 5, &out, &err) == -1 && errno == ELOOP);
	CHECK(mkfifo(at("fifo"), 0600) == 0);
	CHECK(fs_read_file(at("fifo"), 5, &out, &err) == -1 && errno == EPERM);
	CHECK(fs_read_file("/dev/zero", 5, &out, &err) == -1 && errno == EPERM);
	CHECK(fs_read_file("/proc/self/status", 1 << 20, &out, &err) == 0 && out.size > 100);
	/* Longer than one read, and of size 0 to stat. */
	CHECK(fs_read_file("/proc/self/smaps", 1 << 20, &out, &err) == 0 && out.size > 8192 && out.data[out.size] == 0);
	buf_free(&out);
}

static void
test_read_stream(void)
{
	struct buf out = {0};
	struct err err = ERR_INIT;
	int64_t deadline = clock_boot_ms() + 10000;
	int ends[2];

	CHECK(pipe(ends) == 0 && write(ends[1], "abc", 3) == 3);
	CHECK(fs_read_stream(ends[0], 10, clock_boot_ms() + 50, &out, &err) == -1 && errno == ETIMEDOUT);
	CHECK(write(ends[1], "abc", 3) == 3 && close(ends[1]) == 0);
	CHECK(fs_read_stream(ends[0], 3, deadline, &out, &err) == 0 &&
	      bytes_equal(buf_bytes(&out), bytes_of("abc", 3)));
	close(ends[0]);
	CHECK(pipe(ends) == 0 && write(ends[1], "abcd", 4) == 4 && close(ends[1]) == 0);
	CHECK(fs_read_stream(ends[0], 3, deadline, &out, &err) == -1 && errno == EPERM);
	CHECK_TEXT(err.text, "more than 3 bytes");
	close(ends[0]);
	buf_free(&out);
}

/* -- mode, owner and symlink matrix of trusted files ------------------------------------------------------------- */

static const struct {
	mode_t folder, file;
	int trusted;
} modes[] = {
	{0755, 0644, 0}, {0700, 0600, 0},  {0755, 0444, 0},   {0555, 0400, 0},   {0755, 0664, -1}, {0755, 0646, -1},
	{0755, 0602, -1}, {0775, 0644, -1}, {0757, 0644, -1}, {0777, 0644, -1}, {0777, 0666, -1}, {01777, 0666, -1},
};

static void
test_trusted_modes(void)
{
	struct err err = ERR_INIT;

	CHECK(mkdir(at("dir"), 0755) == 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		int fd;

		CHECK(chmod(at("dir"), 0700) == 0);
		put("dir/file", "text", modes[i].file);
		CHECK(chmod(at("dir"), modes[i].folder) == 0);
		fd = fs_open_trusted(at("dir/file"), &err);
		if ((fd < 0 ? -1 : 0) != modes[i].trusted)
			printf("# folder %04o, file %04o: %s\n", modes[i].folder, modes[i].file, err.text);
		CHECK((fd < 0 ? -1 : 0) == modes[i].trusted);
		if (fd >= 0)
			close(fd);
		else
			CHECK(strstr(err.text, "want no write permission") != NULL);
		CHECK(chmod(at("dir"), 0755) == 0 && unlink(at("dir/file")) == 0);
	}
}

static void
test_trusted_shapes(void)
{
	struct err err = ERR_INIT;

	put("dir/file", "text", 0644);
	CHECK(reads(fs_read_trusted, "dir/file", 4, "text"));
	CHECK(reads(fs_read_trusted, "dir//file", 4, "text"));
	CHECK(symlink(at("dir/file"), at("dir/link")) == 0 && symlink("dir", at("dirlink")) == 0);
	CHECK(fs_open_trusted(at("dir/link"), &err) == -1 && errno == ELOOP);
	CHECK(fs_open_trusted(at("dirlink/file"), &err) == -1 && errno == ENOTDIR);
	CHECK(fs_open_trusted(at("dir/none"), &err) == -1 && errno == ENOENT);
	CHECK(strstr(err.text, "/dir/none: open: ENOENT") != NULL);
	CHECK(fs_open_trusted(at("dir"), &err) == -1 && errno == EPERM);
	CHECK(fs_open_trusted(at("dir/"), &err) == -1 && errno == EPERM);
	CHECK(fs_open_trusted(at("dir/../dir/file"), &err) == -1 && errno == EPERM);
	CHECK(fs_open_trusted(at("dir/./file"), &err) == -1 && errno == EPERM);
	CHECK(fs_open_trusted(at("dir/file/file"), &err) == -1 && errno == ENOTDIR);
	CHECK(fs_open_trusted(at("fifo"), &err) == -1 && errno == EPERM);
	CHECK(fs_open_trusted("VERSION", &err) == -1 && errno == EPERM);
	CHECK(fs_open_trusted("", &err) == -1 && errno == EPERM);
	CHECK(fs_open_trusted("/", &err) == -1 && errno == EPERM);
}

static void
test_trusted_owners(void)
{
	struct err err = ERR_INIT;

	if (geteuid() != 0) {
		unit_skip("needs root");
		return;
	}
	CHECK(chown(at("dir/file"), 12345, 0) == 0);
	CHECK(fs_open_trusted(at("dir/file"), &err) == -1);
	CHECK(strstr(err.text, "/dir/file: owner is 12345, want root") != NULL);
	CHECK(chown(at("dir/file"), 65534, 0) == 0 && fs_open_trusted(at("dir/file"), &err) == -1);
	CHECK(chown(at("dir/file"), 0, 12345) == 0 && reads(fs_read_trusted, "dir/file", 4, "text"));
	CHECK(chown(at("dir"), 12345, 0) == 0 && fs_open_trusted(at("dir/file"), &err) == -1);
	CHECK(chmod(at("dir"), 01777) == 0 && fs_open_trusted(at("dir/file"), &err) == -1);
	CHECK(chown(at("dir"), 0, 0) == 0 && reads(fs_read_trusted, "dir/file", 4, "text"));
	CHECK(chmod(at("dir"), 0755) == 0);
}

/* The caller's own files count for a caller other than root. */
static void
test_trusted_for_a_user(void)
{
	struct err err = ERR_INIT;
	int status;
	pid_t child;

	if (geteuid() != 0) {
		unit_skip("needs root");
		return;
	}
	put("dir/user", "text", 0644);
	put("dir/other", "text", 0644);
	CHECK(chmod(folder, 0755) == 0);
	CHECK(chown(at("dir/user"), 12345, 0) == 0 && chown(at("dir/other"), 12346, 0) == 0);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (setresuid(12345, 12345, 12345) != 0)
			_exit(2);
		_exit(fs_open_trusted(at("dir/user"), &err) < 0 || fs_open_trusted(at("dir/file"), &err) < 0 ||
		      fs_open_trusted(at("dir/other"), &err) >= 0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* Below no sticky directory, which counts as safe only where it is seen to be root's. */
static char apart[] = "/run/cgpu-fs.XXXXXX";

static _Noreturn void
open_in_namespace(uid_t user, const char *path, int ready, int go)
{
	struct err err = ERR_INIT;
	char byte = 'x';

	if (setresuid(user, user, user) != 0 || unshare(CLONE_NEWUSER) != 0 || write(ready, &byte, 1) != 1 ||
	    read(go, &byte, 1) != 1 || setresuid(0, 0, 0) != 0)
		_exit(2);
	_exit(fs_open_trusted(path, &err) < 0);
}

/*
 * Of a file with this owner and mode, for a user in a namespace with this map: 0 trusted, 1 not, 2 no such namespace
 * here.
 */
static int
trusted_in_namespace(uid_t user, const char *map, uid_t owner, mode_t mode)
{
	char *path = xprintf("%s/file", apart), *maps, byte = 'x';
	int fd = open(path, O_WRONLY | O_CREAT, 0600), go[2], ready[2], status;
	pid_t child;

	CHECK(fd >= 0 && fchown(fd, owner, 0) == 0 && fchmod(fd, mode) == 0 && close(fd) == 0);
	CHECK(pipe(go) == 0 && pipe(ready) == 0);
	fflush(stdout);
	child = fork();
	if (child == 0)
		open_in_namespace(user, path, ready[1], go[0]);
	close(ready[1]);
	maps = xprintf("/proc/%d/uid_map", child);
	if (read(ready[0], &byte, 1) == 1) {
		fd = open(maps, O_WRONLY);
		CHECK(write(fd, map, strlen(map)) == (ssize_t)strlen(map) && close(fd) == 0 &&
		      write(go[1], "x", 1) == 1);
	}
	for (int i = 0; i < 2; i++)
		close(go[i]);
	close(ready[0]);
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	unlink(path);
	free(path);
	free(maps);
	return WEXITSTATUS(status);
}

static void
check_namespaces(void)
{
	static const char rootless[] = "0 12345 1\n1 200000 60000\n", rooted[] = "0 0 60000\n";
	struct stat above;

	if (trusted_in_namespace(12345, rootless, 0, 0644) == 2) {
		unit_skip("no user namespaces here");
		return;
	}
	if (stat("/run", &above) != 0 || (above.st_mode & 022) != 0) {
		unit_skip("others than root may write to /run here");
		return;
	}
	CHECK(trusted_in_namespace(12345, rootless, 0, 0644) == 0);
	CHECK(trusted_in_namespace(12345, rootless, 12345, 0644) == 0); /* the caller's own */
	CHECK(trusted_in_namespace(12345, rootless, 0, 0664) == 1);
	CHECK(trusted_in_namespace(12345, rootless, 0, 0646) == 1);
	CHECK(trusted_in_namespace(12345, rootless, 200005, 0644) == 1); /* a user of the namespace */
	CHECK(trusted_in_namespace(0, rooted, 0, 0644) == 0);
	CHECK(trusted_in_namespace(0, rooted, 70000, 0644) == 1); /* no id here, and surely not root */
	CHECK(chmod(apart, 01777) == 0 && trusted_in_namespace(12345, rootless, 0, 0644) == 1);
}

/* What belongs to the host's root shows the overflow id only where that has no id of its own. */
static void
test_trusted_in_a_namespace(void)
{
	if (geteuid() != 0 || mkdtemp(apart) == NULL) {
		unit_skip("needs root");
		return;
	}
	CHECK(chmod(apart, 0755) == 0);
	check_namespaces();
	CHECK(rmdir(apart) == 0);
}

static void
test_write_atomic(void)
{
	struct err err = ERR_INIT;
	struct stat status;
	mode_t mask = umask(077);

	CHECK(fs_write_atomic(at("dir/new"), bytes_of_text("one"), 0644, &err) == 0);
	CHECK(reads(fs_read_file, "dir/new", 10, "one"));
	CHECK(stat(at("dir/new"), &status) == 0 && (status.st_mode & 07777) == 0644);
	CHECK(fs_write_atomic(at("dir/new"), bytes_of_text("two"), 0600, &err) == 0);
	CHECK(reads(fs_read_file, "dir/new", 10, "two"));
	/* A symlink in the place is replaced, not written through. */
	CHECK(fs_write_atomic(at("dir/link"), bytes_of_text("three"), 0600, &err) == 0);
	CHECK(lstat(at("dir/link"), &status) == 0 && S_ISREG(status.st_mode));
	CHECK(fs_write_atomic(at("none/new"), bytes_of_text("one"), 0644, &err) == -1 && errno == ENOENT);
	CHECK(mkdir(at("dir/full"), 0755) == 0);
	CHECK(fs_write_atomic(at("dir/full"), bytes_of_text("one"), 0644, &err) == -1 && errno == EISDIR);
	CHECK(strstr(err.text, "/dir/full: rename: EISDIR") != NULL);
	CHECK(rmdir(at("dir/full")) == 0);
	umask(mask);
}

/* Runs last: whatever a test left behind, a temporary file above all, makes the folder stay. */
static void
test_nothing_is_left(void)
{
	static const char *const names[] = {"dir/file", "dir/link", "dir/new",  "dir/user", "dir/other",
					    "dir",      "dirlink",  "fifo", "link", "plain"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (unlink(at(names[i])) != 0)
			rmdir(at(names[i]));
	CHECK(rmdir(folder) == 0);
}

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	RUN(test_read_file);
	RUN(test_read_stream);
	RUN(test_trusted_modes);
	RUN(test_trusted_shapes);
	RUN(test_trusted_owners);
	RUN(test_trusted_for_a_user);
	RUN(test_trusted_in_a_namespace);
	RUN(test_write_atomic);
	RUN(test_nothing_is_left);
	return unit_end();
}
