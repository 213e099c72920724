/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/path.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

char *
path_clean(const char *base, const char *path)
{
	char *joined = path[0] == '/' ? xstrdup(path) : xprintf("%s/%s", base, path);
	char *clean = xcalloc(1, strlen(joined) + 2);
	size_t used = 0, part;

	for (const char *at = joined; *at != '\0'; at += part) {
		at += strspn(at, "/");
		part = strcspn(at, "/");
		if (part == 0 || (part == 1 && at[0] == '.'))
			continue;
		if (part == 2 && at[0] == '.' && at[1] == '.') {
			while (used > 0 && clean[--used] != '/')
				;
			continue;
		}
		clean[used++] = '/';
		memcpy(clean + used, at, part);
		used += part;
	}
	if (used == 0)
		clean[used++] = '/';
	clean[used] = '\0';
	free(joined);
	return clean;
}

bool
path_below(const char *path, const char *folder)
{
	size_t size = strlen(folder);

	if (size == 1 && folder[0] == '/')
		return path[0] == '/';
	return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}
