/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/token/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/code.h"

#define SUBJECT "NVIDIA-PLATFORM-ATTESTATION"
#define CLAIMS_VERSION "3.0"
#define TIME_MAX INT64_C(253402300799) /* the last second of year 9999 */

/* One token of the set. */
struct part {
	char *text; /* compact form */
	struct jws jws;
	bool sound; /* signed by a key of the set */
	struct err err; /* why not */
};

struct reader {
	const struct token_request *request;
	const struct token_rules *rules;
	struct steps *steps;
	struct token *token;
	struct part overall, device[GPU_MAX];
	bool refused; /* the signer itself says that it does not attest */
};

static int
fail_token(const struct reader *reader, struct attester attester, const char *step, const struct err *err)
{
	struct err whole = *err;

	err_wrap(&whole, 0, attester.kind == ATTESTER_RUN ? "overall token" : "device token");
	return steps_fail(reader->steps, attester, step, &whole);
}

static char *
text_copy(const struct json *value)
{
	const char *text = json_text(value);

	return text ? xstrdup(text) : NULL;
}

static int
check_count(const struct reader *reader, size_t count, struct err *err)
{
	if (reader->rules->devices != 0 && count != reader->rules->devices)
		return err_set(err, CODE_TOKEN_SET, "%zu device tokens for %u GPUs", count, reader->rules->devices);
	if (count == 0 || count > GPU_MAX)
		return err_set(err, CODE_TOKEN_FORMAT, "%zu device tokens, want 1 to %d", count, GPU_MAX);
	return 0;
}

/* [["JWT", overall], {"GPU-0": jwt, ...}], the names by number and nothing else. */
static int
read_detached(struct reader *reader, const struct json *root, struct err *err)
{
	const struct json *first = json_at(root, 0), *second = json_at(root, 1);
	const char *tag = json_text(json_at(first, 0));

	if (json_type(root) != JSON_ARRAY || json_count(root) != 2 || json_type(first) != JSON_ARRAY ||
	    json_count(first) != 2 || tag == NULL || strcmp(tag, "JWT") != 0 || json_type(second) != JSON_OBJECT)
		return err_set(err, CODE_TOKEN_FORMAT, "not of the form [[\"JWT\", token], {\"GPU-0\": token}]");
	if (check_count(reader, json_count(second), err) != 0)
		return -1;
	reader->overall.text = text_copy(json_at(first, 1));
	for (unsigned i = 0; i < json_count(second); i++) {
		char name[16];

		snprintf(name, sizeof(name), "GPU-%u", i);
		reader->device[i].text = text_copy(json_get(second, name));
		if (reader->device[i].text == NULL)
			return err_set(err, CODE_TOKEN_FORMAT, "no text token '%s'", name);
		reader->token->devices++;
	}
	if (reader->overall.text == NULL)
		return err_set(err, CODE_TOKEN_FORMAT, "the overall token is no text");
	return 0;
}

/* The first that JSON itself does not skip (RFC 8259 section 2); 0 if there is none. */
static char
first_sign(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (strchr(" \t\r\n", text.data[i]) == NULL || text.data[i] == '\0')
			return (char)text.data[i];
	return 0;
}

static struct json *
read_json(struct bytes text, struct err *err)
{
	static const struct json_limits limits = {.bytes = TOKEN_MAX, .string = JWS_MAX, .depth = 4, .values = 256};

	return json_read(text, &limits, err);
}

/* A detached EAT, or a compact token with at most one line end behind it. */
static int
read_token_text(struct reader *reader, struct err *err)
{
	struct bytes text = reader->request->text;
	struct json *root;
	int rc;

	if (text.size == 0 || text.size > TOKEN_MAX)
		return err_set(err, CODE_TOKEN_FORMAT, "%zu bytes, want 1 to %d", text.size, TOKEN_MAX);
	if (reader->rules->devices == 0 && first_sign(text) != '[') {
		if (memchr(text.data, '\0', text.size) != NULL)
			return err_set(err, CODE_TOKEN_FORMAT, "a NUL is in it");
		if (text.data[text.size - 1] == '\n')
			text.size--;
		reader->overall.text = xprintf("%.*s", (int)text.size, (const char *)text.data);
		return 0;
	}
	root = read_json(text, err);
	if (root == NULL)
		return err_wrap(err, CODE_TOKEN_FORMAT, "tokens");
	rc = read_detached(reader, root, err);
	json_free(root);
	return rc;
}

static int
verify_token_signature(struct reader *reader, const struct jws *jws, struct err *err)
{
	struct jws_key_rules rules = reader->rules->keys;
	EVP_PKEY *key;
	enum jws_found found;
	int rc;

	if (reader->request->keys == NULL)
		return err_set(err, CODE_KEY_SET, "no key set to verify with");
	if (jws->kid == NULL)
		return err_set(err, CODE_TOKEN_FORMAT, "no kid");
	rules.at = reader->request->at;
	found = jws_key_find(reader->request->keys, jws->kid, &rules, &key, err);
	reader->token->key_missing |= found == JWS_KEY_ABSENT;
	if (found != JWS_KEY_FOUND)
		return err_wrap(err, CODE_KEY_SET, "key set");
	rc = jws_verify(jws, key, err);
	EVP_PKEY_free(key);
	return rc == 0 ? 0 : err_wrap(err, CODE_TOKEN_SIGNATURE, "signature");
}

static void
open_part(struct reader *reader, struct part *part)
{
	if (jws_parse(part->text, strlen(part->text), &part->jws, &part->err) != 0)
		err_wrap(&part->err, CODE_TOKEN_FORMAT, "compact form");
	else
		part->sound = verify_token_signature(reader, &part->jws, &part->err) == 0;
}

static int
read_time_claim(const struct json *payload, const char *name, int64_t *out, struct err *err)
{
	if (json_integer(json_get(payload, name), 0, TIME_MAX, out))
		return 0;
	return err_set(err, CODE_TOKEN_CLAIM, "claim %s is missing or no whole number of seconds", name);
}

static int
check_time(const struct reader *reader, const struct json *payload, struct err *err)
{
	int64_t at = reader->request->at, iat, nbf, exp;

	if (read_time_claim(payload, "iat", &iat, err) != 0 || read_time_claim(payload, "nbf", &nbf, err) != 0 ||
	    read_time_claim(payload, "exp", &exp, err) != 0)
		return -1;
	if (at + reader->rules->ahead < nbf || at + reader->rules->ahead < iat)
		return err_set(err, CODE_TOKEN_TIME, "not valid before %lld, now %lld",
			       (long long)(nbf > iat ? nbf : iat), (long long)at);
	if (at >= exp)
		return err_set(err, CODE_TOKEN_TIME, "expired at %lld, now %lld", (long long)exp, (long long)at);
	if (reader->rules->age != 0 && at - iat > reader->rules->age)
		return err_set(err, CODE_TOKEN_TIME, "issued at %lld, more than %lld seconds before now, %lld",
			       (long long)iat, (long long)reader->rules->age, (long long)at);
	return 0;
}

static int
check_claim(const struct json *payload, const char *name, const char *want, struct err *err)
{
	const char *have = json_text(json_get(payload, name));

	if (have != NULL && strcmp(have, want) == 0)
		return 0;
	return err_set(err, CODE_TOKEN_CLAIM, "claim %s is '%.128s', want '%s'", name, have ? have : "(no text)", want);
}

static int
read_nonce(const struct json *payload, uint8_t nonce[NONCE_SIZE], struct err *err)
{
	const char *text = json_text(json_get(payload, "eat_nonce"));

	if (text != NULL && hex_decode(nonce, NONCE_SIZE, text, strlen(text)))
		return 0;
	return err_set(err, CODE_TOKEN_CLAIM, "claim eat_nonce is no text of 64 hex digits");
}

/* What every device token is asked for by the built-in policy of NVIDIA's own tool. */
static int
check_measurements(const struct json *payload, struct err *err)
{
	bool secboot = false;

	if (check_claim(payload, "measres", "success", err) != 0)
		return -1;
	if (!json_bool(json_get(payload, "secboot"), &secboot) || !secboot)
		return err_set(err, CODE_TOKEN_CLAIM, "claim secboot is not true");
	return check_claim(payload, "dbgstat", "disabled", err);
}

static int
check_true(const struct json *object, const char *name, bool required, struct err *err)
{
	const struct json *value = json_get(object, name);
	bool truth = false;

	if ((value == NULL && !required) || (json_bool(value, &truth) && truth))
		return 0;
	return err_set(err, CODE_TOKEN_CLAIM, "claim %s is not true", name);
}

/* What the remote verifier leaves out of a chain holds: its own reader takes it so. */
static int
check_chain(const struct json *payload, const char *name, struct err *err)
{
	const struct json *chain = json_get(payload, name);
	int rc;

	if (chain == NULL || json_type(chain) != JSON_OBJECT)
		return err_set(err, CODE_TOKEN_CLAIM, "claim %s is missing or no object", name);
	rc = check_claim(chain, "x-nvidia-cert-status", "valid", err);
	if (rc == 0)
		rc = check_claim(chain, "x-nvidia-cert-ocsp-status", "good", err);
	if (rc == 0)
		rc = check_true(chain, "x-nvidia-cert-ocsp-nonce-matches", false, err);
	if (rc == 0)
		rc = check_true(chain, "x-nvidia-cert-ocsp-response-valid", false, err);
	return rc == 0 ? 0 : err_wrap(err, 0, "claim %s", name);
}

/* Why the remote verifier did not come to a verdict: {"code", "httpStatus", "message", "description"}. */
static int
check_details(const struct json *payload, struct err *err)
{
	const struct json *details = json_get(payload, "x-nvidia-error-details");
	struct bytes code = json_number_text(json_get(details, "code"));
	const char *message = json_text(json_get(details, "message"));
	char text[256] = "no message";

	if (details == NULL || json_type(details) == JSON_NULL)
		return 0;
	if (message != NULL)
		text_escape(text, sizeof(text), message);
	return err_set(err, CODE_TOKEN_CLAIM, "claim x-nvidia-error-details: code %.*s, %s",
		       code.size > 16 ? 16 : (int)code.size, code.data ? (const char *)code.data : "", text);
}

/*
 * The same questions as a local appraisal asks; the firmware id of old drivers and the schema are not always answered.
 */
static int
check_verdicts(const struct json *payload, struct err *err)
{
	static const struct {
		const char *name;
		bool required;
	} flags[] = {
		{"x-nvidia-gpu-arch-check", true},
		{"x-nvidia-gpu-attestation-report-cert-chain-fwid-match", false},
		{"x-nvidia-gpu-attestation-report-parsed", true},
		{"x-nvidia-gpu-attestation-report-nonce-match", true},
		{"x-nvidia-gpu-attestation-report-signature-verified", true},
		{"x-nvidia-gpu-driver-rim-fetched", true},
		{"x-nvidia-gpu-driver-rim-schema-validated", false},
		{"x-nvidia-gpu-driver-rim-signature-verified", true},
		{"x-nvidia-gpu-driver-rim-version-match", true},
		{"x-nvidia-gpu-driver-rim-measurements-available", true},
		{"x-nvidia-gpu-vbios-rim-fetched", true},
		{"x-nvidia-gpu-vbios-rim-schema-validated", false},
		{"x-nvidia-gpu-vbios-rim-signature-verified", true},
		{"x-nvidia-gpu-vbios-rim-version-match", true},
		{"x-nvidia-gpu-vbios-rim-measurements-available", true},
		{"x-nvidia-gpu-vbios-index-no-conflict", true},
	};
	static const char *const chains[] = {
		"x-nvidia-gpu-attestation-report-cert-chain",
		"x-nvidia-gpu-driver-rim-cert-chain",
		"x-nvidia-gpu-vbios-rim-cert-chain",
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (check_true(payload, flags[i].name, flags[i].required, err) != 0)
			return -1;
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		if (check_chain(payload, chains[i], err) != 0)
			return -1;
	return 0;
}

/* What the signer says of the GPU, as against who it is and whom it answers. */
static int
check_attested(const struct reader *reader, const struct json *payload, struct err *err)
{
	if (reader->rules->nvidia && check_details(payload, err) != 0)
		return -1;
	if (check_measurements(payload, err) != 0)
		return -1;
	return reader->rules->nvidia ? check_verdicts(payload, err) : 0;
}

static int
check_device_claims(const struct reader *reader, const struct json *payload, struct err *err)
{
	const uint8_t *want = reader->rules->nonce ? reader->rules->nonce : reader->token->nonce;
	uint8_t have[NONCE_SIZE];

	if (check_claim(payload, "iss", reader->rules->issuer, err) != 0 || read_nonce(payload, have, err) != 0)
		return -1;
	if (memcmp(have, want, NONCE_SIZE) != 0)
		return err_set(err, CODE_TOKEN_CLAIM,
			       "claim eat_nonce is not the nonce that was sent or is the overall token's");
	if (check_attested(reader, payload, err) == 0)
		return 0;
	return err_wrap(err, reader->refused ? CODE_REMOTE_REFUSED : 0, "the verifier's verdict");
}

/* The first reason that a signed device token gives. */
static int
refuse_result(const struct reader *reader, struct err *err)
{
	for (unsigned i = 0; i < reader->token->devices; i++) {
		const struct part *device = &reader->device[i];

		if (device->sound && check_attested(reader, device->jws.payload, err) != 0)
			return err_wrap(err, CODE_REMOTE_REFUSED, "claim x-nvidia-overall-att-result is false: GPU-%u",
					i);
	}
	return err_set(err, CODE_REMOTE_REFUSED, "claim x-nvidia-overall-att-result is false");
}

static int
check_overall_claims(struct reader *reader, struct err *err)
{
	const struct json *payload = reader->overall.jws.payload;
	const uint8_t *want = reader->rules->nonce;
	bool result = false;

	if (check_claim(payload, "iss", reader->rules->issuer, err) != 0 ||
	    check_claim(payload, "sub", SUBJECT, err) != 0 ||
	    check_claim(payload, "x-nvidia-ver", CLAIMS_VERSION, err) != 0 ||
	    read_nonce(payload, reader->token->nonce, err) != 0)
		return -1;
	if (want != NULL && memcmp(reader->token->nonce, want, NONCE_SIZE) != 0)
		return err_set(err, CODE_TOKEN_CLAIM, "claim eat_nonce is not the nonce that was sent");
	if (reader->refused)
		return refuse_result(reader, err);
	if (!json_bool(json_get(payload, "x-nvidia-overall-att-result"), &result) || !result)
		return err_set(err, CODE_TOKEN_CLAIM, "claim x-nvidia-overall-att-result is not true");
	return 0;
}

/* The overall token lists the SHA-256 of each device token; NVIDIA spells the algorithm both ways. */
static bool
digest_matches(const struct json *entry, const char *device)
{
	const struct json *pair = json_at(entry, 1);
	const char *tag = json_text(json_at(entry, 0)), *algorithm = json_text(json_at(pair, 0));
	const char *digest = json_text(json_at(pair, 1));
	uint8_t want[SHA256_SIZE], have[SHA256_SIZE];

	if (entry == NULL || json_type(entry) != JSON_ARRAY || json_count(entry) != 2 ||
	    json_type(pair) != JSON_ARRAY || json_count(pair) != 2 || tag == NULL || strcmp(tag, "DIGEST") != 0 ||
	    algorithm == NULL || digest == NULL ||
	    (strcmp(algorithm, "SHA-256") != 0 && strcmp(algorithm, "SHA256") != 0) ||
	    !hex_decode(want, sizeof(want), digest, strlen(digest)))
		return false;
	crypto_sha256(bytes_of_text(device), have);
	return memcmp(want, have, sizeof(have)) == 0;
}

/* One GPU's token may not stand for two. */
static int
check_distinct_ueid(const struct reader *reader, unsigned gpu, struct err *err)
{
	const char *ueid = json_text(json_get(reader->device[gpu].jws.payload, "ueid"));

	for (unsigned i = 0; ueid != NULL && i < gpu; i++) {
		const char *other = json_text(json_get(reader->device[i].jws.payload, "ueid"));

		if (other != NULL && strcmp(ueid, other) == 0)
			return err_set(err, CODE_TOKEN_SET, "GPU-%u and GPU-%u have one ueid", i, gpu);
	}
	return 0;
}

static int
check_set(const struct reader *reader, struct err *err)
{
	const struct json *submods = json_get(reader->overall.jws.payload, "submods");

	if (submods == NULL || json_type(submods) != JSON_OBJECT || json_count(submods) != reader->token->devices)
		return err_set(err, CODE_TOKEN_SET, "claim submods lists %zu devices, %u tokens came",
			       json_count(submods), reader->token->devices);
	for (unsigned i = 0; i < reader->token->devices; i++) {
		char name[16];

		snprintf(name, sizeof(name), "GPU-%u", i);
		if (!digest_matches(json_get(submods, name), reader->device[i].text))
			return err_set(err, CODE_TOKEN_SET,
				       "the digest of %s in claim submods is not that of its token", name);
		if (check_distinct_ueid(reader, i, err) != 0)
			return -1;
	}
	return 0;
}

static int
verify_set(const struct reader *reader)
{
	struct err err = ERR_INIT;

	if (check_set(reader, &err) != 0)
		return fail_token(reader, attester_run, reader->rules->steps->set, &err);
	steps_ok(reader->steps, attester_run, reader->rules->steps->set, "%u device token%s, digests match",
		 reader->token->devices, reader->token->devices == 1 ? "" : "s");
	return 0;
}

static int
step_result(const struct reader *reader, struct attester attester, const char *step, int rc, const struct err *err,
	    const char *detail)
{
	if (rc != 0)
		return fail_token(reader, attester, step, err);
	steps_ok(reader->steps, attester, step, "%s", detail ? detail : "");
	return 0;
}

static int
verify_device(const struct reader *reader, unsigned gpu)
{
	const struct token_steps *steps = reader->rules->steps;
	const struct part *device = &reader->device[gpu];
	const struct json *payload = device->jws.payload;
	struct err err = device->err;
	int rc = step_result(reader, attester_gpu(gpu), steps->device_signature, device->sound ? 0 : -1, &err, "ES384");

	if (payload == NULL)
		return rc;
	rc |= step_result(reader, attester_gpu(gpu), steps->device,
			  check_time(reader, payload, &err) != 0 ? -1 : check_device_claims(reader, payload, &err),
			  &err, json_text(json_get(payload, "hwmodel")));
	return rc;
}

static int
verify_overall(struct reader *reader)
{
	const struct token_steps *steps = reader->rules->steps;
	const struct json *payload = reader->overall.jws.payload;
	struct err err = reader->overall.err;
	char until[32] = "";
	int64_t exp;
	int rc;

	if (json_integer(json_get(payload, "exp"), 0, TIME_MAX, &exp))
		clock_format(exp, until);
	rc = step_result(reader, attester_run, steps->signature, reader->overall.sound ? 0 : -1, &err, "ES384");
	rc |= step_result(reader, attester_run, steps->time, check_time(reader, payload, &err), &err, until);
	rc |= step_result(reader, attester_run, steps->claims, check_overall_claims(reader, &err), &err, "result true");
	return rc;
}

/* The shape of the text, and of the overall token: without it nothing else can be said. */
static int
open_all(struct reader *reader)
{
	const char *step = reader->rules->steps->format;
	struct err err = ERR_INIT;
	bool result = true;

	if (read_token_text(reader, &err) != 0)
		return steps_fail(reader->steps, attester_run, step, &err);
	open_part(reader, &reader->overall);
	for (unsigned i = 0; i < reader->token->devices; i++)
		open_part(reader, &reader->device[i]);
	if (reader->overall.jws.payload == NULL)
		return fail_token(reader, attester_run, step, &reader->overall.err);
	steps_ok(reader->steps, attester_run, step, "%s",
		 reader->token->devices ? "detached EAT" : "overall token alone");
	reader->refused = reader->rules->nvidia && reader->overall.sound &&
			  json_bool(json_get(reader->overall.jws.payload, "x-nvidia-overall-att-result"), &result) &&
			  !result;
	return 0;
}

/* The payload outlives its token. */
static void
close_part(struct part *part, struct json **payload, bool *sound)
{
	*payload = part->jws.payload;
	*sound = part->sound;
	part->jws.payload = NULL;
	jws_free(&part->jws);
	free(part->text);
}

int
token_verify(const struct token_request *request, struct steps *steps, struct token *out)
{
	struct reader reader = {.request = request, .rules = request->rules, .steps = steps, .token = out};
	int rc;

	*out = (struct token){0};
	rc = open_all(&reader);
	if (rc == 0) {
		rc = verify_overall(&reader);
		for (unsigned i = 0; i < out->devices; i++)
			rc |= verify_device(&reader, i);
		if (out->devices > 0)
			rc |= verify_set(&reader);
	}
	close_part(&reader.overall, &out->overall, &out->overall_signed);
	for (unsigned i = 0; i < GPU_MAX; i++)
		close_part(&reader.device[i], &out->device[i], &out->device_signed[i]);
	return rc;
}

struct token_rules
token_rules_own(void)
{
	static const struct token_steps steps = {"token-format",     "token-signature", "token-time", "token-claims",
						 "device-signature", "device-token",    "token-set"};

	return (struct token_rules){.steps = &steps, .issuer = TOKEN_ISSUER};
}

char *
token_issuer(struct bytes text)
{
	struct token_rules rules = {0};
	struct token_request request = {.text = text, .rules = &rules};
	struct token token = {0};
	struct reader reader = {.request = &request, .rules = &rules, .token = &token};
	struct err err = ERR_INIT;
	char *issuer = NULL;

	if (read_token_text(&reader, &err) == 0 &&
	    jws_parse(reader.overall.text, strlen(reader.overall.text), &reader.overall.jws, &err) == 0)
		issuer = text_copy(json_get(reader.overall.jws.payload, "iss"));
	jws_free(&reader.overall.jws);
	free(reader.overall.text);
	for (unsigned i = 0; i < GPU_MAX; i++)
		free(reader.device[i].text);
	return issuer;
}

static bool
hex_claim(const struct json *payload, const char *name, uint8_t *out, size_t size)
{
	const char *text = json_text(json_get(payload, name));

	return text != NULL && hex_decode(out, size, text, strlen(text));
}

/* K of the formula: the key set that verified the token has one key, the run's. */
static int
key_digest(const struct json *keys, uint8_t out[NONCE_SIZE], struct err *err)
{
	const struct json *list = json_get(keys, "keys");
	const char *kid = json_count(list) == 1 ? json_text(json_get(json_at(list, 0), "kid")) : NULL;
	struct buf spki = {0};
	EVP_PKEY *key;
	int rc;

	if (kid == NULL)
		return err_set(err, 0, "the key set does not hold exactly one key with a kid");
	if (jws_key_find(keys, kid, NULL, &key, err) != JWS_KEY_FOUND)
		return -1;
	rc = crypto_spki(key, &spki, err);
	if (rc == 0)
		crypto_sha256(buf_bytes(&spki), out);
	buf_free(&spki);
	EVP_PKEY_free(key);
	return rc;
}

static int
derive(const struct token *token, const struct json *keys, uint8_t out[NONCE_SIZE], struct err *err)
{
	const struct json *claims = token->overall;
	const char *container = json_text(json_get(claims, "x-cgpu-container-id"));
	const char *image = json_text(json_get(claims, "x-cgpu-image-id"));
	const char *config = json_text(json_get(claims, "x-cgpu-config-sha256"));
	struct nonce_parts parts;
	uint8_t digest[SHA256_SIZE];

	if (!hex_claim(claims, "x-cgpu-nonce-random", parts.random, NONCE_SIZE) ||
	    !hex_claim(claims, "x-cgpu-nonce-challenge", parts.challenge, NONCE_SIZE) || container == NULL ||
	    image == NULL || config == NULL ||
	    (config[0] != '\0' && !hex_decode(digest, sizeof(digest), config, strlen(config))))
		return err_set(err, 0, "the token does not hold the parts of its nonce");
	if (key_digest(keys, parts.key, err) != 0)
		return -1;
	nonce_container(container, image, bytes_of(digest, config[0] ? sizeof(digest) : 0), parts.container);
	nonce_derive(&parts, out);
	return 0;
}

int
token_anchor(const struct token *token, const struct json *keys, const uint8_t evidence_nonce[NONCE_SIZE],
	     struct steps *steps)
{
	struct err err = ERR_INIT;
	uint8_t nonce[NONCE_SIZE];
	int rc = derive(token, keys, nonce, &err);

	if (rc == 0 && memcmp(nonce, evidence_nonce, NONCE_SIZE) != 0)
		rc = err_set(&err, 0, "the nonce that the GPUs signed is not made of the token's parts and key");
	if (rc == 0 && memcmp(nonce, token->nonce, NONCE_SIZE) != 0)
		rc = err_set(&err, 0, "claim eat_nonce is not the nonce that the GPUs signed");
	if (rc != 0) {
		err_wrap(&err, CODE_UNANCHORED, "anchor");
		return steps_fail(steps, attester_run, "token-anchor", &err);
	}
	steps_ok(steps, attester_run, "token-anchor", "evidence -> nonce -> key -> token");
	return 0;
}

void
token_free(struct token *token)
{
	json_free(token->overall);
	for (unsigned i = 0; i < GPU_MAX; i++)
		json_free(token->device[i]);
	*token = (struct token){0};
}
