/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/der.h"

#define SCALAR_SIZE 48
#define POINT_SIZE (1 + 2 * SCALAR_SIZE)
#define DER_SIGNATURE_MAX (2 + 2 * (2 + 1 + SCALAR_SIZE))

/*
 * No configuration of the machine changes what counts here. A start needs neither the old names of all algorithms (what
 * asks by such a name adds it: EVP_add_digest) nor the texts of all errors, whose tables together cost as much as five
 * signatures.
 */
#define INIT                                                                                                           \
	(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |                      \
	 OPENSSL_INIT_NO_ADD_ALL_DIGESTS | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS)

/* n of secp384r1 (SEC 2, 2.5.1). */
static const uint8_t order[SCALAR_SIZE] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
	0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

/* SubjectPublicKeyInfo of a P-384 key up to the point's coordinates (RFC 5480 2). */
static const uint8_t spki_head[] = {
	0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
	0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
};

void
crypto_init(void)
{
	static bool done;

	if (done)
		return;
	/* OpenSSL 3.0 runs into a null lock where its default context could not be made: ask for it by name first. */
	if (OPENSSL_init_crypto(INIT, NULL) != 1 || OSSL_LIB_CTX_get0_global_default() == NULL)
		_exit(CODE_INTERNAL);
	(void)crypto_random(NULL); /* a generator that runs already is as good, only slower to start */
	done = true;
}

bool
crypto_random(OSSL_LIB_CTX *library)
{
	return RAND_set_DRBG_type(library, "HASH-DRBG", NULL, NULL, "SHA2-256") == 1;
}

int
crypto_err(struct err *err, int code, const char *what)
{
	unsigned long first = ERR_get_error();

	ERR_clear_error();
	if (first == 0)
		return err_set(err, code, "%s", what);
	return err_set(err, code, "%s (OpenSSL error %08lX)", what, first);
}

static void
digest_bytes(struct bytes in, const EVP_MD *hash, uint8_t *out)
{
	struct err err = ERR_INIT;

	if (EVP_Digest(in.data, in.size, out, NULL, hash, NULL) == 1)
		return;
	crypto_err(&err, CODE_INTERNAL, "hashing");
	err_print(&err, "libcgpu");
	_exit(CODE_INTERNAL);
}

void
crypto_sha256(struct bytes in, uint8_t out[SHA256_SIZE])
{
	digest_bytes(in, EVP_sha256(), out);
}

void
crypto_sha384(struct bytes in, uint8_t out[SHA384_SIZE])
{
	digest_bytes(in, EVP_sha384(), out);
}

bool
crypto_is_p384(const EVP_PKEY *key)
{
	char group[32];
	size_t size;

	if (key == NULL || !EVP_PKEY_is_a(key, "EC"))
		return false;
	return EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 && strcmp(group, "secp384r1") == 0;
}

static bool
in_range(const uint8_t scalar[SCALAR_SIZE])
{
	static const uint8_t zero[SCALAR_SIZE];

	return memcmp(scalar, zero, SCALAR_SIZE) != 0 && memcmp(scalar, order, SCALAR_SIZE) < 0;
}

static int
raw_from_der(struct bytes der, uint8_t raw[P384_RAW_SIGNATURE], struct err *err)
{
	struct cursor cursor = cursor_of(der), inside;

	if (!der_open(&cursor, DER_SEQUENCE, &inside) || cursor.left != 0)
		return err_set(err, 0, "the signature is not one DER sequence");
	if (!der_unsigned(&inside, raw, SCALAR_SIZE) || !der_unsigned(&inside, raw + SCALAR_SIZE, SCALAR_SIZE) ||
	    inside.left != 0)
		return err_set(err, 0, "the signature is not a sequence of two DER integers of P-384");
	return 0;
}

static void
put_integer(struct buf *out, const uint8_t scalar[SCALAR_SIZE])
{
	size_t skip = 0;
	uint8_t head[3] = {DER_INTEGER, 0, 0};

	while (skip < SCALAR_SIZE - 1 && scalar[skip] == 0)
		skip++;
	head[1] = (uint8_t)(SCALAR_SIZE - skip + (scalar[skip] >> 7));
	buf_add(out, head, scalar[skip] >> 7 ? 3 : 2);
	buf_add(out, scalar + skip, SCALAR_SIZE - skip);
}

/* At most 104 bytes: the length always fits into one byte. */
static void
der_from_raw(struct buf *out, const uint8_t raw[P384_RAW_SIGNATURE])
{
	uint8_t head[2] = {DER_SEQUENCE, 0};

	buf_add(out, head, sizeof(head));
	put_integer(out, raw);
	put_integer(out, raw + SCALAR_SIZE);
	out->data[1] = (uint8_t)(out->size - sizeof(head));
}

static int
verify_der(EVP_PKEY *key, struct bytes message, struct bytes der, struct err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = -1;

	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, key) != 1)
		crypto_err(err, 0, "ECDSA could not be started");
	else if (EVP_DigestVerify(ctx, der.data, der.size, message.data, message.size) != 1)
		crypto_err(err, 0, "the signature does not verify");
	else
		rc = 0;
	EVP_MD_CTX_free(ctx);
	return rc;
}

static int
check_parts(const EVP_PKEY *key, const uint8_t raw[P384_RAW_SIGNATURE], struct err *err)
{
	if (!crypto_is_p384(key))
		return err_set(err, 0, "the key is not on curve P-384");
	if (!in_range(raw) || !in_range(raw + SCALAR_SIZE))
		return err_set(err, 0, "the signature's r or s is outside 1..n-1");
	return 0;
}

int
crypto_verify_raw(EVP_PKEY *key, struct bytes message, struct bytes signature, struct err *err)
{
	struct buf der = {0};
	int rc;

	if (signature.size != P384_RAW_SIGNATURE)
		return err_set(err, 0, "the signature has %zu bytes, want %d", signature.size, P384_RAW_SIGNATURE);
	if (check_parts(key, signature.data, err) < 0)
		return -1;
	der_from_raw(&der, signature.data);
	rc = verify_der(key, message, buf_bytes(&der), err);
	buf_free(&der);
	return rc;
}

int
crypto_verify_der(EVP_PKEY *key, struct bytes message, struct bytes signature, struct err *err)
{
	uint8_t raw[P384_RAW_SIGNATURE];

	if (raw_from_der(signature, raw, err) < 0 || check_parts(key, raw, err) < 0)
		return -1;
	return verify_der(key, message, signature, err);
}

EVP_PKEY *
crypto_p384_generate(struct err *err)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");

	if (key == NULL)
		crypto_err(err, CODE_INTERNAL, "making a P-384 key");
	return key;
}

int
crypto_sign_raw(EVP_PKEY *key, struct bytes message, uint8_t out[P384_RAW_SIGNATURE], struct err *err)
{
	uint8_t der[DER_SIGNATURE_MAX];
	size_t size = sizeof(der);
	EVP_MD_CTX *ctx;
	int rc = -1;

	if (!crypto_is_p384(key))
		return err_set(err, CODE_INTERNAL, "signing: the key is not on curve P-384");
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, der, &size, message.data, message.size) != 1)
		crypto_err(err, CODE_INTERNAL, "signing");
	else
		rc = raw_from_der(bytes_of(der, size), out, err);
	EVP_MD_CTX_free(ctx);
	return rc;
}

static int
read_coordinate(const EVP_PKEY *key, const char *name, uint8_t out[SCALAR_SIZE])
{
	BIGNUM *number = NULL;
	int rc = -1;

	if (EVP_PKEY_get_bn_param(key, name, &number) == 1 && BN_bn2binpad(number, out, SCALAR_SIZE) == SCALAR_SIZE)
		rc = 0;
	BN_free(number);
	return rc;
}

int
crypto_p384_coordinates(EVP_PKEY *key, uint8_t x[48], uint8_t y[48], struct err *err)
{
	if (!crypto_is_p384(key))
		return err_set(err, 0, "the key is not on curve P-384");
	if (read_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, x) < 0 ||
	    read_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, y) < 0)
		return crypto_err(err, 0, "reading the public point");
	return 0;
}

int
crypto_spki(EVP_PKEY *key, struct buf *out, struct err *err)
{
	uint8_t x[SCALAR_SIZE], y[SCALAR_SIZE];

	if (crypto_p384_coordinates(key, x, y, err) < 0)
		return -1;
	buf_add(out, spki_head, sizeof(spki_head));
	buf_add(out, x, sizeof(x));
	buf_add(out, y, sizeof(y));
	return 0;
}

EVP_PKEY *
crypto_p384_from_coordinates(const uint8_t x[48], const uint8_t y[48], struct err *err)
{
	uint8_t point[POINT_SIZE] = {0x04};
	char group[] = "P-384";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(point + 1, x, SCALAR_SIZE);
	memcpy(point + 1 + SCALAR_SIZE, y, SCALAR_SIZE);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
		crypto_err(err, 0, "the coordinates are no point of P-384");
		key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return key;
}
