/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SAMPLE_H
#define TEST_SAMPLE_H

/* Files of the shared samples, which lie beside the project, not in it. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"

#define SAMPLES "../shared/samples/"
#define NO_SAMPLES "the shared samples are not there"

/* False if there is no such file. */
static inline bool
sample_read(const char *name, struct buf *out)
{
	char path[512], block[4096];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), SAMPLES "%s", name);
	file = fopen(path, "rb");
	if (file == NULL)
		return false;
	while ((size = fread(block, 1, sizeof(block), file)) > 0)
		buf_add(out, block, size);
	fclose(file);
	return true;
}

#endif
