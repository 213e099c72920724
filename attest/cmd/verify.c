/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/progress.h"
#include "attest/cmd/report.h"
#include "attest/cmd/sources.h"
#include "attest/policy/policy.h"
#include "attest/policy/roots.h"
#include "attest/run.h"
#include "lib/clock.h"
#include "lib/code.h"

#define EVIDENCE_MAX (2 << 20)
#define CHAIN_MAX 0x4000
#define ROOT_MAX 16384

static const struct option_entry table[] = {
	{"gpu-evidence-file", "FILE", "evidence as JSON, as nvattest writes and reads it"},
	{"gpu-evidence-source", "file", "accepted for nvattest's sake: evidence always comes from a file"},
	{"report", "FILE", "instead: one report as hex text ..."},
	{"chain", "FILE", "... and its certificate chain as PEM"},
	{"nonce", "HEX", "the nonce that the evidence must answer (64 hex digits)"},
	SOURCE_OPTIONS,
	{"driver-rim", "FILE", "the driver's reference manifest"},
	{"vbios-rim", "FILE", "the VBIOS's reference manifest"},
	{"device-root", "FILE", "trust anchor of device chains (default NVIDIA's)"},
	{"rim-root", "FILE", "trust anchor of manifests (default NVIDIA's)"},
	{"at", "TIME", "judge at this time, such as 2026-06-01T00:00:00Z (default now)"},
	{"allow-ocsp-without-nonce", NULL, "accept stored revocation answers, which cannot carry our nonce"},
	{"allow-certificate-hold", NULL, "accept certificates on hold"},
	{"policy", "FILE", "NVIDIA's JSON policy to fulfil, instead of the one of cgpu.conf"},
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

struct inputs {
	struct conf conf;
	struct policy_file *policy;
	struct gpu_evidence evidence[GPU_MAX];
	unsigned gpus;
	struct buf device_root, rim_root;
	uint8_t nonce[32];
	bool nonce_given;
	int64_t at;
	bool json;
};

static int
only_value(const struct options *options, const char *name, const char *want, struct err *err)
{
	const char *have = options_get(options, name);

	if (have == NULL || strcmp(have, want) == 0)
		return 0;
	return err_set(err, CODE_USAGE, "--%s: '%s' is not available here, want '%s'", name, have, want);
}

/* A report as text has no nonce beside it: the one inside stands in until --nonce is given. */
static int
read_text_evidence(const struct options *options, struct inputs *in, struct err *err)
{
	struct gpu_evidence *item = &in->evidence[0];
	struct buf text = {0};
	int rc = -1;

	if (!options_given(options, "report") || !options_given(options, "chain"))
		return err_set(err, CODE_USAGE, "verify: give --gpu-evidence-file, or --report with --chain");
	in->gpus = 1;
	if (options_file(options, "report", EVIDENCE_MAX, &text, err) == 0 &&
	    options_file(options, "chain", CHAIN_MAX, &item->chain_pem, err) == 0 &&
	    gpu_evidence_hex(buf_bytes(&text), &item->report, err) == 0)
		rc = 0;
	if (rc == 0 && in->nonce_given)
		memcpy(item->nonce, in->nonce, sizeof(item->nonce));
	else if (rc == 0 && item->report.size >= 4 + sizeof(item->nonce))
		memcpy(item->nonce, item->report.data + 4, sizeof(item->nonce));
	buf_free(&text);
	return rc;
}

static int
read_json_evidence(const struct options *options, struct inputs *in, struct err *err)
{
	struct buf text = {0};
	int rc = options_file(options, "gpu-evidence-file", EVIDENCE_MAX, &text, err);

	if (rc == 0)
		rc = gpu_evidence_parse(buf_bytes(&text), in->evidence, &in->gpus, err);
	buf_free(&text);
	return rc;
}

/* The remote verifier has a say only where an option gives it one: nothing goes into the network unasked. */
static int
read_conf(const struct options *options, struct conf *conf, struct err *err)
{
	if (conf_load(conf, err) != 0)
		return -1;
	conf->verifier = VERIFIER_LOCAL;
	if (sources_apply(options, conf, err) != 0)
		return -1;
	if (options_given(options, "nras-url") && conf->verifier == VERIFIER_LOCAL)
		return err_set(err, CODE_USAGE, "--nras-url: who is there is asked with --verifier remote or both");
	return 0;
}

static int
read_inputs(const struct options *options, struct inputs *in, struct err *err)
{
	if (options_format(options, &in->json, err) != 0 || options_operands(options, 0, 0, err) != 0 ||
	    only_value(options, "gpu-evidence-source", "file", err) != 0 || options_at(options, &in->at, err) != 0 ||
	    options_nonce(options, in->nonce, &in->nonce_given, err) != 0 || read_conf(options, &in->conf, err) != 0 ||
	    policy_choose(&in->conf, options_get(options, "policy"), &in->policy, err) != 0)
		return -1;
	if (options_given(options, "allow-ocsp-without-nonce"))
		in->conf.allow_ocsp_without_nonce = INT64_MAX;
	if (options_given(options, "allow-certificate-hold"))
		in->conf.allow_certificate_hold = INT64_MAX;
	if (options_file(options, "device-root", ROOT_MAX, &in->device_root, err) != 0 ||
	    options_file(options, "rim-root", ROOT_MAX, &in->rim_root, err) != 0)
		return -1;
	if (options_given(options, "gpu-evidence-file"))
		return read_json_evidence(options, in, err);
	return read_text_evidence(options, in, err);
}

static int
judge_gpus(const struct options *options, struct inputs *in)
{
	struct verify_request request = {
		.conf = &in->conf,
		.policy = in->policy,
		.evidence = in->evidence,
		.gpus = in->gpus,
		.nonce = in->nonce_given ? in->nonce : NULL,
		.device_root = in->device_root.data ? buf_bytes(&in->device_root) : roots_device(),
		.rim_root = in->rim_root.data ? buf_bytes(&in->rim_root) : roots_rim(),
		.store = {
			.rim_dir = options_get(options, "rim-dir"),
			.ocsp_dir = options_get(options, "ocsp-dir"),
			.file[COLLATERAL_DRIVER_RIM] = options_get(options, "driver-rim"),
			.file[COLLATERAL_VBIOS_RIM] = options_get(options, "vbios-rim"),
			.services = sources_name_service(options) ? &in->conf : NULL,
			.stored_answers = in->conf.allow_ocsp_without_nonce > in->at,
			.progress = progress_begin(),
		},
		.at = in->at,
		.deadline = clock_boot_ms() + in->conf.deadline * 1000,
	};
	struct run run = {0};
	struct report report;
	int code;

	run_verify(&request, &run);
	progress_end();
	report = (struct report){&run.steps, run.claims, run.gpus, NULL};
	code = report_print(&report, in->json);
	run_free(&run);
	return code;
}

static int
run(const struct options *options, struct err *err)
{
	struct inputs in = {0};
	int code = read_inputs(options, &in, err) == 0 ? judge_gpus(options, &in) : err_code(err);

	gpu_evidence_free(in.evidence, in.gpus);
	buf_free(&in.device_root);
	buf_free(&in.rim_root);
	policy_file_free(in.policy);
	conf_free(&in.conf);
	return code;
}

const struct command command_verify = {"verify", "",
				       "Appraise evidence from a file, offline unless an option names a service", table,
				       run};
