/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CA_H
#define LIB_CA_H

#include <openssl/x509.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * A bundle of CA certificates as a store for TLS. Of its 140 certificates a connection needs one, and OpenSSL 3.0 takes
 * 35 ms to decode all of them: here each is decoded when its subject is looked up, which means equal byte for byte.
 * Only CERTIFICATE blocks count, text between them is skipped; an intermediate in the bundle is trusted as such. pem
 * need not stay. NULL with CODE_TLS.
 */
X509_STORE *ca_store(struct bytes pem, struct err *err);

#endif
