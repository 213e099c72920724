/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OUTPUT_H
#define LIB_OUTPUT_H

#include "lib/buf.h"
#include "lib/spawn.h"

/*
 * What a program prints: started, and read later, so that several run at once. Nothing is on its standard input and
 * error.
 */
struct output {
	struct spawn child; /* pid 0: not running */
	int fd;
};

/* -1 with CODE_WORKER. */
int output_start(const char *path, char *const argv[], struct output *out, struct err *err);
/*
 * Everything until the end, at most max bytes; the exit status does not matter. -1 where it did not end in time or said
 * more.
 */
int output_read(struct output *output, size_t max, int64_t deadline, struct buf *text, struct err *err);

/* -- programs that tell their version -------------------------------------------------------------------------------
 */

#define OUTPUT_FOLDERS "/usr/bin, /usr/sbin, /usr/local/bin and /usr/local/sbin"

/* Its path in one of these folders below root ("" but in tests), without symlinks, in new memory; NULL: it is not
 * there. */
char *output_find_program(const char *root, const char *name);
/* The first word of the first line that begins with a digit, a "v" in front of it left out; out stays as it is without
 * one. */
void output_find_version(const char *text, char *out, size_t size);

#endif
