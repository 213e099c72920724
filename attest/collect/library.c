/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collect/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/code.h"
#include "lib/fs.h"

#define LINKS_MAX 16

/* A walk along a path: what is resolved so far ("" is the root), and what is left of it. */
struct walk {
	char *done, *left;
	unsigned links;
};

static int
untrusted(struct err *err, const char *path, const char *why)
{
	return err_set(err, CODE_DRIVER_UNTRUSTED, "%s: %s", path, why);
}

static int
check_owner(const char *path, const struct stat *status, struct err *err)
{
	if (!fs_owner_trusted(status->st_uid))
		return err_set(err, CODE_DRIVER_UNTRUSTED, "%s: owner is %u, want root%s", path, status->st_uid,
			       geteuid() == 0 ? "" : " or the caller");
	if (S_ISDIR(status->st_mode) && (status->st_mode & 022) != 0 &&
	    !((status->st_mode & S_ISVTX) && status->st_uid == 0))
		return err_set(err, CODE_DRIVER_UNTRUSTED,
			       "%s: mode is %04o, want no write permission for group and others", path,
			       status->st_mode & 07777);
	return 0;
}

/* Takes over path. */
static void
take_over_text(char **text, char *path)
{
	free(*text);
	*text = path;
}

static int
follow(struct walk *walk, const char *path, struct err *err)
{
	char target[PATH_MAX];
	ssize_t size = readlink(path, target, sizeof(target) - 1);

	if (size <= 0 || ++walk->links > LINKS_MAX)
		return untrusted(err, path, size <= 0 ? "unreadable symlink" : "too many symlinks");
	target[size] = '\0';
	if (target[0] == '/')
		take_over_text(&walk->done, xstrdup(""));
	take_over_text(&walk->left, xprintf("%s/%s", target, walk->left));
	return 0;
}

/* One component: name is the first of walk->left, which already begins behind it. */
static int
resolve_component(struct walk *walk, const char *name, struct err *err)
{
	struct stat status;
	char *path;
	int rc;

	if (name[0] == '\0' || strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(walk->done, '/');

		if (slash != NULL)
			*slash = '\0';
		return 0;
	}
	path = xprintf("%s/%s", walk->done, name);
	if (lstat(path, &status) != 0) {
		rc = err_set(err, errno == ENOENT || errno == ENOTDIR ? CODE_DRIVER_MISSING : CODE_DRIVER_UNTRUSTED,
			     "%s: %s", path, err_errno(errno));
	} else {
		rc = check_owner(path, &status, err);
	}
	if (rc == 0 && S_ISLNK(status.st_mode))
		rc = follow(walk, path, err);
	else if (rc == 0)
		take_over_text(&walk->done, xstrdup(path));
	free(path);
	return rc;
}

/* The path without symlinks in new memory, or NULL. */
static char *
resolve(const char *path, struct err *err)
{
	struct walk walk = {xstrdup(""), xstrdup(path), 0};
	int rc = 0;

	while (rc == 0 && walk.left[strspn(walk.left, "/")] != '\0') {
		char *start = walk.left + strspn(walk.left, "/"), *end = start + strcspn(start, "/");
		char *name = xprintf("%.*s", (int)(end - start), start);

		take_over_text(&walk.left, xstrdup(end));
		rc = resolve_component(&walk, name, err);
		free(name);
	}
	free(walk.left);
	if (rc == 0)
		return walk.done;
	free(walk.done);
	return NULL;
}

int
library_open(const char *path, struct library *library, struct err *err)
{
	if (path[0] != '/')
		return untrusted(err, path, "not an absolute path");
	library->path = resolve(path, err);
	if (library->path == NULL)
		return err_wrap(err, 0, "library");
	library->fd = fs_open_trusted(library->path, err);
	if (library->fd < 0)
		return err_wrap(err, errno == ENOENT ? CODE_DRIVER_MISSING : CODE_DRIVER_UNTRUSTED, "library");
	return 0;
}

/* The loader's message ends with strerror's text; engines sort errors by such texts: the number's name goes there. */
static int
loader_failed(const char *path, struct err *err)
{
	static const int numbers[] = {ENOENT, EACCES, EPERM, ENOMEM, EINVAL, ENOEXEC};
	char text[512];

	snprintf(text, sizeof(text), "%s", dlerror());
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char *at = strstr(text, strerrordesc_np(numbers[i]));

		if (at != NULL)
			snprintf(at, sizeof(text) - (size_t)(at - text), "%s", err_errno(numbers[i]));
	}
	return err_set(err, CODE_DRIVER_MISSING, "library %s cannot be loaded: %s", path, text);
}

int
library_load(struct library *library, struct err *err)
{
	char *name = xprintf("/proc/self/fd/%d", library->fd);
	void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	free(name);
	if (handle == NULL)
		return loader_failed(library->path, err);
#define LOOK_UP(symbol) library->symbol = (typeof(&symbol))dlsym(handle, #symbol);
	NVML_REQUIRED(LOOK_UP)
	NVML_OPTIONAL(LOOK_UP)
#undef LOOK_UP
#define CHECK(symbol)                                                                                                  \
	if (library->symbol == NULL)                                                                                   \
		return err_set(err, CODE_DRIVER_CALL, "library %s has no %s, want a driver from R535 on",              \
			       library->path, #symbol);
	NVML_REQUIRED(CHECK)
#undef CHECK
	return 0;
}

void
library_close(struct library *library)
{
	if (library->fd >= 0)
		close(library->fd);
	library->fd = -1;
	free(library->path);
	library->path = NULL;
}
