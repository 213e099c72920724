/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/wire.h"
#include "attest/collateral/archive.h"
#include "attest/worker.h"
#include "lib/code.h"

/* The frames in the order in which they must come. */
enum stage { STEPS, ABOUTS, FILES, KEEPS };

struct archive_client {
	struct worker worker;
	struct archive *out;
	struct steps *steps;
	unsigned items, files, keeps;
	enum stage stage;
	int code;
	char text[ERR_TEXT_MAX];
};

static int
refuse_passed(struct archive_client *client, const char *what, struct err *err)
{
	err_set(err, 0, "%s", what);
	return worker_broken(&client->worker, err);
}

static int
send_archive(struct archive_client *client, struct bytes text, const struct archive_trust *trust, struct err *err)
{
	struct buf payload = {0};
	int rc;

	archive_put_trust(&payload, trust);
	rc = worker_send(&client->worker, FRAME_PARAMETERS, &payload, err);
	frame_put_text(&payload, "archive");
	frame_put_field(&payload, text);
	if (rc == 0)
		rc = worker_send(&client->worker, FRAME_FILE, &payload, err);
	buf_free(&payload);
	return rc;
}

/* The first step is the archive's, and one follows for each item. */
static int
on_item_step(struct archive_client *client, struct err *err)
{
	struct archive_item *item;

	if (client->stage != STEPS || client->items > ARCHIVE_ITEMS_MAX ||
	    !appraise_get_step(buf_bytes(&client->worker.payload), 0, client->steps))
		return refuse_passed(client, "STEP frame malformed or out of order", err);
	if (client->items++ == 0)
		return 0;
	archive_add(client->out, COLLATERAL_CHAIN, "", bytes_of(NULL, 0), 0);
	item = &client->out->item[client->out->items - 1];
	item->good = client->steps->list[client->steps->count - 1].status == STEP_OK;
	return 0;
}

static int
on_about(struct archive_client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->worker.payload));
	uint32_t index;

	if (client->stage > ABOUTS || !frame_get_u32(&cursor, &index) || index >= client->out->items ||
	    client->out->item[index].about != NULL || !frame_get_text(&cursor, &client->out->item[index].about) ||
	    cursor.left != 0)
		return refuse_passed(client, "CLAIMS frame malformed or out of order", err);
	client->stage = ABOUTS;
	return 0;
}

/* Whether a file in an archive may have the name. */
static bool
is_file_name(unsigned kind, const char *name)
{
	const struct kind_row *row = kind_row(kind);

	return row != NULL && row->ending != NULL && row->fits(name);
}

static int
on_file(struct archive_client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->worker.payload));
	struct archive_item *item;
	struct bytes content;
	char *name = NULL;

	if (client->stage > FILES || client->files == client->out->items || !frame_get_text(&cursor, &name) ||
	    !frame_get_field(&cursor, &content) || content.size == 0 || cursor.left != 0) {
		free(name);
		return refuse_passed(client, "FILE frame malformed or out of order", err);
	}
	item = &client->out->item[client->files++];
	free(item->name);
	item->name = name;
	buf_add(&item->content, content.data, content.size);
	client->stage = FILES;
	return 0;
}

static struct archive_item *
next_good(struct archive_client *client)
{
	while (client->keeps < client->out->items && !client->out->item[client->keeps].good)
		client->keeps++;
	return client->keeps < client->out->items ? &client->out->item[client->keeps++] : NULL;
}

/* One for each item that holds; what is the name of a file must be one. */
static int
on_item_keep(struct archive_client *client, struct err *err)
{
	struct cursor cursor = cursor_of(buf_bytes(&client->worker.payload));
	struct archive_item *item = next_good(client);
	char *name = NULL;
	uint32_t kind;
	int64_t time;

	if (item == NULL || !frame_get_u32(&cursor, &kind) || !frame_get_text(&cursor, &name) ||
	    !frame_get_i64(&cursor, &item->until) || !frame_get_i64(&cursor, &time) || cursor.left != 0 ||
	    !is_file_name(kind, name) || (client->files > 0 && strcmp(item->name, name) != 0)) {
		free(name);
		return refuse_passed(client, "KEEP frame malformed or out of order", err);
	}
	free(item->name);
	item->name = name;
	item->kind = kind;
	client->stage = KEEPS;
	return 0;
}

static bool
is_whole(const struct archive_client *client)
{
	for (unsigned i = 0; i < client->out->items; i++)
		if (!client->out->item[i].good || client->out->item[i].content.size == 0 ||
		    !is_file_name(client->out->item[i].kind, client->out->item[i].name))
			return false;
	return client->out->items > 0;
}

static int
on_archive_verdict(struct archive_client *client, struct err *err)
{
	if (worker_verdict(&client->worker, &client->code, client->text, err) < 0)
		return -1;
	steps_conclude(client->steps);
	if (steps_code(client->steps) != client->code)
		return err_set(err, CODE_WORKER, "appraise: verdict with code %d, the steps have %d", client->code,
			       steps_code(client->steps));
	if (client->code == CODE_OK ? !is_whole(client) : client->files > 0)
		return err_set(err, CODE_WORKER, "appraise: verdict with code %d and %u of %u files", client->code,
			       client->files, client->out->items);
	return 0;
}

static int
read_judgement(struct archive_client *client, struct err *err)
{
	enum frame_type type;
	int rc;

	while ((rc = worker_receive(&client->worker, &type, err)) == 0 && type != FRAME_VERDICT) {
		if (type == FRAME_STEP)
			rc = on_item_step(client, err);
		else if (type == FRAME_CLAIMS)
			rc = on_about(client, err);
		else if (type == FRAME_FILE)
			rc = on_file(client, err);
		else if (type == FRAME_KEEP)
			rc = on_item_keep(client, err);
		else
			rc = refuse_passed(client, "frame of another protocol", err);
		if (rc < 0)
			break;
	}
	return rc < 0 ? -1 : on_archive_verdict(client, err);
}

static int
talk_about_archive(const struct appraise_worker *worker, struct bytes text, const struct archive_trust *trust,
     struct archive_client *client, struct err *err)
{
	static const struct worker_role role = {"appraise", CODE_DEADLINE, CODE_WORKER, CODE_WORKER};
	const char *const args[] = {worker->user, NULL};

	if (worker_start(&client->worker, &role, worker->path, args, worker->deadline, err) < 0)
		return -1;
	return send_archive(client, text, trust, err) < 0 ? -1 : read_judgement(client, err);
}

int
archive_judge_remote(const struct appraise_worker *worker, struct bytes text, const struct archive_trust *trust,
		     struct archive *out, struct steps *steps, struct err *err)
{
	struct archive_client client = {.out = out, .steps = steps};
	int rc;

	*out = (struct archive){0};
	*steps = (struct steps){0};
	if (text.size > ARCHIVE_MAX)
		return err_set(err, CODE_ARCHIVE, "%zu bytes, at most %d", text.size, ARCHIVE_MAX);
	rc = talk_about_archive(worker, text, trust, &client, err);
	worker_kill(&client.worker);
	if (rc < 0) {
		archive_free(out);
		steps_free(steps);
	} else if (client.code != CODE_OK) {
		rc = err_set(err, client.code, "%s", client.text);
	}
	return rc;
}
