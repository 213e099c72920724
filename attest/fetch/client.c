/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/fetch/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/fetch/wire.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/fs.h"
#include "lib/random.h"
#include "lib/spawn.h"

#define ECHO_SIZE 32
#define LATE "no answer before the deadline"
#define END_GRACE_MS 1000 /* between the end of its output and the end of a process */

struct answer {
	bool there, taken;
	char *question; /* method and URL */
	struct buf body;
	struct err err;
};

struct fetcher {
	struct spawn child;
	int to;
	struct frame_reader from;
	int64_t deadline;
	uint8_t echo[ECHO_SIZE];
	bool greeted;
	struct buf requests;    /* frames to be sent before somebody waits */
	struct answer *answers; /* by ticket */
	unsigned count;
	struct err broken; /* once the worker cannot be used any more */
};

/* -- from the worker ----------------------------------------------------------------------------------------------- */

/* After the exchange broke: late, dead, or talking nonsense. what holds what was seen. */
static int
give_up(struct fetcher *fetcher, const struct err *what, struct err *err)
{
	int64_t soon = clock_boot_ms() + END_GRACE_MS;
	struct err end = ERR_INIT;

	fetcher->broken = *what;
	if (clock_left_ms(fetcher->deadline) <= FETCH_WORDS_MS)
		err_set(&fetcher->broken, CODE_DEADLINE, "fetch: " LATE);
	else if (what->code == CODE_OK && fetcher->child.pid > 0 &&
		 spawn_wait(&fetcher->child, soon < fetcher->deadline ? soon : fetcher->deadline, &end) < 0 &&
		 end.code == CODE_WORKER)
		err_set(&fetcher->broken, CODE_WORKER, "fetch %s", end.text);
	else
		err_wrap(&fetcher->broken, what->code != CODE_OK ? 0 : CODE_WORKER, "fetch");
	spawn_kill(&fetcher->child);
	*err = fetcher->broken;
	return -1;
}

static int
on_fetch_failure(struct bytes payload, struct err *err)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes text;
	uint32_t code;

	if (!frame_get_u32(&cursor, &code) || code == CODE_OK || code > 255 || code_find((int)code) == NULL ||
	    !frame_get_field(&cursor, &text) || cursor.left != 0)
		return err_set(err, CODE_WORKER, "malformed FAILURE");
	return err_set(err, (int)code, "%.*s", (int)text.size, (const char *)text.data);
}

static int
on_greeting(struct fetcher *fetcher, struct bytes payload, struct err *err)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes version, echo;

	if (!frame_get_field(&cursor, &version) || !frame_get_field(&cursor, &echo) || cursor.left != 0)
		return err_set(err, CODE_WORKER, "malformed HELLO");
	if (!bytes_equal(version, bytes_of_text(PROJECT_VERSION)))
		return err_set(err, CODE_WORKER, "is of version '%.*s', want " PROJECT_VERSION, (int)version.size,
			       (const char *)version.data);
	if (!bytes_equal(echo, bytes_of(fetcher->echo, sizeof(fetcher->echo))))
		return err_set(err, CODE_WORKER, "did not return our random part");
	fetcher->greeted = true;
	return 0;
}

static int
on_response(struct fetcher *fetcher, struct bytes payload, struct err *err)
{
	struct answer *answer;
	struct bytes body;
	uint32_t ticket;
	struct err cause;

	if (!fetch_get_response(payload, &ticket, &cause, &body) || ticket >= fetcher->count ||
	    fetcher->answers[ticket].there)
		return err_set(err, CODE_WORKER, "answers what was not asked");
	answer = &fetcher->answers[ticket];
	answer->there = true;
	answer->err = cause;
	if (cause.code == CODE_OK)
		buf_add(&answer->body, body.data, body.size);
	return 0;
}

/* Takes one frame, whatever it is about. */
static int
take_frame(struct fetcher *fetcher, struct err *err)
{
	struct err what = ERR_INIT;
	struct buf payload = {0};
	enum frame_type type;
	int rc = frame_read(&fetcher->from, fetcher->deadline, false, &type, &payload, &what);

	if (rc == 0 && type == FRAME_FAILURE)
		rc = on_fetch_failure(buf_bytes(&payload), &what);
	else if (rc == 0 && type == FRAME_HELLO && !fetcher->greeted)
		rc = on_greeting(fetcher, buf_bytes(&payload), &what);
	else if (rc == 0 && type == FRAME_RESPONSE && fetcher->greeted)
		rc = on_response(fetcher, buf_bytes(&payload), &what);
	else if (rc == 0)
		rc = err_set(&what, CODE_WORKER, "sends a frame of another protocol");
	buf_free(&payload);
	return rc == 0 ? 0 : give_up(fetcher, &what, err);
}

/* -- to the worker ------------------------------------------------------------------------------------------------- */

/* As much as surely goes in at once. A worker that is gone is seen where it is read from, and what it said with it. */
static int
write_some(struct fetcher *fetcher, struct bytes *frame, struct err *err)
{
	struct bytes some = bytes_of(frame->data, frame->size < PIPE_BUF ? frame->size : PIPE_BUF);
	struct err what = ERR_INIT;

	if (fs_write_stream(fetcher->to, some, fetcher->deadline, &what) != 0)
		return errno == EPIPE ? take_frame(fetcher, err) : give_up(fetcher, &what, err);
	frame->data += some.size;
	frame->size -= some.size;
	return 0;
}

/* What it says is read meanwhile: it does not read while it writes. */
static int
send_bytes(struct fetcher *fetcher, struct bytes frame, struct err *err)
{
	int rc = 0;

	while (rc == 0 && frame.size > 0) {
		struct pollfd end[] = {{fetcher->from.fd, POLLIN, 0}, {fetcher->to, POLLOUT, 0}};
		int left = clock_left_ms(fetcher->deadline);

		if (poll(end, 2, left) < 0 && errno != EINTR)
			return give_up(fetcher, &(struct err){CODE_WORKER, "poll"}, err);
		if (left == 0)
			rc = give_up(fetcher, &(struct err)ERR_INIT, err);
		else if (end[0].revents != 0)
			rc = take_frame(fetcher, err);
		else if (end[1].revents != 0)
			rc = write_some(fetcher, &frame, err);
	}
	return rc;
}

static int
append_frame(enum frame_type type, struct buf *payload, struct buf *frames, struct err *err)
{
	int rc = frame_encode(type, buf_bytes(payload), frames, err);

	payload->size = 0;
	return rc == 0 ? 0 : err_wrap(err, CODE_WORKER, "to fetch");
}

static int
send_requests(struct fetcher *fetcher, struct err *err)
{
	int rc = send_bytes(fetcher, buf_bytes(&fetcher->requests), err);

	fetcher->requests.size = 0;
	return rc;
}

/* The memory may hold the key. */
static void
wipe_frames(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->room);
	buf_free(buf);
}

/* -- start and end ------------------------------------------------------------------------------------------------- */
static void
close_pipe(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int
start_fetch(const struct fetch_settings *settings, struct fetcher *fetcher, struct err *err)
{
	int down[2] = {-1, -1}, up[2] = {-1, -1}, rc = -1;
	char parent[16];
	char *argv[] = {"fetch", parent, (char *)settings->user, NULL};

	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	if (pipe2(down, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(up, O_CLOEXEC | O_NONBLOCK) < 0)
		err_set(err, CODE_WORKER, "pipe2: %s", err_errno(errno));
	else
		rc = spawn_start(settings->path, argv, (const int[]){down[0], up[1], -1}, 3, &fetcher->child, err);
	fetcher->to = down[1];
	fetcher->from.fd = up[0];
	close_pipe(&down[0]);
	close_pipe(&up[1]);
	return rc;
}

static int
send_settings(const struct fetch_settings *settings, struct fetcher *fetcher, struct err *err)
{
	struct buf payload = {0}, frames = {0};
	int rc;

	random_bytes(fetcher->echo, sizeof(fetcher->echo));
	frame_put_text(&payload, PROJECT_VERSION);
	frame_put_field(&payload, bytes_of(fetcher->echo, sizeof(fetcher->echo)));
	rc = append_frame(FRAME_HELLO, &payload, &frames, err);
	fetch_put_network(&payload, settings);
	buf_reserve(&frames, payload.size + FRAME_HEADER); /* else a copy would stay behind */
	if (rc == 0)
		rc = append_frame(FRAME_NETWORK, &payload, &frames, err);
	if (rc == 0)
		rc = send_bytes(fetcher, buf_bytes(&frames), err);
	wipe_frames(&frames);
	wipe_frames(&payload);
	return rc;
}

struct fetcher *
fetch_start(const struct fetch_settings *settings, struct err *err)
{
	struct fetcher *fetcher = xcalloc(1, sizeof(*fetcher));

	*fetcher = (struct fetcher){.to = -1, .from = {.fd = -1}, .deadline = settings->deadline};
	if (start_fetch(settings, fetcher, err) == 0 && send_settings(settings, fetcher, err) == 0)
		return fetcher;
	fetch_end(fetcher);
	return NULL;
}

void
fetch_end(struct fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	close_pipe(&fetcher->to);
	close_pipe(&fetcher->from.fd);
	spawn_kill(&fetcher->child);
	for (unsigned i = 0; i < fetcher->count; i++) {
		buf_free(&fetcher->answers[i].body);
		free(fetcher->answers[i].question);
	}
	free(fetcher->answers);
	buf_free(&fetcher->requests);
	free(fetcher);
}

/* -- requests ------------------------------------------------------------------------------------------------------ */
int
fetch_send(struct fetcher *fetcher, const struct fetch_request *request, struct err *err)
{
	unsigned ticket = fetcher->count;
	struct buf payload = {0};
	int rc;

	if (fetcher->broken.code != CODE_OK) {
		*err = fetcher->broken;
		return -1;
	}
	if (ticket == FETCH_TICKETS_MAX)
		return err_set(err, CODE_WORKER, "fetch: more than %d requests", FETCH_TICKETS_MAX);
	fetch_put_request(&payload, ticket, request);
	rc = append_frame(FRAME_REQUEST, &payload, &fetcher->requests, err);
	buf_free(&payload);
	if (rc != 0)
		return -1;
	fetcher->answers = xrealloc(fetcher->answers, (ticket + 1) * sizeof(*fetcher->answers));
	fetcher->answers[ticket] = (struct answer){
		.question = xprintf("%s %.600s", request->body.data != NULL ? "POST" : "GET", request->url)};
	fetcher->count++;
	return (int)ticket;
}

int
fetch_take(struct fetcher *fetcher, int ticket, struct buf *out, struct err *err)
{
	struct answer *answer = ticket >= 0 && (unsigned)ticket < fetcher->count ? &fetcher->answers[ticket] : NULL;

	if (answer == NULL || answer->taken)
		return err_set(err, CODE_INTERNAL, "fetch: ticket %d has no answer to take", ticket);
	if (!answer->there && fetcher->broken.code == CODE_OK)
		send_requests(fetcher, err);
	while (!answer->there && fetcher->broken.code == CODE_OK)
		take_frame(fetcher, err);
	/* On a loaded machine the worker itself may not come to say what it waited for. */
	if (!answer->there && fetcher->broken.code == CODE_DEADLINE)
		return err_set(err, CODE_DEADLINE, "%s: " LATE, answer->question);
	if (!answer->there) {
		*err = fetcher->broken;
		return -1;
	}
	answer->taken = true;
	if (answer->err.code != CODE_OK) {
		*err = answer->err;
		return -1;
	}
	buf_free(out);
	*out = answer->body;
	answer->body = (struct buf){0};
	return 0;
}

unsigned
fetch_count(const struct fetcher *fetcher)
{
	return fetcher->count;
}
