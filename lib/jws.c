/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/jws.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 64

static const struct json_limits limits = {
	.bytes = JWS_MAX, .string = JWS_MAX, .depth = 32, .values = 65536,
};

int
jws_sign(EVP_PKEY *key, const char *kid, const char *payload, struct buf *out, struct err *err)
{
	struct json_out *header = json_out_new(false);
	uint8_t signature[P384_RAW_SIGNATURE];
	struct buf input = {0};
	char *text;
	int rc = -1;

	json_out_object(header);
	json_out_member_text(header, "alg", "ES384");
	json_out_member_text(header, "typ", "JWT");
	if (kid != NULL) {
		json_out_member_text(header, "kid", kid);
	}
	json_out_end(header);
	text = json_out_finish(header);
	base64url_encode(&input, bytes_of_text(text));
	buf_add_text(&input, ".");
	base64url_encode(&input, bytes_of_text(payload));
	if (crypto_sign_raw(key, buf_bytes(&input), signature, err) == 0) {
		buf_add(out, input.data, input.size);
		buf_add_text(out, ".");
		base64url_encode(out, bytes_of(signature, sizeof(signature)));
		rc = 0;
	}
	free(text);
	buf_free(&input);
	return rc;
}

/* Decodes one part of the compact form as a JSON object. */
static struct json *
parse_part(const char *part, size_t size, const char *name, struct err *err)
{
	struct buf decoded = {0};
	struct json *json = NULL;

	if (!base64url_decode(&decoded, part, size)) {
		err_set(err, 0, "%s: not strict base64url", name);
	} else {
		json = json_read(buf_bytes(&decoded), &limits, err);
		if (json == NULL) {
			err_wrap(err, 0, "%s", name);
		} else if (json_type(json) != JSON_OBJECT) {
			err_set(err, 0, "%s: not a JSON object", name);
			json_free(json);
			json = NULL;
		}
	}
	buf_free(&decoded);
	return json;
}

static int
check_header(struct jws *jws, struct err *err)
{
	static const char *const refused[] = {"crit", "b64", "zip"};
	const char *algorithm = json_text(json_get(jws->header, "alg"));
	const struct json *kid = json_get(jws->header, "kid");

	if (algorithm == NULL || strcmp(algorithm, "ES384") != 0)
		return err_set(err, 0, "header: alg is '%s', want 'ES384'", algorithm ? algorithm : "(no text)");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (json_get(jws->header, refused[i]) != NULL)
			return err_set(err, 0, "header: member '%s' is not allowed", refused[i]);
	if (kid == NULL)
		return 0;
	jws->kid = json_text(kid);
	if (jws->kid == NULL || jws->kid[0] == '\0' || strlen(jws->kid) > JWS_KID_MAX)
		return err_set(err, 0, "header: kid is no text of 1 to %d bytes", JWS_KID_MAX);
	return 0;
}

/* Splits at the two dots; false if there are more or fewer. */
static bool
split(const char *text, size_t size, const char **dot1, const char **dot2)
{
	*dot1 = memchr(text, '.', size);
	if (*dot1 == NULL)
		return false;
	*dot2 = memchr(*dot1 + 1, '.', size - (size_t)(*dot1 + 1 - text));
	if (*dot2 == NULL)
		return false;
	return memchr(*dot2 + 1, '.', size - (size_t)(*dot2 + 1 - text)) == NULL;
}

int
jws_parse(const char *text, size_t size, struct jws *out, struct err *err)
{
	const char *dot1, *dot2;
	struct buf signature = {0};
	int rc = -1;

	*out = (struct jws){0};
	if (size > JWS_MAX)
		return err_set(err, 0, "%zu bytes, at most %d are read", size, JWS_MAX);
	if (!split(text, size, &dot1, &dot2))
		return err_set(err, 0, "not three parts separated by dots");
	if (!base64url_decode(&signature, dot2 + 1, size - (size_t)(dot2 + 1 - text))) {
		err_set(err, 0, "signature: not strict base64url");
		goto out;
	}
	if (signature.size != P384_RAW_SIGNATURE) {
		err_set(err, 0, "signature: %zu bytes, want %d", signature.size, P384_RAW_SIGNATURE);
		goto out;
	}
	memcpy(out->signature, signature.data, sizeof(out->signature));
	out->signing_input = bytes_of(text, (size_t)(dot2 - text));
	out->header = parse_part(text, (size_t)(dot1 - text), "header", err);
	if (out->header == NULL || check_header(out, err) != 0)
		goto out;
	out->payload = parse_part(dot1 + 1, (size_t)(dot2 - dot1 - 1), "payload", err);
	if (out->payload == NULL)
		goto out;
	rc = 0;
out:
	buf_free(&signature);
	if (rc != 0)
		jws_free(out);
	return rc;
}

int
jws_verify(const struct jws *jws, EVP_PKEY *key, struct err *err)
{
	return crypto_verify_raw(key, jws->signing_input, bytes_of(jws->signature, sizeof(jws->signature)), err);
}

void
jws_free(struct jws *jws)
{
	json_free(jws->header);
	json_free(jws->payload);
	*jws = (struct jws){0};
}

static bool
text_is(const struct json *object, const char *name, const char *want)
{
	const char *have = json_text(json_get(object, name));

	return have != NULL && strcmp(have, want) == 0;
}

static bool
coordinate(const struct json *key, const char *name, uint8_t out[48])
{
	const char *text = json_text(json_get(key, name));
	struct buf decoded = {0};
	bool ok = text != NULL && base64url_decode(&decoded, text, strlen(text)) && decoded.size == 48;

	if (ok)
		memcpy(out, decoded.data, 48);
	buf_free(&decoded);
	return ok;
}

static EVP_PKEY *
read_key(const struct json *key, const char *kid, struct err *err)
{
	uint8_t x[48], y[48];

	if (!text_is(key, "kty", "EC") || !text_is(key, "crv", "P-384")) {
		err_set(err, 0, "key '%s': not an EC key on P-384", kid);
		return NULL;
	}
	if ((json_get(key, "use") != NULL && !text_is(key, "use", "sig")) ||
	    (json_get(key, "alg") != NULL && !text_is(key, "alg", "ES384"))) {
		err_set(err, 0, "key '%s': not for ES384 signatures", kid);
		return NULL;
	}
	if (!coordinate(key, "x", x) || !coordinate(key, "y", y)) {
		err_set(err, 0, "key '%s': coordinates are not 48 bytes in base64url", kid);
		return NULL;
	}
	return crypto_p384_from_coordinates(x, y, err);
}

EVP_PKEY *
jws_key_find(const struct json *key_set, const char *kid, struct err *err)
{
	const struct json *keys = json_get(key_set, "keys"), *found = NULL;

	if (keys == NULL || json_type(keys) != JSON_ARRAY || json_count(keys) > KEYS_MAX) {
		err_set(err, 0, "no array 'keys' of at most %d keys", KEYS_MAX);
		return NULL;
	}
	for (size_t i = 0; i < json_count(keys); i++) {
		if (!text_is(json_at(keys, i), "kid", kid))
			continue;
		if (found != NULL) {
			err_set(err, 0, "two keys with kid '%s'", kid);
			return NULL;
		}
		found = json_at(keys, i);
	}
	if (found == NULL) {
		err_set(err, 0, "no key with kid '%s'", kid);
		return NULL;
	}
	return read_key(found, kid, err);
}

static void
write_coordinate(struct json_out *json, const char *name, const uint8_t value[48])
{
	struct buf text = {0};

	base64url_encode(&text, bytes_of(value, 48));
	json_out_name(json, name);
	json_out_bytes(json, buf_bytes(&text));
	buf_free(&text);
}

char *
jws_key_set(EVP_PKEY *key, const char *kid, struct err *err)
{
	static const char *const fixed[][2] = {{"kty", "EC"}, {"crv", "P-384"}, {"use", "sig"}, {"alg", "ES384"}};
	uint8_t x[48], y[48];
	struct json_out *json;

	if (crypto_p384_coordinates(key, x, y, err) != 0)
		return NULL;
	json = json_out_new(true);
	json_out_object(json);
	json_out_name(json, "keys");
	json_out_array(json);
	json_out_object(json);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		json_out_member_text(json, fixed[i][0], fixed[i][1]);
	}
	json_out_member_text(json, "kid", kid);
	write_coordinate(json, "x", x);
	write_coordinate(json, "y", y);
	json_out_end(json);
	json_out_end(json);
	json_out_end(json);
	return json_out_finish(json);
}
