/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_FACTS_H
#define CDI_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

/* What the kernel tells about NVIDIA's driver. */

#define FACTS_MAJORS 64
#define FACTS_STATIC_MAJOR 195 /* NVIDIA's since before there were dynamic ones, registered or not */

struct facts {
	struct {
		unsigned number;
		char name[64];
	} major[FACTS_MAJORS]; /* of NVIDIA's names in /proc/devices */
	size_t majors;
	char driver[64]; /* version of the loaded module; "" if none is */
};

/* root: "" but in tests. -1 with CODE_INTERNAL if /proc/devices cannot be read. */
int facts_read(const char *root, struct facts *out, struct err *err);
bool facts_has_name(const struct facts *facts, const char *name);
bool facts_has_major(const struct facts *facts, unsigned number);

#endif
