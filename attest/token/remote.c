/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/token/remote.h"

#include <string.h>
#include <strings.h>

#include "lib/code.h"

#define CLAIMS_VERSION "3.0"

/*
 * The run reads its clock once, before it asks: a token is issued up to a deadline later, by a clock that may be fast.
 * What makes a token fresh is our nonce, so a start of its life shortly after that reading says nothing against it.
 */
#define AHEAD_MAX 300
/* The service signs when it is asked, for an hour: an older token is none that was made for this question. */
#define AGE_MAX 3600

static int
check_question(const struct gpu_evidence *evidence, unsigned gpus, struct err *err)
{
	if (gpus == 0)
		return err_set(err, CODE_EVIDENCE_FORMAT, "no evidence to ask the remote verifier about");
	for (unsigned i = 1; i < gpus; i++) {
		if (memcmp(evidence[i].nonce, evidence[0].nonce, NONCE_SIZE) != 0)
			return err_set(err, CODE_NONCE, "GPU-%u answers another nonce than GPU-0: one question has one",
				       i);
		if (strcmp(evidence[i].arch, evidence[0].arch) != 0)
			return err_set(err, CODE_ARCHITECTURE,
				       "GPU-%u is of '%s', GPU-0 of '%s': one question has one arch", i,
				       evidence[i].arch, evidence[0].arch);
	}
	if (gpu_arch_of_service(evidence[0].arch) == GPU_ARCH_UNKNOWN)
		return err_set(err, CODE_ARCHITECTURE, "the architecture '%s' is not supported", evidence[0].arch);
	return 0;
}

static void
write_base64(struct json_out *out, const char *name, const struct buf *value)
{
	struct buf text = {0};

	base64_encode(&text, buf_bytes(value));
	json_out_name(out, name);
	json_out_bytes(out, buf_bytes(&text));
	buf_free(&text);
}

char *
remote_question(const struct gpu_evidence *evidence, unsigned gpus, struct err *err)
{
	struct json_out *out;

	if (check_question(evidence, gpus, err) != 0)
		return NULL;
	out = json_out_new(false);
	json_out_object(out);
	json_out_member_hex(out, "nonce", bytes_of(evidence[0].nonce, NONCE_SIZE));
	json_out_member_text(out, "arch", evidence[0].arch);
	json_out_member_text(out, "claims_version", CLAIMS_VERSION);
	json_out_name(out, "evidence_list");
	json_out_array(out);
	for (unsigned i = 0; i < gpus; i++) {
		json_out_object(out);
		write_base64(out, "evidence", &evidence[i].report);
		write_base64(out, "certificate", &evidence[i].chain_pem);
		json_out_end(out);
	}
	json_out_end(out);
	json_out_end(out);
	return json_out_finish(out);
}

struct token_rules
remote_rules(const char *issuer)
{
	static const struct token_steps steps = {"remote-format", "remote-signature",	     "remote-time",
						 "remote-token",  "remote-device-signature", "remote-device-token",
						 "remote-set"};

	return (struct token_rules){
		.steps = &steps, .issuer = issuer, .nvidia = true, .ahead = AHEAD_MAX, .age = AGE_MAX,
		.keys = {.certified = true, .ahead = AHEAD_MAX},
	};
}

/*
 * The service shortens the model to its first word at times ("GH100" of "GH100 A01 GSP BROM"); the ueid names the GPU.
 */
static bool
is_model(const char *said, const char *model)
{
	size_t size = strlen(said);

	return size > 0 && strncmp(said, model, size) == 0 && (model[size] == '\0' || model[size] == ' ');
}

static bool
is_same(const char *said, const char *seen)
{
	return strcmp(said, seen) == 0;
}

static bool
is_same_version(const char *said, const char *seen)
{
	return strcasecmp(said, seen) == 0;
}

static int
compare(const struct json *claims, const struct evidence *evidence, struct err *err)
{
	const struct {
		const char *claim, *seen;
		bool (*fits)(const char *said, const char *seen);
	} rows[] = {
		{"ueid", evidence->ueid, is_same},
		{"hwmodel", evidence->hardware_model, is_model},
		{"x-nvidia-gpu-driver-version", evidence->report.driver_version, is_same},
		{"x-nvidia-gpu-vbios-version", evidence->report.vbios_version, is_same_version},
	};

	if (!evidence->verified)
		return err_set(err, CODE_REMOTE_MISMATCH,
			       "the evidence was not verified: nothing to compare a token with");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *said = json_text(json_get(claims, rows[i].claim));

		if (said == NULL)
			return err_set(err, CODE_TOKEN_CLAIM, "claim %s is missing or no text", rows[i].claim);
		if (!rows[i].fits(said, rows[i].seen))
			return err_set(err, CODE_REMOTE_MISMATCH, "claim %s is '%.128s', the evidence says '%s'",
				       rows[i].claim, said, rows[i].seen);
	}
	return 0;
}

static int
compare_all(const struct remote_request *request, const struct token *token, struct steps *steps)
{
	int rc = 0;

	for (unsigned i = 0; i < request->gpus; i++) {
		struct err err = ERR_INIT;

		if (i >= token->devices || !token->device_signed[i]) {
			steps_skip(steps, attester_gpu(i), "remote-evidence", "no signed token of this GPU");
			rc = -1;
		} else if (compare(token->device[i], &request->evidence[i], &err) != 0) {
			rc = steps_fail(steps, attester_gpu(i), "remote-evidence", &err);
		} else {
			steps_ok(steps, attester_gpu(i), "remote-evidence",
				 "ueid, model and versions are those of the evidence");
		}
	}
	return rc;
}

static char *
claims_text(const struct json *payload)
{
	struct json_out *out = json_out_new(false);

	json_out_value(out, payload);
	return json_out_finish(out);
}

static enum remote_verdict
judge_envelope(const struct remote_request *request, const struct token_request *tokens, struct steps *steps,
	     char *claims[], int64_t *issued)
{
	enum remote_verdict verdict = REMOTE_FAIL;
	struct token token;
	int rc = token_verify(tokens, steps, &token);

	if (request->evidence != NULL)
		rc |= compare_all(request, &token, steps);
	for (unsigned i = 0; i < request->gpus && i < token.devices; i++)
		if (token.device_signed[i])
			claims[i] = claims_text(token.device[i]);
	if (!token.overall_signed || !json_integer(json_get(token.overall, "iat"), 0, INT64_MAX, issued))
		*issued = 0;
	if (token.key_missing && request->trust->key_set.data == NULL)
		verdict = REMOTE_KEY_MISSING;
	else if (rc == 0)
		verdict = REMOTE_PASS;
	token_free(&token);
	return verdict;
}

/* -1: they cannot be read. A root that cannot be read must not turn into none. */
static int
read_trust(const struct remote_request *request, struct json **keys, X509 **root, struct err *err)
{
	if (request->gpus == 0)
		return err_set(err, CODE_INTERNAL, "no GPU to judge tokens of");
	if (request->trust->key_root.data != NULL && (*root = x509_anchor(request->trust->key_root, err)) == NULL)
		return err_wrap(err, CODE_USAGE, "root of the remote verifier's keys");
	if (request->key_set.size > TOKEN_KEYS_MAX)
		return err_set(err, CODE_KEY_SET, "key set: %zu bytes, at most %d", request->key_set.size,
			       TOKEN_KEYS_MAX);
	*keys = json_read(request->key_set, &json_limits_default, err);
	return *keys ? 0 : err_wrap(err, CODE_KEY_SET, "key set");
}

enum remote_verdict
remote_judge(const struct remote_request *request, struct steps *steps, char *claims[], int64_t *issued)
{
	struct token_rules rules = remote_rules(request->trust->issuer);
	struct token_request tokens = {.text = request->tokens, .rules = &rules, .at = request->at};
	enum remote_verdict verdict = REMOTE_FAIL;
	struct err err = ERR_INIT;
	struct json *keys = NULL;
	X509 *root = NULL;

	*issued = 0;
	for (unsigned i = 0; i < request->gpus; i++)
		claims[i] = NULL;
	rules.nonce = request->nonce;
	rules.devices = request->gpus;
	if (read_trust(request, &keys, &root, &err) != 0) {
		steps_fail(steps, attester_run, "remote-key-set", &err);
	} else {
		rules.keys.root = root;
		tokens.keys = keys;
		verdict = judge_envelope(request, &tokens, steps, claims, issued);
	}
	json_free(keys);
	X509_free(root);
	return verdict;
}

char *
remote_overall(struct bytes tokens, struct err *err)
{
	static const struct json_limits limits = {.bytes = TOKEN_MAX, .string = JWS_MAX, .depth = 4, .values = 256};
	struct json *root = json_read(tokens, &limits, err);
	const char *token = json_text(json_at(json_at(root, 0), 1));
	char *copy = token ? xstrdup(token) : NULL;

	json_free(root);
	if (copy == NULL)
		err_set(err, 0, "the remote verifier's answer holds no overall token");
	return copy;
}
