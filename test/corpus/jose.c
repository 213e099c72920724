/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/token/remote.h"
#include "lib/code.h"
#include "test/corpus/corpus.h"

static const struct json_limits limits = {.bytes = 16 << 20, .string = 1 << 20, .depth = 32, .values = 1 << 20};

static char *
text_of(const struct corpus_row *row, const char *name)
{
	char *path = xprintf("jose/jwt/%s", name), *text = (char *)corpus_from_root(row, path).data;

	free(path);
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static int64_t
number_of(const struct corpus_row *row, const char *name, int64_t max)
{
	char *text = text_of(row, name), *end;
	int64_t number = strtoll(text, &end, 10);

	if (end == text || *end != '\0' || number < 1 || number > max)
		corpus_broken("is no number in its range", name);
	free(text);
	return number;
}

/*
 * A key that the set lacks is the token's fault where the set comes with the row, as in a run whose second fetch is no
 * better.
 */
static void
answer(enum remote_verdict verdict, struct steps *steps, struct corpus_outcome *out)
{
	const struct step *failed;
	struct err err = ERR_INIT;

	if (verdict == REMOTE_PASS) {
		steps_conclude(steps);
		err_set(&err, steps_code(steps), "passed, but not every step");
	} else if ((failed = steps_first_failure(steps)) != NULL) {
		err_set(&err, failed->code, "%s: %s", failed->name, failed->detail);
	}
	if (verdict == REMOTE_KEY_MISSING)
		corpus_answer(out, "reject", "token", err.text);
	else if (verdict == REMOTE_PASS && err.code == CODE_OK)
		corpus_accept(out);
	else
		corpus_reject(out, &err);
}

static void
judge(const struct corpus_row *row, struct bytes tokens, struct bytes key_set, struct corpus_outcome *out)
{
	char *claims[GPU_MAX], *issuer = text_of(row, "expected-issuer.txt");
	char *nonce_text = text_of(row, "expected-nonce.hex");
	struct remote_trust trust = {.issuer = issuer};
	uint8_t nonce[NONCE_SIZE];
	struct remote_request request = {
		.tokens = tokens,
		.key_set = key_set,
		.trust = &trust,
		.nonce = nonce,
		.at = number_of(row, "verify-at.txt", INT64_MAX),
		.gpus = (unsigned)number_of(row, "expected-gpus.txt", GPU_MAX),
	};
	struct steps steps = {0};
	int64_t issued;

	if (!hex_decode(nonce, sizeof(nonce), nonce_text, strlen(nonce_text)))
		corpus_broken("is no nonce", "expected-nonce.hex");
	answer(remote_judge(&request, &steps, claims, &issued), &steps, out);
	for (unsigned i = 0; i < request.gpus; i++)
		free(claims[i]);
	steps_free(&steps);
	free(issuer);
	free(nonce_text);
}

void
drive_jwt(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct bytes tokens = corpus_input(row), key_set = corpus_beside(row, "jwks.json");

	judge(row, tokens, key_set, out);
	free((void *)tokens.data);
	free((void *)key_set.data);
}

void
drive_jwks(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct bytes tokens = corpus_from_root(row, "jose/jwt/ok.json"), key_set = corpus_input(row);

	judge(row, tokens, key_set, out);
	free((void *)tokens.data);
	free((void *)key_set.data);
}

static bool
is(const struct json *value, const char *want)
{
	return json_text(value) != NULL && strcmp(json_text(value), want) == 0;
}

/* The group's keys as a set, which is what the product reads. */
static char *
group_keys(const struct json *group)
{
	const struct json *keys = json_get(group, "public") ? json_get(group, "public") : json_get(group, "private");
	struct json_out *out = json_out_new(false);

	if (json_get(keys, "keys") == NULL) {
		json_out_object(out);
		json_out_name(out, "keys");
		json_out_array(out);
		json_out_value(out, keys);
		json_out_end(out);
		json_out_end(out);
	} else {
		json_out_value(out, keys);
	}
	return json_out_finish(out);
}

/* Compact text as it stands; the other serialisations as JSON text. */
static char *
case_text(const struct json *item)
{
	const struct json *value = json_get(item, "jws") ? json_get(item, "jws") : json_get(item, "jwe");
	struct json_out *out;

	if (value == NULL)
		corpus_broken("neither jws nor jwe", "a case");
	if (json_text(value) != NULL)
		return xstrdup(json_text(value));
	out = json_out_new(false);
	json_out_value(out, value);
	return json_out_finish(out);
}

static bool
verifies(const char *text, const struct json *keys, struct err *err)
{
	EVP_PKEY *key = NULL;
	struct jws jws;
	bool good = jws_open(text, strlen(text), &jws, err) == 0;

	good = good && jws.kid != NULL && jws_key_find(keys, jws.kid, NULL, &key, err) == JWS_KEY_FOUND &&
	       jws_verify(&jws, key, err) == 0;
	EVP_PKEY_free(key);
	jws_free(&jws);
	return good;
}

/* By the words of key and header alone: what the product must be able to verify. */
static bool
in_profile(const char *text, const struct json *keys)
{
	struct buf header = {0};
	struct err err = ERR_INIT;
	struct json *json = NULL;
	bool found = false;

	if (base64url_decode(&header, text, strcspn(text, ".")))
		json = json_read(buf_bytes(&header), &limits, &err);
	for (size_t i = 0; i < json_count(json_get(keys, "keys")); i++) {
		const struct json *key = json_at(json_get(keys, "keys"), i);
		const char *kid = json_text(json_get(key, "kid"));

		found |= is(json_get(key, "kty"), "EC") && is(json_get(key, "crv"), "P-384") && kid != NULL &&
			 is(json_get(json, "kid"), kid);
	}
	found = found && is(json_get(json, "alg"), "ES384");
	json_free(json);
	buf_free(&header);
	return found;
}

static void
run_case(const struct json *item, const struct json *keys, struct corpus_outcome *out)
{
	struct bytes number = json_number_text(json_get(item, "tcId"));
	char *text = case_text(item), *name = xprintf("%.*s", (int)number.size, (const char *)number.data);
	const struct json *result = json_get(item, "result");
	struct err err = ERR_INIT;
	bool good = verifies(text, keys, &err);

	if (!in_profile(text, keys))
		corpus_case(out, !good, name, "a signature outside the profile passed");
	else
		corpus_case(out, is(result, "acceptable") || good == is(result, "valid"), name,
			    good ? "passed" : err.text);
	free(text);
	free(name);
}

static void
run_group(const struct json *group, struct corpus_outcome *out)
{
	const struct json *tests = json_get(group, "tests");
	char *text = group_keys(group);
	struct err err = ERR_INIT;
	struct json *keys = json_read(bytes_of_text(text), &limits, &err);

	for (size_t i = 0; i < json_count(tests); i++)
		run_case(json_at(tests, i), keys, out);
	json_free(keys);
	free(text);
}

void
drive_jose(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct bytes text = corpus_input(row);
	struct err err = ERR_INIT;
	struct json *file = json_parse(text, &limits, &err);
	const struct json *groups = json_get(file, "testGroups");

	crypto_init();
	if (groups == NULL)
		corpus_broken(err.text, row->path);
	for (size_t i = 0; i < json_count(groups); i++)
		run_group(json_at(groups, i), out);
	json_free(file);
	free((void *)text.data);
}
