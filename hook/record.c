/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/record.h"

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
#include "lib/process.h"
#include "spec/oci_state.h"

#define LEFT_OVER_S 60 /* a temporary file of a writer that was killed */

static int
read_at(int directory, const char *id, struct container_record *record, struct err *err)
{
	struct buf text = {0};
	int result = fs_read_own(directory, id, CONTAINER_RECORD_SIZE_MAX, &text, err);

	if (result == 0 && container_record_parse(buf_bytes(&text), record, err) != 0)
		result = err_wrap(err, 0, "%s", id);
	buf_free(&text);
	return result;
}

static bool
is_left_over(int directory, const char *name)
{
	struct stat st;

	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       st.st_mtime + LEFT_OVER_S < clock_wall();
}

/* A record that cannot be read is of no use to anybody. */
static bool
is_over(int directory, const char *name)
{
	struct container_record record;
	struct err err = ERR_INIT;
	struct process process;
	bool over;

	if (name[0] == '.')
		return is_left_over(directory, name);
	if (read_at(directory, name, &record, &err) != 0)
		return true;
	over = process_read("/proc", record.pid, &process) != 0 ? errno == ENOENT : process.started != record.started;
	container_record_free(&record);
	return over;
}

static void
prune(int directory)
{
	int copy = fs_open_directory(directory, ".", O_RDONLY, false);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (list == NULL && copy >= 0)
		close(copy);
	while (list != NULL && (entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    is_over(directory, entry->d_name))
			unlinkat(directory, entry->d_name, 0);
	if (list != NULL)
		closedir(list);
}

int
record_write(const struct container_record *record, struct err *err)
{
	int directory = fs_make_own_dir(CONTAINER_RECORDS, err), result;
	char *text;

	if (directory < 0)
		return err_wrap(err, CODE_INTERNAL, "record of the container");
	prune(directory);
	text = container_record_print(record);
	result = fs_write_atomic_at(directory, record->id, bytes_of_text(text), 0600, err);
	free(text);
	close(directory);
	return result == 0 ? 0 : err_wrap(err, CODE_INTERNAL, "record of the container");
}

int
record_read(const char *id, struct container_record *record, struct err *err)
{
	int directory, result;

	if (!oci_id_known(id))
		return err_set(err, CODE_REFRESH_UNKNOWN, "'%.128s' is no id of a container", id);
	directory = fs_open_own_dir(AT_FDCWD, CONTAINER_RECORDS, false, err);
	if (directory < 0 && errno == ENOENT)
		return err_set(err, CODE_REFRESH_UNKNOWN, "no container got a token since the last boot");
	if (directory < 0)
		return err_wrap(err, CODE_INTERNAL, "record of container %s", id);
	result = read_at(directory, id, record, err);
	if (result != 0 && errno == ENOENT)
		err_set(err, CODE_REFRESH_UNKNOWN, "container %s got no token since the last boot", id);
	else if (result != 0)
		err_wrap(err, CODE_INTERNAL, "record of container");
	close(directory);
	return result;
}

void
record_remove(const char *id)
{
	struct err err = ERR_INIT;
	int directory = fs_open_own_dir(AT_FDCWD, CONTAINER_RECORDS, false, &err);

	if (directory < 0)
		return;
	unlinkat(directory, id, 0);
	close(directory);
}
