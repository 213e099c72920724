/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_X509_MEMO_H
#define LIB_X509_MEMO_H

#include "lib/x509.h"

/* The inside of struct x509_memo, for lib/x509*.c alone. */

/* The certificate of exactly these bytes with a reference for the caller, or NULL. */
X509 *x509_memo_find(const struct x509_memo *memo, struct bytes der);
/* Takes a reference of its own. A full memo stays as it is. */
void x509_memo_add(struct x509_memo *memo, const X509 *cert);
/* Was this certificate's signature seen to be right by that issuer's key? */
bool x509_memo_has_seen(const struct x509_memo *memo, const X509 *cert, const X509 *issuer);
void x509_memo_saw(struct x509_memo *memo, const X509 *cert, const X509 *issuer);

#endif
