/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container reaches by the processes whose PID namespace it joins: on small files, and in namespaces of this
 * machine.
 */
#include "hook/processes.h"

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "test/unit/processes.h"
#include "test/unit/unit.h"

#define BIT(capability) (UINT64_C(1) << (capability))
#define CONTAINER 90

static unsigned seen;

static bool
see(void *seer, dev_t number)
{
	(void)seer;
	seen += number == makedev(1, 3);
	return true;
}

static unsigned
reach(const char *root, pid_t pid, uid_t uid, gid_t gid, uint64_t capabilities)
{
	const struct processes_caller caller = {uid, gid, capabilities};

	seen = 0;
	processes_devices(root, pid, &caller, see, NULL);
	return seen;
}

/* -- a machine of files ------------------------------------------------------------------------------------------ */

static void
put_status(int pid, const char *uids, const char *gids, uint64_t permitted, const char *numbers)
{
	char *path = xprintf("proc/%d/status", pid);
	char *text = xprintf("Name:\tUid:\\n\nUid:\t%s\nGid:\t%s\nCapInh:\t0\nCapPrm:\t%016llx\nNSpid:\t%s\n", uids,
			     gids, (unsigned long long)permitted, numbers);

	put_text(path, text);
	free(text);
	free(path);
}

/* The container, with number 2 of a namespace in which process 80 has a node open, as uid 0 with two capabilities. */
static void
begin(void)
{
	processes_make();
	put_status(1, "0 0 0 0", "0 0 0 0", ~UINT64_C(0), "1");
	process_put(&(struct fake_process){.pid = 80, .started = 5, .pid_space = "pod", .opens = FAKE_NODE});
	put_status(80, "0\t0\t0\t0", "0\t0\t0\t0", BIT(CAP_CHOWN) | BIT(CAP_KILL), "80\t1");
	process_put(&(struct fake_process){.pid = CONTAINER, .started = 5, .pid_space = "pod"});
	put_status(CONTAINER, "0\t0\t0\t0", "0\t0\t0\t0", 0, "90\t2");
}

static void
test_ids_and_capabilities(void)
{
	const uint64_t same = BIT(CAP_CHOWN) | BIT(CAP_KILL), ids = BIT(CAP_SETUID) | BIT(CAP_SETGID);

	begin();
	CHECK(reach(folder, CONTAINER, 0, 0, same) == 1 && reach(folder, CONTAINER, 0, 0, same | BIT(CAP_MKNOD)) == 1);
	CHECK(reach(folder, CONTAINER, 0, 0, BIT(CAP_KILL)) == 0 && reach(folder, CONTAINER, 0, 0, 0) == 0);
	CHECK(reach(folder, CONTAINER, 65534, 65534, same) == 0 && reach(folder, CONTAINER, 0, 7, same) == 0);
	/* The one capability that stands for all of this, and those with which any id can be taken. */
	CHECK(reach(folder, CONTAINER, 65534, 65534, BIT(CAP_SYS_PTRACE)) == 1);
	CHECK(reach(folder, CONTAINER, 65534, 65534, same | ids) == 1 &&
	      reach(folder, CONTAINER, 65534, 65534, ids) == 0);
	CHECK(reach(folder, CONTAINER, 65534, 65534, same | BIT(CAP_SETUID)) == 0);
	/* Each of the three ids counts; that of the file system does not. */
	put_status(80, "0\t0\t5\t0", "0\t0\t0\t0", 0, "80\t1");
	CHECK(reach(folder, CONTAINER, 0, 0, same) == 0);
	put_status(80, "0\t0\t0\t0", "5\t0\t0\t0", 0, "80\t1");
	CHECK(reach(folder, CONTAINER, 0, 0, same) == 0);
	put_status(80, "5\t5\t5\t9", "6\t6\t6\t9", 0, "80\t1");
	CHECK(reach(folder, CONTAINER, 5, 6, 0) == 1);
	/* In the container's own user namespace it has another number. */
	put_text("proc/90/uid_map", "0 5 1\n");
	put_text("proc/90/gid_map", "0 6 1\n");
	CHECK(reach(folder, CONTAINER, 0, 0, 0) == 1 && reach(folder, CONTAINER, 5, 6, 0) == 0);
	folder_remove();
}

static void
test_namespaces(void)
{
	begin();
	/* A namespace of its own, whoever is there; a process that has ended; one that does not say who it is. */
	put_status(CONTAINER, "0\t0\t0\t0", "0\t0\t0\t0", 0, "90\t1");
	CHECK(reach(folder, CONTAINER, 0, 0, ~UINT64_C(0)) == 0 && !processes_shared(folder, CONTAINER));
	put_status(CONTAINER, "0\t0\t0\t0", "0\t0\t0\t0", 0, "90\t11");
	CHECK(reach(folder, CONTAINER, 0, 0, ~UINT64_C(0)) == 1 && processes_shared(folder, CONTAINER));
	CHECK(reach(folder, 91, 0, 0, ~UINT64_C(0)) == 0 && !processes_shared(folder, 91));
	put_text("proc/80/status", "Name:\tx\n");
	CHECK(reach(folder, CONTAINER, 0, 0, ~UINT64_C(0)) == 0);
	/* The host's: process 1 has a node open as well. */
	process_put(&(struct fake_process){.pid = CONTAINER, .started = 5});
	put_status(CONTAINER, "0\t0\t0\t0", "0\t0\t0\t0", 0, "90");
	CHECK(reach(folder, CONTAINER, 0, 0, ~UINT64_C(0)) == 1 && reach(folder, CONTAINER, 0, 0, BIT(CAP_KILL)) == 0);
	/* In a user namespace that is none below the container's. */
	put_text("other", "");
	link_of(1, "ns/user", at("other"));
	CHECK(reach(folder, CONTAINER, 0, 0, ~UINT64_C(0)) == 0);
	folder_remove();
}

/* -- this machine ------------------------------------------------------------------------------------------------ */

/* The first process of a new PID namespace, with a device open; tells that it is there. */
static void
hold(int to)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (open("/dev/null", O_RDONLY) >= 0 && write(to, "", 1) == 1)
		pause();
	_exit(1);
}

/* Its parent, for whose children the namespace is. */
static pid_t
start_namespace(int flags)
{
	pid_t child;
	char told;
	int ends[2];

	if (pipe(ends) != 0)
		return -1;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(flags) != 0)
			_exit(1);
		if (fork() == 0)
			hold(ends[1]);
		close(ends[1]);
		pause();
		_exit(1);
	}
	close(ends[1]);
	if (read(ends[0], &told, 1) != 1) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		child = -1;
	}
	close(ends[0]);
	return child;
}

/* A process that joins it; it is in no other user namespace than this one. */
static pid_t
join(pid_t parent)
{
	char *path = xprintf("/proc/%d/ns/pid_for_children", (int)parent);
	int theirs = open(path, O_RDONLY | O_CLOEXEC), own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t joined = -1;

	if (theirs >= 0 && setns(theirs, CLONE_NEWPID) == 0) {
		joined = fork();
		if (joined == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
			_exit(1);
		}
		if (setns(own, CLONE_NEWPID) != 0)
			abort();
	}
	close(theirs);
	close(own);
	free(path);
	return joined;
}

static void
check_namespace(int flags)
{
	pid_t parent = start_namespace(flags), joined = parent > 0 ? join(parent) : -1;

	if (joined < 0) {
		unit_skip("no namespaces can be made here");
	} else {
		CHECK(processes_shared("", joined));
		CHECK(reach("", joined, 0, 0, ~UINT64_C(0)) > 0 &&
		      reach("", joined, 65534, 65534, BIT(CAP_SYS_PTRACE)) > 0);
		CHECK(reach("", joined, 65534, 65534, 0) == 0);
		kill(joined, SIGKILL);
		waitpid(joined, NULL, 0);
	}
	if (parent > 0) {
		kill(parent, SIGKILL);
		waitpid(parent, NULL, 0);
	}
}

static void
test_joined(void)
{
	check_namespace(CLONE_NEWPID);
}

static void
test_joined_below(void)
{
	check_namespace(CLONE_NEWPID | CLONE_NEWUSER);
}

int
main(void)
{
	RUN(test_ids_and_capabilities);
	RUN(test_namespaces);
	RUN(test_joined);
	RUN(test_joined_below);
	return unit_end();
}
