/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_FACTS_H
#define CDI_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "spec/device_numbers.h"

/* What the kernel tells about NVIDIA's driver. */

struct facts {
	struct device_numbers numbers; /* of the character devices in /proc/devices */
	char driver[64]; /* version of the loaded module; "" if none is */
	const char *root; /* in front of paths of sysfs: "" but in tests */
};

/* root must outlive out. -1 with CODE_INTERNAL if /proc/devices cannot be read. */
int facts_read(const char *root, struct facts *out, struct err *err);

#endif
