/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/json.h"
#include "test/corpus/corpus.h"

static const struct json_limits limits = {.bytes = 16 << 20, .string = 1 << 20, .depth = 32, .values = 1 << 20};

static bool
is(const struct json *value, const char *want)
{
	return json_text(value) != NULL && strcmp(json_text(value), want) == 0;
}

static struct buf
hex_of(const struct json *value)
{
	const char *text = json_text(value);
	struct buf out = {0};
	uint8_t byte;

	if (text == NULL)
		corpus_broken("no hex text", "ecdsa case");
	buf_add(&out, "", 0);
	for (size_t i = 0; i < strlen(text); i += 2) {
		if (!hex_decode(&byte, 1, text + i, 2))
			corpus_broken("not hex", text);
		buf_add(&out, &byte, 1);
	}
	return out;
}

/* Leading zeros are a matter of spelling in these files. False if it does not fit. */
static bool
scalar_of(const struct json *value, uint8_t out[48])
{
	struct buf bytes = hex_of(value);
	size_t skip = 0;
	bool fits;

	while (skip < bytes.size && bytes.data[skip] == 0)
		skip++;
	fits = bytes.size - skip <= 48;
	memset(out, 0, 48);
	if (fits)
		memcpy(out + 48 - (bytes.size - skip), bytes.data + skip, bytes.size - skip);
	buf_free(&bytes);
	return fits;
}

static char *
case_name(const struct json *item)
{
	struct bytes number = json_number_text(json_get(item, "tcId"));

	return xprintf("%.*s", (int)number.size, (const char *)number.data);
}

/* P-384 with SHA-384 as the file says; with any other curve or hash no signature may pass, however right it is. */
static void
signature_case(const struct json *group, const struct json *item, EVP_PKEY *key, struct corpus_outcome *out)
{
	bool profile = is(json_get(json_get(group, "publicKey"), "curve"), "secp384r1") &&
		       is(json_get(group, "sha"), "SHA-384");
	bool raw = is(json_get(group, "type"), "EcdsaP1363Verify"), good;
	struct buf message = hex_of(json_get(item, "msg")), signature = hex_of(json_get(item, "sig"));
	const struct json *result = json_get(item, "result");
	struct err err = ERR_INIT;
	char *name = case_name(item);

	good = (raw ? crypto_verify_raw : crypto_verify_der)(key, buf_bytes(&message), buf_bytes(&signature),
							     &err) == 0;
	if (!profile)
		corpus_case(out, !good, name, "a signature outside the profile passed");
	else
		corpus_case(out, is(result, "acceptable") || good == is(result, "valid"), name,
			    good ? "passed" : err.text);
	free(name);
	buf_free(&message);
	buf_free(&signature);
}

static EVP_PKEY *
group_key(const struct json *group)
{
	const struct json *point = json_get(group, "publicKey");
	uint8_t x[48], y[48];
	struct err err = ERR_INIT;
	struct buf der;
	const unsigned char *at;
	EVP_PKEY *key;

	if (is(json_get(point, "curve"), "secp384r1")) {
		if (!scalar_of(json_get(point, "wx"), x) || !scalar_of(json_get(point, "wy"), y))
			return NULL;
		return crypto_p384_from_coordinates(x, y, &err);
	}
	der = hex_of(json_get(group, "publicKeyDer"));
	at = der.data;
	key = d2i_PUBKEY(NULL, &at, (long)der.size);
	buf_free(&der);
	return key;
}

/* A curve's generator is a point of P-384 only where the curve is P-384. */
static void
curve_case(const struct json *item, struct corpus_outcome *out)
{
	uint8_t x[48], y[48];
	struct err err = ERR_INIT;
	EVP_PKEY *key;

	if (!scalar_of(json_get(item, "gx"), x) || !scalar_of(json_get(item, "gy"), y)) {
		corpus_case_skip(out);
		return;
	}
	key = crypto_p384_from_coordinates(x, y, &err);
	corpus_case(out, (key != NULL) == is(json_get(item, "name"), "secp384r1"), json_text(json_get(item, "name")),
		    key ? "its generator passed" : err.text);
	EVP_PKEY_free(key);
}

static void
run_group(const struct json *group, struct corpus_outcome *out)
{
	const struct json *tests = json_get(group, "tests");
	bool curves = is(json_get(group, "type"), "EcCurveTest");
	EVP_PKEY *key = curves ? NULL : group_key(group);

	for (size_t i = 0; i < json_count(tests); i++) {
		if (curves)
			curve_case(json_at(tests, i), out);
		else
			signature_case(group, json_at(tests, i), key, out);
	}
	EVP_PKEY_free(key);
}

void
drive_ecdsa(const struct corpus_row *row, struct corpus_outcome *out)
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
