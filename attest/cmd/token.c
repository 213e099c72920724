/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/live.h"
#include "attest/cmd/report.h"
#include "attest/policy/policy_file.h"
#include "attest/policy/roots.h"
#include "attest/run.h"
#include "attest/token/remote.h"
#include "attest/token/result.h"
#include "attest/token/token.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"

#define ROOT_MAX 16384

static const struct option_entry table[] = {
	{"jwks", "FILE", "key set (default the one that was delivered beside FILE)"},
	{"gpu-evidence-file", "FILE", "evidence (default evidence.json beside FILE)"},
	{"device-root", "FILE", "trust anchor of device chains (default NVIDIA's)"},
	{"issuer", "TEXT", "who must have made the tokens (default this product, else nras-issuer)"},
	{"nonce", "HEX", "nonce that the tokens must answer, 64 hex digits (default any)"},
	{"policy", "FILE", "NVIDIA's JSON policy that the claims must fulfil"},
	{"at", "TIME", "judge at this time, such as 2026-06-01T00:00:00Z (default now)"},
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

struct inputs {
	/* of the token, without links: what came with it lies beside it, and a link may be replaced meanwhile */
	char *path;
	struct buf text, keys_text, evidence_text, device_root;
	struct buf stated; /* token.jwt beside a run.jwt, which states that it is the run's */
	struct conf conf;
	struct token_rules rules;
	char *issuer;
	uint8_t nonce[NONCE_SIZE];
	X509 *key_root; /* of the remote verifier's keys; NULL = none is pinned */
	struct json *keys;
	struct policy_file *policy; /* NULL = none */
	bool keys_given; /* by the caller, who then vouches for them; those beside the token came with it */
	int64_t at;
	bool json;
};

/* The file named by an option, or the one of that name beside the token, if there is one. */
static int
read_companion(const struct options *options, const char *option, const char *name, const struct inputs *in, size_t max,
	       struct buf *out, struct err *err)
{
	const char *slash = strrchr(in->path, '/');
	char *path;
	int rc = 0;

	if (options_given(options, option))
		return options_file(options, option, max, out, err);
	path = xprintf("%.*s%s", slash ? (int)(slash - in->path + 1) : 0, in->path, name);
	if (access(path, R_OK) == 0 && fs_read_file(path, max, out, err) != 0)
		rc = err_wrap(err, CODE_USAGE, "%s", name);
	free(path);
	return rc;
}

static bool
is_file_named(const struct inputs *in, const char *name)
{
	const char *slash = strrchr(in->path, '/');

	return strcmp(slash ? slash + 1 : in->path, name) == 0;
}

/* The files of a result (attest/token/result.h) each have their key set. */
static int
read_keys(const struct options *options, struct inputs *in, struct err *err)
{
	const char *name = is_file_named(in, "run.jwt")		 ? "run-jwks.json"
			   : is_file_named(in, "remote-eat.json") ? "remote-jwks.json"
								  : "jwks.json";

	if (is_file_named(in, "run.jwt") &&
	    read_companion(options, "", "token.jwt", in, TOKEN_MAX, &in->stated, err) != 0)
		return -1;
	return read_companion(options, "jwks", name, in, TOKEN_KEYS_MAX, &in->keys_text, err);
}

static int
read_key_root(struct inputs *in, struct err *err)
{
	struct buf text = {0};
	int rc = 0;

	if (in->conf.key_root[0] == '\0')
		return 0;
	if (fs_read_trusted(in->conf.key_root, ROOT_MAX, &text, err) != 0 ||
	    (in->key_root = x509_anchor(buf_bytes(&text), err)) == NULL)
		rc = err_wrap(err, CODE_USAGE, "key-root");
	in->rules.keys.root = in->key_root;
	buf_free(&text);
	return rc;
}

/* Which tokens these have to be: the caller's word, or whichever of the two issuers we know the token names. */
static int
choose_rules(const struct options *options, struct inputs *in, struct err *err)
{
	const char *wanted = options_get(options, "issuer");
	char *named = wanted ? xstrdup(wanted) : token_issuer(buf_bytes(&in->text));
	bool ours = named == NULL || strcmp(named, TOKEN_ISSUER) == 0, given;

	free(named);
	if (wanted == NULL)
		wanted = in->conf.nras_issuer[0] != '\0' ? in->conf.nras_issuer : in->conf.nras_url;
	in->issuer = xstrdup(wanted);
	in->rules = ours ? token_rules_own() : remote_rules(in->issuer);
	if (options_nonce(options, in->nonce, &given, err) != 0)
		return -1;
	in->rules.nonce = given ? in->nonce : NULL;
	return ours ? 0 : read_key_root(in, err);
}

static int
read_token_inputs(const struct options *options, struct inputs *in, struct err *err)
{
	const char *policy = options_get(options, "policy");

	if (options_format(options, &in->json, err) != 0 || options_operands(options, 1, 1, err) != 0 ||
	    options_at(options, &in->at, err) != 0 || conf_load(&in->conf, err) != 0)
		return -1;
	/* The walk is about evidence: whoever made the token is not asked again. */
	in->conf.verifier = VERIFIER_LOCAL;
	in->path = realpath(options->operand[0], NULL);
	if (in->path == NULL)
		return err_set(err, CODE_USAGE, "token: %s: %s", options->operand[0], err_errno(errno));
	if (fs_read_file(in->path, TOKEN_MAX, &in->text, err) != 0)
		return err_wrap(err, CODE_USAGE, "token");
	if (choose_rules(options, in, err) != 0)
		return -1;
	if (read_keys(options, in, err) != 0 ||
	    read_companion(options, "gpu-evidence-file", "evidence.json", in, TOKEN_MAX, &in->evidence_text,
			   err) != 0 ||
	    options_file(options, "device-root", ROOT_MAX, &in->device_root, err) != 0)
		return -1;
	in->policy = policy ? policy_file_read(policy, false, err) : NULL;
	if (policy != NULL && in->policy == NULL)
		return -1;
	in->keys_given = options_given(options, "jwks");
	if (in->keys_text.data == NULL)
		return 0;
	in->keys = json_read(buf_bytes(&in->keys_text), &json_limits_default, err);
	return in->keys ? 0 : err_wrap(err, CODE_KEY_SET, "key set");
}

/* Collateral plays no part in the walk: of the appraisal only what concerns the evidence itself counts. */
static bool
is_evidence_step(const struct step *step)
{
	static const char *const names[] = {"device-chain", "report-signature", "report-format", "nonce",
					    "architecture", "firmware-id",      "device-unique"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(step->name, names[i]) == 0)
			return true;
	return false;
}

static int
copy_evidence_steps(const struct steps *from, unsigned gpus, struct steps *to)
{
	struct err err = ERR_INIT;
	unsigned signatures = 0;

	for (size_t i = 0; i < from->count; i++) {
		if (!is_evidence_step(&from->list[i]))
			continue;
		steps_add(to, &from->list[i]);
		signatures += strcmp(from->list[i].name, "report-signature") == 0 && from->list[i].status == STEP_OK;
	}
	if (signatures == gpus)
		return 0;
	err_set(&err, CODE_UNANCHORED, "%u of %u reports carry the GPU's signature", signatures, gpus);
	return steps_fail(to, attester_run, "token-anchor", &err);
}

/* Each device token speaks of the GPU whose evidence stands at its place. */
static int
match_devices(const struct token *token, const struct run *run, struct steps *steps)
{
	struct err err = ERR_INIT;

	for (unsigned i = 0; i < token->devices; i++) {
		const char *said = json_text(json_get(token->device[i], "ueid"));
		const char *seen = i < run->gpus ? json_text(json_get(run->claims[i], "ueid")) : NULL;

		if (token->devices == run->gpus && said != NULL && seen != NULL && strcmp(said, seen) == 0)
			continue;
		err_set(&err, CODE_UNANCHORED, "device token %u is about ueid %s, the evidence about %s", i,
			said ? said : "(none)", seen ? seen : "(none)");
		return steps_fail(steps, attester_run, "token-anchor", &err);
	}
	return 0;
}

/* Whoever can write the token can write the key set beside it: something else has to vouch for the key. */
static bool
is_vouched(const struct inputs *in)
{
	return in->keys_given || in->key_root != NULL;
}

static const char *
voucher(const struct inputs *in)
{
	return in->key_root ? "the key leads to the pinned root" : "the key is the caller's word";
}

static int
anchor(const struct inputs *in, const struct token *token, const struct run *run, struct steps *steps)
{
	struct err err = ERR_INIT;

	if (!in->rules.nvidia)
		return token_anchor(token, in->keys, run->evidence[0].nonce, steps);
	if (!is_vouched(in)) {
		err_set(&err, CODE_UNANCHORED,
			"no --jwks and no key-root: nothing vouches for the remote verifier's key");
		return steps_fail(steps, attester_run, "token-anchor", &err);
	}
	steps_ok(steps, attester_run, "token-anchor", "evidence -> nonce -> token; %s", voucher(in));
	return 0;
}

static int
walk_evidence(const struct inputs *in, const struct token *token, struct steps *steps, struct err *err)
{
	struct gpu_evidence evidence[GPU_MAX];
	struct verify_request request = {.conf = &in->conf, .evidence = evidence, .at = in->at};
	struct run run = {0};
	int rc;

	if (gpu_evidence_parse(buf_bytes(&in->evidence_text), evidence, &request.gpus, err) != 0)
		return steps_fail(steps, attester_run, "token-anchor", err);
	request.device_root = in->device_root.data ? buf_bytes(&in->device_root) : roots_device();
	request.rim_root = roots_rim();
	request.nonce = token->nonce;
	request.deadline = live_deadline(&in->conf);
	run_verify(&request, &run);
	rc = copy_evidence_steps(&run.steps, run.gpus, steps);
	if (rc == 0)
		rc = match_devices(token, &run, steps);
	if (rc == 0)
		rc = anchor(in, token, &run, steps);
	gpu_evidence_free(evidence, request.gpus);
	run_free(&run);
	return rc;
}

static void
print_claim(const struct json *payload, const char *label, const char *name)
{
	const char *text = json_text(json_get(payload, name));
	char escaped[1024];
	int64_t at;

	if (text != NULL) {
		text_escape(escaped, sizeof(escaped), text);
		printf("  %-12s %s\n", label, escaped);
	} else if (json_integer(json_get(payload, name), 0, INT64_C(253402300799), &at)) {
		clock_format(at, escaped);
		printf("  %-12s %s\n", label, escaped);
	}
}

static void
print_token(const struct token *token, bool nvidia, bool anchored)
{
	static const char *const overall[][2] = {
		{"issuer", "iss"},	      {"issued", "iat"},		{"expires", "exp"},
		{"nonce", "eat_nonce"},	      {"container", "x-cgpu-container-id"}, {"image", "x-cgpu-image-id"},
		{"anchor", "x-cgpu-trust-anchor"}, {"loosenings", "x-cgpu-loosenings"},
		{"verifier", "x-cgpu-verifier"},       {"believed on", "x-cgpu-remote-anchor"},
	};
	static const char *const device[][2] = {
		{"model", "hwmodel"},	      {"ueid", "ueid"},
		{"driver", "x-nvidia-gpu-driver-version"}, {"VBIOS", "x-nvidia-gpu-vbios-version"},
		{"measurements", "measres"}, {"UUID", "x-cgpu-gpu-uuid"},
	};

	printf("token%s%s\n", nvidia ? " of the remote verifier" : "",
	       anchored ? " (anchored in the GPUs' evidence)" : " (unanchored: no GPU vouches for it)");
	for (size_t i = 0; i < sizeof(overall) / sizeof(overall[0]); i++)
		print_claim(token->overall, overall[i][0], overall[i][1]);
	for (unsigned i = 0; i < token->devices; i++) {
		printf("token of GPU-%u\n", i);
		for (size_t k = 0; k < sizeof(device) / sizeof(device[0]); k++)
			print_claim(token->device[i], device[k][0], device[k][1]);
	}
}

static int
without_evidence(const struct inputs *in, struct steps *steps)
{
	struct err err = ERR_INIT;

	if (is_vouched(in)) {
		steps_skip(steps, attester_run, "token-anchor", "unanchored: no evidence, %s", voucher(in));
		return 0;
	}
	err_set(&err, CODE_UNANCHORED, "unanchored: no evidence, no --jwks: nothing vouches for the key");
	return steps_fail(steps, attester_run, "token-anchor", &err);
}

/* A statement that stands beside the remote verifier's token must be about that one. */
static int
check_stated(const struct inputs *in, const struct token *token, struct steps *steps)
{
	const char *want = json_text(json_get(token->overall, "x-cgpu-remote-token-sha256"));
	struct bytes text = buf_bytes(&in->stated);
	uint8_t digest[SHA256_SIZE];
	struct err err = ERR_INIT;
	char have[65];

	if (in->stated.data == NULL || want == NULL)
		return 0;
	if (text.size > 0 && text.data[text.size - 1] == '\n')
		text.size--;
	crypto_sha256(text, digest);
	hex_encode(have, digest, sizeof(digest));
	if (strcmp(have, want) == 0) {
		steps_ok(steps, attester_run, "token-stated", "token.jwt beside it is the one that the run was given");
		return 0;
	}
	err_set(&err, CODE_TOKEN_SET, "token.jwt beside it has the digest %s, the run states %s", have, want);
	return steps_fail(steps, attester_run, "token-stated", &err);
}

static int
judge_token(const struct inputs *in, struct err *err)
{
	struct steps steps = {0};
	struct token token;
	struct report report;
	bool walked = in->evidence_text.data != NULL;
	struct token_request request = {buf_bytes(&in->text), in->keys, &in->rules, in->at};
	int rc = token_verify(&request, &steps, &token), code;

	if (rc == 0)
		rc = walked ? walk_evidence(in, &token, &steps, err) : without_evidence(in, &steps);
	if (rc == 0)
		rc = check_stated(in, &token, &steps);
	if (rc == 0 && in->policy != NULL)
		rc = policy_file_judge(in->policy, token.overall, (const struct json *const *)token.device,
				       token.devices, in->rules.nvidia, &steps);
	if (rc == 0)
		steps_conclude(&steps);
	err->text[0] = '\0';
	report = (struct report){&steps, token.device, token.devices, NULL};
	if (!in->json && token.overall != NULL)
		print_token(&token, in->rules.nvidia, walked && steps_code(&steps) == CODE_OK);
	code = report_print(&report, in->json);
	token_free(&token);
	steps_free(&steps);
	return code;
}

static int
run(const struct options *options, struct err *err)
{
	struct inputs in = {0};
	int code;

	crypto_init();
	code = read_token_inputs(options, &in, err) == 0 ? judge_token(&in, err) : err_code(err);
	buf_free(&in.text);
	buf_free(&in.keys_text);
	buf_free(&in.stated);
	buf_free(&in.evidence_text);
	buf_free(&in.device_root);
	json_free(in.keys);
	policy_file_free(in.policy);
	X509_free(in.key_root);
	free(in.issuer);
	free(in.path);
	conf_free(&in.conf);
	return code;
}

const struct command command_token = {"token", "FILE",
				      "Verify a token or detached EAT, and walk from the evidence to it", table, run};
