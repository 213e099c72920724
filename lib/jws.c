/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/jws.h"

#include <stdlib.h>
#include <string.h>

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

static struct json *
parse_object(struct bytes text, const char *name, struct err *err)
{
	struct json *json = json_read(text, &limits, err);

	if (json == NULL) {
		err_wrap(err, 0, "%s", name);
	} else if (json_type(json) != JSON_OBJECT) {
		err_set(err, 0, "%s: not a JSON object", name);
		json_free(json);
		json = NULL;
	}
	return json;
}

/* One part of the compact form. */
static int
decode_part(const char *from, const char *end, const char *name, struct buf *out, struct err *err)
{
	if (base64url_decode(out, from, (size_t)(end - from)))
		return 0;
	return err_set(err, 0, "%s: not strict base64url", name);
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
split_token(const char *text, size_t size, const char **dot1, const char **dot2)
{
	*dot1 = memchr(text, '.', size);
	if (*dot1 == NULL)
		return false;
	*dot2 = memchr(*dot1 + 1, '.', size - (size_t)(*dot1 + 1 - text));
	if (*dot2 == NULL)
		return false;
	return memchr(*dot2 + 1, '.', size - (size_t)(*dot2 + 1 - text)) == NULL;
}

static int
open_signature(struct jws *jws, const char *from, const char *end, struct err *err)
{
	struct buf signature = {0};
	int rc = decode_part(from, end, "signature", &signature, err);

	if (rc == 0 && signature.size != P384_RAW_SIGNATURE)
		rc = err_set(err, 0, "signature: %zu bytes, want %d", signature.size, P384_RAW_SIGNATURE);
	if (rc == 0)
		memcpy(jws->signature, signature.data, sizeof(jws->signature));
	buf_free(&signature);
	return rc;
}

static int
open_header(struct jws *jws, const char *from, const char *end, struct err *err)
{
	struct buf header = {0};

	if (decode_part(from, end, "header", &header, err) == 0)
		jws->header = parse_object(buf_bytes(&header), "header", err);
	buf_free(&header);
	return jws->header ? check_header(jws, err) : -1;
}

int
jws_open(const char *text, size_t size, struct jws *out, struct err *err)
{
	const char *dot1, *dot2;

	*out = (struct jws){0};
	if (size > JWS_MAX)
		return err_set(err, 0, "%zu bytes, at most %d are read", size, JWS_MAX);
	if (!split_token(text, size, &dot1, &dot2))
		return err_set(err, 0, "not three parts separated by dots");
	out->signing_input = bytes_of(text, (size_t)(dot2 - text));
	if (open_signature(out, dot2 + 1, text + size, err) == 0 && open_header(out, text, dot1, err) == 0 &&
	    decode_part(dot1 + 1, dot2, "payload", &out->content, err) == 0)
		return 0;
	jws_free(out);
	return -1;
}

int
jws_parse(const char *text, size_t size, struct jws *out, struct err *err)
{
	if (jws_open(text, size, out, err) != 0)
		return -1;
	out->payload = parse_object(buf_bytes(&out->content), "payload", err);
	if (out->payload != NULL)
		return 0;
	jws_free(out);
	return -1;
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
	buf_free(&jws->content);
	*jws = (struct jws){0};
}
