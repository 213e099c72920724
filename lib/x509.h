/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_X509_H
#define LIB_X509_H

#include <openssl/x509.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/x509_cert.h"
#include "lib/x509_memo.h"

/*
 * Fixed certificate chains: the sender gives all of it, subject first, root last; nothing is searched, and the system's
 * store plays no part. X.509 by RFC 5280; what is stricter here is said at each function.
 */

#define X509_CHAIN_MAX 6
#define X509_PEM_MAX 0x4000 /* NVML's buffer for a chain is 0x1400 */

struct x509_chain {
	X509 *cert[X509_CHAIN_MAX]; /* owned */
	unsigned count;
};

enum x509_verdict {
	X509_NO_VERDICT, /* never reads as success */
	X509_TRUSTED,
	X509_EXPIRED,   /* everything right but the time */
	X509_UNTRUSTED,
};

/*
 * Exactly want certificates (X509_CHAIN_MAX at most) in PEM: only CERTIFICATE blocks, LF or CRLF, nothing but line ends
 * outside them, each DER consumed exactly. Length-based; a NUL is an error. memo may be NULL. -1 with code 0.
 */
int x509_chain_from_pem(struct bytes pem, unsigned want, struct x509_memo *memo, struct x509_chain *out,
			struct err *err);
int x509_chain_from_der(const struct bytes *der, unsigned count, struct x509_memo *memo, struct x509_chain *out,
			struct err *err);
void x509_chain_free(struct x509_chain *chain); /* leaves it empty; takes an empty one */

/* One certificate, PEM or DER: a trust anchor from a file. NULL with code 0 on failure. */
X509 *x509_anchor(struct bytes text, struct err *err);

/*
 * The whole chain at time at (seconds since 1970): last certificate equal to anchor byte for byte, path by OpenSSL with
 * strict checks and only this anchor as trust, then a second pass of our own over each certificate: P-384 keys,
 * ecdsa-with-SHA384 inside and outside, CA and keyCertSign for issuers, no CA bit at the subject, whose key usage
 * (where it has one) is digitalSignature, path lengths, serial numbers by RFC 5280 4.1.2.2. The end date 9999-12-31
 * (RFC 5280 4.1.2.5: none) is simply far away. err says why unless X509_TRUSTED; its code is 0. memo may be NULL.
 */
enum x509_verdict x509_chain_verify(const struct x509_chain *chain, const X509 *anchor, int64_t at,
				    struct x509_memo *memo, struct err *err);

/*
 * The certificates of a service's key, its own first: each vouches for the one before it, and the last leads to, or is,
 * the anchor, which need not be self-signed. By OpenSSL with strict checks, RSA from 2048 bits and ECDSA from P-256
 * with SHA-2 alike, for such services use both; every certificate valid at time at, where the first may begin ahead
 * seconds later. -1 with code 0.
 */
int x509_service_verify(const struct bytes *der, unsigned count, const X509 *anchor, int64_t at, int64_t ahead,
			struct err *err);

/* Earliest notAfter in the chain, seconds since 1970. INT64_MIN if one has no time in the form of RFC 5280 4.1.2.5. */
int64_t x509_chain_not_after(const struct x509_chain *chain);

/* Seconds since 1970; false unless in the form of RFC 5280 4.1.2.5: whole seconds, "Z", no other spelling. */
bool x509_time(const ASN1_TIME *at, int64_t *out);
/* Validity, seconds since 1970; false unless both are in the form of RFC 5280 4.1.2.5. */
bool x509_validity(const X509 *cert, int64_t *not_before, int64_t *not_after);
/* The public key if it is a named P-384 key, else NULL; borrowed. */
EVP_PKEY *x509_public_key(const X509 *cert);
/*
 * The signature on cert alone: ecdsa-with-SHA384 inside and outside, by key. What memo has seen is not computed again;
 * memo may be NULL. -1 with code 0.
 */
int x509_signed_by(const X509 *cert, const X509 *issuer, struct x509_memo *memo, struct err *err);

/* Common name of the subject; false if there is not exactly one, or it is not printable ASCII of at most size - 1. */
bool x509_common_name(const X509 *cert, char *out, size_t size);
/* Serial number as decimal digits in new memory (EAT ueid as NVIDIA writes it). */
char *x509_serial_decimal(const X509 *cert);
/* Value of the extension with that OID (dotted text): 1 found once, 0 absent, -1 more than once. Borrowed. */
int x509_extension(const X509 *cert, const char *oid, struct bytes *value);

#endif
