/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CRYPTO_H
#define LIB_CRYPTO_H

#include <openssl/evp.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SHA256_SIZE 32
#define SHA384_SIZE 48
#define P384_RAW_SIGNATURE 96 /* r then s, 48 bytes each, big-endian: SPDM 1.1, JWS ES384, XML-DSig */

/*
 * Before anything else of OpenSSL: no configuration file, no atexit handlers, no algorithms by their old names, no
 * texts of errors, crypto_random(). Safe to call again. Ends the process with CODE_INTERNAL if memory is out, as the
 * x-functions of lib/buf.h do.
 */
void crypto_init(void);
/* Random numbers by Hash_DRBG with SHA-256 (SP 800-90A 10.1.1): CTR_DRBG, the default, starts every cipher there is. */
bool crypto_random(OSSL_LIB_CTX *library);

void crypto_sha256(struct bytes in, uint8_t out[SHA256_SIZE]);
void crypto_sha384(struct bytes in, uint8_t out[SHA384_SIZE]);

/* True only for an EC key on secp384r1. */
bool crypto_is_p384(const EVP_PKEY *key);

/*
 * ECDSA P-384 with SHA-384 over message. 0 only if key is P-384, the signature is exactly 96 bytes, r and s are in
 * 1..n-1, and it verifies. Fails with code 0: the caller names the object.
 */
int crypto_verify_raw(EVP_PKEY *key, struct bytes message, struct bytes signature, struct err *err);
/* The same for a DER SEQUENCE{r, s}: strict DER, no trailing bytes. */
int crypto_verify_der(EVP_PKEY *key, struct bytes message, struct bytes signature, struct err *err);

/* A fresh P-384 key; free with EVP_PKEY_free, which wipes it. */
EVP_PKEY *crypto_p384_generate(struct err *err);
int crypto_sign_raw(EVP_PKEY *key, struct bytes message, uint8_t out[P384_RAW_SIGNATURE], struct err *err);
/* DER SubjectPublicKeyInfo, uncompressed point (RFC 5480). */
int crypto_spki(EVP_PKEY *key, struct buf *out, struct err *err);
/* Affine coordinates, 48 bytes each, big-endian (as a JWK has them), and back; the point must be on the curve. */
int crypto_p384_coordinates(EVP_PKEY *key, uint8_t x[48], uint8_t y[48], struct err *err);
EVP_PKEY *crypto_p384_from_coordinates(const uint8_t x[48], const uint8_t y[48], struct err *err);

/*
 * Adds the number of OpenSSL's first queued error to err's text, for openssl-errstr(1), and empties the queue. Returns
 * -1.
 */
int crypto_err(struct err *err, int code, const char *what);

#endif
