/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/provider.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "test/unit/unit.h"

/* SubjectPublicKeyInfo of an RSA key of 512 bits. */
static const char rsa_hex[] =
	"305c300d06092a864886f70d0101010500034b003048024100ba5779a644e82f1f71b24d8fe65046489461f7105e4e0f"
	"6870fa0d05cb4015e5955e312ba86645a0a24486d5ce6afc7752c20705399a752dcb51d27d42afb55d0203010001";

static bool
reads(const uint8_t *der, size_t size)
{
	EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)size);
	bool got = key != NULL;

	EVP_PKEY_free(key);
	ERR_clear_error();
	return got;
}

static bool
reads_rsa(void)
{
	uint8_t der[(sizeof(rsa_hex) - 1) / 2];

	return hex_decode(der, sizeof(der), rsa_hex, sizeof(rsa_hex) - 1) && reads(der, sizeof(der));
}

static bool
has_digest(const char *name)
{
	EVP_MD *digest = EVP_MD_fetch(NULL, name, NULL);
	bool got = digest != NULL;

	EVP_MD_free(digest);
	return got;
}

static bool
has_cipher(const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	bool got = cipher != NULL;

	EVP_CIPHER_free(cipher);
	return got;
}

/* What the next test misses is there without it, and too late it is refused. */
static void
test_without(void)
{
	struct err err = ERR_INIT;
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		crypto_init();
		_exit(reads_rsa() && has_digest("MD5") && has_digest("SHA512") && has_cipher("AES-256-GCM") &&
				      provider_init(&err) < 0
			      ? 0
			      : 1);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
test_allowed(void)
{
	uint8_t signature[P384_RAW_SIGNATURE];
	struct err err = ERR_INIT;
	struct buf spki = {0};
	EVP_PKEY *key;

	CHECK(provider_init(&err) == 0);
	CHECK(provider_init(&err) == 0);
	CHECK(has_digest("SHA1") && has_digest("SHA256") && has_digest("SHA384"));
	key = crypto_p384_generate(&err);
	CHECK(key != NULL && crypto_spki(key, &spki, &err) == 0 && reads(spki.data, spki.size));
	CHECK(crypto_sign_raw(key, bytes_of_text("a"), signature, &err) == 0);
	CHECK(crypto_verify_raw(key, bytes_of_text("a"), bytes_of(signature, sizeof(signature)), &err) == 0);
	CHECK(crypto_verify_raw(key, bytes_of_text("b"), bytes_of(signature, sizeof(signature)), &err) < 0);
	EVP_PKEY_free(key);
	buf_free(&spki);
}

static void
test_refused(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);

	CHECK(key == NULL);
	CHECK(!reads_rsa());
	CHECK(!has_digest("MD5") && !has_digest("SHA512") && !has_digest("SM3"));
	CHECK(!has_cipher("AES-256-GCM") && !has_cipher("AES-256-CTR"));
	EVP_PKEY_free(key);
}

int
main(void)
{
	RUN(test_without);
	RUN(test_allowed);
	RUN(test_refused);
	return unit_end();
}
