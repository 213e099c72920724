/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cache_room.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"

static int
is_plain(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int
is_temporary(const struct dirent *entry)
{
	return entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int
names_in(int dir, int (*which)(const struct dirent *), struct dirent ***out)
{
	int count = scandirat(dir, ".", out, which, alphasort);

	if (count >= 0)
		return count;
	*out = NULL;
	return 0;
}

int
room_names(int dir, struct dirent ***out)
{
	return names_in(dir, is_plain, out);
}

void
room_free(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

void
room_remove_temporaries(int dir)
{
	struct dirent **names;
	int count = names_in(dir, is_temporary, &names);

	for (int i = 0; i < count; i++)
		unlinkat(dir, names[i]->d_name, 0);
	room_free(names, count);
}

struct item {
	int dir;
	char *file;
	uint64_t size;
	struct timespec time;
};

struct items {
	struct item *item;
	unsigned count;
	uint64_t bytes;
};

static void
add_items(int dir, const char *except, struct items *items)
{
	struct dirent **names;
	int found = room_names(dir, &names);

	items->item = xrealloc(items->item, (items->count + (size_t)found + 1) * sizeof(*items->item));
	for (int i = 0; i < found; i++) {
		const char *file = names[i]->d_name;
		struct stat st;

		if (strcmp(file, except) == 0 || fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		items->item[items->count++] = (struct item){dir, xstrdup(file), (uint64_t)st.st_size, st.st_mtim};
		items->bytes += (uint64_t)st.st_size;
	}
	room_free(names, found);
}

static int
by_time(const void *a, const void *b)
{
	const struct timespec *x = &((const struct item *)a)->time, *y = &((const struct item *)b)->time;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

void
room_make(const struct room *room, const char *file, uint64_t size)
{
	struct items items = {NULL, 0, 0};
	unsigned gone = 0;

	for (unsigned i = 0; i < room->dirs; i++)
		add_items(room->dir[i], file, &items);
	if (items.count > 0)
		qsort(items.item, items.count, sizeof(*items.item), by_time);
	for (; gone < items.count; gone++) {
		const struct item *oldest = &items.item[gone];

		if (items.count - gone < room->entries_max && items.bytes + size <= room->bytes_max)
			break;
		unlinkat(oldest->dir, oldest->file, 0);
		items.bytes -= oldest->size;
	}
	for (unsigned i = 0; i < items.count; i++)
		free(items.item[i].file);
	free(items.item);
}
