/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/cache.h"
#include "config.h"

/* The XDG specification has relative values ignored. */
static char *
below(const char *directory, const char *rest)
{
	return directory != NULL && directory[0] == '/' ? xprintf("%s%s", directory, rest) : NULL;
}

/* Where a session of the user has none, there is none to keep anything in. */
static char *
session_directory(uid_t user)
{
	char *path = xprintf("/run/user/%u", user);
	struct stat status;

	if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == user)
		return path;
	free(path);
	return NULL;
}

void
cache_places(const char *configured, bool by_hook, char **disk, char **boot)
{
	uid_t user = geteuid();

	if (user == 0) {
		/* Root of a rootless container's namespace finds both to be another's: that is no cache. */
		*disk = configured != NULL && configured[0] != '\0' ? xstrdup(configured) : NULL;
		*boot = xstrdup(PATH_RUN "/cgpu");
	} else if (by_hook) {
		char *session = session_directory(user);

		*disk = below(session, "/cgpu");
		*boot = below(session, "/cgpu");
		free(session);
	} else {
		*disk = below(getenv("XDG_CACHE_HOME"), "/cgpu");
		if (*disk == NULL)
			*disk = below(getenv("HOME"), "/.cache/cgpu");
		*boot = below(getenv("XDG_RUNTIME_DIR"), "/cgpu");
	}
}
