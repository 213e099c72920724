/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/node/records.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/fs.h"

static void
read_record_file(int directory, const char *id, struct records *records)
{
	struct container_record record;
	struct err err = ERR_INIT;
	struct buf text = {0};

	if (fs_read_own(directory, id, CONTAINER_RECORD_SIZE_MAX, &text, &err) == 0 &&
	    container_record_parse(buf_bytes(&text), &record, &err) == 0) {
		records->list = xrealloc(records->list, (records->count + 1) * sizeof(record));
		records->list[records->count++] = record;
	} else if (errno != ENOENT && records->fault.code == CODE_OK) {
		err_wrap(&err, CODE_INTERNAL, "record of container");
		records->fault = err;
	}
	buf_free(&text);
}

int
records_read(const char *path, struct records *out, struct err *err)
{
	int directory = fs_open_own_dir(AT_FDCWD, path, false, err);
	struct dirent *entry;
	DIR *list;

	*out = (struct records){.fault = ERR_INIT};
	if (directory < 0)
		return errno == ENOENT ? 0 : err_wrap(err, CODE_INTERNAL, "records of containers");
	list = fdopendir(directory);
	if (list == NULL) {
		err_set(err, CODE_INTERNAL, "records of containers: %s", err_errno(errno));
		close(directory);
		return -1;
	}
	while ((entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.')
			read_record_file(dirfd(list), entry->d_name, out);
	closedir(list);
	return 0;
}

void
records_free(struct records *records)
{
	for (size_t i = 0; i < records->count; i++)
		container_record_free(&records->list[i]);
	free(records->list);
	*records = (struct records){.fault = ERR_INIT};
}
