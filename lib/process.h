/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PROCESS_H
#define LIB_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What proc_pid_stat(5) tells of a process. */
struct process {
	char name[64];   /* of the program, as the process has it: anything but a NUL */
	pid_t parent;
	int64_t started; /* starttime, in clock ticks of the boot clock: with the number the process, for this boot */
};

/* proc: where procfs is mounted. -1 with errno: ENOENT if there is none of that number, EPROTO for another form. */
int process_read(const char *proc, pid_t pid, struct process *out);

/* Who it is to the kernel: proc_pid_status(5), ids as this process's user namespace has them. */
struct process_credentials {
	uid_t uid[4]; /* real, effective, saved, of the file system; gid the same */
	gid_t gid[4];
	uint64_t permitted; /* capabilities, bit N is number N */
	bool is_first;      /* number 1 of its PID namespace: that began with it */
};

/* As process_read. */
int process_read_credentials(const char *proc, pid_t pid, struct process_credentials *out);

/*
 * What a path leads to, as the kernel knows it already: a FUSE server, or one for automounts, is not asked and cannot
 * hold the caller up. Links of procfs are told apart by it. False with errno.
 */
struct identity {
	uint64_t device, inode;
};

bool identity_read(const char *path, struct identity *out);
/* Of a link of a process, as "ns/mnt". */
bool identity_of_process(const char *proc, pid_t pid, const char *link, struct identity *out);
bool identity_equal(const struct identity *a, const struct identity *b);

/* One character device that a process has open, in the same way; false: that is enough. */
typedef bool process_see_device(void *seer, dev_t number);

/* Every one of them. -1 with errno: they cannot be seen. */
int process_devices(const char *proc, pid_t pid, process_see_device *see, void *seer);

#endif
