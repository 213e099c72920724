/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/code.h"

static const char *
status_word(const struct step *step)
{
	switch (step->status) {
	case STEP_OK:
		return "ok";
	case STEP_SKIPPED:
		return "skipped";
	case STEP_FAIL:
		break;
	}
	return "fail";
}

static void
print_step(const struct step *step)
{
	char detail[2 * ERR_TEXT_MAX];

	text_escape(detail, sizeof(detail), step->detail);
	printf("  %-7s  %-24s %s", status_word(step), step->name, detail);
	if (step->status == STEP_FAIL)
		printf(" [%s, code %d]", code_name(step->code), step->code);
	printf("\n");
}

static void
print_report_text(const struct report *report, int code)
{
	const struct code_entry *entry = code_find(code);
	char name[ATTESTER_NAME_SIZE];

	for (size_t i = 0; i < report->steps->count; i++) {
		const struct step *step = &report->steps->list[i];

		if (i == 0 || !attester_equal(step->attester, report->steps->list[i - 1].attester))
			printf("%s\n",
			       step->attester.kind == ATTESTER_RUN ? "system" : attester_name(step->attester, name));
		print_step(step);
	}
	if (code == CODE_OK)
		printf("result: pass\n");
	else
		printf("result: refuse, code %d (%s): %s\nhint: %s\n", code, code_name(code), entry ? entry->cause : "",
		       entry ? entry->action : "");
}

void
report_verdict_json(struct json_out *out, int code, const char *message)
{
	const struct code_entry *entry = code_find(code);

	json_out_member_integer(out, "schema", 1);
	json_out_member_text(out, "result", code == CODE_OK ? "pass" : "refuse");
	json_out_member_integer(out, "code", code);
	json_out_member_text(out, "name", code_name(code));
	json_out_member_text(out, "message", message);
	json_out_member_text(out, "hint", entry ? entry->action : "");
}

static void
json_step(struct json_out *out, const struct step *step)
{
	char name[ATTESTER_NAME_SIZE];

	attester_name(step->attester, name);
	json_out_object(out);
	json_out_member_text(out, "gpu", step->attester.kind == ATTESTER_GPU ? name : NULL);
	json_out_member_text(out, "attester", name);
	json_out_member_text(out, "step", step->name);
	json_out_member_text(out, "status", status_word(step));
	if (step->status == STEP_FAIL) {
		json_out_member_integer(out, "code", step->code);
	}
	json_out_member_text(out, "detail", step->detail);
	json_out_end(out);
}

static void
json_lists(struct json_out *out, const struct report *report)
{
	json_out_name(out, "steps");
	json_out_array(out);
	for (size_t i = 0; report != NULL && i < report->steps->count; i++)
		json_step(out, &report->steps->list[i]);
	json_out_end(out);
	json_out_name(out, "claims");
	json_out_array(out);
	for (unsigned i = 0; report != NULL && i < report->gpus; i++)
		if (report->claims[i] != NULL)
			json_out_value(out, report->claims[i]);
	json_out_end(out);
	json_out_name(out, "detached_eat");
	if (report != NULL && report->detached_eat != NULL)
		json_out_value(out, report->detached_eat);
	else
		json_out_null(out);
}

void
report_json(struct json_out *out)
{
	char *text = json_out_finish(out);

	fputs(text, stdout);
	free(text);
}

static void
print_report_json(const struct report *report, int code, const char *message)
{
	struct json_out *out = json_out_new(true);

	json_out_object(out);
	report_verdict_json(out, code, message);
	json_lists(out, report);
	json_out_end(out);
	report_json(out);
}

int
report_print(const struct report *report, bool json)
{
	const struct step *failed = steps_first_failure(report->steps);
	int code = steps_code(report->steps);

	if (json)
		print_report_json(report, code,
			   failed ? failed->detail
			   : code == CODE_OK ? "every step passed"
					     : "no verdict");
	else
		print_report_text(report, code);
	if (fflush(stdout) != 0 && code == CODE_OK)
		return CODE_INTERNAL;
	return code;
}

void
report_error_json(const struct err *err)
{
	print_report_json(NULL, err_code(err), err->text);
}
