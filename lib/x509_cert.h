/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_X509_CERT_H
#define LIB_X509_CERT_H

#include <openssl/x509.h>

#include "lib/buf.h"
#include "lib/err.h"

/* One certificate and its bytes. */

#define X509_CERT_MAX 0x4000

/* Reads DER that is consumed exactly. NULL with code 0 on failure. */
X509 *x509_cert_parse(struct bytes der, struct err *err);
/* The certificate as DER in new memory. */
struct buf x509_der(const X509 *cert);
/* Ends the process with CODE_INTERNAL: OpenSSL could not allocate what an encoding needs. */
_Noreturn void x509_cert_no_memory(void);

#endif
