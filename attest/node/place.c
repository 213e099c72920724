/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/node/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/fs.h"

char *
place_path(const char *root, const char *path)
{
	return xprintf("%s%s", root, path);
}

/* Files of proc and sysfs say that they are empty: what can be read is what counts. */
char *
place_read(const char *root, const char *path, size_t max)
{
	char *full = place_path(root, path), *text = fs_read_text(full, max);
	int saved = errno;

	free(full);
	errno = saved;
	return text;
}

bool
place_field(const char *text, const char *head, char *out, size_t size)
{
	size_t length = strlen(head), end;

	while (text != NULL && strncmp(text, head, length) != 0) {
		text = strchr(text, '\n');
		text = text != NULL ? text + 1 : NULL;
	}
	if (text == NULL || size == 0)
		return false;
	text += length;
	text += strspn(text, " \t");
	end = strcspn(text, "\n");
	while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t' || text[end - 1] == '\r'))
		end--;
	end = end < size - 1 ? end : size - 1;
	memcpy(out, text, end);
	out[end] = '\0';
	return true;
}

bool
place_stat(const char *root, const char *path, struct stat *out)
{
	char *full = place_path(root, path);
	bool there = stat(full, out) == 0;

	free(full);
	return there;
}

bool
place_exists(const char *root, const char *path)
{
	return place_stat(root, path, &(struct stat){0});
}

static int
is_visible_entry(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

char **
place_names(const char *root, const char *path, size_t *count)
{
	char *full = place_path(root, path), **names;
	struct dirent **list;
	int found = scandir(full, &list, is_visible_entry, by_bytes);

	free(full);
	*count = 0;
	if (found < 0)
		return NULL;
	names = xcalloc((size_t)found + 1, sizeof(*names));
	for (int i = 0; i < found; i++) {
		if (i < PLACE_NAMES_MAX)
			names[(*count)++] = xstrdup(list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return names;
}

void
place_names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}
