/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/fs.h"

#define PARENT 4 /* the fields' numbers */
#define STARTTIME 22
#define STATUS_MAX 65536

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

/* -- status ------------------------------------------------------------------------------------------------------ */

/* What stands behind the name on its line. */
static const char *
status_line(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line != NULL && (line == text || line[-1] == '\n') ? line + strlen(name) : NULL;
}

static bool
parse_credentials(const char *text, struct process_credentials *out)
{
	/* The first line is the program's name, with its newlines escaped. */
	const char *rest = strchr(text, '\n'), *uids, *gids, *permitted, *numbers;
	unsigned long long set;

	if (rest == NULL || (uids = status_line(rest, "Uid:")) == NULL || (gids = status_line(rest, "Gid:")) == NULL ||
	    (permitted = status_line(rest, "CapPrm:")) == NULL || (numbers = status_line(rest, "NSpid:")) == NULL ||
	    sscanf(uids, "%u %u %u %u", &out->uid[0], &out->uid[1], &out->uid[2], &out->uid[3]) != 4 ||
	    sscanf(gids, "%u %u %u %u", &out->gid[0], &out->gid[1], &out->gid[2], &out->gid[3]) != 4 ||
	    sscanf(permitted, "%llx", &set) != 1)
		return false;
	out->permitted = set;
	numbers += strcspn(numbers, "\n");
	out->is_first = numbers[-1] == '1' && (numbers[-2] == '\t' || numbers[-2] == ' ');
	return true;
}

int
process_read_credentials(const char *proc, pid_t pid, struct process_credentials *out)
{
	char *path = xprintf("%s/%d/status", proc, (int)pid);
	struct buf text = {0};
	int result = fs_read_file(path, STATUS_MAX, &text, &(struct err)ERR_INIT);

	free(path);
	*out = (struct process_credentials){.permitted = 0};
	if (result == 0 && !parse_credentials((const char *)text.data, out)) {
		errno = EPROTO;
		result = -1;
	}
	buf_free(&text);
	return result;
}

/* -- links ------------------------------------------------------------------------------------------------------- */

static bool
stat_known(int directory, const char *name, struct statx *out)
{
	return statx(directory, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO, out) == 0;
}

bool
identity_read(const char *path, struct identity *out)
{
	struct statx status;

	if (!stat_known(AT_FDCWD, path, &status))
		return false;
	*out = (struct identity){makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino};
	return true;
}

bool
identity_of_process(const char *proc, pid_t pid, const char *link, struct identity *out)
{
	char *path = xprintf("%s/%d/%s", proc, (int)pid, link);
	bool found = identity_read(path, out);
	int saved = errno;

	free(path);
	errno = saved;
	return found;
}

bool
identity_equal(const struct identity *a, const struct identity *b)
{
	return a->device == b->device && a->inode == b->inode;
}

int
process_devices(const char *proc, pid_t pid, process_see_device *see, void *seer)
{
	char *path = xprintf("%s/%d/fd", proc, (int)pid);
	DIR *list = opendir(path);
	struct dirent *entry;
	struct statx status;
	bool more = true;
	int saved = errno;

	free(path);
	errno = saved;
	if (list == NULL)
		return -1;
	while (more && (entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.' && stat_known(dirfd(list), entry->d_name, &status) &&
		    S_ISCHR(status.stx_mode))
			more = see(seer, makedev(status.stx_rdev_major, status.stx_rdev_minor));
	closedir(list);
	return 0;
}
