/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appraise worker: appraise PARENT_PID [USER]. Frames in on fd 0, out on fd 1 (order: lib/frame.h). It opens
 * nothing, asks for no time and has no privilege; what it lacks it asks the run for. Exit status 0: a verdict was
 * delivered.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "attest/appraise/wire.h"
#include "attest/collateral/archive.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/fs.h"
#include "lib/provider.h"
#include "lib/sandbox.h"
#include "lib/xml.h"
#include "lib/xmldsig.h"

#define IN 0
#define OUT 1
#define LIFETIME_MS 300000 /* above every deadline of a run, which kills us earlier */

struct worker {
	struct frame_reader in;
	int64_t deadline;
	uint8_t echo[APPRAISE_ECHO_SIZE];
	struct buf parameters, evidence[APPRAISE_GPUS_MAX];
	struct appraise_input input;
	bool archive; /* to be judged instead: it stands in place of the first evidence */
	struct buf out; /* frames that wait to be sent */
	struct err err; /* first fault of the protocol */
};

static int
expect(struct worker *worker, enum frame_type want, struct buf *payload)
{
	enum frame_type type;

	if (frame_read(&worker->in, worker->deadline, false, &type, payload, &worker->err) < 0)
		return err_wrap(&worker->err, CODE_WORKER, "from the run");
	return type == want ? 0 : err_set(&worker->err, CODE_WORKER, "frame of type %d, want %d", type, want);
}

static int
add_frame(struct worker *worker, enum frame_type type, struct buf *payload)
{
	int rc = frame_encode(type, buf_bytes(payload), &worker->out, &worker->err);

	payload->size = 0;
	return rc;
}

/* All at once: a write for each frame would wake the run as often. */
static int
send_frames(struct worker *worker)
{
	int rc = fs_write_stream(OUT, buf_bytes(&worker->out), worker->deadline, &worker->err);

	worker->out.size = 0;
	return rc == 0 ? 0 : err_wrap(&worker->err, CODE_WORKER, "to the run");
}

static int
bad_payload(struct worker *worker, const char *what)
{
	return err_set(&worker->err, CODE_WORKER, "%s cannot be read", what);
}

/* -- start --------------------------------------------------------------------------------------------------------- */
static int
echo_greeting(struct worker *worker)
{
	struct buf payload = {0};
	struct cursor cursor;
	struct bytes version, echo;
	int rc = expect(worker, FRAME_HELLO, &payload);

	cursor = cursor_of(buf_bytes(&payload));
	if (rc == 0 && (!frame_get_field(&cursor, &version) || !frame_get_field(&cursor, &echo) ||
			echo.size != sizeof(worker->echo) || cursor.left != 0))
		rc = bad_payload(worker, "greeting");
	else if (rc == 0 && !bytes_equal(version, bytes_of_text(PROJECT_VERSION)))
		rc = err_set(&worker->err, CODE_WORKER, "the run is not of version " PROJECT_VERSION);
	if (rc == 0)
		memcpy(worker->echo, echo.data, sizeof(worker->echo));
	payload.size = 0;
	frame_put_text(&payload, PROJECT_VERSION);
	frame_put_field(&payload, bytes_of(NULL, 0));
	if (rc == 0)
		rc = add_frame(worker, FRAME_HELLO, &payload);
	buf_free(&payload);
	return rc;
}

/* Everything that libraries do once and that could open a file comes before the filter. */
static int
confine_appraiser(struct worker *worker, int argc, char **argv)
{
	char *end = NULL;
	long parent = argc > 1 ? strtol(argv[1], &end, 10) : 0;

	if (argc < 2 || argc > 3 || end == argv[1] || *end != '\0' || parent <= 0)
		return err_set(&worker->err, CODE_WORKER, "usage: appraise PARENT_PID [USER]");
	if (sandbox_prepare(SANDBOX_APPRAISE, argv[2], (pid_t)parent, NULL, &worker->err) < 0 ||
	    echo_greeting(worker) < 0)
		return -1;
	if (provider_init(&worker->err) < 0 || xmldsig_init(&worker->err) < 0)
		return -1;
	return sandbox_enter(SANDBOX_APPRAISE, &worker->err);
}

static int
read_evidence(struct worker *worker)
{
	struct buf done = {0};
	struct cursor cursor;
	uint32_t count;
	int rc;

	if (!appraise_get_parameters(buf_bytes(&worker->parameters), &worker->input))
		return bad_payload(worker, "parameters");
	for (unsigned i = 0; i < worker->input.gpus; i++) {
		if (i > 0 && expect(worker, FRAME_EVIDENCE, &worker->evidence[i]) < 0)
			return -1;
		if (!appraise_get_evidence(buf_bytes(&worker->evidence[i]), &worker->input.gpu[i]))
			return bad_payload(worker, "evidence");
	}
	rc = expect(worker, FRAME_DONE, &done);
	cursor = cursor_of(buf_bytes(&done));
	if (rc == 0 && (!frame_get_u32(&cursor, &count) || count != worker->input.gpus))
		rc = bad_payload(worker, "end of evidence");
	buf_free(&done);
	return rc;
}

static int
read_run_input(struct worker *worker)
{
	enum frame_type type;

	if (expect(worker, FRAME_PARAMETERS, &worker->parameters) < 0)
		return -1;
	if (frame_read(&worker->in, worker->deadline, false, &type, &worker->evidence[0], &worker->err) < 0)
		return err_wrap(&worker->err, CODE_WORKER, "from the run");
	worker->archive = type == FRAME_FILE;
	if (!worker->archive && type != FRAME_EVIDENCE)
		return err_set(&worker->err, CODE_WORKER, "frame of type %d, want evidence or an archive", type);
	return worker->archive ? 0 : read_evidence(worker);
}

/* -- rounds -------------------------------------------------------------------------------------------------------- */
static int
ask_collateral(struct worker *worker, const struct collateral *need, unsigned count)
{
	struct buf payload = {0};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < count; i++) {
		appraise_put_need(&payload, &need[i]);
		rc = add_frame(worker, FRAME_NEED, &payload);
	}
	frame_put_u32(&payload, count);
	if (rc == 0)
		rc = add_frame(worker, FRAME_DONE, &payload);
	buf_free(&payload);
	return rc == 0 ? send_frames(worker) : -1;
}

/* Once the protocol is broken there is nobody to judge for: the worker ends without a verdict. */
static void
obtain_collateral(void *context, struct collateral *need, unsigned count)
{
	struct worker *worker = context;
	struct buf payload = {0};
	int rc = ask_collateral(worker, need, count);

	for (unsigned i = 0; rc == 0 && i < count; i++) {
		rc = expect(worker, FRAME_COLLATERAL, &payload);
		if (rc == 0 && !appraise_get_collateral(buf_bytes(&payload), &need[i]))
			rc = -1;
	}
	buf_free(&payload);
	if (rc < 0)
		_Exit(EXIT_FAILURE);
}

/* -- answer -------------------------------------------------------------------------------------------------------- */
static int
deliver_appraisal(struct worker *worker, const struct appraisal *appraisal, const struct err *verdict)
{
	struct buf payload = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < appraisal->steps.count; i++) {
		appraise_put_step(&payload, &appraisal->steps.list[i]);
		rc = add_frame(worker, FRAME_STEP, &payload);
	}
	for (unsigned i = 0; rc == 0 && i < appraisal->gpus; i++) {
		if (appraisal->claims[i] == NULL)
			continue;
		frame_put_u32(&payload, i);
		frame_put_text(&payload, appraisal->claims[i]);
		rc = add_frame(worker, FRAME_CLAIMS, &payload);
	}
	for (unsigned i = 0; rc == 0 && i < appraisal->keeps; i++) {
		appraise_put_keep(&payload, &appraisal->keep[i]);
		rc = add_frame(worker, FRAME_KEEP, &payload);
	}
	frame_put_u32(&payload, (uint32_t)steps_code(&appraisal->steps));
	frame_put_field(&payload, bytes_of(worker->echo, sizeof(worker->echo)));
	frame_put_text(&payload, verdict->text);
	if (rc == 0)
		rc = add_frame(worker, FRAME_VERDICT, &payload);
	buf_free(&payload);
	return rc == 0 ? send_frames(worker) : -1;
}

static int
judge_archive(struct worker *worker)
{
	const struct archive_request request = {buf_bytes(&worker->parameters), buf_bytes(&worker->evidence[0]), OUT,
						worker->deadline, bytes_of(worker->echo, sizeof(worker->echo))};

	return send_frames(worker) == 0 ? archive_serve(&request, &worker->err) : -1;
}

static void
say_failure(struct worker *worker)
{
	struct buf payload = {0};

	frame_put_u32(&payload, (uint32_t)err_code(&worker->err));
	frame_put_text(&payload, worker->err.text);
	worker->out.size = 0;
	if (add_frame(worker, FRAME_FAILURE, &payload) == 0)
		(void)send_frames(worker);
	buf_free(&payload);
}

int
main(int argc, char **argv)
{
	struct worker worker = {.in = {.fd = IN}, .deadline = clock_boot_ms() + LIFETIME_MS};
	const struct collateral_source source = {obtain_collateral, &worker};
	struct appraisal appraisal = {0};
	struct err verdict = ERR_INIT;
	int rc = confine_appraiser(&worker, argc, argv);

	if (rc == 0)
		rc = read_run_input(&worker);
	if (rc < 0) {
		say_failure(&worker);
	} else if (worker.archive) {
		rc = judge_archive(&worker);
	} else {
		appraise_run(&worker.input, &source, &appraisal, &verdict);
		rc = deliver_appraisal(&worker, &appraisal, &verdict);
	}
	/* Whatever there is ends with the process: exit() would have its libraries take it apart piece by piece. */
	_Exit(rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
