/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of containers with a GPU's node open, on a machine of links and small files, and what was decided about
 * each.
 */
#include "attest/node/holders.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "test/unit/processes.h"
#include "test/unit/unit.h"

#define NOBODY 65534

static struct holders holders;
static struct err err;

static int
find(void)
{
	holders_free(&holders);
	err = (struct err)ERR_INIT;
	return holders_find(folder, clock_boot_ms() + 10000, &holders, &err);
}

/* Whether the process was found as the first of its container, so decided about. */
static bool
found(pid_t pid, enum holder_decision decision, const char *id)
{
	for (size_t i = 0; i < holders.count; i++) {
		const struct holder *holder = &holders.list[i];

		if (holder->pid == pid)
			return holder->decision == decision && holder->node == makedev(1, 3) &&
			       (id == NULL) == (holder->id == NULL) && (id == NULL || strcmp(id, holder->id) == 0);
	}
	return false;
}

static void
end(void)
{
	holders_free(&holders);
	folder_remove();
}

/* -- who is looked at -------------------------------------------------------------------------------------------- */

static void
test_others(void)
{
	processes_make();
	/* A service of the host's with mounts of its own, and a container without a GPU. */
	process_put(
		&(struct fake_process){.pid = 20, .parent = 1, .started = 5, .space = "service", .opens = FAKE_NODE});
	process_put(&(struct fake_process){.pid = 30, .parent = 1, .started = 5, .space = "plain", .root = "image"});
	CHECK(find() == 0 && holders.count == 0 && holders.unseen == 0 && !holders.late);
	/* Processes that have ended since the list was read, and files that are no processes. */
	mkdir(at("proc/40"), 0755);
	process_put(
		&(struct fake_process){.pid = 41, .started = 5, .space = "gone", .root = "image", .opens = FAKE_NODE});
	unlink(at("proc/41/stat"));
	put_text("proc/12a/x", "");
	CHECK(find() == 0 && holders.count == 0 && holders.unseen == 0);
	end();
}

static void
test_none(void)
{
	processes_make();
	process_put(&(struct fake_process){.pid = 30,
					   .parent = 1,
					   .started = 5,
					   .space = "a",
					   .root = "image",
					   .opens = FAKE_NODE,
					   .name = ") S 1 (\n"});
	process_put(&(struct fake_process){
		.pid = 31, .parent = 1, .started = 5, .space = "a", .root = "image", .opens = FAKE_NODE});
	process_put(&(struct fake_process){
		.pid = 32, .parent = 1, .started = 5, .space = "b", .root = "image", .opens = FAKE_NODE});
	CHECK(find() == 0 && holders.count == 2 && holders.of[HOLDER_NONE] == 2);
	CHECK(found(32, HOLDER_NONE, NULL));
	CHECK(found(30, HOLDER_NONE, NULL) || found(31, HOLDER_NONE, NULL));
	CHECK(holders.list[0].processes + holders.list[1].processes == 3);
	end();
}

/* -- what is decided --------------------------------------------------------------------------------------------- */

static void
test_decisions(void)
{
	processes_make();
	for (int i = 0; i < CONTAINER_DECISIONS; i++) {
		char *name = xprintf("c%d", i);

		process_put(&(struct fake_process){
			.pid = 30 + i, .parent = 1, .started = 5, .space = name, .root = "image", .opens = FAKE_NODE});
		record_put(name, (enum container_decision)i, 30 + i, 5);
		free(name);
	}
	CHECK(find() == 0 && holders.count == 3);
	CHECK(found(30, HOLDER_ALLOWED, "c0") && found(31, HOLDER_EXEMPT, "c1") && found(32, HOLDER_OBSERVED, "c2"));
	CHECK(holders.of[HOLDER_ALLOWED] == 1 && holders.of[HOLDER_EXEMPT] == 1 && holders.of[HOLDER_OBSERVED] == 1);
	CHECK_TEXT(holder_decision_name(HOLDER_EXEMPT), "exempt");
	CHECK_TEXT(holder_decision_name(HOLDER_NONE), "none");
	end();
}

/*
 * What was started inside later, and sandboxes made inside, belong to their container; another container of the pod
 * does not.
 */
static void
test_inside(void)
{
	processes_make();
	process_put(&(struct fake_process){.pid = 30, .parent = 1, .started = 5, .space = "c", .root = "image"});
	record_put("c", CONTAINER_ALLOWED, 30, 5);
	process_put(&(struct fake_process){
		.pid = 40, .parent = 1, .started = 9, .space = "c", .root = "image", .opens = FAKE_NODE});
	CHECK(find() == 0 && holders.count == 1 && found(40, HOLDER_ALLOWED, "c"));
	process_put(&(struct fake_process){.pid = 41, .parent = 40, .started = 9, .space = "x", .root = "image"});
	process_put(&(struct fake_process){
		.pid = 42, .parent = 41, .started = 9, .space = "y", .root = "image", .opens = FAKE_NODE});
	process_put(&(struct fake_process){
		.pid = 50, .parent = 1, .started = 9, .space = "z", .root = "image", .opens = FAKE_NODE});
	CHECK(find() == 0 && holders.count == 2 && holders.of[HOLDER_ALLOWED] == 1 && found(50, HOLDER_NONE, NULL));
	/* A circle of parents, as of numbers that are used again, has an end. */
	process_put(&(struct fake_process){.pid = 51, .parent = 50, .started = 9, .space = "z", .root = "image"});
	process_put(&(struct fake_process){
		.pid = 50, .parent = 51, .started = 9, .space = "z", .root = "image", .opens = FAKE_NODE});
	CHECK(find() == 0 && found(50, HOLDER_NONE, NULL));
	end();
}

/* A sandbox that exec started as its very process: of the container's processes and cgroup, and of nobody's mounts. */
static void
test_cgroup(void)
{
	struct fake_process process = {.pid = 40,
				       .parent = 1,
				       .started = 9,
				       .space = "x",
				       .root = "image",
				       .opens = FAKE_NODE,
				       .pid_space = "c",
				       .cgroup = "0::/libpod-" ID_A ".scope/inner"};

	processes_make();
	process_put(&(struct fake_process){
		.pid = 30, .parent = 1, .started = 5, .space = "c", .root = "image", .pid_space = "c"});
	record_put(ID_A, CONTAINER_ALLOWED, 30, 5);
	process_put(&process);
	CHECK(find() == 0 && holders.count == 1 && found(40, HOLDER_ALLOWED, ID_A));
	/* Another container of the pod; somebody who gave a cgroup of his that name. */
	process.cgroup = "0::/libpod-" ID_B ".scope";
	process_put(&process);
	CHECK(find() == 0 && found(40, HOLDER_NONE, ID_B));
	process.cgroup = "0::/libpod-" ID_A ".scope";
	process.pid_space = "other";
	process_put(&process);
	CHECK(find() == 0 && found(40, HOLDER_NONE, ID_A));
	end();
}

static void
test_restored(void)
{
	struct fake_process process = {.pid = 30,
				       .parent = 1,
				       .started = 5,
				       .space = "c",
				       .root = "image",
				       .opens = FAKE_NODE,
				       .cgroup = "0::/machine.slice/libpod-" ID_A ".scope/container\n"};

	processes_make();
	process_put(&process);
	record_put(ID_A, CONTAINER_ALLOWED, 30, 5);
	CHECK(find() == 0 && found(30, HOLDER_ALLOWED, ID_A));
	/* The same number, but another process. */
	process.started = 6;
	process_put(&process);
	CHECK(find() == 0 && found(30, HOLDER_NONE, ID_A) && holders.of[HOLDER_ALLOWED] == 0);
	/* Another number. */
	process.started = 5;
	process_put(&process);
	record_put(ID_A, CONTAINER_ALLOWED, 31, 5);
	CHECK(find() == 0 && found(30, HOLDER_NONE, ID_A));
	end();
}

static void
test_broken_record(void)
{
	processes_make();
	process_put(&(struct fake_process){
		.pid = 30, .parent = 1, .started = 5, .space = "c", .root = "image", .opens = FAKE_NODE});
	record_put("c", CONTAINER_ALLOWED, 30, 5);
	put_bytes(CONTAINER_RECORDS "/c", bytes_of_text("{"), 0600);
	CHECK(find() == 0 && found(30, HOLDER_NONE, NULL) && holders.fault.code == CODE_INTERNAL);
	end();
}

static void
test_ids(void)
{
	static const struct {
		const char *cgroup, *id, *engine;
	} rows[] = {
		{"0::/machine.slice/libpod-" ID_A ".scope", ID_A, "podman"},
		{"0::/machine.slice/machine-libpod_pod_" ID_B ".slice/libpod-" ID_A ".scope/container", ID_A, "podman"},
		{"9:name=systemd:/\n4:memory:/libpod_parent/libpod-" ID_A "\n", ID_A, "podman"},
		{"0::/system.slice/docker-" ID_A ".scope", ID_A, "docker"},
		{"0::/docker/" ID_A "/sub/" ID_B, ID_A, "docker"},
		{"0::/kubepods.slice/kubepods-pod12.slice/crio-" ID_A ".scope/container", ID_A, "crictl"},
		{"0::/kubepods/besteffort/pod0a1b2c/" ID_A, ID_A, "crictl"},
		{"0::/k8s.io/" ID_A, ID_A, NULL},
		{"0::/user.slice/c1", NULL, NULL},
		{"0::/libpod-" ID_A "0.scope", NULL, NULL},
		{"", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		processes_make();
		process_put(&(struct fake_process){.pid = 30, .parent = 1, .started = 5, .space = "c", .root = "image",
						   .opens = FAKE_NODE, .cgroup = rows[i].cgroup});
		CHECK(find() == 0 && found(30, HOLDER_NONE, rows[i].id));
		CHECK(holders.count == 1 && (rows[i].engine == NULL) == (holders.list[0].engine == NULL));
		if (rows[i].engine != NULL && holders.count == 1)
			CHECK_TEXT(holders.list[0].engine, rows[i].engine);
		end();
	}
}

/* -- what cannot be seen ----------------------------------------------------------------------------------------- */

static void
test_late(void)
{
	processes_make();
	process_put(&(struct fake_process){
		.pid = 30, .parent = 1, .started = 5, .space = "c", .root = "image", .opens = FAKE_NODE});
	CHECK(holders_find(folder, clock_boot_ms(), &holders, &err) == 0 && holders.late && holders.count == 0);
	unlink(at("proc/devices"));
	CHECK(find() == -1 && err.code == CODE_INTERNAL);
	end();
}

static void
test_unseen(void)
{
	if (geteuid() != 0) {
		unit_skip("needs root, to be somebody else");
		return;
	}
	processes_make();
	process_put(&(struct fake_process){
		.pid = 30, .parent = 1, .started = 5, .space = "c", .root = "image", .opens = FAKE_NODE});
	chmod(at("proc/30/fd"), 0700);
	if (seteuid(NOBODY) != 0)
		abort();
	CHECK(find() == 0 && holders.count == 0 && holders.unseen == 1);
	if (seteuid(0) != 0)
		abort();
	record_put("c", CONTAINER_ALLOWED, 30, 5);
	if (seteuid(NOBODY) != 0)
		abort();
	CHECK(find() == -1 && err.code == CODE_INTERNAL);
	if (seteuid(0) != 0)
		abort();
	CHECK(find() == 0 && found(30, HOLDER_ALLOWED, "c"));
	end();
}

/* The namespace of a user without privilege, held by a child that waits for the end of the pipe. */
static pid_t
start_user(int *hold)
{
	int ends[2], ready[2];
	pid_t child;
	char byte = 0;

	if (pipe(ends) != 0 || pipe(ready) != 0)
		abort();
	child = fork();
	if (child == 0) {
		close(ends[1]);
		byte = setuid(NOBODY) == 0 && unshare(CLONE_NEWUSER) == 0;
		_exit(write(ready[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 0);
	}
	close(ends[0]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1 || byte == 0)
		*hold = -1;
	else
		*hold = ends[1];
	close(ready[0]);
	if (*hold < 0)
		close(ends[1]);
	return child;
}

static void
test_user(void)
{
	pid_t child;
	int hold;
	char *link;

	if (geteuid() != 0) {
		unit_skip("needs root, to be somebody else");
		return;
	}
	child = start_user(&hold);
	if (hold < 0) {
		unit_skip("no user namespaces here");
	} else {
		processes_make();
		link = xprintf("/proc/%d/ns/user", (int)child);
		process_put(&(struct fake_process){.pid = 30, .parent = 1, .started = 5, .space = "c", .root = "image",
						   .opens = FAKE_NODE, .user = link});
		free(link);
		CHECK(find() == 0 && found(30, HOLDER_UNKNOWN, NULL) && holders.list[0].user == NOBODY);
		end();
		close(hold);
	}
	waitpid(child, NULL, 0);
}

static void
test_drm(void)
{
	char *node;

	processes_make();
	node = xstrdup(at("node"));
	if (geteuid() != 0 || mknod(node, S_IFCHR | 0600, makedev(226, 128)) != 0) {
		unit_skip("needs root, and to make a node");
		free(node);
		end();
		return;
	}
	process_put(&(struct fake_process){
		.pid = 30, .parent = 1, .started = 5, .space = "c", .root = "image", .opens = node});
	free(node);
	CHECK(find() == 0 && holders.count == 0);
	put_text("sys/dev/char/226:128/device/vendor", "0x1002\n");
	CHECK(find() == 0 && holders.count == 0);
	put_text("sys/dev/char/226:128/device/vendor", "0x10de\n");
	CHECK(find() == 0 && holders.count == 1 && holders.list[0].node == makedev(226, 128));
	end();
}

int
main(void)
{
	umask(022);
	RUN(test_others);
	RUN(test_none);
	RUN(test_decisions);
	RUN(test_inside);
	RUN(test_cgroup);
	RUN(test_restored);
	RUN(test_broken_record);
	RUN(test_ids);
	RUN(test_late);
	RUN(test_unseen);
	RUN(test_user);
	RUN(test_drm);
	return unit_end();
}
