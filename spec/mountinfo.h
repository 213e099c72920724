/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_MOUNTINFO_H
#define SPEC_MOUNTINFO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). The texts point into the line, without the kernel's escapes.
 */
struct mountinfo {
	uint64_t id, parent;
	dev_t device;
	const char *root;    /* which directory of the file system is mounted */
	const char *target;  /* where, as a path below the process's root */
	const char *flags;   /* of the mount, separated by commas: "ro,nodev" */
	bool shared;         /* what is mounted below it shows up elsewhere */
	const char *type;    /* of the file system: "cgroup2" */
	const char *options; /* of the file system, separated by commas */
};

/* line: written over; a newline at its end is taken off. False for another form. */
bool mountinfo_parse(char *line, struct mountinfo *out);

/* Whether a list with commas between its members has this one. */
bool mountinfo_lists(const char *list, const char *member);

#endif
