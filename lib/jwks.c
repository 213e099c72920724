/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lib/jws.h"

#define KEYS_MAX 64

/* The certificates beside a key. */
struct certificates {
	struct buf der[X509_CHAIN_MAX];
	unsigned count;
};

static bool
member_is(const struct json *object, const char *name, const char *want)
{
	const char *have = json_text(json_get(object, name));

	return have != NULL && strcmp(have, want) == 0;
}

static bool
decode_coordinate(const struct json *key, const char *name, uint8_t out[48])
{
	const char *text = json_text(json_get(key, name));
	struct buf decoded = {0};
	bool ok = text != NULL && base64url_decode(&decoded, text, strlen(text)) && decoded.size == 48;

	if (ok)
		memcpy(out, decoded.data, 48);
	buf_free(&decoded);
	return ok;
}

/* RFC 7517 4.3. */
static bool
may_verify(const struct json *operations)
{
	for (size_t i = 0; i < json_count(operations); i++) {
		const char *name = json_text(json_at(operations, i));

		if (name != NULL && strcmp(name, "verify") == 0)
			return json_type(operations) == JSON_ARRAY;
	}
	return false;
}

static int
check_purpose(const struct json *key, struct err *err)
{
	const struct json *operations = json_get(key, "key_ops");

	if (!member_is(key, "kty", "EC") || !member_is(key, "crv", "P-384"))
		return err_set(err, 0, "not an EC key on P-384");
	if ((json_get(key, "use") != NULL && !member_is(key, "use", "sig")) ||
	    (json_get(key, "alg") != NULL && !member_is(key, "alg", "ES384")) ||
	    (operations != NULL && !may_verify(operations)))
		return err_set(err, 0, "not for ES384 signatures");
	if (json_get(key, "d") != NULL)
		return err_set(err, 0, "published with its private part");
	return 0;
}

/* RFC 7517 4.7: DER in base64 of RFC 4648 section 4, the key's own certificate first. */
static int
read_certificates(const struct json *list, struct certificates *out, struct err *err)
{
	if (json_type(list) != JSON_ARRAY || json_count(list) == 0 || json_count(list) > X509_CHAIN_MAX)
		return err_set(err, 0, "x5c is no array of 1 to %d certificates", X509_CHAIN_MAX);
	for (; out->count < json_count(list); out->count++) {
		const char *text = json_text(json_at(list, out->count));

		if (text == NULL || !base64_decode(&out->der[out->count], text, strlen(text)))
			return err_set(err, 0, "x5c certificate %u is not strict base64", out->count);
	}
	return 0;
}

static int
check_key_times(const X509 *cert, const struct jws_key_rules *rules, struct err *err)
{
	int64_t before, after;

	if (!x509_validity(cert, &before, &after))
		return err_set(err, 0, "its certificate's validity is not in the form of RFC 5280");
	if (rules->at + rules->ahead < before || rules->at > after)
		return err_set(err, 0, "its certificate is valid from %lld to %lld, now %lld", (long long)before,
			       (long long)after, (long long)rules->at);
	return 0;
}

/* The service's own readers take the key out of the certificate: two keys in one entry would be two answers. */
static int
check_own_certificate(struct bytes der, EVP_PKEY *key, const struct jws_key_rules *rules, struct err *err)
{
	uint8_t x[2][48], y[2][48];
	struct x509_chain chain;
	EVP_PKEY *certified;
	int rc;

	if (x509_chain_from_der(&der, 1, NULL, &chain, err) != 0)
		return -1;
	certified = x509_public_key(chain.cert[0]);
	if (certified == NULL)
		rc = err_set(err, 0, "its certificate's key is not a named P-384 key");
	else
		rc = crypto_p384_coordinates(certified, x[0], y[0], err) |
		     crypto_p384_coordinates(key, x[1], y[1], err);
	if (rc == 0 && (memcmp(x[0], x[1], 48) != 0 || memcmp(y[0], y[1], 48) != 0))
		rc = err_set(err, 0, "its certificate is of another key");
	if (rc == 0 && rules != NULL)
		rc = check_key_times(chain.cert[0], rules, err);
	x509_chain_free(&chain);
	return rc;
}

static int
check_certificates(const struct json *key, EVP_PKEY *public, const struct jws_key_rules *rules, struct err *err)
{
	const struct json *list = json_get(key, "x5c");
	struct certificates found = {0};
	struct bytes der[X509_CHAIN_MAX];
	int rc;

	if (list == NULL)
		return rules != NULL && rules->certified ? err_set(err, 0, "no certificate (x5c) vouches for it") : 0;
	rc = read_certificates(list, &found, err);
	for (unsigned i = 0; i < found.count; i++)
		der[i] = buf_bytes(&found.der[i]);
	if (rc == 0)
		rc = check_own_certificate(der[0], public, rules, err);
	if (rc == 0 && rules != NULL && rules->root != NULL)
		rc = x509_service_verify(der, found.count, rules->root, rules->at, rules->ahead, err);
	for (unsigned i = 0; i < X509_CHAIN_MAX; i++)
		buf_free(&found.der[i]);
	return rc;
}

static EVP_PKEY *
read_key(const struct json *key, const struct jws_key_rules *rules, struct err *err)
{
	uint8_t x[48], y[48];
	EVP_PKEY *public;

	if (check_purpose(key, err) != 0)
		return NULL;
	if (!decode_coordinate(key, "x", x) || !decode_coordinate(key, "y", y)) {
		err_set(err, 0, "coordinates are not 48 bytes in base64url");
		return NULL;
	}
	public = crypto_p384_from_coordinates(x, y, err);
	if (public == NULL || check_certificates(key, public, rules, err) == 0)
		return public;
	EVP_PKEY_free(public);
	return NULL;
}

enum jws_found
jws_key_find(const struct json *key_set, const char *kid, const struct jws_key_rules *rules, EVP_PKEY **out,
	     struct err *err)
{
	const struct json *keys = json_get(key_set, "keys"), *found = NULL;

	*out = NULL;
	if (keys == NULL || json_type(keys) != JSON_ARRAY || json_count(keys) > KEYS_MAX) {
		err_set(err, 0, "no array 'keys' of at most %d keys", KEYS_MAX);
		return JWS_KEY_REFUSED;
	}
	for (size_t i = 0; i < json_count(keys); i++) {
		if (!member_is(json_at(keys, i), "kid", kid))
			continue;
		if (found != NULL) {
			err_set(err, 0, "two keys with kid '%s'", kid);
			return JWS_KEY_REFUSED;
		}
		found = json_at(keys, i);
	}
	if (found == NULL) {
		err_set(err, 0, "no key with kid '%s'", kid);
		return JWS_KEY_ABSENT;
	}
	*out = read_key(found, rules, err);
	if (*out != NULL)
		return JWS_KEY_FOUND;
	err_wrap(err, 0, "key '%s'", kid);
	return JWS_KEY_REFUSED;
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
