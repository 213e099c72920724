/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"

#define PREFIX ".cgpu-"
#define SUFFIX ".new"
#define LOCK PREFIX "lock"

const char *
store_directory(const struct store *store, enum collateral_kind kind)
{
	switch (kind_row(kind)->service) {
	case SERVICE_NONE:
		return store->chain_dir;
	case SERVICE_RIM:
		return store->rim_dir;
	case SERVICE_OCSP:
		return store->ocsp_dir;
	case SERVICE_NRAS:
		break;
	}
	return NULL;
}

struct put {
	const struct store *store;
	int dir[COLLATERAL_KINDS], lock[COLLATERAL_KINDS]; /* -1 = not open */
};

static char *
file_name(const struct archive_item *item)
{
	return xprintf("%s.%s", item->name, kind_row(item->kind)->ending);
}

static char *
new_name(const struct archive_item *item)
{
	return xprintf(PREFIX "%s.%s" SUFFIX, item->name, kind_row(item->kind)->ending);
}

static int
fail_path(struct err *err, const char *path, const char *what)
{
	return err_set(err, CODE_COLLATERAL_STORE, "%s: %s: %s", path, what, err_errno(errno));
}

/* The mode is set by itself: the caller's mask is for its own files. */
static int
make_one(const char *path, struct err *err)
{
	if (mkdir(path, 0755) == 0)
		return chmod(path, 0755) == 0 ? 0 : fail_path(err, path, "chmod");
	return errno == EEXIST ? 0 : fail_path(err, path, "mkdir");
}

/* With its parents. */
static int
make_directories(const char *path, struct err *err)
{
	char *part = xstrdup(path), *slash = part;
	int rc = 0;

	while (rc == 0 && (slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		rc = make_one(part, err);
		*slash = '/';
	}
	free(part);
	return rc == 0 ? make_one(path, err) : rc;
}

static bool
has_ends(const char *name, const char *prefix, const char *suffix)
{
	size_t size = strlen(name);

	return size > strlen(prefix) + strlen(suffix) && strncmp(name, prefix, strlen(prefix)) == 0 &&
	       strcmp(name + size - strlen(suffix), suffix) == 0;
}

/* What an import that was killed left behind; the lock says that none is at work. */
static int
clean(int dir, const char *path, struct err *err)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (list == NULL) {
		fail_path(err, path, "open");
		if (copy >= 0)
			close(copy);
		return -1;
	}
	while ((entry = readdir(list)) != NULL)
		if (has_ends(entry->d_name, PREFIX, SUFFIX))
			unlinkat(dir, entry->d_name, 0);
	closedir(list);
	return 0;
}

/* One directory can serve several kinds: its lock is taken once. */
static bool
is_locked(const struct put *put, enum collateral_kind kind)
{
	struct stat this, other;

	for (unsigned i = 0; i < kind; i++)
		if (put->dir[i] >= 0 && fstat(put->dir[i], &other) == 0 && fstat(put->dir[kind], &this) == 0 &&
		    this.st_dev == other.st_dev && this.st_ino == other.st_ino)
			return true;
	return false;
}

/* A file of its own: on the directory, which everybody may read, anybody could take a lock. */
static int
lock(struct put *put, enum collateral_kind kind, const char *path, struct err *err)
{
	put->lock[kind] = fs_lock(put->dir[kind], LOCK, 1, clock_boot_ms(), err);
	if (put->lock[kind] >= 0)
		return 0;
	if (errno == ETIMEDOUT)
		return err_set(err, CODE_COLLATERAL_STORE, "%s: another import is at work", path);
	return err_wrap(err, CODE_COLLATERAL_STORE, "%s", path);
}

static int
open_directory(struct put *put, enum collateral_kind kind, struct err *err)
{
	const char *path = store_directory(put->store, kind);

	if (path == NULL || path[0] == '\0')
		return err_set(err, CODE_COLLATERAL_STORE, "no directory is configured for .%s files",
			       kind_row(kind)->ending);
	if (make_directories(path, err) != 0)
		return -1;
	put->dir[kind] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (put->dir[kind] < 0)
		return fail_path(err, path, "open");
	if (is_locked(put, kind))
		return 0;
	if (lock(put, kind, path, err) != 0)
		return -1;
	return clean(put->dir[kind], path, err);
}

static int
open_directories(struct put *put, const struct archive *archive, struct err *err)
{
	bool wanted[COLLATERAL_KINDS] = {false};

	for (unsigned i = 0; i < archive->items; i++)
		wanted[kind_first(archive->item[i].kind)] = true;
	for (enum collateral_kind i = 0; i < COLLATERAL_KINDS; i++)
		if (wanted[i] && open_directory(put, i, err) != 0)
			return -1;
	return 0;
}

static int
write_new(const struct put *put, const struct archive_item *item, struct err *err)
{
	const char *path = store_directory(put->store, item->kind);
	char *name = new_name(item);
	int fd = openat(put->dir[kind_first(item->kind)], name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600),
	    rc = 0;

	free(name);
	if (fd < 0)
		return fail_path(err, path, "create");
	if (fs_write_fd(fd, buf_bytes(&item->content), err) != 0)
		rc = err_wrap(err, CODE_COLLATERAL_STORE, "%s: %s", path, item->name);
	else if (fchmod(fd, 0644) != 0 || fsync(fd) != 0)
		rc = fail_path(err, path, "fchmod, fsync");
	close(fd);
	return rc;
}

static int
rename_new(const struct put *put, const struct archive_item *item, struct err *err)
{
	char *from = new_name(item), *to = file_name(item);
	int dir = put->dir[kind_first(item->kind)];
	int rc = renameat(dir, from, dir, to) == 0 ? 0 : fail_path(err, to, "rename");

	free(from);
	free(to);
	return rc;
}

static void
unlink_new(const struct put *put, const struct archive *archive)
{
	for (unsigned i = 0; i < archive->items; i++) {
		int dir = put->dir[kind_first(archive->item[i].kind)];
		char *name = new_name(&archive->item[i]);

		if (dir >= 0)
			unlinkat(dir, name, 0);
		free(name);
	}
}

static int
write_all(const struct put *put, const struct archive *archive, struct err *err)
{
	for (unsigned i = 0; i < archive->items; i++)
		if (write_new(put, &archive->item[i], err) != 0)
			return -1;
	return 0;
}

static void
tell_renamed(const struct store *store, const struct archive *archive, unsigned renamed, const struct err *err,
	     struct steps *steps)
{
	for (unsigned i = 0; i < archive->items; i++) {
		const struct archive_item *item = &archive->item[i];
		char *name = file_name(item);

		if (i < renamed)
			steps_ok(steps, attester_run, "store", "%s/%s", store_directory(store, item->kind), name);
		else if (i == renamed)
			steps_fail(steps, attester_run, "store", err);
		else
			steps_skip(steps, attester_run, "store", "%s/%s is as it was",
				   store_directory(store, item->kind), name);
		free(name);
	}
}

static int
rename_all(const struct put *put, const struct archive *archive, unsigned *renamed, struct err *err)
{
	while (*renamed < archive->items && rename_new(put, &archive->item[*renamed], err) == 0)
		++*renamed;
	for (enum collateral_kind i = 0; i < COLLATERAL_KINDS; i++)
		if (put->dir[i] >= 0 && fsync(put->dir[i]) != 0 && *renamed == archive->items)
			return fail_path(err, store_directory(put->store, i), "fsync");
	return *renamed == archive->items ? 0 : -1;
}

int
store_put(const struct store *store, const struct archive *archive, struct steps *steps, struct err *err)
{
	struct put put = {.store = store};
	unsigned renamed = 0;
	bool locked;
	int rc;

	for (enum collateral_kind i = 0; i < COLLATERAL_KINDS; i++)
		put.dir[i] = put.lock[i] = -1;
	locked = open_directories(&put, archive, err) == 0;
	rc = locked ? write_all(&put, archive, err) : -1;
	if (rc == 0) {
		rc = rename_all(&put, archive, &renamed, err);
		tell_renamed(store, archive, renamed, err, steps);
		if (rc != 0 && renamed == archive->items)
			steps_fail(steps, attester_run, "store", err);
	} else {
		steps_fail(steps, attester_run, "store", err);
		steps_skip(steps, attester_run, "store", "every file is as it was");
	}
	/* Without the lock another process may own these files. */
	if (rc != 0 && locked)
		unlink_new(&put, archive);
	for (enum collateral_kind i = 0; i < COLLATERAL_KINDS; i++) {
		if (put.lock[i] >= 0)
			close(put.lock[i]);
		if (put.dir[i] >= 0)
			close(put.dir[i]);
	}
	return rc;
}
