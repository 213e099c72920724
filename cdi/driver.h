/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_DRIVER_H
#define CDI_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

/* What a container needs of the user space of NVIDIA's driver, below whose root a driver container may have put it. */

#define DRIVER_LIBRARIES "/usr/local/nvidia/lib64" /* where NVIDIA's images look for them */

struct driver_file {
	char *host_path; /* with links resolved inside the root */
	char *container_path;
	bool socket; /* mounted noexec */
};

struct driver {
	struct driver_file *files;
	size_t count, room;
};

/*
 * Libraries of exactly this version under their sonames in DRIVER_LIBRARIES, programs, firmware and sockets. libraries:
 * the folders below root to look into, separated by colons; NULL = those of the distributions. -1 with
 * CODE_DRIVER_MISSING.
 */
int driver_find(const char *root, const char *libraries, const char *version, struct driver *out, struct err *err);
void driver_free(struct driver *driver);

#endif
