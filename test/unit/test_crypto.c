/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/crypto.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/der.h"
#include "test/unit/unit.h"

static const uint8_t order[48] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
	0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

/* FIPS 180-4 example: "abc". */
static void
test_hash(void)
{
	uint8_t hash[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];

	crypto_sha256(bytes_of_text("abc"), hash);
	hex_encode(text, hash, SHA256_SIZE);
	CHECK_TEXT(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
test_raw_signature(void)
{
	struct err err = ERR_INIT;
	EVP_PKEY *key = crypto_p384_generate(&err), *other = crypto_p384_generate(&err);
	struct bytes message = bytes_of_text("message");
	uint8_t signature[P384_RAW_SIGNATURE], copy[P384_RAW_SIGNATURE + 1] = {0};

	for (int i = 0; i < 50; i++) {
		CHECK(crypto_sign_raw(key, message, signature, &err) == 0);
		CHECK(crypto_verify_raw(key, message, bytes_of(signature, sizeof(signature)), &err) == 0);
	}
	CHECK(crypto_verify_raw(other, message, bytes_of(signature, sizeof(signature)), &err) < 0);
	CHECK(crypto_verify_raw(key, bytes_of_text("massage"), bytes_of(signature, sizeof(signature)), &err) < 0);
	memcpy(copy, signature, sizeof(signature));
	CHECK(crypto_verify_raw(key, message, bytes_of(copy, sizeof(copy)), &err) < 0);
	CHECK(crypto_verify_raw(key, message, bytes_of(copy, 95), &err) < 0);
	memset(copy, 0, 48);
	CHECK(crypto_verify_raw(key, message, bytes_of(copy, 96), &err) < 0);
	memcpy(copy, signature, sizeof(signature));
	memcpy(copy + 48, order, 48);
	CHECK(crypto_verify_raw(key, message, bytes_of(copy, 96), &err) < 0);
	CHECK(err.code == 0 && strstr(err.text, "1..n-1") != NULL);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void
test_key_forms(void)
{
	struct err err = ERR_INIT;
	EVP_PKEY *key = crypto_p384_generate(&err), *back, *p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	uint8_t x[48], y[48];
	struct buf spki = {0}, again = {0};
	const unsigned char *at;

	CHECK(crypto_is_p384(key) && !crypto_is_p384(p256) && !crypto_is_p384(NULL));
	CHECK(crypto_p384_coordinates(key, x, y, &err) == 0);
	back = crypto_p384_from_coordinates(x, y, &err);
	CHECK(back != NULL && EVP_PKEY_eq(key, back) == 1);
	CHECK(crypto_spki(key, &spki, &err) == 0 && spki.size == 120);
	CHECK(crypto_spki(back, &again, &err) == 0 && bytes_equal(buf_bytes(&spki), buf_bytes(&again)));
	EVP_PKEY_free(back);
	at = spki.data;
	back = d2i_PUBKEY(NULL, &at, (long)spki.size);
	CHECK(back != NULL && EVP_PKEY_eq(key, back) == 1);
	EVP_PKEY_free(back);
	y[47] ^= 1;
	CHECK(crypto_p384_from_coordinates(x, y, &err) == NULL);
	memset(x, 0, sizeof(x));
	memset(y, 0, sizeof(y));
	CHECK(crypto_p384_from_coordinates(x, y, &err) == NULL);
	memset(x, 0xff, sizeof(x));
	CHECK(crypto_p384_from_coordinates(x, y, &err) == NULL);
	CHECK(crypto_spki(p256, &spki, &err) < 0 && crypto_p384_coordinates(p256, x, y, &err) < 0);
	EVP_PKEY_free(key);
	EVP_PKEY_free(p256);
	buf_free(&spki);
	buf_free(&again);
}

static bool
is_unsigned(const char *hex, const char *want)
{
	uint8_t in[16], out[2];
	struct cursor cursor;
	char text[5];

	CHECK(hex_decode(in, strlen(hex) / 2, hex, strlen(hex)));
	cursor = cursor_of(bytes_of(in, strlen(hex) / 2));
	if (!der_unsigned(&cursor, out, sizeof(out)))
		return cursor.left == strlen(hex) / 2 && want == NULL;
	hex_encode(text, out, sizeof(out));
	return want != NULL && cursor.left == 0 && strcmp(text, want) == 0;
}

static void
test_der(void)
{
	CHECK(is_unsigned("020100", "0000"));
	CHECK(is_unsigned("02017f", "007f"));
	CHECK(is_unsigned("020200ff", "00ff"));
	CHECK(is_unsigned("020300ffff", "ffff"));
	CHECK(is_unsigned("0200", NULL));
	CHECK(is_unsigned("020180", NULL));     /* negative */
	CHECK(is_unsigned("0202007f", NULL));   /* not minimal */
	CHECK(is_unsigned("0203010000", NULL)); /* too large */
	CHECK(is_unsigned("02810100", NULL));   /* long form of a short length */
	CHECK(is_unsigned("0280010000", NULL)); /* indefinite */
	CHECK(is_unsigned("0284000000010a", NULL));
	CHECK(is_unsigned("0202ff", NULL));
	CHECK(is_unsigned("040100", NULL));
	CHECK(is_unsigned("1f020100", NULL));
	CHECK(is_unsigned("02", NULL));
}

/* No text of OpenSSL's is loaded: the number says the same to openssl errstr. */
static void
test_error(void)
{
	const unsigned char text[] = {0x04, 0x01, 0x00}, *at = text;
	struct err err = ERR_INIT;

	CHECK(crypto_err(&err, 0, "nothing queued") == -1 && strcmp(err.text, "nothing queued") == 0);
	CHECK(d2i_X509(NULL, &at, sizeof(text)) == NULL && ERR_peek_error() != 0);
	err = (struct err)ERR_INIT;
	CHECK(crypto_err(&err, 0, "no certificate") == -1);
	CHECK(strcmp(err.text, "no certificate (OpenSSL error 068000A8)") == 0); /* ASN.1, wrong tag */
	CHECK(ERR_peek_error() == 0);
}

int
main(void)
{
	crypto_init();
	RUN(test_hash);
	RUN(test_raw_signature);
	RUN(test_key_forms);
	RUN(test_der);
	RUN(test_error);
	return unit_end();
}
