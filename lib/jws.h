/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_JWS_H
#define LIB_JWS_H

#include "lib/crypto.h"
#include "lib/json.h"

/* JSON Web Signature, compact serialisation (RFC 7515), with ES384 (RFC 7518 3.4) and nothing else. */

#define JWS_MAX 0x80000 /* bytes of one token; NVIDIA's device tokens are about 2 KiB */
#define JWS_KID_MAX 256

struct jws {
	struct json *header, *payload; /* owned; both are objects */
	const char *kid;               /* points into header; NULL if absent */
	struct bytes signing_input;    /* points into the text that was parsed */
	uint8_t signature[P384_RAW_SIGNATURE];
};

/* Adds header.payload.signature to out; kid may be NULL. */
int jws_sign(EVP_PKEY *key, const char *kid, const char *payload, struct buf *out, struct err *err);

/*
 * Shape only: three parts in strict base64url, header an object with alg exactly "ES384", crit, b64 and zip refused, other
 * members ignored (a key or address in the header is never used), 96 bytes of signature, payload an object. text must
 * outlive out. -1 with code 0.
 */
int jws_parse(const char *text, size_t size, struct jws *out, struct err *err);
int jws_verify(const struct jws *jws, EVP_PKEY *key, struct err *err);
void jws_free(struct jws *jws);

/*
 * Key sets (RFC 7517): the P-384 signing key with that kid. Refused: two keys of one kid, another type, curve or use, a
 * point off the curve, more than 64 keys. Free with EVP_PKEY_free.
 */
EVP_PKEY *jws_key_find(const struct json *key_set, const char *kid, struct err *err);
/* {"keys":[{...}]} with that one public key, in new memory. */
char *jws_key_set(EVP_PKEY *key, const char *kid, struct err *err);

#endif
