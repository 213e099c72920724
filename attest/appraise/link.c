/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/random.h"

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int
start_appraise(const struct appraise_worker *worker, struct appraise_link *link, struct err *err)
{
	int down[2] = {-1, -1}, up[2] = {-1, -1}, rc = -1;
	char parent[16];
	char *argv[] = {"appraise", parent, (char *)worker->user, NULL};

	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	if (pipe2(down, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(up, O_CLOEXEC | O_NONBLOCK) < 0)
		err_set(err, CODE_WORKER, "pipe2: %s", err_errno(errno));
	else
		rc = spawn_start(worker->path, argv, (const int[]){down[0], up[1], -1}, 3, &link->child, err);
	link->to = down[1];
	link->from.fd = up[0];
	close_fd(&down[0]);
	close_fd(&up[1]);
	return rc;
}

int
appraise_link_start(const struct appraise_worker *worker, struct appraise_link *link, struct err *err)
{
	struct buf payload = {0};
	int rc;

	*link = (struct appraise_link){.to = -1, .from = {.fd = -1}, .deadline = worker->deadline};
	random_bytes(link->echo, sizeof(link->echo));
	if (start_appraise(worker, link, err) < 0)
		return -1;
	frame_put_text(&payload, PROJECT_VERSION);
	frame_put_field(&payload, bytes_of(link->echo, sizeof(link->echo)));
	rc = appraise_link_add(link, FRAME_HELLO, &payload, err);
	buf_free(&payload);
	return rc;
}

int
appraise_link_add(struct appraise_link *link, enum frame_type type, struct buf *payload, struct err *err)
{
	int rc = frame_encode(type, buf_bytes(payload), &link->out, err);

	payload->size = 0;
	return rc < 0 ? err_wrap(err, CODE_WORKER, "to appraise") : 0;
}

static int
read_frame(struct appraise_link *link, enum frame_type *type, struct err *err)
{
	if (frame_read(&link->from, link->deadline, false, type, &link->payload, err) < 0)
		return err_wrap(err, CODE_WORKER, "from appraise");
	return 0;
}

/* What a FAILURE says. */
static int
on_failure(struct appraise_link *link, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&link->payload));
	struct bytes text;
	uint32_t code;

	if (!frame_get_u32(&cursor, &code) || !frame_get_field(&cursor, &text))
		return err_set(err, CODE_WORKER, "appraise: malformed FAILURE");
	return err_set(err, CODE_WORKER, "appraise: %.*s", (int)text.size, (const char *)text.data);
}

/* One that ended before it read everything may have said why. One that lives waits for the rest: it is not asked. */
static int
flush_frames(struct appraise_link *link, struct err *err)
{
	int rc = fs_write_stream(link->to, buf_bytes(&link->out), link->deadline, err), cause = errno;
	struct err said = ERR_INIT;
	enum frame_type type;

	link->out.size = 0;
	if (rc == 0)
		return 0;
	if (cause == EPIPE && read_frame(link, &type, &said) == 0 && type == FRAME_FAILURE)
		return on_failure(link, err);
	return err_wrap(err, CODE_WORKER, "to appraise");
}

int
appraise_link_read(struct appraise_link *link, enum frame_type *type, struct err *err)
{
	if (link->out.size > 0 && flush_frames(link, err) < 0)
		return -1;
	return read_frame(link, type, err);
}

int
appraise_link_greeting(struct appraise_link *link, struct err *err)
{
	enum frame_type type;
	struct cursor cursor;
	struct bytes text;

	if (appraise_link_read(link, &type, err) < 0)
		return -1;
	if (type == FRAME_FAILURE)
		return on_failure(link, err);
	cursor = cursor_of(buf_bytes(&link->payload));
	if (type != FRAME_HELLO || !frame_get_field(&cursor, &text))
		return err_set(err, CODE_WORKER, "appraise does not greet");
	if (!bytes_equal(text, bytes_of_text(PROJECT_VERSION)))
		return err_set(err, CODE_WORKER, "appraise is of version '%.*s', want " PROJECT_VERSION, (int)text.size,
			       (const char *)text.data);
	return 0;
}

int
appraise_link_verdict(struct appraise_link *link, int *code, char text[ERR_TEXT_MAX], struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&link->payload));
	struct bytes echo, said;
	enum frame_type type;
	uint32_t number;

	if (!frame_get_u32(&cursor, &number) || code_find((int)number) == NULL || !frame_get_field(&cursor, &echo) ||
	    !frame_get_field(&cursor, &said) || cursor.left != 0)
		return err_set(err, CODE_WORKER, "appraise passed a verdict that cannot be");
	if (!bytes_equal(echo, bytes_of(link->echo, sizeof(link->echo))))
		return err_set(err, CODE_WORKER, "appraise did not return our random part");
	*code = (int)number;
	snprintf(text, ERR_TEXT_MAX, "%.*s", (int)said.size, (const char *)said.data);
	if (frame_read(&link->from, link->deadline, true, &type, &link->payload, err) != 1)
		return err_set(err, CODE_WORKER, "appraise goes on after its verdict");
	return 0;
}

int
appraise_link_end(const struct appraise_worker *worker, struct appraise_link *link, int rc, struct err *err)
{
	close_fd(&link->to);
	if (rc == 0)
		rc = spawn_wait(&link->child, link->deadline, err);
	else
		spawn_kill(&link->child);
	close_fd(&link->from.fd);
	buf_free(&link->out);
	buf_free(&link->payload);
	if (rc < 0)
		err_wrap(err, clock_left_ms(worker->deadline) == 0 ? CODE_DEADLINE : CODE_WORKER, "%s", worker->path);
	return rc;
}
