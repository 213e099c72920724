/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise_client.h"

#include <stdlib.h>

#include "attest/appraise_link.h"
#include "attest/appraise_wire.h"
#include "lib/code.h"
#include "lib/frame.h"

#define ROUNDS_MAX 2 /* manifests, revocation answers */
#define NEEDS_MAX 512
#define STEPS_MAX 1024

struct client {
	const struct appraise_input *input;
	const struct collateral_source *source;
	struct appraisal *out;
	struct appraise_link link;
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
send_input(struct client *client, struct err *err)
{
	struct buf payload = {0};
	int rc;

	appraise_put_parameters(&payload, client->input);
	rc = appraise_link_send(&client->link, FRAME_PARAMETERS, &payload, err);
	for (unsigned i = 0; rc == 0 && i < client->input->gpus; i++) {
		payload.size = 0;
		appraise_put_evidence(&payload, &client->input->gpu[i]);
		rc = appraise_link_send(&client->link, FRAME_EVIDENCE, &payload, err);
	}
	payload.size = 0;
	frame_put_u32(&payload, client->input->gpus);
	rc = rc < 0 ? rc : appraise_link_send(&client->link, FRAME_DONE, &payload, err);
	buf_free(&payload);
	return rc;
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
	if (client->needs == NEEDS_MAX || !appraise_get_need(buf_bytes(&client->link.payload), &client->need[client->needs]))
		return broken(err, "appraise needs what cannot be");
	client->needs++;
	return 0;
}

static int
on_done(struct client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->link.payload));
	struct buf payload = {0};
	uint32_t count;
	int rc = 0;

	if (!frame_get_u32(&cursor, &count) || count != client->needs || count == 0 || ++client->rounds > ROUNDS_MAX)
		return broken(err, "appraise asks out of order");
	client->source->serve(client->source->context, client->need, client->needs);
	for (unsigned i = 0; rc == 0 && i < client->needs; i++) {
		appraise_put_collateral(&payload, &client->need[i]);
		rc = appraise_link_send(&client->link, FRAME_COLLATERAL, &payload, err);
	}
	buf_free(&payload);
	free_needs(client);
	return rc;
}

static int
on_step(struct client *client, struct err *err)
{
	if (client->needs != 0 || client->claims != 0 || client->out->steps.count == STEPS_MAX ||
	    !appraise_get_step(buf_bytes(&client->link.payload), client->input->gpus, &client->out->steps))
		return broken(err, "appraise passed a step that cannot be");
	client->rounds = ROUNDS_MAX;
	return 0;
}

static int
on_claims(struct client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->link.payload));
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
	if (client->needs != 0)
		return broken(err, "appraise passed a verdict that cannot be");
	if (appraise_link_verdict(&client->link, &client->code, client->text, err) < 0)
		return -1;
	if (client->code == CODE_OK && client->claims != client->input->gpus)
		return err_set(err, CODE_WORKER, "appraise passed claims of %u of %u GPUs", client->claims,
			       client->input->gpus);
	return 0;
}

/* Until the verdict, which is the last frame. */
static int
read_answer(struct client *client, struct err *err)
{
	enum frame_type type;
	int rc = appraise_link_greeting(&client->link, err);

	while (rc == 0) {
		rc = appraise_link_read(&client->link, &type, err);
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
	return rc < 0 ? -1 : on_verdict(client, err);
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

static int
talk(struct client *client, struct err *err)
{
	if (send_input(client, err) < 0) {
		appraise_link_why(&client->link, err);
		return -1;
	}
	return read_answer(client, err) < 0 ? -1 : conclude(client, err);
}

int
appraise_remote(const struct appraise_worker *worker, const struct appraise_input *input,
		const struct collateral_source *source, struct appraisal *out, struct err *err)
{
	struct client *client = xcalloc(1, sizeof(*client));
	int rc;

	*out = (struct appraisal){0};
	client->input = input;
	client->source = source;
	client->out = out;
	rc = appraise_link_start(worker, &client->link, err);
	if (rc == 0)
		rc = talk(client, err);
	rc = appraise_link_end(worker, &client->link, rc, err);
	if (rc < 0)
		appraisal_free(out);
	else if (client->code != CODE_OK)
		rc = err_set(err, client->code, "%s", client->text);
	free_needs(client);
	free(client);
	return rc;
}
