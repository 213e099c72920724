/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/report.h"
#include "attest/policy/policy.h"
#include "config.h"
#include "lib/code.h"
#include "lib/crypto.h"

static const struct option_entry table[] = {
	{"online", NULL, "ask the configured services, too"},
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

static void
print_finding(const struct finding *finding)
{
	char text[2 * ERR_TEXT_MAX];

	text_escape(text, sizeof(text), finding->text);
	printf("%-4s  %-24s %s", finding_status_name(finding->status), finding->check, text);
	if (finding->code != CODE_OK)
		printf(" [%s, code %d]", code_name(finding->code), finding->code);
	if (finding->action != NULL)
		printf("; run: %s", finding->action);
	printf("\n");
}

static void
print_findings_text(const struct findings *findings, int code)
{
	unsigned count[4] = {0};

	for (size_t i = 0; i < findings->count; i++) {
		print_finding(&findings->list[i]);
		count[findings->list[i].status]++;
	}
	printf("result: %u ok, %u warn, %u fail, %u not looked at", count[FINDING_OK], count[FINDING_WARN],
	       count[FINDING_FAIL], count[FINDING_SKIP]);
	if (code != CODE_OK)
		printf("; code %d (%s)", code, code_name(code));
	printf("\n");
}

static void
json_finding(struct json_out *out, const struct finding *finding)
{
	json_out_object(out);
	json_out_member_text(out, "check", finding->check);
	json_out_member_text(out, "status", finding_status_name(finding->status));
	if (finding->code != CODE_OK) {
		json_out_member_integer(out, "code", finding->code);
		json_out_member_text(out, "name", code_name(finding->code));
	}
	json_out_member_text(out, "detail", finding->text);
	json_out_member_text(out, "action", finding->action);
	json_out_end(out);
}

static void
print_findings_json(const struct findings *findings, int code)
{
	const struct finding *failed = findings_first_failure(findings);
	struct json_out *out = json_out_new(true);

	json_out_object(out);
	report_verdict_json(out, code, failed != NULL ? failed->text : "nothing failed");
	json_out_member_text(out, "version", PROJECT_VERSION);
	json_out_name(out, "checks");
	json_out_array(out);
	for (size_t i = 0; i < findings->count; i++)
		json_finding(out, &findings->list[i]);
	json_out_end(out);
	json_out_end(out);
	report_json(out);
}

static void
examine_machine(struct doctor *doctor, const struct err *refused)
{
	doctor_configuration(doctor, refused);
	doctor_programs(doctor);
	doctor_units(doctor);
	doctor_machine(doctor);
	doctor_driver(doctor);
	doctor_clock(doctor);
	doctor_gpus(doctor);
	doctor_advisory(doctor);
	doctor_ready_opener(doctor);
	doctor_collateral(doctor);
	doctor_engines(doctor);
	doctor_hooks(doctor);
	doctor_cdi_engines(doctor);
	doctor_cdi(doctor);
	doctor_containers(doctor);
	doctor_disk(doctor);
}

static int
run(const struct options *options, struct err *err)
{
	struct doctor doctor = {.root = "", .online = options_given(options, "online")};
	struct err refused = ERR_INIT;
	struct policy_file *policy = NULL;
	struct conf conf = {0};
	bool json;
	int code;

	if (options_format(options, &json, err) != 0 || options_operands(options, 0, 0, err) != 0)
		return err_code(err);
	crypto_init();
	if (conf_load(&conf, &refused) == 0 && policy_choose(&conf, NULL, &policy, &refused) == 0)
		doctor.conf = &conf;
	doctor.policy = policy;
	examine_machine(&doctor, &refused);
	code = findings_code(&doctor.findings);
	if (json)
		print_findings_json(&doctor.findings, code);
	else
		print_findings_text(&doctor.findings, code);
	findings_free(&doctor.findings);
	policy_file_free(policy);
	conf_free(&conf);
	return fflush(stdout) != 0 && code == CODE_OK ? CODE_INTERNAL : code;
}

const struct command command_doctor = {"doctor", "",
				       "Tell what stands in the way of a gated start, and what to do about it", table,
				       run};
