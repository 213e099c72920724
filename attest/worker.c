/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/random.h"

#define END_GRACE_MS 1000 /* between the end of its output and the end of a process */

/* -- the end of a worker ------------------------------------------------------------------------------------------- */
static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* After the process is gone, or never was. */
static void
release_worker(struct worker *worker)
{
	close_end(&worker->to.fd);
	close_end(&worker->from.fd);
	frame_discard(&worker->to);
	buf_free(&worker->payload);
}

void
worker_kill(struct worker *worker)
{
	if (worker->role == NULL)
		return;
	spawn_kill(&worker->child);
	release_worker(worker);
}

int
worker_broken(struct worker *worker, struct err *err)
{
	worker_kill(worker);
	return err_wrap(err, CODE_WORKER, "%s", worker->role->name);
}

static int
end_late(struct worker *worker, struct err *err)
{
	worker_kill(worker);
	return err_set(err, worker->role->late, "%s: no answer before the deadline", worker->role->name);
}

static int64_t
soon(const struct worker *worker)
{
	int64_t at = clock_boot_ms() + END_GRACE_MS;

	return at < worker->deadline ? at : worker->deadline;
}

/* After no frame could be read: late, dead, or talking nonsense. err holds what the frame layer said. */
static int
lose_worker(struct worker *worker, struct err *err)
{
	const struct worker_role *role = worker->role;
	struct err end = ERR_INIT;
	int rc;

	if (clock_left_ms(worker->deadline) == 0)
		return end_late(worker, err);
	/* The pipes stay open until it has ended: closing them would end it. */
	rc = spawn_wait(&worker->child, soon(worker), &end);
	release_worker(worker);
	if (rc == 0)
		return err_wrap(err, role->died, "%s ended with exit status 0", role->name);
	if (end.code == CODE_DEADLINE)
		return clock_left_ms(worker->deadline) == 0 ? end_late(worker, err) : worker_broken(worker, err);
	return err_set(err, role->died, "%s %s", role->name, end.text);
}

/* A worker that says why it ends says nothing else. One whose libraries then hang is not waited for. */
static int
take_failure(struct worker *worker, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&worker->payload));
	struct err ignored = ERR_INIT;
	int64_t until = soon(worker);
	enum frame_type type;
	char *text = NULL;
	uint32_t code;

	if (!frame_get_u32(&cursor, &code) || !frame_get_text(&cursor, &text) || cursor.left != 0)
		err_set(err, 0, "malformed FAILURE frame");
	else if (code == CODE_OK || code > 255 || code_find((int)code) == NULL)
		err_set(err, 0, "FAILURE frame with the code %u: %s", code, text);
	else if (frame_read(&worker->from, until, true, &type, &worker->payload, &ignored) != 1 &&
		 clock_left_ms(until) > 0)
		err_set(err, 0, "more than a FAILURE frame: %s", text);
	else
		err_set(err, worker->role->failed != CODE_OK ? worker->role->failed : (int)code, "%s", text);
	free(text);
	if (err->code == CODE_OK || err->code == CODE_WORKER)
		return worker_broken(worker, err);
	worker_kill(worker);
	return -1;
}

/* -- start --------------------------------------------------------------------------------------------------------- */
static int
start_process(struct worker *worker, const char *path, char *const argv[], struct err *err)
{
	int to[2] = {-1, -1}, from[2] = {-1, -1}, rc = -1;

	if (pipe2(to, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(from, O_CLOEXEC | O_NONBLOCK) < 0)
		err_set(err, CODE_WORKER, "%s: pipe: %s", argv[0], err_errno(errno));
	else
		rc = spawn_start(path, argv, (const int[]){to[0], from[1], -1}, 3, &worker->child, err);
	worker->to.fd = to[1];
	worker->from.fd = from[0];
	close_end(&to[0]);
	close_end(&from[1]);
	return rc;
}

static void
put_hello(const struct worker *worker, struct buf *payload)
{
	frame_put_text(payload, PROJECT_VERSION);
	frame_put_field(payload, bytes_of(worker->echo, sizeof(worker->echo)));
}

int
worker_start(struct worker *worker, const struct worker_role *role, const char *path, const char *const args[],
	     int64_t deadline, struct err *err)
{
	char parent[16], *argv[WORKER_ARGS_MAX + 3] = {(char *)role->name, parent};
	struct buf hello = {0};
	int rc;

	*worker = (struct worker){.child = {0, -1}, .role = role, .deadline = deadline};
	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	for (unsigned i = 0; i < WORKER_ARGS_MAX && args[i] != NULL; i++)
		argv[i + 2] = (char *)args[i];
	rc = start_process(worker, path, argv, err);
	random_bytes(worker->echo, sizeof(worker->echo));
	put_hello(worker, &hello);
	if (rc == 0)
		rc = worker_send(worker, FRAME_HELLO, &hello, err);
	buf_free(&hello);
	if (rc != 0)
		worker_kill(worker);
	return rc;
}

/* -- frames -------------------------------------------------------------------------------------------------------- */
int
worker_send(struct worker *worker, enum frame_type type, struct buf *payload, struct err *err)
{
	if (worker->child.pid <= 0)
		return err_set(err, CODE_INTERNAL, "a worker that is not running is sent a frame");
	if (frame_add(&worker->to, type, payload, err) != 0)
		return err_wrap(err, CODE_WORKER, "to %s", worker->role->name);
	return 0;
}

/* A worker that does not read any more is asked for nothing more: what it said, or how it ended, is read. */
static int
on_unsent(struct worker *worker)
{
	if (errno != EPIPE)
		return -1;
	close_end(&worker->to.fd);
	return 0;
}

static bool
has_unsent(const struct worker *worker)
{
	return worker->to.fd >= 0 && worker->to.waiting.size > 0;
}

int
worker_flush(struct worker *worker, struct err *err)
{
	if (worker->child.pid <= 0)
		return err_set(err, CODE_INTERNAL, "a worker that is not running is sent frames");
	if (!has_unsent(worker) || frame_flush(&worker->to, worker->deadline, err) == 0 || on_unsent(worker) == 0)
		return 0;
	return lose_worker(worker, err);
}

/* Until all is sent or the worker says something: it may not read while it writes. */
static int
push_frames(struct worker *worker, struct err *err)
{
	while (has_unsent(worker) && !frame_waits(&worker->from)) {
		struct pollfd end[] = {{worker->from.fd, POLLIN, 0}, {worker->to.fd, POLLOUT, 0}};
		int left = clock_left_ms(worker->deadline);

		if (frame_push(&worker->to, err) != 0)
			return on_unsent(worker);
		if (worker->to.waiting.size == 0)
			return 0;
		if (left == 0)
			return err_set(err, 0, "the deadline passed");
		if (poll(end, 2, left) < 0 && errno != EINTR)
			return err_set(err, 0, "poll: %s", err_errno(errno));
		if (end[0].revents != 0)
			return 0;
	}
	return 0;
}

static int
take_frame(struct worker *worker, enum frame_type *type, struct err *err)
{
	if (worker->child.pid <= 0)
		return err_set(err, CODE_INTERNAL, "a worker that is not running is read from");
	if (push_frames(worker, err) != 0 ||
	    frame_read(&worker->from, worker->deadline, false, type, &worker->payload, err) != 0)
		return lose_worker(worker, err);
	return *type == FRAME_FAILURE ? take_failure(worker, err) : 0;
}

static int
check_type(struct worker *worker, enum frame_type type, enum frame_type want, struct err *err)
{
	if (type == want)
		return 0;
	err_set(err, 0, "frame %s, want %s", frame_name(type), frame_name(want));
	return worker_broken(worker, err);
}

int
worker_hello(struct worker *worker, struct err *err)
{
	struct buf want = {0};
	enum frame_type type;
	int rc = 0;

	if (worker->greeted)
		return 0;
	if (take_frame(worker, &type, err) != 0 || check_type(worker, type, FRAME_HELLO, err) != 0)
		return -1;
	put_hello(worker, &want);
	if (!bytes_equal(buf_bytes(&worker->payload), buf_bytes(&want))) {
		err_set(err, 0, "HELLO came back changed: the worker is not of version " PROJECT_VERSION);
		rc = worker_broken(worker, err);
	}
	buf_free(&want);
	worker->greeted = rc == 0;
	return rc;
}

int
worker_receive(struct worker *worker, enum frame_type *type, struct err *err)
{
	return worker_hello(worker, err) == 0 ? take_frame(worker, type, err) : -1;
}

int
worker_expect(struct worker *worker, enum frame_type want, struct err *err)
{
	enum frame_type type;

	return worker_receive(worker, &type, err) == 0 ? check_type(worker, type, want, err) : -1;
}

/* -- an orderly end ------------------------------------------------------------------------------------------------ */
int
worker_verdict(struct worker *worker, int *code, char text[ERR_TEXT_MAX], struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&worker->payload));
	struct bytes echo, said;
	uint32_t number;

	if (!frame_get_u32(&cursor, &number) || number > 255 || code_find((int)number) == NULL ||
	    !frame_get_field(&cursor, &echo) || !frame_get_field(&cursor, &said) || cursor.left != 0)
		err_set(err, 0, "malformed VERDICT frame");
	else if (!bytes_equal(echo, bytes_of(worker->echo, sizeof(worker->echo))))
		err_set(err, 0, "VERDICT frame without our random part");
	else if (worker->to.waiting.size > 0)
		err_set(err, 0, "VERDICT frame before all input was read");
	else {
		*code = (int)number;
		snprintf(text, ERR_TEXT_MAX, "%.*s", (int)said.size, said.size > 0 ? (const char *)said.data : "");
		return worker_end(worker, err);
	}
	return worker_broken(worker, err);
}

int
worker_end(struct worker *worker, struct err *err)
{
	const struct worker_role *role = worker->role;
	struct err end = ERR_INIT;
	enum frame_type type;
	int rc;

	if (worker->child.pid <= 0)
		return err_set(err, CODE_INTERNAL, "a worker that is not running is ended");
	close_end(&worker->to.fd);
	rc = frame_read(&worker->from, worker->deadline, true, &type, &worker->payload, err);
	if (rc < 0)
		return lose_worker(worker, err);
	if (rc == 0 && type == FRAME_FAILURE)
		return take_failure(worker, err);
	if (rc == 0) {
		err_set(err, 0, "frame %s after the last", frame_name(type));
		return worker_broken(worker, err);
	}
	rc = spawn_wait(&worker->child, worker->deadline, &end);
	release_worker(worker);
	if (rc == 0)
		return 0;
	return end.code == CODE_DEADLINE ? end_late(worker, err)
					 : err_set(err, role->died, "%s %s", role->name, end.text);
}
