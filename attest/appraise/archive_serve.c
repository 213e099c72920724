/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "attest/appraise/wire.h"
#include "attest/collateral/archive.h"
#include "attest/worker.h"
#include "lib/code.h"

static int
send_steps(struct caller *caller, const struct steps *steps, struct err *err)
{
	struct buf payload = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < steps->count; i++) {
		appraise_put_step(&payload, &steps->list[i]);
		rc = caller_send(caller, FRAME_STEP, &payload, err);
	}
	buf_free(&payload);
	return rc;
}

/* What each item is; and where all hold, the items themselves. */
static int
send_items(struct caller *caller, const struct archive *archive, bool whole, struct err *err)
{
	struct buf payload = {0};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < archive->items; i++) {
		if (archive->item[i].about == NULL)
			continue;
		frame_put_u32(&payload, i);
		frame_put_text(&payload, archive->item[i].about);
		rc = caller_send(caller, FRAME_CLAIMS, &payload, err);
	}
	for (unsigned i = 0; whole && rc == 0 && i < archive->items; i++) {
		frame_put_text(&payload, archive->item[i].name);
		frame_put_field(&payload, buf_bytes(&archive->item[i].content));
		rc = caller_send(caller, FRAME_FILE, &payload, err);
		if (rc == 0)
			rc = caller_flush(caller, err);
	}
	buf_free(&payload);
	return rc;
}

static int
send_keeps(struct caller *caller, const struct archive *archive, struct err *err)
{
	struct buf payload = {0};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < archive->items; i++) {
		if (!archive->item[i].good)
			continue;
		frame_put_u32(&payload, archive->item[i].kind);
		frame_put_text(&payload, archive->item[i].name);
		frame_put_i64(&payload, archive->item[i].until);
		frame_put_i64(&payload, 0);
		rc = caller_send(caller, FRAME_KEEP, &payload, err);
	}
	buf_free(&payload);
	return rc;
}

static bool
read_archive_payload(struct bytes payload, struct bytes *text)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes name;

	return frame_get_field(&cursor, &name) && frame_get_field(&cursor, text) && cursor.left == 0;
}

int
archive_serve(struct caller *caller, struct bytes parameters, struct bytes file, struct err *err)
{
	struct archive_trust trust;
	struct archive archive = {0};
	struct steps steps = {0};
	struct err refused = ERR_INIT;
	const struct step *failed;
	struct bytes text;
	int rc = 0;

	if (!archive_get_trust(parameters, &trust) || !read_archive_payload(file, &text))
		return err_set(err, CODE_WORKER, "malformed FILE or PARAMETERS frame of an archive");
	if (archive_parse(text, &archive, &refused) == 0)
		archive_judge(&archive, &trust, &steps);
	else
		steps_fail(&steps, attester_run, "archive", &refused);
	rc = send_steps(caller, &steps, err);
	if (rc == 0)
		rc = send_items(caller, &archive, steps_code(&steps) == CODE_OK, err);
	if (rc == 0)
		rc = send_keeps(caller, &archive, err);
	failed = steps_first_failure(&steps);
	if (rc == 0)
		rc = caller_verdict(caller, steps_code(&steps), failed != NULL ? failed->detail : "", err);
	archive_free(&archive);
	steps_free(&steps);
	return rc;
}
