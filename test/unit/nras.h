/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_NRAS_H
#define TEST_UNIT_NRAS_H

/*
 * A remote verifier for tests: tokens and key sets in the shape of NVIDIA's service. Texts are edited before they are
 * signed, so a case says only what is odd about it.
 */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/jws.h"

#define NRAS_AT 1790000000
#define NRAS_ISSUER "https://verifier.example"
#define NRAS_NONCE "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb"
#define NRAS_HEADER "{\"kid\":\"k1\",\"alg\":\"ES384\"}"
#define NRAS_DAY 86400

/* iat, nbf and exp of a token issued at the time of judging. */
#define NRAS_TIMES "\"iat\":1790000000,\"nbf\":1790000000,\"exp\":1790003600"
#define NRAS_CHAIN                                                                                                     \
	"{\"x-nvidia-cert-status\":\"valid\",\"x-nvidia-cert-ocsp-status\":\"good\","                                  \
	"\"x-nvidia-cert-expiration-date\":\"9999-12-31T23:59:59Z\",\"x-nvidia-cert-revocation-reason\":null}"

/* @0@ and @1@: digests of the device tokens. */
#define NRAS_OVERALL                                                                                                   \
	"{\"sub\":\"NVIDIA-PLATFORM-ATTESTATION\",\"x-nvidia-ver\":\"3.0\",\"iss\":\"" NRAS_ISSUER "\"," NRAS_TIMES    \
	",\"x-nvidia-overall-att-result\":true,\"submods\":{\"GPU-0\":[\"DIGEST\",[\"SHA-256\",\"@0@\"]]},"            \
	"\"eat_nonce\":\"" NRAS_NONCE "\",\"jti\":\"o\"}"

#define NRAS_DEVICE                                                                                                    \
	"{\"iss\":\"" NRAS_ISSUER "\"," NRAS_TIMES ",\"eat_nonce\":\"" NRAS_NONCE                                      \
	"\",\"jti\":\"d\",\"ueid\":\"4711\","                                                                          \
	"\"hwmodel\":\"GH100 A01 GSP BROM\",\"oemid\":\"5703\",\"measres\":\"success\",\"secboot\":true,"              \
	"\"dbgstat\":\"disabled\",\"x-nvidia-attestation-warning\":null,\"x-nvidia-gpu-arch-check\":true,"             \
	"\"x-nvidia-gpu-driver-version\":\"550.90.07\",\"x-nvidia-gpu-vbios-version\":\"96.00.9F.00.01\","             \
	"\"x-nvidia-gpu-vbios-index-no-conflict\":true,"                                                               \
	"\"x-nvidia-gpu-attestation-report-cert-chain\":" NRAS_CHAIN ","                                               \
	"\"x-nvidia-gpu-attestation-report-cert-chain-fwid-match\":true,"                                              \
	"\"x-nvidia-gpu-attestation-report-parsed\":true,\"x-nvidia-gpu-attestation-report-nonce-match\":true,"        \
	"\"x-nvidia-gpu-attestation-report-signature-verified\":true,\"x-nvidia-gpu-driver-rim-fetched\":true,"        \
	"\"x-nvidia-gpu-driver-rim-schema-validated\":true,\"x-nvidia-gpu-driver-rim-signature-verified\":true,"       \
	"\"x-nvidia-gpu-driver-rim-version-match\":true,\"x-nvidia-gpu-driver-rim-measurements-available\":true,"      \
	"\"x-nvidia-gpu-driver-rim-cert-chain\":" NRAS_CHAIN ",\"x-nvidia-gpu-vbios-rim-fetched\":true,"               \
	"\"x-nvidia-gpu-vbios-rim-schema-validated\":true,\"x-nvidia-gpu-vbios-rim-signature-verified\":true,"         \
	"\"x-nvidia-gpu-vbios-rim-version-match\":true,\"x-nvidia-gpu-vbios-rim-measurements-available\":true,"        \
	"\"x-nvidia-gpu-vbios-rim-cert-chain\":" NRAS_CHAIN "}"

/* text with the first occurrence of from replaced; from must occur. New memory; text is freed. */
static inline char *
nras_edit(char *text, const char *from, const char *to)
{
	char *at = strstr(text, from), *out;

	if (at == NULL) {
		printf("# '%s' does not occur in %s\n", from, text);
		abort();
	}
	out = xprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	free(text);
	return out;
}

/* Compact form; any header. */
static inline char *
nras_sign(EVP_PKEY *key, const char *header, const char *payload)
{
	uint8_t signature[P384_RAW_SIGNATURE];
	struct err err = ERR_INIT;
	struct buf text = {0};

	base64url_encode(&text, bytes_of_text(header));
	buf_add_text(&text, ".");
	base64url_encode(&text, bytes_of_text(payload));
	if (crypto_sign_raw(key, buf_bytes(&text), signature, &err) != 0)
		abort();
	buf_add_text(&text, ".");
	base64url_encode(&text, bytes_of(signature, sizeof(signature)));
	return buf_steal_text(&text);
}

static inline char *
nras_digest(const char *token)
{
	uint8_t hash[SHA256_SIZE];

	crypto_sha256(bytes_of_text(token), hash);
	return hex_text(bytes_of(hash, sizeof(hash)));
}

/* Tests run with the few algorithms that the workers have: certificates are made in a library of their own. */
static inline OSSL_LIB_CTX *
nras_library(void)
{
	static OSSL_LIB_CTX *library;

	if (library == NULL)
		library = OSSL_LIB_CTX_new();
	return library;
}

static inline EVP_PKEY *
nras_key(void)
{
	return EVP_PKEY_Q_keygen(nras_library(), NULL, "EC", "P-384");
}

static inline EVP_PKEY *
nras_rsa_key(void)
{
	return EVP_PKEY_Q_keygen(nras_library(), NULL, "RSA", (size_t)2048);
}

struct nras_certificate {
	X509 *x509;
	EVP_PKEY *key;
};

static inline void
nras_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (extension == NULL || X509_add_ext(cert, extension, -1) != 1)
		abort();
	X509_EXTENSION_free(extension);
}

/* Signed by issuer (NULL: by itself), valid from and until so many seconds around NRAS_AT. */
static inline X509 *
nras_certify(const char *name, EVP_PKEY *key, const struct nras_certificate *issuer, bool ca, long from, long until)
{
	EVP_PKEY *signer = issuer ? issuer->key : key;
	static long serial = 1;
	X509 *cert = X509_new_ex(nras_library(), NULL);
	X509_NAME *subject = X509_get_subject_name(cert);

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer->x509) : subject);
	ASN1_TIME_set(X509_getm_notBefore(cert), NRAS_AT + from);
	ASN1_TIME_set(X509_getm_notAfter(cert), NRAS_AT + until);
	X509_set_pubkey(cert, key);
	if (ca)
		nras_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	nras_extend(cert, cert, NID_key_usage,
		    ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature,keyAgreement");
	nras_extend(cert, cert, NID_subject_key_identifier, "hash");
	nras_extend(cert, issuer ? issuer->x509 : cert, NID_authority_key_identifier, "keyid:always");
	if (X509_sign(cert, signer, EVP_PKEY_is_a(signer, "RSA") ? EVP_sha256() : EVP_sha384()) == 0)
		abort();
	return cert;
}

static inline char *
nras_base64(const X509 *cert)
{
	struct buf der = x509_der(cert), text = {0};

	base64_encode(&text, buf_bytes(&der));
	buf_free(&der);
	return buf_steal_text(&text);
}

/* One entry of a key set; certs: x5c, NULL-terminated; none where the first is NULL. */
static inline char *
nras_jwk(EVP_PKEY *key, const char *kid, X509 *const certs[])
{
	uint8_t x[48], y[48];
	struct err err = ERR_INIT;
	struct buf text = {0};

	if (crypto_p384_coordinates(key, x, y, &err) != 0)
		abort();
	buf_printf(&text, "{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"%s\",\"x\":\"", kid);
	base64url_encode(&text, bytes_of(x, 48));
	buf_add_text(&text, "\",\"y\":\"");
	base64url_encode(&text, bytes_of(y, 48));
	buf_add_text(&text, "\"");
	for (unsigned i = 0; certs[i] != NULL; i++) {
		char *one = nras_base64(certs[i]);

		buf_printf(&text, "%s\"%s\"", i == 0 ? ",\"x5c\":[" : ",", one);
		free(one);
	}
	buf_add_text(&text, certs[0] ? "]}" : "}");
	return buf_steal_text(&text);
}

#endif
