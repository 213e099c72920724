/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device rules that the kernel applies to a process: on trees of small files, and on the cgroups of this machine.
 */
#include "hook/device_rules.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "lib/code.h"
#include "lib/idmap.h"
#include "spec/mountinfo.h"
#include "test/unit/folder.h"
#include "test/unit/unit.h"

#define PID 77

static struct device_rules rules;

static enum device_rules_source
read_rules(const char *root, pid_t pid)
{
	struct err err = ERR_INIT;

	device_rules_free(&rules);
	CHECK(device_rules_read(root, pid, &rules, &err) == 0);
	CHECK((rules.source == DEVICE_RULES_LISTED) == (rules.at != NULL));
	return rules.source;
}

/* -- a machine of files ------------------------------------------------------------------------------------------ */

/* "@": the device number of the test's own file system. */
static void
put_mounts(const char *rows)
{
	struct stat status;
	struct buf text = {0};

	stat(folder, &status);
	for (const char *next = rows; *next != '\0'; next++) {
		if (*next == '@')
			buf_printf(&text, "%u:%u", major(status.st_dev), minor(status.st_dev));
		else
			buf_add(&text, next, 1);
	}
	put_bytes("proc/self/mountinfo", buf_bytes(&text), 0644);
	buf_free(&text);
}

static void
begin(const char *list)
{
	folder_make();
	put_mounts(
		"21 1 0:5 / /proc rw shared:5 - proc proc rw\n"
		"30 21 @ / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		"31 21 @ / /sys/fs/cgroup/devices rw,nosuid shared:9 master:2 - cgroup cgroup rw,seclabel,devices\n");
	put_text("proc/self/cgroup", "5:devices:/\n0::/\n");
	put_text("proc/77/cgroup", "12:cpu,cpuacct:/other\n5:devices:/libpod/c:1\n1:name=devices2:/x\n0::/\n");
	if (list != NULL)
		put_text("sys/fs/cgroup/devices/libpod/c:1/devices.list", list);
}

static void
end(void)
{
	device_rules_free(&rules);
	folder_remove();
}

static void
test_list(void)
{
	begin("c 1:3 rwm\nc *:* m\nb 8:* r\nc 195:1048575 w\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_LISTED && rules.count == 4);
	if (rules.count == 4) {
		CHECK(rules.at[0].allow && rules.at[0].type == 'c' && rules.at[0].major == 1 &&
		      rules.at[0].minor == 3 && rules.at[0].read && rules.at[0].write && rules.at[0].mknod);
		CHECK(rules.at[1].major == OCI_ANY && rules.at[1].minor == OCI_ANY && !rules.at[1].read &&
		      !rules.at[1].write && rules.at[1].mknod);
		CHECK(rules.at[2].type == 'b' && rules.at[2].major == 8 && rules.at[2].minor == OCI_ANY &&
		      rules.at[2].read && !rules.at[2].write && !rules.at[2].mknod);
		CHECK(rules.at[3].major == 195 && rules.at[3].minor == 1048575 && rules.at[3].write &&
		      rules.at[3].allow);
	}
	end();
	begin("a *:* rwm\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_LISTED && rules.count == 1);
	CHECK(rules.count == 1 && rules.at[0].type == 'a' && rules.at[0].allow && rules.at[0].major == OCI_ANY);
	end();
	/* Everything is denied: a list, and nothing in it. */
	begin("");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_LISTED && rules.count == 0);
	end();
}

static void
test_other_lists(void)
{
	static const char *const lists[] = {
		"c 1:3 rwm",      "\n",         "c 1:3 rwm\n\n",        "c 1:3 \n",
		"c 1:3\n",        "d 1:3 r\n",  "cc 1:3 r\n",           " c 1:3 r\n",
		"c 1 3 r\n",      "c 1:3 mr\n", "c 1:3 rr\n",           "c 1:3 r \n",
		"c :3 r\n",       "c 1: r\n",   "c -1:3 r\n",           "c 0x1:3 r\n",
		"c 1:3x r\n",     "c **:3 r\n", "c 123456789012:3 r\n", "c 1:3 rwm\nc 1\n",
		"deny c 1:3 r\n",
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		begin(lists[i]);
		CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE && rules.count == 0);
		end();
	}
	begin(NULL);
	put_bytes("sys/fs/cgroup/devices/libpod/c:1/devices.list", bytes_of("c 1:3 r\n\0c 1:5 r\n", 17), 0644);
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	end();
}

static void
test_places(void)
{
	/* No list there, no such process, a process that tells none, and a path out of what is seen. */
	begin(NULL);
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	CHECK(read_rules(folder, 78) == DEVICE_RULES_NONE);
	put_text("proc/77/cgroup", "");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	put_text("sys/fs/cgroup/devices/devices.list", "a *:* rwm\n");
	put_text("sys/fs/cgroup/devices.list", "c 1:3 r\n");
	put_text("proc/77/cgroup", "5:devices:/..\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	put_text("proc/77/cgroup", "5:devices:/../devices\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	put_text("proc/77/cgroup", "5:devices:libpod\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	/* The root's own, as where a runtime leaves cgroups alone, and one with dots in its name. */
	put_text("proc/77/cgroup", "5:devices:/\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_LISTED && rules.count == 1 && rules.at[0].type == 'a');
	put_text("sys/fs/cgroup/devices/..a/devices.list", "c 1:3 r\n");
	put_text("proc/77/cgroup", "5:devices:/..a\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_LISTED && rules.at[0].type == 'c');
	end();
}

static void
test_mounts(void)
{
	begin(NULL);
	put_text("one/devices.list", "c 1:3 r\n");
	put_text("a b/devices.list", "c 1:5 r\n");
	/* Part of a hierarchy is mounted: below what is the process's cgroup, another, beside it, or it itself. */
	put_mounts("31 21 @ /libpod/c:1/in /one rw - cgroup cgroup rw,devices\n"
		   "32 21 @ /libpod/c /one rw - cgroup cgroup rw,devices\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	put_mounts("31 21 @ /libpod/c:1 /one rw - cgroup cgroup rw,devices\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_LISTED && rules.at[0].minor == 3);
	put_mounts("31 21 @ /libpod/c:1 /a\\040b rw - cgroup cgroup rw,devices\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_LISTED && rules.at[0].minor == 5);
	/*
	 * Something else is mounted over it, it is another hierarchy, another file system, or the row has another form.
	 */
	put_mounts("31 21 4095:7 /libpod/c:1 /one rw - cgroup cgroup rw,devices\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	put_mounts("31 21 @ /libpod/c:1 /one rw - cgroup cgroup rw,devices2\n"
		   "31 21 @ /libpod/c:1 /one rw - tmpfs cgroup rw,devices\n"
		   "31 21 @ /libpod/c:1 /one rw cgroup cgroup rw,devices\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	/* The first that is seen is hidden, another mount of the same is not. */
	put_mounts("31 21 4095:7 /libpod/c:1 /a\\040b rw - cgroup cgroup rw,devices\n"
		   "32 21 @ /libpod/c:1 /one rw - cgroup cgroup rw,devices\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_LISTED && rules.at[0].minor == 3);
	end();
}

/*
 * A directory that is none of cgroup version 2 gets no answer from the kernel, and no mounts is an error of this
 * machine.
 */
static void
test_no_kernel(void)
{
	struct err err = ERR_INIT;

	begin(NULL);
	put_text("proc/77/cgroup", "0::/c\n");
	put_mounts("31 21 @ / /unified rw - cgroup2 cgroup2 rw\n");
	mkdir(at("unified/c"), 0755);
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	unlink(at("proc/self/mountinfo"));
	CHECK(device_rules_read(folder, PID, &rules, &err) == -1 && err_code(&err) == CODE_INTERNAL);
	CHECK(rules.source == DEVICE_RULES_NONE);
	end();
}

/* -- this machine ------------------------------------------------------------------------------------------------ */

/* Where a hierarchy is mounted whole. */
static bool
find_mount(const char *type, const char *controller, char out[PATH_MAX])
{
	FILE *file = fopen("/proc/self/mountinfo", "r");
	struct mountinfo mount;
	char line[4096];
	bool found = false;

	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		found = mountinfo_parse(line, &mount) && strcmp(mount.type, type) == 0 &&
			strcmp(mount.root, "/") == 0 &&
			(controller == NULL || mountinfo_lists(mount.options, controller));
		if (found)
			snprintf(out, PATH_MAX, "%s", mount.target);
	}
	if (file != NULL)
		fclose(file);
	return found;
}

static bool
is_initial(void)
{
	struct idmap map;

	return idmap_read(&map, &(struct err)ERR_INIT) == 0 && idmap_is_initial(&map);
}

static bool
put_line(const char *folder_name, const char *name, const char *text)
{
	char *path = xprintf("%s/%s", folder_name, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool put = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	free(path);
	return put;
}

/* A cgroup of the test's own with a process that waits in it; NULL where that cannot be. */
static char *
make_cgroup(const char *mount, pid_t *child)
{
	char *name = xprintf("%s/cgpu-test-%d", mount, (int)getpid()), number[16];

	*child = -1;
	if (geteuid() == 0 && is_initial() && mkdir(name, 0755) == 0) {
		*child = fork();
		if (*child == 0) {
			pause();
			_exit(0);
		}
		snprintf(number, sizeof(number), "%d", (int)*child);
		if (put_line(name, "cgroup.procs", number))
			return name;
		kill(*child, SIGKILL);
		waitpid(*child, NULL, 0);
		rmdir(name);
	}
	free(name);
	return NULL;
}

static void
remove_cgroup(char *name, pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (unsigned i = 0; i < 100 && rmdir(name) != 0 && errno == EBUSY; i++)
		usleep(10000);
	free(name);
	device_rules_free(&rules);
}

static void
test_version_1(void)
{
	char mount[PATH_MAX], *name;
	pid_t child;

	if (!find_mount("cgroup", "devices", mount) || (name = make_cgroup(mount, &child)) == NULL) {
		unit_skip("needs root and the devices hierarchy of cgroup version 1");
		return;
	}
	CHECK(put_line(name, "devices.deny", "a") && put_line(name, "devices.allow", "c 1:3 rm"));
	CHECK(read_rules("", child) == DEVICE_RULES_LISTED && rules.count == 1);
	CHECK(rules.count == 1 && rules.at[0].type == 'c' && rules.at[0].major == 1 && rules.at[0].minor == 3 &&
	      rules.at[0].read && !rules.at[0].write && rules.at[0].mknod);
	/* A wildcard that survives later denials. */
	CHECK(put_line(name, "devices.allow", "a") && put_line(name, "devices.deny", "c 195:* rwm"));
	CHECK(read_rules("", child) == DEVICE_RULES_LISTED && rules.count == 1 && rules.at[0].type == 'a');
	remove_cgroup(name, child);
}

static long
bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* A program that allows every device, attached to the cgroup. -1 where the kernel does not let it. */
static int
attach_program(const char *cgroup)
{
	struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
				  {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
			       .insns = (uintptr_t)code,
			       .insn_cnt = 2,
			       .license = (uintptr_t) "Apache-2.0"};
	int program = (int)bpf(BPF_PROG_LOAD, &load), fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union bpf_attr attach = {.target_fd = (uint32_t)fd,
				 .attach_bpf_fd = (uint32_t)program,
				 .attach_type = BPF_CGROUP_DEVICE,
				 .attach_flags = BPF_F_ALLOW_MULTI};
	int result = program >= 0 && fd >= 0 ? (int)bpf(BPF_PROG_ATTACH, &attach) : -1;

	if (fd >= 0)
		close(fd);
	if (program >= 0)
		close(program);
	return result;
}

static void
check_version_2(const char *mount, const char *name)
{
	struct stat status;
	char *text;

	folder_make();
	stat(mount, &status);
	text = xprintf("31 21 %u:%u / /unified rw - cgroup2 cgroup2 rw\n", major(status.st_dev), minor(status.st_dev));
	put_text("proc/self/mountinfo", text);
	free(text);
	text = xprintf("0::/%s\n", strrchr(name, '/') + 1);
	put_text("proc/77/cgroup", text);
	put_text("proc/self/cgroup", "0::/\n");
	CHECK(symlink(mount, at("unified")) == 0);
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	CHECK(attach_program(name) == 0);
	CHECK(read_rules(folder, PID) == DEVICE_RULES_CONFIGURED);
	/* Below it, the same program decides. */
	free(text);
	text = xprintf("%s/in", name);
	CHECK(mkdir(text, 0755) == 0);
	free(text);
	text = xprintf("0::/%s/in\n", strrchr(name, '/') + 1);
	put_text("proc/77/cgroup", text);
	CHECK(read_rules(folder, PID) == DEVICE_RULES_CONFIGURED);
	/* It decides about this process as well: no program is the container's. */
	put_text("proc/self/cgroup", text);
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	put_text("proc/self/cgroup", "0::/../..\n");
	CHECK(read_rules(folder, PID) == DEVICE_RULES_NONE);
	free(text);
	text = xprintf("%s/in", name);
	rmdir(text);
	free(text);
	folder_remove();
}

static void
test_version_2(void)
{
	char mount[PATH_MAX], *name;
	pid_t child;

	if (!find_mount("cgroup2", NULL, mount) || (name = make_cgroup(mount, &child)) == NULL) {
		unit_skip("needs root and a mount of cgroup version 2");
		return;
	}
	check_version_2(mount, name);
	remove_cgroup(name, child);
}

/* An engine of a user's: whatever its files say. */
static void
test_user_namespace(void)
{
	pid_t child;
	int status = 0;

	begin("c 1:3 r\n");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		struct err err = ERR_INIT;

		if (unshare(CLONE_NEWUSER) != 0)
			_exit(77);
		_exit(device_rules_read(folder, PID, &rules, &err) == 0 && rules.source == DEVICE_RULES_NONE ? 0 : 1);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		unit_skip("no user namespaces here");
	else
		CHECK(WEXITSTATUS(status) == 0);
	end();
}

int
main(void)
{
	if (is_initial()) {
		RUN(test_list);
		RUN(test_other_lists);
		RUN(test_places);
		RUN(test_mounts);
	}
	RUN(test_no_kernel);
	RUN(test_user_namespace);
	RUN(test_version_1);
	RUN(test_version_2);
	return unit_end();
}
