/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/live.h"
#include "attest/cmd/progress.h"
#include "attest/cmd/report.h"
#include "attest/policy/mode.h"
#include "attest/policy/policy.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/log.h"

static const struct option_entry table[] = {
	{"attest", NULL, "verify all GPUs, and only if they pass let them accept work"},
	{"off", NULL, "let them accept no work any more, until the driver is loaded again"},
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

/* The machine changed: who reads the journal shall see it between the starts. */
static void
log_change(enum log_event event, const struct collect_states *states, const char *message)
{
	const struct log_field fields[] = {{"ready_state", mode_ready(states->ready)},
					   {"driver_version", states->driver_version}};

	log_write(&(struct log_record){event, "cgpu", CODE_OK, message, fields, 2});
}

static void
print_ready_text(const struct collect_states *states, const struct collect_identity *gpu)
{
	printf("GPUs ready state: %s\n", mode_ready(states->ready));
	for (uint32_t i = 0; i < states->gpus; i++)
		printf("GPU-%u: %s, PCI %s, persistence %s\n", i, gpu[i].uuid, gpu[i].pci,
		       gpu[i].persistence == 1 ? "ON" : "OFF");
}

static void
print_ready_json(const struct collect_states *states, const struct collect_identity *gpu, int code)
{
	struct json_out *out = json_out_new(true);

	json_out_object(out);
	json_out_member_integer(out, "schema", 1);
	json_out_member_integer(out, "code", code);
	json_out_member_text(out, "name", code_name(code));
	json_out_member_text(out, "ready_state", mode_ready(states->ready));
	json_out_name(out, "gpus");
	json_out_array(out);
	for (uint32_t i = 0; i < states->gpus; i++) {
		json_out_object(out);
		json_out_member_text(out, "uuid", gpu[i].uuid);
		json_out_member_text(out, "pci", gpu[i].pci);
		json_out_name(out, "persistence");
		json_out_bool(out, gpu[i].persistence == 1);
		json_out_end(out);
	}
	json_out_end(out);
	json_out_end(out);
	report_json(out);
}

/* The code says whether the GPUs accept work and keep doing so. */
static int
show_ready(const struct conf *conf, bool json, struct err *err)
{
	struct collect_identity gpu[GPU_MAX] = {0};
	struct collect_states states = {0};
	struct steps steps = {0};
	int code;

	if (run_states(conf, live_deadline(conf), &states, gpu, err) != 0)
		return err_code(err);
	code = mode_judge_ready(&states, gpu, conf, &steps) == 0 ? CODE_OK : steps_code(&steps);
	if (json)
		print_ready_json(&states, gpu, code);
	else
		print_ready_text(&states, gpu);
	if (code != CODE_OK && !json)
		err_set(err, code, "%s", steps_first_failure(&steps)->detail);
	steps_free(&steps);
	return code;
}

static int
attest_all(const struct conf *conf, bool json, struct err *err)
{
	struct policy_file *policy = NULL;
	struct run_request request = {
		.conf = conf, .all = true, .progress = progress_begin(), .deadline = live_deadline(conf)};
	struct run run = {0};
	int code;

	if (policy_choose(conf, NULL, &policy, err) != 0)
		return err_code(err);
	request.policy = policy;
	run_attest(&request, &run);
	live_count(&run);
	progress_end();
	if (run.ready_set)
		log_change(LOG_READY, &run.states, "every GPU was verified; the ready state was set");
	code = report_print(&(struct report){&run.steps, run.claims, run.gpus, NULL}, json);
	policy_file_free(policy);
	run_free(&run);
	return code;
}

static int
off(const struct conf *conf, bool json, struct err *err)
{
	struct collect_identity gpu[GPU_MAX] = {0};
	struct collect_states states = {0};
	bool was_on = false;

	if (run_ready_off(conf, live_deadline(conf), &was_on, &states, gpu, err) != 0)
		return err_code(err);
	if (was_on)
		log_change(LOG_NOT_READY, &states, "the ready state was switched off");
	if (json)
		print_ready_json(&states, gpu, CODE_OK);
	else
		print_ready_text(&states, gpu);
	if (was_on && !json)
		printf("Current drivers do not switch it on again before they are loaded again.\n");
	return CODE_OK;
}

static int
run(const struct options *options, struct err *err)
{
	bool with_attest = options_given(options, "attest"), with_off = options_given(options, "off"), json;
	struct conf conf = {0};
	int code;

	crypto_init();
	if (options_format(options, &json, err) != 0 || options_operands(options, 0, 0, err) != 0)
		return err_code(err);
	if (with_attest && with_off)
		return err_set(err, CODE_USAGE, "ready: --attest and --off exclude each other"), err_code(err);
	/* As an option of the command line, whatever the hook may do. */
	if (conf_load(&conf, err) != 0 ||
	    (with_attest && conf_set(&conf, "policy", "ready-state", "manage", err) != 0) ||
	    (!with_attest && conf_set(&conf, "policy", "ready-state", "require", err) != 0))
		code = err_code(err);
	else
		code = with_attest ? attest_all(&conf, json, err)
		       : with_off  ? off(&conf, json, err)
				   : show_ready(&conf, json, err);
	conf_free(&conf);
	return code;
}

const struct command command_ready = {"ready", "", "Show whether the GPUs accept work, or let them after verifying all",
				      table, run};
