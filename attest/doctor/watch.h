/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_DOCTOR_WATCH_H
#define ATTEST_DOCTOR_WATCH_H

#include <sys/types.h>

/*
 * What the CRI-O that runs makes of a hook definition. It reads its directories when it starts, and again whenever
 * inotify tells of a change in them; a definition whose program is missing at that moment it drops until the next one.
 * The watch is on the directory itself: one that was removed and made again is another. procfs tells its inode
 * (proc(5), /proc/PID/fdinfo).
 */
enum watch_state {
	WATCH_NO_PROCESS, /* none runs: it will read what is there */
	WATCH_HIDDEN,     /* its descriptors may not be looked at by this caller */
	WATCH_LOST,       /* it does not watch that directory */
	WATCH_UNSURE,     /* the program came, or changed, after it has last read the definition */
	WATCH_GOOD,
};

/* definition and program: paths below root. *pid: the process that was judged; of several, the one that watches. */
enum watch_state watch_look(const char *root, const char *definition, const char *program, pid_t *pid);

#endif
