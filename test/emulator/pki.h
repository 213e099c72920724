/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_PKI_H
#define TEST_EMULATOR_PKI_H

#include <openssl/x509.h>
#include <stdint.h>

#include "lib/buf.h"
#include "test/emulator/signer.h"

/* Certificates in the shapes of genuine device and manifest chains, with fresh keys. Any failure ends the tool. */

#define PKI_NO_END INT64_MAX /* 9999-12-31T23:59:59Z (RFC 5280 4.1.2.5) */
#define PKI_DAY 86400

struct pki_entity {
	EVP_PKEY *key;
	X509 *cert;
};

enum pki_part {
	PKI_CA = 1 << 0,        /* basicConstraints CA, keyCertSign */
	PKI_CRL_SIGN = 1 << 1,  /* cRLSign beside it */
	PKI_PATH_ZERO = 1 << 2, /* pathlen:0 */
	PKI_SIGNER = 1 << 3,    /* CA:FALSE and digitalSignature */
	PKI_AIA = 1 << 4,       /* the OCSP address that genuine ones name */
	PKI_CRL_POINT = 1 << 5,
	PKI_RESPONDER = 1 << 6, /* id-kp-OCSPSigning, no-check */
};

struct pki_request {
	const char *subject; /* "/CN=x/O=y": RDNs in this order */
	int64_t from, to;
	unsigned parts;
	const char *hosts; /* a TLS server for these: "DNS:a,IP:b"; NULL: none */
	const uint8_t *serial; /* big-endian; NULL: 16 random bytes */
	size_t serial_size;
};

_Noreturn void pki_die(const char *what);

/* Ends the tool unless ok. */
void pki_check(int ok, const char *what);
EVP_PKEY *pki_key(void);
/* issuer NULL: self-signed. key NULL: a fresh one. */
struct pki_entity pki_issue(const struct pki_request *request, const struct pki_entity *issuer, EVP_PKEY *key);
/* The leaf that a GPU makes for its attestation key: serial and subject from the key, device info, firmware id. */
struct pki_entity pki_leaf(const char *chip, const struct pki_entity *brom, int64_t from, const uint8_t fwid[48]);
void pki_put_pem(struct buf *out, const X509 *cert);
void pki_put_key(struct buf *out, const EVP_PKEY *key); /* PKCS #8, not encrypted */
/* What signs for this key in the emulated library. */
struct signer pki_signer(const EVP_PKEY *key);
void pki_free(struct pki_entity *entity);

#endif
