/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/host_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/fs.h"

#define DEPTH_MAX 64

char *
host_read(const char *path, size_t max)
{
	struct buf content = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return NULL;
	if (fs_read_fd(fd, max, &content, &(struct err)ERR_INIT) < 0) {
		close(fd);
		buf_free(&content);
		return NULL;
	}
	close(fd);
	return buf_steal_text(&content);
}

/* Whoever serves such a file system may never answer. */
static bool
is_foreign(int fd)
{
	static const unsigned long foreign[] = {FUSE_SUPER_MAGIC, NFS_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,
						V9FS_MAGIC,	  CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC};
	struct statfs status;

	if (fstatfs(fd, &status) != 0)
		return true;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		if (((unsigned long)status.f_type & 0xffffffff) == foreign[i])
			return true;
	}
	return false;
}

struct walk {
	unsigned left, depth;
	host_see_entry *see;
	void *seer;
};

static int
open_below(int directory, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};

	return (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));
}

/* Takes fd. */
static int
walk_directory(struct walk *walk, int fd)
{
	DIR *folder = fdopendir(fd);
	const struct dirent *entry;
	int rc = 1;

	if (folder == NULL) {
		close(fd);
		return -1;
	}
	walk->depth++;
	while (rc == 1 && (entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (walk->left-- == 0)
			rc = -1;
		else if (!walk->see(walk->seer, fd, entry->d_name, entry->d_type))
			rc = 0;
		else if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) {
			int below = walk->depth < DEPTH_MAX ? open_below(fd, entry->d_name) : -1;

			if (walk->depth == DEPTH_MAX)
				rc = -1;
			else if (below >= 0)
				rc = walk_directory(walk, below);
		}
	}
	walk->depth--;
	closedir(folder);
	return rc;
}

int
host_walk(const char *path, unsigned max, host_see_entry *see, void *seer)
{
	struct walk walk = {.left = max, .see = see, .seer = seer};
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 1 : -1;
	if (is_foreign(fd)) {
		close(fd);
		return -1;
	}
	return walk_directory(&walk, fd);
}
