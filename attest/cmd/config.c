/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/report.h"
#include "attest/policy/policy.h"
#include "lib/code.h"
#include "lib/crypto.h"

static const struct option_entry table[] = {
	{"effective", NULL, "show: with the file and line that each value comes from"},
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

static void
show(const struct conf *conf, bool origins, bool json)
{
	struct json_out *out;
	char *text;

	if (!json) {
		text = conf_text(conf, origins);
		fputs(text, stdout);
		free(text);
		return;
	}
	out = json_out_new(true);
	json_out_object(out);
	conf_json(conf, origins, out);
	json_out_end(out);
	report_json(out);
}

/* What the settings name must be right too. */
static int
check(const struct conf *conf, struct err *err)
{
	struct policy_file *policy;
	int rc = policy_choose(conf, NULL, &policy, err);

	policy_file_free(policy);
	return rc;
}

static int
run(const struct options *options, struct err *err)
{
	struct conf conf;
	bool shows, effective = options_given(options, "effective"), json;
	int rc;

	if (options_format(options, &json, err) != 0 || options_operands(options, 1, 1, err) != 0)
		return err_code(err);
	shows = strcmp(options->operand[0], "show") == 0;
	if (!shows && strcmp(options->operand[0], "check") != 0) {
		err_set(err, CODE_USAGE, "config: '%s' is neither show nor check", options->operand[0]);
		return err_code(err);
	}
	if (!shows && effective) {
		err_set(err, CODE_USAGE, "config: --effective belongs to show");
		return err_code(err);
	}
	crypto_init();
	rc = conf_load(&conf, err);
	if (rc == 0 && shows)
		show(&conf, effective, json);
	else if (rc == 0)
		rc = check(&conf, err);
	conf_free(&conf);
	return rc == 0 ? CODE_OK : err_code(err);
}

const struct command command_config = {"config", "show|check", "Show the configuration in force, or check it", table,
				       run};
