/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/content.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/fs.h"
#include "lib/random.h"

#define NAME_SIZE 32
#define ENTRIES_MAX 256 /* the file system has room for fewer */

size_t
content_room(const struct attach_file *files, unsigned count)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = 1;
	unsigned i;

	for (i = 0; i < count; i++)
		pages += files[i].content.size / page + 1;
	/* As many results as CONTENT_INODES, and a later one may be larger. */
	return 8 * pages * page;
}

static int
fail(struct err *err, const char *what, const char *name)
{
	return err_set(err, CODE_ATTACH, "%s %s: %s", what, name, err_errno(errno));
}

static int
open_inside(int at, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, at, name, &how, sizeof(how));
}

/* Of the host's root user it is already. */
static int
hand_over(int fd, mode_t mode, const struct content_owner *owner)
{
	/* The mode first: of a file of somebody else's it could not be set without CAP_FOWNER. */
	if (fchmod(fd, mode) != 0)
		return -1;
	return owner->mapped ? fchown(fd, owner->uid, owner->gid) : 0;
}

static int
write_file(int at, const struct content_owner *owner, const struct attach_file *file, struct err *err)
{
	int fd = openat(at, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444), result = -1;

	if (fd < 0)
		return fail(err, "file", file->name);
	if (fs_write_fd(fd, file->content, err) != 0)
		err_wrap(err, CODE_ATTACH, "file %s", file->name);
	else if (hand_over(fd, 0444, owner) != 0)
		fail(err, "owner and mode of file", file->name);
	else
		result = 0;
	close(fd);
	return result;
}

static int
write_directory(int root, const char *name, const struct content_owner *owner, const struct attach_file *files,
		unsigned count, struct err *err)
{
	int at, result = -1;
	unsigned i;

	if (mkdirat(root, name, 0700) != 0)
		return fail(err, "directory", name);
	at = open_inside(root, name);
	if (at < 0)
		return fail(err, "directory", name);
	for (i = 0; i < count && write_file(at, owner, &files[i], err) == 0; i++)
		;
	if (i == count && hand_over(at, 0755, owner) != 0)
		fail(err, "owner and mode of directory", name);
	else if (i == count)
		result = 0;
	close(at);
	return result;
}

struct kept {
	const char *present, *before;
	const struct attach_file *files;
	unsigned count;
};

static bool
is_kept(const struct kept *kept, const char *name)
{
	unsigned i;

	for (i = 0; i < kept->count; i++)
		if (strcmp(name, kept->files[i].name) == 0)
			return true;
	return strcmp(name, CONTENT_LINK) == 0 || strcmp(name, kept->present) == 0 || strcmp(name, kept->before) == 0;
}

/* Takes away what is not kept, with the files of directories in it. kept NULL: files alone, all of them. */
static void
sweep(int at, const struct kept *kept)
{
	int copy = open_inside(at, "."), inner;
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	unsigned count;

	if (list == NULL && copy >= 0)
		close(copy);
	for (count = 0; list != NULL && count < ENTRIES_MAX && (entry = readdir(list)) != NULL; count++) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    (kept != NULL && is_kept(kept, entry->d_name)))
			continue;
		if (unlinkat(at, entry->d_name, 0) == 0 || kept == NULL)
			continue;
		inner = open_inside(at, entry->d_name);
		if (inner < 0)
			continue;
		sweep(inner, NULL);
		close(inner);
		unlinkat(at, entry->d_name, AT_REMOVEDIR);
	}
	if (list != NULL)
		closedir(list);
}

static bool
leads_to(int root, const char *name, const char *target)
{
	char have[64];
	ssize_t size = readlinkat(root, name, have, sizeof(have));

	return size == (ssize_t)strlen(target) && memcmp(have, target, (size_t)size) == 0;
}

/* What the container's root user may have put where a link of the result belongs. */
static int
clear_way(int root, const char *name)
{
	int inner;

	if (unlinkat(root, name, 0) == 0)
		return 0;
	inner = open_inside(root, name);
	if (inner >= 0) {
		sweep(inner, NULL);
		close(inner);
	}
	return unlinkat(root, name, AT_REMOVEDIR);
}

static int
write_link(int root, const char *name, const char *target, const struct content_owner *owner, struct err *err)
{
	if (!leads_to(root, name, target) && symlinkat(target, root, name) != 0 &&
	    (errno != EEXIST || clear_way(root, name) != 0 || symlinkat(target, root, name) != 0))
		return fail(err, "link", name);
	if (owner->mapped && fchownat(root, name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(err, "owner of link", name);
	return 0;
}

static int
replace_link(int root, const char *name, const struct content_owner *owner, struct err *err)
{
	char temporary[NAME_SIZE + 8];

	snprintf(temporary, sizeof(temporary), "%s.link", name);
	if (write_link(root, temporary, name, owner, err) != 0)
		return -1;
	if (renameat(root, temporary, root, CONTENT_LINK) == 0)
		return 0;
	fail(err, "link", CONTENT_LINK);
	unlinkat(root, temporary, 0);
	return -1;
}

/* A result that did not come to its end. */
static void
take_back(int root, const char *name)
{
	int at = open_inside(root, name);

	if (at < 0)
		return;
	sweep(at, NULL);
	close(at);
	unlinkat(root, name, AT_REMOVEDIR);
}

static void
make_name(char out[NAME_SIZE])
{
	uint8_t random[8];

	random_bytes(random, sizeof(random));
	out[0] = out[1] = '.';
	hex_encode(out + 2, random, sizeof(random));
}

int
content_put(int root, const struct content_owner *owner, const struct attach_file *files, unsigned count,
	    struct err *err)
{
	char name[NAME_SIZE], before[NAME_SIZE] = "", target[64];
	ssize_t size = readlinkat(root, CONTENT_LINK, before, sizeof(before) - 1);
	unsigned i;

	before[size > 0 ? size : 0] = '\0';
	make_name(name);
	if (write_directory(root, name, owner, files, count, err) != 0)
		goto failed;
	/* Links to what only the new result has lead nowhere for a moment. */
	for (i = 0; i < count; i++) {
		snprintf(target, sizeof(target), CONTENT_LINK "/%s", files[i].name);
		if (write_link(root, files[i].name, target, owner, err) != 0)
			goto failed;
	}
	if (replace_link(root, name, owner, err) != 0)
		goto failed;
	sweep(root, &(struct kept){name, before, files, count});
	return 0;
failed:
	take_back(root, name);
	return -1;
}
