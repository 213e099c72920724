/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/live.h"
#include "attest/cmd/report.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/random.h"

static const struct option_entry table[] = {
	{"nonce", "HEX", "the GPU nonce, 64 hex digits (default random)"},
	{"gpus", "all|N,N...", "minors of /dev/nvidiaN (default all)"},
	{"output", "FILE", "where to write the evidence JSON (default standard output)"},
	{"format", "text|json", "form of the report about a refusal (default text)"},
	{NULL, NULL, NULL},
};

static int
deliver_evidence(const struct options *options, const struct run *run, struct err *err)
{
	char *text = gpu_evidence_print(run->evidence, run->gpus);
	const char *path = options_get(options, "output");
	int rc = 0;

	if (path != NULL)
		rc = fs_write_atomic(path, bytes_of_text(text), 0644, err);
	else if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
		rc = err_set(err, 0, "standard output: write failed");
	free(text);
	return rc == 0 ? CODE_OK : (err_wrap(err, CODE_USAGE, "evidence"), err_code(err));
}

static int
collect_evidence(const struct options *options, const struct run_request *request, const uint8_t nonce[32], bool json,
	struct err *err)
{
	struct run run = {0};
	struct report report;
	int code = run_collect(request, nonce, &run);

	if (code == CODE_OK) {
		code = deliver_evidence(options, &run, err);
	} else {
		report = (struct report){&run.steps, run.claims, run.gpus, NULL};
		report_print(&report, json);
	}
	run_free(&run);
	return code;
}

static int
run(const struct options *options, struct err *err)
{
	struct run_request request = {0};
	struct conf conf = {0};
	uint8_t nonce[32];
	bool given, json;
	int code;

	if (options_format(options, &json, err) != 0 || options_operands(options, 0, 0, err) != 0 ||
	    options_nonce(options, nonce, &given, err) != 0 || live_gpus(options, &request, err) != 0 ||
	    conf_load(&conf, err) != 0) {
		conf_free(&conf);
		return err_code(err);
	}
	if (!given)
		random_bytes(nonce, sizeof(nonce));
	request.conf = &conf;
	request.deadline = live_deadline(&conf);
	code = collect_evidence(options, &request, nonce, json, err);
	conf_free(&conf);
	return code;
}

const struct command command_evidence = {"evidence", "", "Collect evidence from the GPUs, without judging it", table,
					 run};
