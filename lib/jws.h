/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_JWS_H
#define LIB_JWS_H

#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/x509.h"

/* JSON Web Signature, compact serialisation (RFC 7515), with ES384 (RFC 7518 3.4) and nothing else. */

#define JWS_MAX 0x80000 /* bytes of one token; NVIDIA's device tokens are about 2 KiB */
#define JWS_KID_MAX 256

struct jws {
	struct json *header, *payload; /* owned; both are objects */
	struct buf content;            /* the payload's bytes; owned */
	const char *kid;               /* points into header; NULL if absent */
	struct bytes signing_input;    /* points into the text that was parsed */
	uint8_t signature[P384_RAW_SIGNATURE];
};

/* Adds header.payload.signature to out; kid may be NULL. */
int jws_sign(EVP_PKEY *key, const char *kid, const char *payload, struct buf *out, struct err *err);

/*
 * Shape only: three parts in strict base64url, header an object with alg exactly "ES384", crit, b64 and zip refused,
 * other members ignored (a key or address in the header is never used), 96 bytes of signature. text must outlive out.
 * jws_parse reads the payload too, which must be an object. -1 with code 0.
 */
int jws_open(const char *text, size_t size, struct jws *out, struct err *err);
int jws_parse(const char *text, size_t size, struct jws *out, struct err *err);
int jws_verify(const struct jws *jws, EVP_PKEY *key, struct err *err);
void jws_free(struct jws *jws);

/* What is asked of a key beside its coordinates. */
struct jws_key_rules {
	bool certified;   /* it must come with its certificate (x5c) */
	const X509 *root; /* its certificates must lead to this one; NULL = not asked for */
	int64_t at;       /* its certificate must be valid, and may begin ahead seconds later */
	int64_t ahead;
};

enum jws_found { JWS_KEY_REFUSED = -1, JWS_KEY_ABSENT, JWS_KEY_FOUND };

/*
 * Key sets (RFC 7517): the P-384 signing key with that kid; free with EVP_PKEY_free. Refused: two keys of one kid,
 * another type, curve or use, a point off the curve, a certificate of another key, more than 64 keys. rules NULL:
 * somebody else vouches for the set. err is set unless JWS_KEY_FOUND, its code is 0.
 */
enum jws_found jws_key_find(const struct json *key_set, const char *kid, const struct jws_key_rules *rules,
			    EVP_PKEY **out, struct err *err);
/* {"keys":[{...}]} with that one public key, in new memory. */
char *jws_key_set(EVP_PKEY *key, const char *kid, struct err *err);

#endif
