/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "attest/appraise/wire.h"
#include "attest/collateral/archive.h"
#include "lib/code.h"
#include "lib/frame.h"

static int
send_frame(const struct archive_request *request, enum frame_type type, struct buf *payload, struct err *err)
{
	int rc = frame_write(request->out, request->deadline, type, buf_bytes(payload), err);

	payload->size = 0;
	return rc;
}

static int
send_steps(const struct archive_request *request, const struct steps *steps, struct err *err)
{
	struct buf payload = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < steps->count; i++) {
		appraise_put_step(&payload, &steps->list[i]);
		rc = send_frame(request, FRAME_STEP, &payload, err);
	}
	buf_free(&payload);
	return rc;
}

/* What each item is; and where all hold, the items themselves. */
static int
send_items(const struct archive_request *request, const struct archive *archive, bool whole, struct err *err)
{
	struct buf payload = {0};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < archive->items; i++) {
		if (archive->item[i].about == NULL)
			continue;
		frame_put_u32(&payload, i);
		frame_put_text(&payload, archive->item[i].about);
		rc = send_frame(request, FRAME_CLAIMS, &payload, err);
	}
	for (unsigned i = 0; whole && rc == 0 && i < archive->items; i++) {
		frame_put_text(&payload, archive->item[i].name);
		frame_put_field(&payload, buf_bytes(&archive->item[i].content));
		rc = send_frame(request, FRAME_FILE, &payload, err);
	}
	buf_free(&payload);
	return rc;
}

static int
send_keeps(const struct archive_request *request, const struct archive *archive, struct err *err)
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
		rc = send_frame(request, FRAME_KEEP, &payload, err);
	}
	buf_free(&payload);
	return rc;
}

static int
send_verdict(const struct archive_request *request, const struct steps *steps, struct err *err)
{
	const struct step *failed = steps_first_failure(steps);
	struct buf payload = {0};
	int rc;

	frame_put_u32(&payload, (uint32_t)steps_code(steps));
	frame_put_field(&payload, request->echo);
	frame_put_text(&payload, failed != NULL ? failed->detail : "");
	rc = send_frame(request, FRAME_VERDICT, &payload, err);
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
archive_serve(const struct archive_request *request, struct err *err)
{
	struct archive_trust trust;
	struct archive archive = {0};
	struct steps steps = {0};
	struct err refused = ERR_INIT;
	struct bytes text;
	int rc = 0;

	if (!archive_get_trust(request->parameters, &trust) || !read_archive_payload(request->file, &text))
		return err_set(err, CODE_WORKER, "archive or its parameters cannot be read");
	if (archive_parse(text, &archive, &refused) == 0)
		archive_judge(&archive, &trust, &steps);
	else
		steps_fail(&steps, STEP_RUN, "archive", &refused);
	rc = send_steps(request, &steps, err);
	if (rc == 0)
		rc = send_items(request, &archive, steps_code(&steps) == CODE_OK, err);
	if (rc == 0)
		rc = send_keeps(request, &archive, err);
	if (rc == 0)
		rc = send_verdict(request, &steps, err);
	archive_free(&archive);
	steps_free(&steps);
	return rc;
}
