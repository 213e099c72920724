/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/node/owner.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "lib/idmap.h"

bool
owner_is_root(void)
{
	struct stat status;

	return geteuid() == 0 && (stat(PATH_RUN, &status) != 0 || status.st_uid == 0);
}

char *
owner_session(void)
{
	struct err err = ERR_INIT;
	uid_t user = geteuid();
	struct idmap map;
	struct stat status;
	char *path;

	if (idmap_read(&map, &err) == 0)
		idmap_outside(&map, user, &user);
	path = xprintf("/run/user/%u", user);
	if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid())
		return path;
	free(path);
	return NULL;
}
