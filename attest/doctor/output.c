/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/doctor/output.h"

#include <errno.h>
#include <fcntl.h>
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
