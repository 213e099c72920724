/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/fs.h"

int
output_start(const char *path, char *const argv[], struct output *out, struct err *err)
{
	int ends[2], rc;

	*out = (struct output){.fd = -1};
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(err, CODE_WORKER, "%s: pipe: %s", path, err_errno(errno));
	rc = spawn_start(path, argv, (int[]){-1, ends[1], -1}, 3, &out->child, err);
	close(ends[1]);
	if (rc != 0)
		close(ends[0]);
	else
		out->fd = ends[0];
	return rc;
}

int
output_read(struct output *output, size_t max, int64_t deadline, struct buf *text, struct err *err)
{
	int rc = fs_read_stream(output->fd, max, deadline, text, err);

	close(output->fd);
	output->fd = -1;
	if (rc == 0)
		spawn_wait(&output->child, deadline, &(struct err)ERR_INIT);
	else
		spawn_kill(&output->child);
	return rc;
}

char *
output_find_program(const char *root, const char *name)
{
	static const char *const folders[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		char *path = xprintf("%s%s/%s", root, folders[i], name), *real = realpath(path, NULL);

		free(path);
		if (real != NULL)
			return real;
	}
	return NULL;
}

void
output_find_version(const char *text, char *out, size_t size)
{
	for (const char *word = text; *word != '\0' && *word != '\n'; word += strspn(word, " ")) {
		size_t length = strcspn(word, " ,\n");
		const char *number = word + (word[0] == 'v');

		if (number[0] >= '0' && number[0] <= '9') {
			snprintf(out, size, "%.*s", (int)(length - (size_t)(number - word)), number);
			return;
		}
		word += length + (word[length] == ',');
	}
}
