/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_PROCESSES_H
#define TEST_PROCESSES_H

/* Processes and records of a machine whose root is the folder of test/unit/folder.h. */
#include "spec/container_record.h"
#include "test/unit/folder.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* NULL: as what a process of the host has, and nothing open. */
struct fake_process {
	int pid, parent, started;
	const char *name, *root, *space, *opens, *cgroup, *user, *pid_space;
};

static inline void
link_of(int pid, const char *name, const char *target)
{
	char *path = xprintf("proc/%d/%s", pid, name);

	unlink(at(path));
	if (symlink(target, at(path)) != 0)
		abort();
	free(path);
}

static inline void
process_put(const struct fake_process *process)
{
	char *path = xprintf("proc/%d/stat", process->pid);
	char *stat = xprintf("%d (%s) S %d 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %d 1 1\n", process->pid,
			     process->name ? process->name : "x", process->parent, process->started);

	put_text(path, stat);
	free(stat);
	free(path);
	path = xprintf("proc/%d/cgroup", process->pid);
	put_text(path, process->cgroup ? process->cgroup : "0::/\n");
	free(path);
	path = xprintf("ns/%s", process->space ? process->space : "host");
	put_text(path, "");
	link_of(process->pid, "ns/mnt", at(path));
	free(path);
	path = xprintf("pid-ns/%s", process->pid_space ? process->pid_space : "host");
	put_text(path, "");
	link_of(process->pid, "ns/pid", at(path));
	free(path);
	link_of(process->pid, "ns/user", process->user ? process->user : "/proc/self/ns/user");
	link_of(process->pid, "root", process->root ? at(process->root) : folder);
	link_of(process->pid, "fd/0", "/dev/tty");
	link_of(process->pid, "fd/1", "socket:[1]");
	if (process->opens != NULL)
		link_of(process->pid, "fd/7", process->opens);
}

static inline void
record_put(const char *id, enum container_decision decision, int pid, int started)
{
	const struct container_record record = {
		.decision = decision, .id = (char *)id, .bundle = "/b", .pid = pid, .started = started, .all = true};
	char *text = container_record_print(&record), *path = xprintf("%s/%s", CONTAINER_RECORDS, id);

	put_bytes(path, bytes_of_text(text), 0600);
	chmod(at(path), 0600);
	*strrchr(path, '/') = '\0';
	chmod(at(path), 0700);
	free(path);
	free(text);
}

/*
 * A machine with one process of its own. No node can be made without privilege: the number of /dev/null is NVIDIA's
 * there.
 */
#define FAKE_NODE "/dev/null"

static inline void
processes_make(void)
{
	folder_make();
	chmod(folder, 0755);
	mkdir(at("image"), 0755);
	put_text("proc/devices", "Character devices:\n  5 tty\n  1 nvidia-uvm\n\nBlock devices:\n  8 sd\n");
	process_put(&(struct fake_process){.pid = 1, .started = 1, .opens = FAKE_NODE});
}

#endif
