/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "attest/worker.h"
#include "config.h"
#include "lib/code.h"

bool
caller_parent(const char *text, pid_t *parent)
{
	char *end = NULL;
	long number = strtol(text, &end, 10);

	*parent = (pid_t)number;
	return end != text && *end == '\0' && number > 0 && number <= INT_MAX;
}

int
caller_receive(struct caller *caller, enum frame_type *type, struct buf *payload, struct err *err)
{
	int rc = frame_read(&caller->from, caller->deadline, true, type, payload, err);

	return rc < 0 ? err_wrap(err, CODE_WORKER, "from the run") : rc;
}

int
caller_expect(struct caller *caller, enum frame_type want, struct buf *payload, struct err *err)
{
	enum frame_type type;
	int rc = caller_receive(caller, &type, payload, err);

	if (rc == 0 && type == want)
		return 0;
	if (rc == 0)
		return err_set(err, CODE_WORKER, "from the run: frame %s, want %s", frame_name(type), frame_name(want));
	return rc < 0 ? -1 : err_set(err, CODE_WORKER, "from the run: end of file, want frame %s", frame_name(want));
}

int
caller_greet(struct caller *caller, struct err *err)
{
	struct bytes version, echo;
	struct buf payload = {0};
	struct cursor cursor;
	int rc = caller_expect(caller, FRAME_HELLO, &payload, err);

	cursor = cursor_of(buf_bytes(&payload));
	if (rc == 0 && (!frame_get_field(&cursor, &version) || !frame_get_field(&cursor, &echo) ||
			echo.size != sizeof(caller->echo) || cursor.left != 0))
		rc = err_set(err, CODE_WORKER, "malformed HELLO frame");
	else if (rc == 0 && !bytes_equal(version, bytes_of_text(PROJECT_VERSION)))
		rc = err_set(err, CODE_WORKER, "the run is not of version " PROJECT_VERSION);
	if (rc == 0) {
		memcpy(caller->echo, echo.data, sizeof(caller->echo));
		rc = caller_send(caller, FRAME_HELLO, &payload, err); /* it goes back as it came */
	}
	buf_free(&payload);
	return rc;
}

int
caller_send(struct caller *caller, enum frame_type type, struct buf *payload, struct err *err)
{
	return frame_add(&caller->to, type, payload, err) == 0 ? 0 : err_wrap(err, CODE_WORKER, "to the run");
}

int
caller_flush(struct caller *caller, struct err *err)
{
	if (frame_flush(&caller->to, caller->deadline, err) == 0)
		return 0;
	return err_wrap(err, CODE_WORKER, "to the run");
}

int
caller_verdict(struct caller *caller, int code, const char *text, struct err *err)
{
	struct buf payload = {0};
	int rc;

	frame_put_u32(&payload, (uint32_t)code);
	frame_put_field(&payload, bytes_of(caller->echo, sizeof(caller->echo)));
	frame_put_text(&payload, text);
	rc = caller_send(caller, FRAME_VERDICT, &payload, err);
	buf_free(&payload);
	return rc == 0 ? caller_flush(caller, err) : -1;
}

void
caller_fail(struct caller *caller, const struct err *cause)
{
	struct err ignored = ERR_INIT;
	struct buf payload = {0};

	frame_put_u32(&payload, (uint32_t)err_code(cause));
	frame_put_text(&payload, cause->text);
	frame_discard(&caller->to);
	if (caller_send(caller, FRAME_FAILURE, &payload, &ignored) == 0)
		(void)caller_flush(caller, &ignored);
	buf_free(&payload);
}
