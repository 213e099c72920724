/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PROCESS_H
#define LIB_PROCESS_H

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

#endif
