/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "attest/collateral/cache.h"
#include "attest/node/owner.h"
#include "config.h"

/* The XDG specification has relative values ignored. */
static char *
join_absolute(const char *directory, const char *rest)
{
	return directory != NULL && directory[0] == '/' ? xprintf("%s%s", directory, rest) : NULL;
}

void
cache_places(const char *configured, bool by_hook, char **disk, char **boot)
{
	if (owner_is_root()) {
		*disk = configured != NULL && configured[0] != '\0' ? xstrdup(configured) : NULL;
		*boot = xstrdup(PATH_RUN "/cgpu");
	} else if (by_hook) {
		char *session = owner_session();

		*disk = join_absolute(session, "/cgpu");
		*boot = join_absolute(session, "/cgpu");
		free(session);
	} else {
		*disk = join_absolute(getenv("XDG_CACHE_HOME"), "/cgpu");
		if (*disk == NULL)
			*disk = join_absolute(getenv("HOME"), "/.cache/cgpu");
		*boot = join_absolute(getenv("XDG_RUNTIME_DIR"), "/cgpu");
	}
}
