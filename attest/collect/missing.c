/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collect/missing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/fs.h"
#include "spec/device_numbers.h"
#include "spec/driver_info.h"

#define GPUS_DIRECTORY "/proc/driver/nvidia/gpus"
#define MINORS 254 /* of GPUs: 254 is nvidia-modeset, 255 nvidiactl */

struct finder {
	struct collect_states *states;
	bool known[MINORS]; /* the library gives it, or it was named as missing */
};

/* Names that do not fit are counted all the same. */
static void
name_missing(struct finder *finder, const char *name)
{
	char *names = finder->states->missing_names;
	size_t used = strlen(names), room = sizeof(finder->states->missing_names) - used;

	finder->states->missing++;
	if (strlen(name) + 2 <= room)
		snprintf(names + used, room, "%s%s", used > 0 ? "," : "", name);
}

static int
kernel_minor(const char *folder, const char *address)
{
	char *path = xprintf("%s/%s/information", folder, address);
	struct buf text = {0};
	struct err unread = ERR_INIT;
	int minor = fs_read_file(path, DRIVER_INFO_MAX, &text, &unread) == 0 ? driver_info_minor(buf_bytes(&text)) : -1;

	buf_free(&text);
	free(path);
	return minor;
}

/* A GPU whose file tells no minor number cannot be matched: the library's own check of its GPUs names it. */
static void
find_in_kernel(struct finder *finder, const char *root)
{
	char *folder = xprintf("%s" GPUS_DIRECTORY, root);
	DIR *list = opendir(folder);
	const struct dirent *entry;

	while (list != NULL && (entry = readdir(list)) != NULL) {
		int minor = entry->d_name[0] == '.' ? -1 : kernel_minor(folder, entry->d_name);

		if (minor < 0 || minor >= MINORS || finder->known[minor])
			continue;
		finder->known[minor] = true;
		name_missing(finder, entry->d_name);
	}
	if (list != NULL)
		closedir(list);
	free(folder);
}

static void
find_nodes(struct finder *finder, const char *root)
{
	for (unsigned minor = 0; minor < MINORS; minor++) {
		char name[32], *path;
		struct stat st;

		snprintf(name, sizeof(name), "/dev/nvidia%u", minor);
		path = xprintf("%s%s", root, name);
		if (!finder->known[minor] && lstat(path, &st) == 0 && S_ISCHR(st.st_mode) &&
		    st.st_rdev == makedev(DEVICE_NVIDIA_MAJOR, minor))
			name_missing(finder, name);
		free(path);
	}
}

void
missing_read(const char *root, const struct collect_identity *seen, unsigned count, struct collect_states *states)
{
	struct finder finder = {.states = states};

	states->missing = 0;
	states->missing_names[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		if (seen[i].minor < MINORS)
			finder.known[seen[i].minor] = true;
	}
	find_in_kernel(&finder, root);
	find_nodes(&finder, root);
	while (states->missing < states->lost)
		name_missing(&finder, "unnamed");
}
