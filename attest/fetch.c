/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/spawn.h"

#define TICKETS_MAX 1024
#define PIPE_SIZE (1 << 20) /* answers that nobody reads yet must not stop the worker from reading requests */

struct answer {
	bool there;
	struct buf body;
	struct err err;
};

struct fetcher {
	struct spawn child;
	int64_t deadline; /* of the network; frames may take FETCH_GRACE_MS more */
	int to, from;
	struct answer answer[TICKETS_MAX];
	unsigned count;
	struct err broken; /* the worker cannot be used any more */
};

static int64_t
patience(const struct fetcher *fetcher)
{
	return fetcher->deadline + FETCH_GRACE_MS;
}

/* -- start --------------------------------------------------------------------------------------------------------- */
static int
spawn(const struct fetch_settings *settings, struct fetcher *fetcher, struct err *err)
{
	int down[2] = {-1, -1}, up[2] = {-1, -1}, rc = -1;
	char parent[16];
	char *argv[] = {"fetch", parent, (char *)settings->user, NULL};

	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	if (pipe2(down, O_CLOEXEC) < 0 || pipe2(up, O_CLOEXEC) < 0) {
		err_set(err, CODE_WORKER, "pipe2 failed");
	} else {
		fcntl(up[1], F_SETPIPE_SZ, PIPE_SIZE);
		rc = spawn_start(settings->path, argv, (const int[]){down[0], up[1], -1}, 3, &fetcher->child, err);
	}
	fetcher->to = down[1];
	fetcher->from = up[0];
	if (down[0] >= 0)
		close(down[0]);
	if (up[1] >= 0)
		close(up[1]);
	return rc;
}

static int
send_settings(const struct fetch_settings *settings, struct fetcher *fetcher, struct err *err)
{
	struct buf payload = {0};
	int rc;

	frame_put_text(&payload, PROJECT_VERSION);
	frame_put_field(&payload, bytes_of(NULL, 0));
	rc = frame_write(fetcher->to, patience(fetcher), FRAME_HELLO, buf_bytes(&payload), err);
	payload.size = 0;
	frame_put_field(&payload, settings->ca);
	frame_put_text(&payload, settings->proxy);
	frame_put_text(&payload, settings->key);
	frame_put_i64(&payload, settings->connect_ms);
	frame_put_i64(&payload, settings->request_ms);
	frame_put_u32(&payload, settings->retries);
	frame_put_i64(&payload, clock_left_ms(settings->deadline));
	if (rc == 0)
		rc = frame_write(fetcher->to, patience(fetcher), FRAME_NETWORK, buf_bytes(&payload), err);
	explicit_bzero(payload.data, payload.room);
	buf_free(&payload);
	return rc;
}

static int
read_failure(struct bytes payload, struct err *err)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes text;
	uint32_t code;

	if (!frame_get_u32(&cursor, &code) || !frame_get_field(&cursor, &text))
		return err_set(err, CODE_WORKER, "fetch: malformed FAILURE");
	return err_set(err, CODE_WORKER, "fetch: %.*s", (int)text.size, (const char *)text.data);
}

static int
read_greeting(struct fetcher *fetcher, struct err *err)
{
	struct buf payload = {0};
	enum frame_type type;
	struct cursor cursor;
	struct bytes version;
	int rc = frame_read(fetcher->from, patience(fetcher), false, &type, &payload, err);

	cursor = cursor_of(buf_bytes(&payload));
	if (rc != 0)
		err_wrap(err, CODE_WORKER, "from fetch");
	else if (type == FRAME_FAILURE)
		rc = read_failure(buf_bytes(&payload), err);
	else if (type != FRAME_HELLO || !frame_get_field(&cursor, &version) ||
		 !bytes_equal(version, bytes_of_text(PROJECT_VERSION)))
		rc = err_set(err, CODE_WORKER, "fetch is not of version " PROJECT_VERSION);
	buf_free(&payload);
	return rc;
}

struct fetcher *
fetch_start(const struct fetch_settings *settings, struct err *err)
{
	struct fetcher *fetcher = xcalloc(1, sizeof(*fetcher));
	struct err first = ERR_INIT;

	fetcher->deadline = settings->deadline;
	fetcher->to = fetcher->from = -1;
	if (spawn(settings, fetcher, err) == 0) {
		/* A worker that cannot begin closes its input, and says why. */
		int rc = send_settings(settings, fetcher, &first);

		if (read_greeting(fetcher, err) == 0 && rc == 0)
			return fetcher;
		if (err->code == CODE_OK)
			*err = first;
	}
	err_wrap(err, CODE_WORKER, "%s", settings->path);
	fetch_end(fetcher);
	return NULL;
}

/* -- requests ------------------------------------------------------------------------------------------------------ */
int
fetch_send(struct fetcher *fetcher, const struct fetch_request *request, struct err *err)
{
	struct buf payload = {0};
	int rc;

	if (fetcher->broken.code != CODE_OK || fetcher->count == TICKETS_MAX) {
		*err = fetcher->broken;
		return err_wrap(err, CODE_WORKER, "fetch");
	}
	frame_put_u32(&payload, fetcher->count);
	frame_put_u32(&payload, request->kind);
	frame_put_u32(&payload, request->with_key);
	frame_put_text(&payload, request->url);
	frame_put_text(&payload, request->id);
	frame_put_field(&payload, request->body);
	rc = frame_write(fetcher->to, patience(fetcher), FRAME_REQUEST, buf_bytes(&payload), err);
	buf_free(&payload);
	return rc == 0 ? (int)fetcher->count++ : err_wrap(err, CODE_WORKER, "to fetch");
}

static int
on_response(struct fetcher *fetcher, struct bytes payload, struct err *err)
{
	struct cursor cursor = cursor_of(payload);
	struct answer *answer;
	struct bytes content;
	uint32_t ticket, code;

	if (!frame_get_u32(&cursor, &ticket) || ticket >= fetcher->count || fetcher->answer[ticket].there ||
	    !frame_get_u32(&cursor, &code) || code > 255 || code_find((int)code) == NULL || !frame_get_field(&cursor, &content) ||
	    cursor.left != 0)
		return err_set(err, CODE_WORKER, "fetch answers what was not asked");
	answer = &fetcher->answer[ticket];
	answer->there = true;
	if (code == CODE_OK)
		buf_add(&answer->body, content.data, content.size);
	else
		err_set(&answer->err, (int)code, "%.*s", (int)content.size, (const char *)content.data);
	return 0;
}

static int
read_response(struct fetcher *fetcher, struct err *err)
{
	struct buf payload = {0};
	enum frame_type type;
	int rc = frame_read(fetcher->from, patience(fetcher), false, &type, &payload, err);

	if (rc != 0)
		err_wrap(err, clock_left_ms(patience(fetcher)) == 0 ? CODE_DEADLINE : CODE_WORKER, "from fetch");
	else if (type == FRAME_FAILURE)
		rc = read_failure(buf_bytes(&payload), err);
	else if (type == FRAME_RESPONSE)
		rc = on_response(fetcher, buf_bytes(&payload), err);
	else
		rc = err_set(err, CODE_WORKER, "fetch sends a frame of another protocol");
	buf_free(&payload);
	return rc;
}

int
fetch_take(struct fetcher *fetcher, int ticket, struct buf *out, struct err *err)
{
	struct answer *answer = &fetcher->answer[ticket];

	while (!answer->there && fetcher->broken.code == CODE_OK)
		if (read_response(fetcher, err) != 0)
			fetcher->broken = *err;
	if (!answer->there) {
		*err = fetcher->broken;
		return -1;
	}
	*err = answer->err;
	buf_add(out, answer->body.data, answer->body.size);
	buf_free(&answer->body);
	return err->code == CODE_OK ? 0 : -1;
}

unsigned
fetch_count(const struct fetcher *fetcher)
{
	return fetcher->count;
}

void
fetch_end(struct fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	if (fetcher->to >= 0)
		close(fetcher->to);
	if (fetcher->from >= 0)
		close(fetcher->from);
	spawn_kill(&fetcher->child);
	for (unsigned i = 0; i < fetcher->count; i++)
		buf_free(&fetcher->answer[i].body);
	free(fetcher);
}
