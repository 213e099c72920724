/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_X509_MEMO_H
#define LIB_X509_MEMO_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "lib/buf.h"

/*
 * Certificates of this run, compared byte for byte, and by which other certificate's key their signature was seen to be
 * right: what several GPUs or manifests share is decoded once (0.2 ms with OpenSSL 3.0) and verified once (1 ms).
 */
struct x509_memo;
struct x509_memo *x509_memo_new(void);
void x509_memo_free(struct x509_memo *memo);

/* The certificate of exactly these bytes with a reference for the caller, or NULL. */
X509 *x509_memo_find(const struct x509_memo *memo, struct bytes der);
/* Takes a reference of its own. A full memo stays as it is. */
void x509_memo_add(struct x509_memo *memo, const X509 *cert);
/* Was this certificate's signature seen to be right by that issuer's key? */
bool x509_memo_has_seen(const struct x509_memo *memo, const X509 *cert, const X509 *issuer);
void x509_memo_saw(struct x509_memo *memo, const X509 *cert, const X509 *issuer);

#endif
