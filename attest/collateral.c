/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/fs.h"

#define COLLATERAL_MAX (1 << 20) /* a genuine manifest has 21 KiB, an OCSP answer 1 KiB */

static int
code_missing(enum collateral_kind kind)
{
	switch (kind) {
	case COLLATERAL_DRIVER_RIM:
		return CODE_DRIVER_RIM_MISSING;
	case COLLATERAL_VBIOS_RIM:
		return CODE_VBIOS_RIM_MISSING;
	case COLLATERAL_OCSP:
		return CODE_OCSP_MISSING;
	case COLLATERAL_TOKENS:
	case COLLATERAL_KEY_SET:
		break;
	}
	return CODE_INTERNAL;
}

static void
read_path(struct collateral *need, const char *path)
{
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		err_set(&need->err, code_missing(need->kind), "%s: no file %s", need->name, path);
	} else if (fs_read_file(path, COLLATERAL_MAX, &need->answer, &need->err) != 0) {
		err_wrap(&need->err, CODE_COLLATERAL, "%s", need->name);
	} else {
		need->err = (struct err)ERR_INIT;
	}
}

/* Names come from signed fields and certificates, yet a path separator in one must never reach the file system. */
static bool
name_is_plain(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static void
serve_one(const struct collateral_store *store, struct collateral *need)
{
	const char *file = need->kind == COLLATERAL_DRIVER_RIM  ? store->driver_rim
			   : need->kind == COLLATERAL_VBIOS_RIM ? store->vbios_rim
								: NULL;
	const char *dir = need->kind == COLLATERAL_OCSP ? store->ocsp_dir : store->rim_dir;
	char *path;

	if (file != NULL) {
		need->origin = ORIGIN_FILE;
		read_path(need, file);
		return;
	}
	need->origin = ORIGIN_DIRECTORY;
	if (dir == NULL || dir[0] == '\0') {
		err_set(&need->err, code_missing(need->kind), "%s: no directory given", need->name);
		return;
	}
	if (!name_is_plain(need->name)) {
		err_set(&need->err, CODE_COLLATERAL, "'%s' is no file name", need->name);
		return;
	}
	path = xprintf("%s/%s.%s", dir, need->name, need->kind == COLLATERAL_OCSP ? "der" : "xml");
	read_path(need, path);
	free(path);
}

void
collateral_serve(void *context, struct collateral *need, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		serve_one(context, &need[i]);
}
