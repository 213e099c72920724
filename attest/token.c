/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/jws.h"

#define SUBJECT "NVIDIA-PLATFORM-ATTESTATION"

struct reader {
	const struct json *keys;
	int64_t at;
	struct steps *steps;
	struct token *token;
	char *overall;                        /* compact form */
	char *device[GPU_EVIDENCE_MAX];
	struct jws jws;                       /* of the overall token */
};

static int
fail(struct reader *reader, int gpu, const char *step, int code, struct err *err)
{
	err_wrap(err, code, gpu == STEP_RUN ? "overall token" : "device token");
	return steps_fail(reader->steps, gpu, step, err);
}

static char *
text_copy(const struct json *value)
{
	const char *text = json_text(value);

	return text ? xstrdup(text) : NULL;
}

/* [["JWT", overall], {"GPU-0": jwt, ...}], the names in order and nothing else. */
static int
read_detached(struct reader *reader, const struct json *root, struct err *err)
{
	const struct json *first = json_at(root, 0), *second = json_at(root, 1);
	const char *tag = json_text(json_at(first, 0));

	if (json_count(root) != 2 || first == NULL || json_type(first) != JSON_ARRAY || json_count(first) != 2 || tag == NULL ||
	    strcmp(tag, "JWT") != 0 || second == NULL || json_type(second) != JSON_OBJECT)
		return err_set(err, 0, "not of the form [[\"JWT\", token], {\"GPU-0\": token}]");
	if (json_count(second) == 0 || json_count(second) > GPU_EVIDENCE_MAX)
		return err_set(err, 0, "%zu device tokens, want 1 to %d", json_count(second), GPU_EVIDENCE_MAX);
	reader->overall = text_copy(json_at(first, 1));
	for (unsigned i = 0; i < json_count(second); i++) {
		char name[16];

		snprintf(name, sizeof(name), "GPU-%u", i);
		reader->device[i] = text_copy(json_get(second, name));
		if (reader->device[i] == NULL)
			return err_set(err, 0, "no text token '%s'", name);
		reader->token->devices++;
	}
	return reader->overall ? 0 : err_set(err, 0, "the overall token is no text");
}

/* A detached EAT, or a compact token with at most one line end behind it. */
static int
read_text(struct reader *reader, struct bytes text, struct err *err)
{
	static const struct json_limits limits = {.bytes = TOKEN_MAX, .string = JWS_MAX, .depth = 4, .values = 256};
	struct json *root;
	int rc;

	if (text.size == 0 || text.size > TOKEN_MAX)
		return err_set(err, 0, "%zu bytes, want 1 to %d", text.size, TOKEN_MAX);
	if (text.data[0] != '[') {
		if (text.data[text.size - 1] == '\n')
			text.size--;
		reader->overall = xprintf("%.*s", (int)text.size, (const char *)text.data);
		return 0;
	}
	root = json_read(text, &limits, err);
	if (root == NULL)
		return -1;
	rc = read_detached(reader, root, err);
	json_free(root);
	return rc;
}

static int
verify_signature(struct reader *reader, const struct jws *jws, struct err *err)
{
	EVP_PKEY *key;
	int rc;

	if (reader->keys == NULL)
		return err_set(err, CODE_KEY_SET, "no key set to verify with");
	if (jws->kid == NULL)
		return err_set(err, CODE_TOKEN_FORMAT, "no kid");
	key = jws_key_find(reader->keys, jws->kid, err);
	if (key == NULL)
		return err_wrap(err, CODE_KEY_SET, "key set");
	rc = jws_verify(jws, key, err);
	EVP_PKEY_free(key);
	return rc == 0 ? 0 : err_wrap(err, CODE_TOKEN_SIGNATURE, "signature");
}

static int
read_time(const struct json *payload, const char *name, int64_t *out, struct err *err)
{
	if (json_integer(json_get(payload, name), 0, INT64_C(253402300799), out))
		return 0;
	return err_set(err, CODE_TOKEN_CLAIM, "claim %s is missing or no whole number of seconds", name);
}

static int
check_time(const struct json *payload, int64_t at, struct err *err)
{
	int64_t iat, nbf, exp;

	if (read_time(payload, "iat", &iat, err) != 0 || read_time(payload, "nbf", &nbf, err) != 0 ||
	    read_time(payload, "exp", &exp, err) != 0)
		return -1;
	if (at < nbf || at < iat)
		return err_set(err, CODE_TOKEN_TIME, "not valid before %lld, now %lld", (long long)(nbf > iat ? nbf : iat),
			       (long long)at);
	if (at >= exp)
		return err_set(err, CODE_TOKEN_TIME, "expired at %lld, now %lld", (long long)exp, (long long)at);
	return 0;
}

static int
read_nonce(const struct json *payload, uint8_t nonce[NONCE_SIZE], struct err *err)
{
	const char *text = json_text(json_get(payload, "eat_nonce"));

	if (text != NULL && hex_decode(nonce, NONCE_SIZE, text, strlen(text)))
		return 0;
	return err_set(err, CODE_TOKEN_CLAIM, "claim eat_nonce is no text of 64 hex digits");
}

static int
check_overall_claims(struct reader *reader, struct err *err)
{
	const struct json *payload = reader->jws.payload;
	const char *subject = json_text(json_get(payload, "sub"));
	bool result = false;

	if (subject == NULL || strcmp(subject, SUBJECT) != 0)
		return err_set(err, CODE_TOKEN_CLAIM, "claim sub is '%s', want '%s'", subject ? subject : "(no text)", SUBJECT);
	if (!json_bool(json_get(payload, "x-nvidia-overall-att-result"), &result) || !result)
		return err_set(err, CODE_TOKEN_CLAIM, "claim x-nvidia-overall-att-result is not true");
	return read_nonce(payload, reader->token->nonce, err);
}

/* What the built-in policy of NVIDIA's own tool asks of each device token. */
static int
check_device_claims(const struct json *payload, const uint8_t nonce[NONCE_SIZE], struct err *err)
{
	const char *result = json_text(json_get(payload, "measres"));
	uint8_t have[NONCE_SIZE];
	bool secboot = false;

	if (read_nonce(payload, have, err) != 0)
		return -1;
	if (memcmp(have, nonce, NONCE_SIZE) != 0)
		return err_set(err, CODE_TOKEN_CLAIM, "claim eat_nonce differs from the overall token's");
	if (result == NULL || strcmp(result, "success") != 0)
		return err_set(err, CODE_TOKEN_CLAIM, "claim measres is '%s', want 'success'", result ? result : "(no text)");
	if (!json_bool(json_get(payload, "secboot"), &secboot) || !secboot)
		return err_set(err, CODE_TOKEN_CLAIM, "claim secboot is not true");
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

	if (entry == NULL || json_type(entry) != JSON_ARRAY || json_count(entry) != 2 || json_count(pair) != 2 || tag == NULL ||
	    strcmp(tag, "DIGEST") != 0 || algorithm == NULL || digest == NULL ||
	    (strcmp(algorithm, "SHA-256") != 0 && strcmp(algorithm, "SHA256") != 0) ||
	    !hex_decode(want, sizeof(want), digest, strlen(digest)))
		return false;
	crypto_sha256(bytes_of_text(device), have);
	return memcmp(want, have, sizeof(have)) == 0;
}

static int
verify_set(struct reader *reader)
{
	const struct json *submods = json_get(reader->jws.payload, "submods");
	struct err err = ERR_INIT;

	if (submods == NULL || json_type(submods) != JSON_OBJECT || json_count(submods) != reader->token->devices) {
		err_set(&err, CODE_TOKEN_SET, "claim submods lists %zu devices, %u tokens came", json_count(submods),
			reader->token->devices);
		return steps_fail(reader->steps, STEP_RUN, "token-set", &err);
	}
	for (unsigned i = 0; i < reader->token->devices; i++) {
		char name[16];

		snprintf(name, sizeof(name), "GPU-%u", i);
		if (digest_matches(json_get(submods, name), reader->device[i]))
			continue;
		err_set(&err, CODE_TOKEN_SET, "the digest of %s in claim submods is not that of its token", name);
		return steps_fail(reader->steps, STEP_RUN, "token-set", &err);
	}
	steps_ok(reader->steps, STEP_RUN, "token-set", "%u device token%s, digests match", reader->token->devices,
		 reader->token->devices == 1 ? "" : "s");
	return 0;
}

static int
verify_device(struct reader *reader, unsigned gpu)
{
	struct err err = ERR_INIT;
	struct jws jws;
	int rc;

	if (jws_parse(reader->device[gpu], strlen(reader->device[gpu]), &jws, &err) != 0)
		return fail(reader, (int)gpu, "device-token", CODE_TOKEN_FORMAT, &err);
	rc = verify_signature(reader, &jws, &err);
	if (rc == 0)
		rc = check_time(jws.payload, reader->at, &err);
	if (rc == 0)
		rc = check_device_claims(jws.payload, reader->token->nonce, &err);
	if (rc == 0)
		steps_ok(reader->steps, (int)gpu, "device-token", "%s", json_text(json_get(jws.payload, "hwmodel")) ?
			 json_text(json_get(jws.payload, "hwmodel")) : "");
	else
		fail(reader, (int)gpu, "device-token", 0, &err);
	reader->token->device[gpu] = jws.payload;
	jws.payload = NULL;
	jws_free(&jws);
	return rc;
}

static int
step_result(struct reader *reader, const char *step, int rc, struct err *err, const char *detail)
{
	if (rc != 0)
		return fail(reader, STEP_RUN, step, 0, err);
	steps_ok(reader->steps, STEP_RUN, step, "%s", detail);
	return 0;
}

static int
verify_overall(struct reader *reader)
{
	const struct json *payload = reader->jws.payload;
	struct err err = ERR_INIT;
	char until[32] = "";
	int64_t exp;
	int rc = 0;

	if (json_integer(json_get(payload, "exp"), 0, INT64_C(253402300799), &exp))
		clock_format(exp, until);
	rc |= step_result(reader, "token-signature", verify_signature(reader, &reader->jws, &err), &err, "ES384");
	rc |= step_result(reader, "token-time", check_time(payload, reader->at, &err), &err, until);
	rc |= step_result(reader, "token-claims", check_overall_claims(reader, &err), &err, "result true");
	return rc;
}

int
token_verify(struct bytes text, const struct json *keys, int64_t at, struct steps *steps, struct token *out)
{
	struct reader reader = {.keys = keys, .at = at, .steps = steps, .token = out};
	struct err err = ERR_INIT;
	int rc = -1;

	*out = (struct token){0};
	if (read_text(&reader, text, &err) != 0 ||
	    jws_parse(reader.overall, strlen(reader.overall), &reader.jws, &err) != 0) {
		fail(&reader, STEP_RUN, "token-format", CODE_TOKEN_FORMAT, &err);
		goto out;
	}
	steps_ok(steps, STEP_RUN, "token-format", "%s", out->devices ? "detached EAT" : "overall token alone");
	rc = verify_overall(&reader);
	for (unsigned i = 0; i < out->devices; i++)
		rc |= verify_device(&reader, i);
	if (out->devices > 0)
		rc |= verify_set(&reader);
	out->overall = reader.jws.payload;
	reader.jws.payload = NULL;
out:
	jws_free(&reader.jws);
	free(reader.overall);
	for (unsigned i = 0; i < GPU_EVIDENCE_MAX; i++)
		free(reader.device[i]);
	return rc;
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
	key = jws_key_find(keys, kid, err);
	if (key == NULL)
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
	    !hex_claim(claims, "x-cgpu-nonce-challenge", parts.challenge, NONCE_SIZE) || container == NULL || image == NULL ||
	    config == NULL || (config[0] != '\0' && !hex_decode(digest, sizeof(digest), config, strlen(config))))
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
		return steps_fail(steps, STEP_RUN, "token-anchor", &err);
	}
	steps_ok(steps, STEP_RUN, "token-anchor", "evidence -> nonce -> key -> token");
	return 0;
}

void
token_free(struct token *token)
{
	json_free(token->overall);
	for (unsigned i = 0; i < GPU_EVIDENCE_MAX; i++)
		json_free(token->device[i]);
	*token = (struct token){0};
}
