/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/client.h"

#include <stdlib.h>
#include <string.h>

#include "attest/appraise/wire.h"
#include "attest/worker.h"
#include "lib/code.h"
#include "lib/crypto.h"

static const struct worker_role appraise_role = {"appraise", CODE_DEADLINE, CODE_WORKER, CODE_WORKER};

#define ROUNDS_MAX 2 /* what the evidence names, then the manifests' signers; each may be repeated once */
#define NEEDS_MAX 512
#define STEPS_MAX 1024

/* What was served: a thing is asked for once, and once more only where need_may_repeat says so. */
struct served {
	enum collateral_kind kind;
	char *name;
	bool again;   /* may be asked for again, in the next round */
	bool given;   /* may be said to hold */
	enum collateral_origin origin;
	uint8_t digest[SHA256_SIZE];
};

struct client {
	const struct appraise_input *input;
	const struct collateral_source *source;
	struct appraisal *out;
	struct worker worker;
	unsigned rounds; /* repeats not counted */
	bool concluded;  /* nothing is asked for any more */
	unsigned claims, gpu; /* gpu: the next that claims may be about */
	struct collateral need[NEEDS_MAX];
	unsigned needs;
	struct served served[NEEDS_MAX];
	unsigned count;
	int code;           /* the verdict's, and its text */
	char text[ERR_TEXT_MAX];
};

static int
refuse_frame(struct client *client, const char *what, struct err *err)
{
	err_set(err, 0, "%s", what);
	return worker_broken(&client->worker, err);
}

static int
send_input(struct client *client, struct err *err)
{
	struct buf payload = {0};
	int rc;

	appraise_put_parameters(&payload, client->input);
	rc = worker_send(&client->worker, FRAME_PARAMETERS, &payload, err);
	for (unsigned i = 0; rc == 0 && i < client->input->gpus; i++) {
		payload.size = 0;
		appraise_put_evidence(&payload, &client->input->gpu[i]);
		rc = worker_send(&client->worker, FRAME_EVIDENCE, &payload, err);
	}
	payload.size = 0;
	frame_put_u32(&payload, client->input->gpus);
	rc = rc < 0 ? rc : worker_send(&client->worker, FRAME_DONE, &payload, err);
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

/* A compromised worker must not be able to request collateral that the policy does not use. */
static bool
is_wanted(const struct client *client, const struct collateral *need)
{
	const struct appraise_input *input = client->input;
	bool remote = kind_row(need->kind)->service == SERVICE_NRAS;

	if (need->kind == COLLATERAL_KEY_SET && input->remote.key_set.data != NULL)
		return false;
	return input->verifier & (remote ? APPRAISE_REMOTE : APPRAISE_LOCAL);
}

static int
on_need(struct client *client, struct err *err)
{
	struct collateral *need = &client->need[client->needs];

	if (client->concluded || client->needs == NEEDS_MAX ||
	    !appraise_get_need(buf_bytes(&client->worker.payload), need))
		return refuse_frame(client, "NEED frame malformed or out of order", err);
	client->needs++;
	return is_wanted(client, need) ? 0 : refuse_frame(client, "NEED frame for what the policy does not use", err);
}

static struct served *
find_served(struct client *client, enum collateral_kind kind, const char *name)
{
	for (unsigned i = 0; i < client->count; i++)
		if (client->served[i].kind == kind && strcmp(client->served[i].name, name) == 0)
			return &client->served[i];
	return NULL;
}

/* Enters every need of a new round, or finds it among those of the last one. */
static bool
enter_round(struct client *client, struct served *place[])
{
	bool again = client->need[0].again;

	if (!again && ++client->rounds > ROUNDS_MAX)
		return false;
	for (unsigned i = 0; i < client->count && !again; i++)
		client->served[i].again = false;
	for (unsigned i = 0; i < client->needs; i++) {
		const struct collateral *need = &client->need[i];

		place[i] = find_served(client, need->kind, need->name);
		if (need->again != again || (place[i] != NULL ? !place[i]->again : again || client->count == NEEDS_MAX))
			return false;
		if (place[i] == NULL) {
			place[i] = &client->served[client->count++];
			*place[i] = (struct served){.kind = need->kind, .name = xstrdup(need->name)};
		}
		place[i]->again = false;
	}
	for (unsigned i = 0; i < client->count && again; i++)
		client->served[i].again = false;
	return true;
}

static void
enter_answer(struct served *served, const struct collateral *need)
{
	served->given = true;
	served->origin = need->origin;
	crypto_sha256(buf_bytes(&need->answer), served->digest);
}

static int
serve_round(struct client *client, struct served *place[], struct err *err)
{
	struct buf payload = {0};
	int rc = 0;

	client->source->serve(client->source->context, client->need, client->needs);
	for (unsigned i = 0; rc == 0 && i < client->needs; i++) {
		const struct collateral *need = &client->need[i];

		place[i]->again = need_may_repeat(need);
		if (need->err.code == CODE_OK)
			enter_answer(place[i], need);
		appraise_put_collateral(&payload, need);
		rc = worker_send(&client->worker, FRAME_COLLATERAL, &payload, err);
	}
	buf_free(&payload);
	return rc;
}

static int
on_done(struct client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->worker.payload));
	struct served **place;
	uint32_t count;
	int rc;

	if (!frame_get_u32(&cursor, &count) || count != client->needs || count == 0)
		return refuse_frame(client, "DONE frame out of order", err);
	place = xcalloc(count, sizeof(struct served *));
	rc = enter_round(client, place) ? serve_round(client, place, err)
					: refuse_frame(client, "DONE frame out of order", err);
	free(place);
	free_needs(client);
	return rc;
}

static int
on_step(struct client *client, struct err *err)
{
	if (client->needs != 0 || client->claims != 0 || client->out->keeps != 0 ||
	    client->out->steps.count == STEPS_MAX ||
	    !appraise_get_step(buf_bytes(&client->worker.payload), client->input->gpus, &client->out->steps))
		return refuse_frame(client, "STEP frame malformed or out of order", err);
	client->concluded = true;
	return 0;
}

static int
on_claims(struct client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->worker.payload));
	uint32_t gpu;

	if (client->needs != 0 || client->out->keeps != 0 || !frame_get_u32(&cursor, &gpu) || gpu < client->gpu ||
	    gpu >= client->input->gpus || !frame_get_text(&cursor, &client->out->claims[gpu]) || cursor.left != 0)
		return refuse_frame(client, "CLAIMS frame malformed or out of order", err);
	client->concluded = true;
	client->gpu = gpu + 1;
	client->claims++;
	return 0;
}

/* Only what was given, each once. No signer is ahead of our clock by more than what appraise lets pass. */
static int
on_keep(struct client *client, struct err *err)
{
	struct appraisal *out = client->out;
	struct keep *keep = &out->keep[out->keeps];
	struct served *served;

	if (client->needs != 0 || out->keeps == KEEPS_MAX ||
	    !appraise_get_keep(buf_bytes(&client->worker.payload), keep))
		return refuse_frame(client, "KEEP frame malformed or out of order", err);
	client->concluded = true;
	out->keeps++;
	served = find_served(client, keep->kind, keep->name);
	if (served == NULL || !served->given || keep->time > client->input->at + REVOCATION_SKEW)
		return refuse_frame(client, "KEEP frame for what was not served, or is kept already", err);
	served->given = false;
	keep->origin = served->origin;
	memcpy(keep->digest, served->digest, sizeof(keep->digest));
	/*
	 * A fast signer says no more than our own clock: a floor ahead of it would refuse the next start after a small
	 * step back.
	 */
	if (keep->time > client->input->at)
		keep->time = client->input->at;
	return 0;
}

static int
on_verdict(struct client *client, struct err *err)
{
	struct appraisal *out = client->out;

	if (client->needs != 0)
		return refuse_frame(client, "VERDICT frame out of order", err);
	if (worker_verdict(&client->worker, &client->code, client->text, err) < 0)
		return -1;
	if (client->code == CODE_OK && client->claims != client->input->gpus)
		return err_set(err, CODE_WORKER, "appraise: verdict with the claims of %u of %u GPUs", client->claims,
			       client->input->gpus);
	steps_conclude(&out->steps);
	out->gpus = client->input->gpus;
	if (steps_code(&out->steps) != client->code)
		return err_set(err, CODE_WORKER, "appraise: verdict with code %d, the steps have %d", client->code,
			       steps_code(&out->steps));
	return 0;
}

/* Until the verdict, which is the last frame. */
static int
read_appraisal(struct client *client, struct err *err)
{
	enum frame_type type;
	int rc;

	while ((rc = worker_receive(&client->worker, &type, err)) == 0 && type != FRAME_VERDICT) {
		if (type == FRAME_NEED)
			rc = on_need(client, err);
		else if (type == FRAME_DONE)
			rc = on_done(client, err);
		else if (type == FRAME_STEP)
			rc = on_step(client, err);
		else if (type == FRAME_CLAIMS)
			rc = on_claims(client, err);
		else if (type == FRAME_KEEP)
			rc = on_keep(client, err);
		else
			rc = refuse_frame(client, "frame of another protocol", err);
		if (rc < 0)
			break;
	}
	return rc < 0 ? -1 : on_verdict(client, err);
}

static int
talk(const struct appraise_worker *worker, struct client *client, struct err *err)
{
	const char *const args[] = {worker->user, NULL};

	if (worker_start(&client->worker, &appraise_role, worker->path, args, worker->deadline, err) < 0)
		return -1;
	return send_input(client, err) < 0 ? -1 : read_appraisal(client, err);
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
	rc = talk(worker, client, err);
	worker_kill(&client->worker);
	if (rc < 0)
		appraisal_free(out);
	else if (client->code != CODE_OK)
		rc = err_set(err, client->code, "%s", client->text);
	free_needs(client);
	for (unsigned i = 0; i < client->count; i++)
		free(client->served[i].name);
	free(client);
	return rc;
}
