/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_ENGINE_H
#define CDI_ENGINE_H

#include <stddef.h>

#include "lib/err.h"

/* The installed container engines, and up to which cdiVersion they read. Of a newer file they know no device. */

#define ENGINES_MAX 8

struct engine {
	char name[32], version[48];
	const char *reads; /* the highest cdiVersion as it is built by its makers; NULL = not known */
};

struct engines {
	struct engine list[ENGINES_MAX];
	size_t count;
};

/* "podman=4.3.1,dockerd=26.1.5", or "" for none. -1 with CODE_USAGE. */
int engines_parse(const char *text, struct engines *out, struct err *err);
/* Asks each that lies where the system has programs; one that does not tell its version in time is left out. */
void engines_ask(struct engines *out);

#endif
