/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/code.h"
#include "lib/fs.h"

#define SMALL_FILE 65536

static int
read_text(const char *root, const char *path, struct buf *out, struct err *err)
{
	char *full = xprintf("%s%s", root, path);
	int rc = fs_read_file(full, SMALL_FILE, out, err);

	free(full);
	return rc == 0 && out->size > 0 ? 0 : -1;
}

/* Lines after the head, up to the empty one before the block devices. */
static int
parse_devices(const char *text, struct facts *out, struct err *err)
{
	static const char head[] = "Character devices:\n";
	const char *line = strstr(text, head);

	if (line == NULL)
		return err_set(err, CODE_INTERNAL, "/proc/devices: has no list of character devices");
	for (line += strlen(head); *line != '\0' && *line != '\n'; line += *line == '\n') {
		unsigned number;
		char name[64];

		if (sscanf(line, "%9u %63[^\n]", &number, name) == 2 && strncmp(name, "nvidia", 6) == 0) {
			if (out->majors == FACTS_MAJORS)
				return err_set(err, CODE_INTERNAL, "/proc/devices: more than %d names of NVIDIA",
					       FACTS_MAJORS);
			out->major[out->majors].number = number;
			memcpy(out->major[out->majors++].name, name, sizeof(name));
		}
		line += strcspn(line, "\n");
	}
	return 0;
}

int
facts_read(const char *root, struct facts *out, struct err *err)
{
	struct buf text = {0};
	int rc;

	*out = (struct facts){0};
	if (read_text(root, "/proc/devices", &text, err) != 0)
		rc = err_wrap(err, CODE_INTERNAL, "the kernel's device numbers");
	else
		rc = parse_devices((const char *)text.data, out, err);
	buf_free(&text);
	if (rc == 0 && read_text(root, "/sys/module/nvidia/version", &text, &(struct err)ERR_INIT) == 0)
		snprintf(out->driver, sizeof(out->driver), "%.*s", (int)strcspn((const char *)text.data, " \n"),
			 text.data);
	buf_free(&text);
	return rc;
}

bool
facts_has_name(const struct facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->majors; i++)
		if (strcmp(facts->major[i].name, name) == 0)
			return true;
	return false;
}

bool
facts_has_major(const struct facts *facts, unsigned number)
{
	for (size_t i = 0; i < facts->majors; i++)
		if (facts->major[i].number == number)
			return true;
	return number == FACTS_STATIC_MAJOR;
}
