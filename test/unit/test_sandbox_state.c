/* SPDX-License-Identifier: Apache-2.0 */
/* What sandbox_prepare leaves of a process: ids, capabilities, limits, Landlock; and when it refuses. */
#include "lib/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/caps.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/landlock.h"
#include "lib/sandbox_build.h"
#include "test/unit/unit.h"

static const char *const read_write[] = {"/dev/null", NULL};
static const struct sandbox_paths device_paths = {NULL, read_write};

static void
in_child(int (*body)(void))
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(body());
	waitpid(child, &status, 0);
	if (status != 0)
		printf("# step %d, status 0x%x\n", WEXITSTATUS(status), status);
	CHECK(status == 0);
}

/* The file was opened before: it belongs to root as soon as the process is undumpable. */
static bool
status_has(int fd, const char *line)
{
	struct buf text = {0};
	struct err err = ERR_INIT;
	bool has = fs_read_fd(fd, 65536, &text, &err) == 0 && strstr((char *)text.data, line) != NULL;

	if (!has)
		printf("# no line '%s'\n", line);
	fflush(stdout);
	buf_free(&text);
	return has;
}

static int
prepared_state(const char *user, uid_t uid)
{
	static const char *const lines[] = {"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n",
					    "CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n",
					    "NoNewPrivs:\t1\n"};
	int fd = open("/proc/self/status", O_RDONLY), death = 0;
	struct err err = ERR_INIT;
	uid_t real, effective, saved;
	char cwd[8];

	if (fd < 0 || sandbox_prepare(SANDBOX_APPRAISE, user, getppid(), NULL, &err) != 0)
		return 1;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (!status_has(fd, lines[i]))
			return 2;
	if (getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid || saved != uid)
		return 3;
	if (user != NULL && getgroups(0, NULL) != 0)
		return 4;
	if (prctl(PR_GET_DUMPABLE) != 0 || prctl(PR_GET_PDEATHSIG, &death) != 0 || death != SIGKILL)
		return 5;
	if (getcwd(cwd, sizeof(cwd)) == NULL || strcmp(cwd, "/") != 0)
		return 6;
	return setresuid(0, 0, uid) == 0 && uid != 0 ? 7 : 0;
}

static int
prepare_here(void)
{
	return prepared_state(NULL, geteuid());
}

static int
prepare_nobody(void)
{
	return prepared_state("nobody", 65534);
}

static void
test_state(void)
{
	in_child(prepare_here);
	if (geteuid() == 0)
		in_child(prepare_nobody);
	else
		unit_skip("needs root for the change of ids");
}

/* Bit 21 alone, and nothing can bring back another. */
static int
one_capability(void)
{
	struct err err = ERR_INIT;
	int fd = open("/proc/self/status", O_RDONLY);

	if (sandbox_prepare(SANDBOX_READY, NULL, getppid(), NULL, &err) != 0)
		return 1;
	return !status_has(fd, "CapEff:\t0000000000200000\n") || !status_has(fd, "CapPrm:\t0000000000200000\n") ||
	       !status_has(fd, "CapBnd:\t0000000000000000\n") || !status_has(fd, "CapInh:\t0000000000000000\n") ||
	       sandbox_enter(SANDBOX_READY, &err) != 0 || mount("none", "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0;
}

static void
test_ready_keeps_one_capability(void)
{
	if (!caps_has(CAP_SYS_ADMIN))
		unit_skip("needs CAP_SYS_ADMIN");
	else
		in_child(one_capability);
}

static int
no_bounding_set(void)
{
	struct err err = ERR_INIT;
	int fd = open("/proc/self/status", O_RDONLY);

	if (sandbox_prepare(SANDBOX_COLLECT, NULL, getppid(), NULL, &err) != 0)
		return 1;
	return !status_has(fd, "CapBnd:\t0000000000000000\n") || setresuid(65534, 65534, 65534) == 0;
}

static void
test_root_without_capabilities(void)
{
	if (geteuid() != 0)
		unit_skip("needs root");
	else
		in_child(no_bounding_set);
}

static int
missing_user(void)
{
	struct err err = ERR_INIT;

	return sandbox_prepare(SANDBOX_APPRAISE, "cgpu-no-such-user", getppid(), NULL, &err) != -1 ||
	       err_code(&err) != CODE_WORKER || strcmp(err.text, "user 'cgpu-no-such-user' is not in /etc/passwd") != 0;
}

static int
root_is_no_user(void)
{
	struct err err = ERR_INIT;

	return sandbox_prepare(SANDBOX_APPRAISE, "root", getppid(), NULL, &err) != -1;
}

static void
test_users_are_checked(void)
{
	if (geteuid() != 0) {
		unit_skip("needs root");
		return;
	}
	in_child(missing_user);
	in_child(root_is_no_user);
}

static int
wrong_parent(void)
{
	struct err err = ERR_INIT;

	return sandbox_prepare(SANDBOX_COLLECT, NULL, getppid() + 1, NULL, &err) != -1 ||
	       strncmp(err.text, "parent is ", 10) != 0;
}

static void
test_parent_is_compared(void)
{
	in_child(wrong_parent);
}

static int
too_much_memory(void)
{
	struct err err = ERR_INIT;

	if (sandbox_prepare(SANDBOX_APPRAISE, NULL, getppid(), NULL, &err) != 0 ||
	    sandbox_enter(SANDBOX_APPRAISE, &err) != 0)
		return 1;
	return malloc(300u << 20) != NULL;
}

static void
test_memory_is_limited(void)
{
	if (SANDBOX_ASAN)
		unit_skip("the sanitizer needs its shadow memory");
	else
		in_child(too_much_memory);
}

/* -- a user namespace where setgroups is denied: what a rootless engine gives ------------------------------------ */

static bool
write_proc(pid_t pid, const char *name, const char *text)
{
	struct err err = ERR_INIT;
	char *path = xprintf("/proc/%d/%s", pid, name);
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && fs_write_fd(fd, bytes_of_text(text), &err) == 0;

	if (fd >= 0)
		close(fd);
	free(path);
	return ok;
}

/* From outside, so many ids, of which another user than root has one only. */
static bool
map_ids(pid_t pid, unsigned count)
{
	char *uids = xprintf("0 %u %u", geteuid(), count);
	char *gids = xprintf("0 %u %u", getegid(), count);
	bool ok = write_proc(pid, "setgroups", "deny") && write_proc(pid, "uid_map", uids) &&
		  write_proc(pid, "gid_map", gids);

	free(uids);
	free(gids);
	return ok;
}

static _Noreturn void
live_in_user_namespace(const char *user, bool changes, int ready, int go)
{
	struct err err = ERR_INIT;
	char byte = 'x';

	if (unshare(CLONE_NEWUSER) != 0)
		byte = 'n';
	if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
		_exit(1);
	if (setresuid(0, 0, 0) != 0 || (user != NULL && sandbox_keeps_user(user) == changes) ||
	    sandbox_prepare(SANDBOX_APPRAISE, user, getppid(), NULL, &err) != 0)
		_exit(2);
	if (getuid() != (changes ? 65534 : 0) || (setresuid(0, 0, 0) == 0) == changes)
		_exit(3);
	_exit(sandbox_enter(SANDBOX_APPRAISE, &err) != 0);
}

static void
in_user_namespace(const char *user, unsigned count)
{
	int ready[2], go[2], status = 0;
	char byte = 'n';
	pid_t child;

	CHECK(pipe(ready) == 0 && pipe(go) == 0);
	fflush(stdout);
	child = fork();
	if (child == 0)
		live_in_user_namespace(user, user != NULL && count > 1, ready[1], go[0]);
	CHECK(read(ready[0], &byte, 1) == 1);
	if (byte == 'n')
		unit_skip("no user namespaces here");
	else
		CHECK(map_ids(child, count) && write(go[1], "x", 1) == 1);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
	waitpid(child, &status, 0);
	if (byte != 'n' && status != 0)
		printf("# step %d, status 0x%x\n", WEXITSTATUS(status), status);
	CHECK(byte == 'n' || status == 0);
}

static void
test_user_namespace(void)
{
	in_user_namespace(NULL, 1);
	in_user_namespace("nobody", 1);
	if (geteuid() == 0)
		in_user_namespace("nobody", 65536);
}

static int
confined_to_paths(void)
{
	struct err err = ERR_INIT;

	if (sandbox_prepare(SANDBOX_COLLECT, NULL, getppid(), &device_paths, &err) != 0)
		return 1;
	if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
		return 2;
	if (open("/tmp/cgpu-made-by-worker", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EACCES)
		return 3;
	return open("/dev/null", O_RDWR) < 0;
}

static void
test_landlock(void)
{
	if (landlock_abi() == 0)
		unit_skip("this kernel has no Landlock");
	else
		in_child(confined_to_paths);
}

int
main(void)
{
	RUN(test_state);
	RUN(test_root_without_capabilities);
	RUN(test_ready_keeps_one_capability);
	RUN(test_users_are_checked);
	RUN(test_parent_is_compared);
	RUN(test_memory_is_limited);
	RUN(test_user_namespace);
	RUN(test_landlock);
	return unit_end();
}
