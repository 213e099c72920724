/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appraise worker: appraise PARENT_PID [USER]. Frames in on fd 0, out on fd 1 (order: lib/frame.h). It opens
 * nothing, asks for no time and has no privilege; what it lacks it asks the run for. Exit status 0: a verdict was
 * delivered.
 */
#include <stdlib.h>
#include <unistd.h>

#include "attest/appraise/wire.h"
#include "attest/collateral/archive.h"
#include "attest/worker.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/provider.h"
#include "lib/sandbox.h"

#define LIFETIME_MS 300000 /* above every deadline of a run, which kills us earlier */

struct appraise_process {
	struct caller caller;
	struct buf parameters, evidence[GPU_MAX];
	struct appraise_input input;
	bool archive; /* to be judged instead: it stands in place of the first evidence */
	struct err err; /* first fault of the protocol */
};

static int
malformed(struct appraise_process *process, const char *what)
{
	return err_set(&process->err, CODE_WORKER, "malformed %s frame", what);
}

/* -- start --------------------------------------------------------------------------------------------------------- */

/* Everything that libraries do once and that could open a file comes before the filter. */
static int
confine_appraiser(struct appraise_process *process, int argc, char **argv)
{
	pid_t parent;

	if (argc < 2 || argc > 3 || !caller_parent(argv[1], &parent))
		return err_set(&process->err, CODE_WORKER, "usage: appraise PARENT_PID [USER]");
	if (sandbox_prepare(SANDBOX_APPRAISE, argv[2], parent, NULL, &process->err) < 0 ||
	    caller_greet(&process->caller, &process->err) < 0)
		return -1;
	if (provider_init(&process->err) < 0)
		return -1;
	return sandbox_enter(SANDBOX_APPRAISE, &process->err);
}

static int
read_evidence(struct appraise_process *process)
{
	struct buf done = {0};
	struct cursor cursor;
	uint32_t count;
	int rc;

	if (!appraise_get_parameters(buf_bytes(&process->parameters), &process->input))
		return malformed(process, "PARAMETERS");
	for (unsigned i = 0; i < process->input.gpus; i++) {
		if (i > 0 && caller_expect(&process->caller, FRAME_EVIDENCE, &process->evidence[i], &process->err) < 0)
			return -1;
		if (!appraise_get_evidence(buf_bytes(&process->evidence[i]), &process->input.gpu[i]))
			return malformed(process, "EVIDENCE");
	}
	rc = caller_expect(&process->caller, FRAME_DONE, &done, &process->err);
	cursor = cursor_of(buf_bytes(&done));
	if (rc == 0 && (!frame_get_u32(&cursor, &count) || count != process->input.gpus))
		rc = malformed(process, "DONE");
	buf_free(&done);
	return rc;
}

static int
read_run_input(struct appraise_process *process)
{
	enum frame_type type = FRAME_DONE;
	int rc = caller_expect(&process->caller, FRAME_PARAMETERS, &process->parameters, &process->err);

	if (rc == 0)
		rc = caller_receive(&process->caller, &type, &process->evidence[0], &process->err);
	if (rc < 0)
		return -1;
	process->archive = type == FRAME_FILE;
	if (!process->archive && type != FRAME_EVIDENCE)
		return err_set(&process->err, CODE_WORKER, "from the run: neither EVIDENCE nor FILE");
	return process->archive ? 0 : read_evidence(process);
}

/* -- rounds -------------------------------------------------------------------------------------------------------- */
static int
ask_collateral(struct appraise_process *process, const struct collateral *need, unsigned count)
{
	struct buf payload = {0};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < count; i++) {
		appraise_put_need(&payload, &need[i]);
		rc = caller_send(&process->caller, FRAME_NEED, &payload, &process->err);
	}
	frame_put_u32(&payload, count);
	if (rc == 0)
		rc = caller_send(&process->caller, FRAME_DONE, &payload, &process->err);
	buf_free(&payload);
	return rc == 0 ? caller_flush(&process->caller, &process->err) : -1;
}

/* Once the protocol is broken there is nobody to judge for: the worker ends without a verdict. */
static void
obtain_collateral(void *context, struct collateral *need, unsigned count)
{
	struct appraise_process *process = context;
	struct buf payload = {0};
	int rc = ask_collateral(process, need, count);

	for (unsigned i = 0; rc == 0 && i < count; i++) {
		rc = caller_expect(&process->caller, FRAME_COLLATERAL, &payload, &process->err);
		if (rc == 0 && !appraise_get_collateral(buf_bytes(&payload), &need[i]))
			rc = malformed(process, "COLLATERAL");
	}
	buf_free(&payload);
	if (rc == 0)
		return;
	caller_fail(&process->caller, &process->err);
	_Exit(EXIT_FAILURE);
}

/* -- answer -------------------------------------------------------------------------------------------------------- */
static int
deliver_appraisal(struct appraise_process *process, const struct appraisal *appraisal, const struct err *verdict)
{
	struct buf payload = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < appraisal->steps.count; i++) {
		appraise_put_step(&payload, &appraisal->steps.list[i]);
		rc = caller_send(&process->caller, FRAME_STEP, &payload, &process->err);
	}
	for (unsigned i = 0; rc == 0 && i < appraisal->gpus; i++) {
		if (appraisal->claims[i] == NULL)
			continue;
		frame_put_u32(&payload, i);
		frame_put_text(&payload, appraisal->claims[i]);
		rc = caller_send(&process->caller, FRAME_CLAIMS, &payload, &process->err);
	}
	for (unsigned i = 0; rc == 0 && i < appraisal->keeps; i++) {
		appraise_put_keep(&payload, &appraisal->keep[i]);
		rc = caller_send(&process->caller, FRAME_KEEP, &payload, &process->err);
	}
	buf_free(&payload);
	if (rc < 0)
		return -1;
	return caller_verdict(&process->caller, steps_code(&appraisal->steps), verdict->text, &process->err);
}

static int
judge_archive(struct appraise_process *process)
{
	return archive_serve(&process->caller, buf_bytes(&process->parameters), buf_bytes(&process->evidence[0]),
			     &process->err);
}

static int
judge_evidence(struct appraise_process *process)
{
	const struct collateral_source source = {obtain_collateral, process};
	struct appraisal appraisal = {0};
	struct err verdict = ERR_INIT;

	appraise_run(&process->input, &source, &appraisal, &verdict);
	return deliver_appraisal(process, &appraisal, &verdict);
}

int
main(int argc, char **argv)
{
	struct appraise_process process = {
		.caller = {.from.fd = STDIN_FILENO, .to.fd = STDOUT_FILENO, .deadline = clock_boot_ms() + LIFETIME_MS}};
	int rc = confine_appraiser(&process, argc, argv);

	if (rc == 0)
		rc = read_run_input(&process);
	if (rc == 0)
		rc = process.archive ? judge_archive(&process) : judge_evidence(&process);
	if (rc < 0)
		caller_fail(&process.caller, &process.err);
	/* Whatever there is ends with the process: exit() would have its libraries take it apart piece by piece. */
	_Exit(rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
