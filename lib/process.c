/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fs.h"

#define PARENT 4 /* the fields' numbers */
#define STARTTIME 22

/* The name may contain anything, so the fields count from its end: the third comes first. */
static int64_t
field(const char *end, unsigned wanted)
{
	for (unsigned number = 2; end != NULL && number < wanted; number++)
		end = strchr(end + 1, ' ');
	return end != NULL ? strtoll(end + 1, NULL, 10) : 0;
}

static bool
parse_stat(const char *text, struct process *out)
{
	const char *name = strchr(text, '('), *end = strrchr(text, ')');

	if (name == NULL || end == NULL || end < name)
		return false;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)(end - name - 1), name + 1);
	out->parent = (pid_t)field(end, PARENT);
	out->started = field(end, STARTTIME);
	return out->started > 0;
}

int
process_read(const char *proc, pid_t pid, struct process *out)
{
	char *path = xprintf("%s/%d/stat", proc, (int)pid);
	struct buf text = {0};
	struct err err = ERR_INIT;
	int result = fs_read_file(path, 4096, &text, &err);

	free(path);
	*out = (struct process){.started = 0};
	if (result == 0 && (text.data == NULL || !parse_stat((const char *)text.data, out))) {
		errno = EPROTO;
		result = -1;
	}
	buf_free(&text);
	return result;
}
