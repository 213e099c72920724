/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PROVIDER_H
#define LIB_PROVIDER_H

#include "lib/err.h"

/*
 * Takes the place of OpenSSL's default provider in this process: out of it, an allow-list. After this no call of ours
 * or of another library gets anything but SHA-1 (names and fingerprints in X.509 and OCSP, no signature), SHA-256,
 * SHA-384, EC keys, ECDSA, and the reading of an EC key in a certificate. RSA, MD5, ciphers and the decoders of all
 * other formats are not there to be reached by foreign bytes; and a certificate costs a quarter, because OpenSSL 3
 * walks all the decoders there are for each public key.
 *
 * Before anything else of OpenSSL. Safe to call again. Fails with CODE_INTERNAL.
 */
int provider_init(struct err *err);

#endif
