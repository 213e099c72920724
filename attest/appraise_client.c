/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/appraise_wire.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/random.h"
#include "lib/spawn.h"

#define ROUNDS_MAX 2 /* manifests, revocation answers */
#define NEEDS_MAX 512
#define STEPS_MAX 1024

struct client {
	const struct appraise_input *input;
	const struct collateral_source *source;
	struct appraisal *out;
	int64_t deadline;
	int to, from;
	uint8_t echo[APPRAISE_ECHO_SIZE];
	struct buf payload; /* of the frame read last */
	unsigned rounds, claims;
	struct collateral need[NEEDS_MAX];
	unsigned needs;
	int code;           /* the verdict's, and its text */
	char text[ERR_TEXT_MAX];
};

static int
broken(struct err *err, const char *what)
{
	return err_set(err, CODE_WORKER, "%s", what);
}

static int
send_frame(struct client *client, enum frame_type type, struct buf *payload, struct err *err)
{
	int rc = frame_write(client->to, client->deadline, type, buf_bytes(payload), err);

	payload->size = 0;
	return rc < 0 ? err_wrap(err, CODE_WORKER, "to appraise") : 0;
}

static int
send_input(struct client *client, struct err *err)
{
	struct buf payload = {0};
	int rc;

	frame_put_text(&payload, PROJECT_VERSION);
	frame_put_field(&payload, bytes_of(client->echo, sizeof(client->echo)));
	rc = send_frame(client, FRAME_HELLO, &payload, err);
	appraise_put_parameters(&payload, client->input);
	rc = rc < 0 ? rc : send_frame(client, FRAME_PARAMETERS, &payload, err);
	for (unsigned i = 0; rc == 0 && i < client->input->gpus; i++) {
		payload.size = 0;
		appraise_put_evidence(&payload, &client->input->gpu[i]);
		rc = send_frame(client, FRAME_EVIDENCE, &payload, err);
	}
	payload.size = 0;
	frame_put_u32(&payload, client->input->gpus);
	rc = rc < 0 ? rc : send_frame(client, FRAME_DONE, &payload, err);
	buf_free(&payload);
	return rc;
}

static int
read_frame(struct client *client, enum frame_type *type, struct err *err)
{
	if (frame_read(client->from, client->deadline, false, type, &client->payload, err) < 0)
		return err_wrap(err, CODE_WORKER, "from appraise");
	return 0;
}

/* A worker that cannot begin says why in place of its greeting. */
static int
read_greeting(struct client *client, struct err *err)
{
	enum frame_type type;
	struct cursor cursor;
	struct bytes text;
	uint32_t code;

	if (read_frame(client, &type, err) < 0)
		return -1;
	cursor = cursor_of(buf_bytes(&client->payload));
	if (type == FRAME_FAILURE && frame_get_u32(&cursor, &code) && frame_get_field(&cursor, &text))
		return err_set(err, CODE_WORKER, "appraise: %.*s", (int)text.size, (const char *)text.data);
	if (type != FRAME_HELLO || !frame_get_field(&cursor, &text))
		return broken(err, "appraise does not greet");
	if (!bytes_equal(text, bytes_of_text(PROJECT_VERSION)))
		return err_set(err, CODE_WORKER, "appraise is of version '%.*s', want " PROJECT_VERSION, (int)text.size,
			       (const char *)text.data);
	return 0;
}

static void
free_needs(struct client *client)
{
	for (unsigned i = 0; i < client->needs; i++)
		appraise_free_need(&client->need[i]);
	client->needs = 0;
}

static int
on_need(struct client *client, struct err *err)
{
	if (client->needs == NEEDS_MAX || !appraise_get_need(buf_bytes(&client->payload), &client->need[client->needs]))
		return broken(err, "appraise needs what cannot be");
	client->needs++;
	return 0;
}

static int
on_done(struct client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->payload));
	struct buf payload = {0};
	uint32_t count;
	int rc = 0;

	if (!frame_get_u32(&cursor, &count) || count != client->needs || count == 0 || ++client->rounds > ROUNDS_MAX)
		return broken(err, "appraise asks out of order");
	client->source->serve(client->source->context, client->need, client->needs);
	for (unsigned i = 0; rc == 0 && i < client->needs; i++) {
		appraise_put_collateral(&payload, &client->need[i]);
		rc = send_frame(client, FRAME_COLLATERAL, &payload, err);
	}
	buf_free(&payload);
	free_needs(client);
	return rc;
}

static int
on_step(struct client *client, struct err *err)
{
	if (client->needs != 0 || client->claims != 0 || client->out->steps.count == STEPS_MAX ||
	    !appraise_get_step(buf_bytes(&client->payload), client->input->gpus, &client->out->steps))
		return broken(err, "appraise passed a step that cannot be");
	client->rounds = ROUNDS_MAX;
	return 0;
}

static int
on_claims(struct client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->payload));
	uint32_t gpu;

	if (client->needs != 0 || !frame_get_u32(&cursor, &gpu) || gpu != client->claims || gpu >= client->input->gpus ||
	    !frame_get_text(&cursor, &client->out->claims[gpu]) || cursor.left != 0)
		return broken(err, "appraise passed claims that cannot be");
	client->claims++;
	return 0;
}

static int
on_verdict(struct client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->payload));
	struct bytes echo, text;
	uint32_t code;

	if (client->needs != 0 || !frame_get_u32(&cursor, &code) || code_find((int)code) == NULL ||
	    !frame_get_field(&cursor, &echo) || !frame_get_field(&cursor, &text) || cursor.left != 0)
		return broken(err, "appraise passed a verdict that cannot be");
	if (!bytes_equal(echo, bytes_of(client->echo, sizeof(client->echo))))
		return broken(err, "appraise did not return our random part");
	if (code == CODE_OK && client->claims != client->input->gpus)
		return err_set(err, CODE_WORKER, "appraise passed claims of %u of %u GPUs", client->claims,
			       client->input->gpus);
	client->code = (int)code;
	snprintf(client->text, sizeof(client->text), "%.*s", (int)text.size, (const char *)text.data);
	return 0;
}

/* Until the verdict, which is the last frame. */
static int
read_answer(struct client *client, struct err *err)
{
	enum frame_type type;
	int rc = read_greeting(client, err);

	while (rc == 0) {
		rc = read_frame(client, &type, err);
		if (rc < 0)
			break;
		if (type == FRAME_NEED)
			rc = on_need(client, err);
		else if (type == FRAME_DONE)
			rc = on_done(client, err);
		else if (type == FRAME_STEP)
			rc = on_step(client, err);
		else if (type == FRAME_CLAIMS)
			rc = on_claims(client, err);
		else if (type == FRAME_VERDICT)
			break;
		else
			rc = broken(err, "appraise sends a frame of another protocol");
	}
	if (rc < 0 || on_verdict(client, err) < 0)
		return -1;
	if (frame_read(client->from, client->deadline, true, &type, &client->payload, err) != 1)
		return broken(err, "appraise goes on after its verdict");
	return 0;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int
start(const struct appraise_worker *worker, struct client *client, struct spawn *child, struct err *err)
{
	int down[2] = {-1, -1}, up[2] = {-1, -1}, rc = -1;
	char parent[16];
	char *argv[] = {"appraise", parent, (char *)worker->user, NULL};

	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	if (pipe2(down, O_CLOEXEC) < 0 || pipe2(up, O_CLOEXEC) < 0)
		err_set(err, CODE_WORKER, "pipe2: %s", err_errno(errno));
	else
		rc = spawn_start(worker->path, argv, (const int[]){down[0], up[1], -1}, 3, child, err);
	client->to = down[1];
	client->from = up[0];
	close_fd(&down[0]);
	close_fd(&up[1]);
	return rc;
}

static int
talk(struct client *client, struct spawn *child, struct err *err)
{
	int rc = send_input(client, err);
	struct err greeting = ERR_INIT;

	/* A worker that ended before it read everything may have said why. One that lives waits for the rest of the input. */
	if (rc < 0 && errno == EPIPE && read_greeting(client, &greeting) < 0 && greeting.code != CODE_OK &&
	    strstr(greeting.text, "appraise: "))
		*err = greeting;
	if (rc == 0)
		rc = read_answer(client, err);
	close_fd(&client->to);
	if (rc == 0)
		rc = spawn_wait(child, client->deadline, err);
	else
		spawn_kill(child);
	return rc;
}

static int
conclude(struct client *client, struct err *err)
{
	steps_conclude(&client->out->steps);
	client->out->gpus = client->input->gpus;
	if (steps_code(&client->out->steps) != client->code)
		return err_set(err, CODE_WORKER, "appraise says code %d, its steps say %d", client->code,
			       steps_code(&client->out->steps));
	return 0;
}

int
appraise_remote(const struct appraise_worker *worker, const struct appraise_input *input,
		const struct collateral_source *source, struct appraisal *out, struct err *err)
{
	struct client *client = xcalloc(1, sizeof(*client));
	struct spawn child = {0};
	int rc;

	*out = (struct appraisal){0};
	client->input = input;
	client->source = source;
	client->out = out;
	client->deadline = worker->deadline;
	random_bytes(client->echo, sizeof(client->echo));
	rc = start(worker, client, &child, err);
	if (rc == 0)
		rc = talk(client, &child, err);
	if (rc == 0)
		rc = conclude(client, err);
	if (rc < 0) {
		appraisal_free(out);
		err_wrap(err, clock_left_ms(worker->deadline) == 0 ? CODE_DEADLINE : CODE_WORKER, "%s", worker->path);
	} else if (client->code != CODE_OK) {
		rc = err_set(err, client->code, "%s", client->text);
	}
	close_fd(&client->to);
	close_fd(&client->from);
	free_needs(client);
	buf_free(&client->payload);
	free(client);
	return rc;
}
