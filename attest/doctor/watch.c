/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/doctor/watch.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/node/place.h"
#include "lib/buf.h"
#include "lib/clock.h"

#define PROCESS_NAME "crio\n" /* as /proc/PID/comm has it */
#define FDINFO_MAX (1u << 20) /* of one descriptor: a line for each watch */
#define STAT_STARTED 20       /* field of /proc/PID/stat, counted from the one behind the name: ticks since boot */
#define SLACK_MS 1000         /* two clocks are compared */

/* The next entry of a folder of procfs that is a number; false: there is none. */
static bool
next_number(DIR *folder, long *number)
{
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char *end;

		*number = strtol(entry->d_name, &end, 10);
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && *end == '\0')
			return true;
	}
	return false;
}

static bool
has_watch(const char *text, ino_t inode)
{
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		uintmax_t number;

		line += *line == '\n';
		if (sscanf(line, "inotify wd:%*s ino:%" SCNxMAX, &number) == 1 && number == inode)
			return true;
	}
	return false;
}

static enum watch_state
look_at_descriptors(const char *root, long pid, ino_t inode)
{
	char *path = xprintf("%s/proc/%ld/fdinfo", root, pid);
	DIR *folder = opendir(path);
	enum watch_state state = folder != NULL || errno == ENOENT ? WATCH_LOST : WATCH_HIDDEN;
	long fd;

	while (folder != NULL && state == WATCH_LOST && next_number(folder, &fd)) {
		char *file = xprintf("/proc/%ld/fdinfo/%ld", pid, fd), *text = place_read(root, file, FDINFO_MAX);

		if (text != NULL && has_watch(text, inode))
			state = WATCH_GOOD;
		else if (text == NULL && errno == EACCES)
			state = WATCH_HIDDEN;
		free(text);
		free(file);
	}
	if (folder != NULL)
		closedir(folder);
	free(path);
	return state;
}

static int64_t
time_ms(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* When the process started, by the wall clock; INT64_MIN: not known. */
static int64_t
started_ms(const char *root, long pid)
{
	char *path = xprintf("/proc/%ld/stat", pid), *text = place_read(root, path, PLACE_SMALL);
	const char *field = text != NULL ? strrchr(text, ')') : NULL;
	int64_t ms = INT64_MIN;

	for (int i = 0; field != NULL && i < STAT_STARTED; i++)
		field = strchr(field + 1, ' ');
	if (field != NULL)
		ms = clock_wall() * 1000 - clock_boot_ms() + strtoll(field, NULL, 10) * 1000 / sysconf(_SC_CLK_TCK);
	free(text);
	free(path);
	return ms;
}

/* Whether the program was there, as it is now, when the definition was last read. */
static bool
program_was_there(const char *root, long pid, const struct stat *directory, const char *definition, const char *program)
{
	int64_t read = started_ms(root, pid), changed = time_ms(directory->st_mtim);
	struct stat status;

	read = changed > read ? changed : read;
	if (place_stat(root, definition, &status) && time_ms(status.st_ctim) > read)
		read = time_ms(status.st_ctim);
	return place_stat(root, program, &status) && time_ms(status.st_ctim) <= read + SLACK_MS;
}

enum watch_state
watch_look(const char *root, const char *definition, const char *program, pid_t *pid)
{
	char *parent = xprintf("%.*s/", (int)(strrchr(definition, '/') - definition), definition);
	char *proc = place_path(root, "/proc");
	DIR *folder = opendir(proc);
	enum watch_state state = WATCH_NO_PROCESS;
	struct stat directory = {0};
	long number;

	place_stat(root, parent, &directory);
	while (folder != NULL && state != WATCH_GOOD && next_number(folder, &number)) {
		char *file = xprintf("/proc/%ld/comm", number), *name = place_read(root, file, PLACE_SMALL);

		if (name != NULL && strcmp(name, PROCESS_NAME) == 0) {
			state = look_at_descriptors(root, number, directory.st_ino);
			*pid = (pid_t)number;
		}
		free(name);
		free(file);
	}
	if (folder != NULL)
		closedir(folder);
	if (state == WATCH_GOOD && !program_was_there(root, *pid, &directory, definition, program))
		state = WATCH_UNSURE;
	free(proc);
	free(parent);
	return state;
}
