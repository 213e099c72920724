/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/code.h"
#include "lib/fs.h"

#define FACTS_TEXT_MAX 65536

static char *
read_fact(const char *root, const char *path)
{
	char *full = xprintf("%s%s", root, path), *text = fs_read_text(full, FACTS_TEXT_MAX);

	free(full);
	return text;
}

int
facts_read(const char *root, struct facts *out, struct err *err)
{
	char *devices = read_fact(root, "/proc/devices"), *version = read_fact(root, "/sys/module/nvidia/version");
	bool read;

	*out = (struct facts){.root = root};
	read = devices != NULL && device_numbers_parse(devices, &out->numbers);
	if (version != NULL)
		snprintf(out->driver, sizeof(out->driver), "%.*s", (int)strcspn(version, " \n"), version);
	free(version);
	free(devices);
	return read ? 0 : err_set(err, CODE_INTERNAL, "/proc/devices: cannot be read, or has another form");
}
