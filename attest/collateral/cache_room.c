/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/cache_room.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"

struct room_file {
	int dir;
	char *name;
	uint64_t size;
	struct timespec time;
};

static int
is_counted_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
room_names(int dir, struct dirent ***out)
{
	int count = scandirat(dir, ".", out, is_counted_file, alphasort);

	if (count >= 0)
		return count;
	*out = NULL;
	return 0;
}

void
room_free(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static void
count_file(struct room *room, const struct room_file *file)
{
	room->file = xrealloc(room->file, (room->files + 1) * sizeof(*room->file));
	room->file[room->files++] = *file;
	room->sorted = false;
	room->bytes += file->size;
}

static void
add_entry(struct room *room, int dir, const char *name)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	if (name[0] == '.')
		unlinkat(dir, name, 0);
	else if (room != NULL && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		count_file(room, &(struct room_file){dir, xstrdup(name), (uint64_t)st.st_size, st.st_mtim});
}

void
room_add(struct room *room, int dir)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = again >= 0 ? fdopendir(again) : NULL;
	const struct dirent *entry;

	if (stream == NULL) {
		if (again >= 0)
			close(again);
		return;
	}
	while ((entry = readdir(stream)) != NULL)
		add_entry(room, dir, entry->d_name);
	closedir(stream);
}

static int
by_time(const void *a, const void *b)
{
	const struct timespec *x = &((const struct room_file *)a)->time, *y = &((const struct room_file *)b)->time;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* Is not counted any more. */
static void
forget_file(struct room *room, unsigned index)
{
	room->bytes -= room->file[index].size;
	free(room->file[index].name);
	room->files--;
	memmove(&room->file[index], &room->file[index + 1], (room->files - index) * sizeof(*room->file));
}

void
room_make(struct room *room, int dir, const char *name, uint64_t size)
{
	struct room_file file = {.dir = dir, .size = size};

	if (!room->sorted && room->files > 0)
		qsort(room->file, room->files, sizeof(*room->file), by_time);
	room->sorted = true;
	for (unsigned i = room->files; i-- > 0;)
		if (room->file[i].dir == dir && strcmp(room->file[i].name, name) == 0)
			forget_file(room, i);
	while (room->files > 0 && (room->files >= room->entries_max || room->bytes + size > room->bytes_max)) {
		unlinkat(room->file[0].dir, room->file[0].name, 0);
		forget_file(room, 0);
	}
	file.name = xstrdup(name);
	count_file(room, &file);
	room->sorted = true; /* the youngest is the last */
}

void
room_close(struct room *room)
{
	while (room->files > 0)
		forget_file(room, room->files - 1);
	free(room->file);
	*room = (struct room){0};
}
