/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "hook/attach.h"
#include "hook/attest.h"
#include "hook/container.h"
#include "hook/cri.h"
#include "hook/decision.h"
#include "hook/duty.h"
#include "hook/host.h"
#include "hook/journal.h"
#include "hook/privilege.h"
#include "hook/processes.h"
#include "hook/refresh.h"
#include "hook/stage.h"
#include "hook/start.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "spec/hook_config.h"
#include "spec/oci_config.h"
#include "spec/oci_state.h"

#define PROGRAM "cgpu-hook"
#define CHALLENGE_KEY "org.cgpu.challenge"
#define CHALLENGE_MAX 4096
#define NAME_MAX_SIZE 512

/* One start of a container, from the call to the answer. */
struct gate {
	int64_t deadline;
	struct stage stage;
	struct oci_state state;
	struct container container;
	struct oci_config config;
	struct decision decision;
	char bundle[CONTAINER_PATH_MAX];
	struct attest_request request;
	struct attest_reply reply;
	struct err kept; /* why the container will get no other token */
};

static int
read_input(struct gate *gate, struct err *err)
{
	struct buf text = {0};
	int result;

	if (fs_read_stream(STDIN_FILENO, OCI_STATE_SIZE_MAX, gate->deadline, &text, err) != 0)
		result = err_wrap(err, CODE_STATE, "state");
	else
		result = oci_state_parse(buf_bytes(&text), &gate->state, err);
	buf_free(&text);
	if (result != 0 || container_open(gate->state.pid, gate->state.bundle, &gate->container, err) != 0)
		return -1;
	return oci_config_parse(buf_bytes(&gate->container.config), &gate->config, err);
}

static int
decide(struct gate *gate, struct err *err)
{
	struct decision_host answers;
	struct host host;
	int rc = host_open(gate->state.pid, &host, &answers, err);

	if (rc == 0)
		rc = decision_make(&gate->state, &gate->config, &answers, &gate->decision, err);
	host_close(&host, &answers);
	return rc;
}

/* Values that become arguments of another program: printable, one line, of a length. value: NULL = there is none. */
static int
take_annotation(const char *what, const char *value, size_t max, const char **out, struct err *err)
{
	const char *at;

	for (at = value; at != NULL && *at != '\0'; at++)
		if (*at < 0x20 || *at > 0x7e || (size_t)(at - value) >= max)
			return err_set(err, CODE_CONFIG,
				       "annotation of the %s: want at most %zu printable ASCII characters", what, max);
	*out = value != NULL && *value != '\0' ? value : NULL;
	return 0;
}

static int
attest(struct gate *gate, struct err *err)
{
	struct attest_request *request = &gate->request;
	const struct oci_annotations *annotations = &gate->config.annotations;
	struct attest_run run;

	*request = (struct attest_request){
		.container_id = gate->state.id,
		.config = buf_bytes(&gate->container.config),
		.all = gate->decision.all,
		.minors = gate->decision.minors,
		.count = gate->decision.count,
		.privileged = gate->decision.privileged,
		.shared_pid = processes_shared("", gate->state.pid),
		.before_driver = gate->decision.before_driver,
		.bundle = gate->bundle,
	};
	if (container_bundle(&gate->container, gate->bundle, err) != 0)
		return -1;
	if (take_annotation("image", cri_image(gate->bundle, annotations), NAME_MAX_SIZE, &request->image_id,
			    err) != 0 ||
	    take_annotation("namespace", cri_namespace(gate->bundle, annotations), NAME_MAX_SIZE, &request->name_space,
			    err) != 0 ||
	    take_annotation("challenge", oci_annotation(annotations, CHALLENGE_KEY), CHALLENGE_MAX, &request->challenge,
			    err) != 0)
		return -1;
	if (attest_start(PATH_CGPU, request, &run, err) != 0)
		return -1;
	if (privilege_confine(false, err) != 0) {
		spawn_kill(&run.child);
		return -1;
	}
	return attest_finish(&run, gate->deadline, &gate->reply, err);
}

/* -- what is told -- */

/* -1 with CODE_AUDIT if a required line is missing. */
static int
record(const struct gate *gate, enum log_event event, const struct err *cause, struct err *err)
{
	const struct journal entry = {
		.event = event,
		.program = PROGRAM,
		.container = gate->state.id,
		.bundle = gate->bundle[0] != '\0' ? gate->bundle : gate->state.bundle,
		.reason = gate->decision.reason[0] != '\0' ? gate->decision.reason : NULL,
		.caller = gate->stage.cdi ? "cdi" : "hooks.d",
		.refresh = gate->kept.text[0] != '\0' ? gate->kept.text : NULL,
		.cause = cause,
		.reply = &gate->reply,
		.began = gate->deadline - HOOK_DEADLINE_MS,
	};

	return journal_write(&entry, err);
}

/* -- the flow -- */

static int
attach(struct gate *gate, struct err *err)
{
	struct attach_place place;

	if (attach_files(&gate->container, gate->config.root_path, gate->config.mount_label, gate->reply.files,
			 gate->reply.count, gate->deadline, &place, err) != 0)
		return -1;
	(void)refresh_keep(&gate->container, &gate->request, &gate->reply, &place, &gate->kept);
	return 0;
}

/* 0: the container may start. */
static int
gate_container(struct gate *gate, struct err *err)
{
	if (privilege_reduce(true, err) != 0 || read_input(gate, err) != 0)
		return -1;
	if (!duty_is_ours(&gate->config, &gate->stage))
		return 0;
	if (decide(gate, err) != 0 || privilege_reduce(false, err) != 0)
		return -1;
	if (gate->decision.answer == DECISION_NO_GPU)
		return 0;
	if (gate->decision.answer != DECISION_GPU)
		return err_set(err, CODE_INTERNAL, "no decision was made");
	if (container_check(&gate->container, err) != 0 || attest(gate, err) != 0)
		return -1;
	if (gate->reply.exempt) {
		(void)refresh_keep(&gate->container, &gate->request, &gate->reply, NULL, &gate->kept);
		return record(gate, LOG_EXEMPT, NULL, err);
	}
	if (attach(gate, err) != 0)
		return -1;
	return record(gate, gate->reply.observed ? LOG_OBSERVED : LOG_ALLOWED, NULL, err);
}

static int
run(struct gate *gate, int argc, char *argv[], struct err *err)
{
	if (start_clean(err) != 0 || stage_parse(argc, argv, &gate->stage, err) != 0)
		return -1;
	if (gate->stage.action == STAGE_HELP)
		stage_help();
	else if (gate->stage.action == STAGE_VERSION)
		printf("%s %s\n", PROGRAM, PROJECT_VERSION);
	else if (gate->stage.action == STAGE_GATE)
		return gate_container(gate, err);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct gate gate = {.deadline = clock_boot_ms() + HOOK_DEADLINE_MS, .container = {.pidfd = -1, .bundle = -1}};
	struct err err = ERR_INIT;
	int code = CODE_INTERNAL;

	if (run(&gate, argc, argv, &err) == 0) {
		code = gate.stage.action == STAGE_REFRESH ? refresh_run(&gate.stage, gate.deadline) : CODE_OK;
	} else {
		code = err_code(&err);
		(void)record(&gate, LOG_REFUSED, &err, &(struct err)ERR_INIT);
		err_print(&err, PROGRAM);
	}
	attest_free(&gate.reply);
	oci_config_free(&gate.config);
	oci_state_free(&gate.state);
	container_close(&gate.container);
	return code;
}
