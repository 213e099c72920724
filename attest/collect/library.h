/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLECT_LIBRARY_H
#define ATTEST_COLLECT_LIBRARY_H

#include "attest/collect/nvml.h"
#include "lib/err.h"

/* NVIDIA's management library as a file that decides about trust; for the collect worker only. */

struct library {
	char *path; /* without symlinks */
	int fd;
#define MEMBER(symbol) typeof(&symbol) symbol;
	NVML_REQUIRED(MEMBER)
	NVML_OPTIONAL(MEMBER) /* NULL where the driver has none */
#undef MEMBER
};

#define LIBRARY_INIT {.fd = -1}

/*
 * Opens the absolute path once. Symlinks are followed one by one (libnvidia-ml.so.1 is always one): each, the directory
 * it stands in and all above must belong to root (or the caller, where that is not root) and be writable by nobody
 * else, as must the file. -1 with CODE_DRIVER_MISSING or CODE_DRIVER_UNTRUSTED.
 */
int library_open(const char *path, struct library *library, struct err *err);

/*
 * Loads what was opened, through its descriptor, with immediate binding and local scope. -1 with CODE_DRIVER_MISSING
 * (it is no library for this machine) or CODE_DRIVER_CALL (a required symbol is missing).
 */
int library_load(struct library *library, struct err *err);
void library_close(struct library *library); /* the file; what was loaded stays */

#endif
