/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509_cert.h"

#include <openssl/err.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/crypto.h"

void
x509_cert_no_memory(void)
{
	struct err err = ERR_INIT;

	crypto_err(&err, CODE_INTERNAL, "encoding a certificate");
	err_print(&err, "libcgpu");
	_exit(CODE_INTERNAL);
}

struct buf
x509_der(const X509 *cert)
{
	struct buf der = {0};
	uint8_t *data = NULL;
	int size = i2d_X509(cert, &data);

	if (size < 0)
		x509_cert_no_memory();
	buf_add(&der, data, (size_t)size);
	OPENSSL_free(data);
	return der;
}

/*
 * d2i reads BER around the signed part; what does not come back as the same bytes was not DER, and two texts for one
 * certificate would let a copy pass as another one.
 */
X509 *
x509_cert_parse(struct bytes der, struct err *err)
{
	const unsigned char *at = der.data;
	struct buf again = {0};
	X509 *cert = der.size <= X509_CERT_MAX ? d2i_X509(NULL, &at, (long)der.size) : NULL;

	if (cert == NULL) {
		crypto_err(err, 0, "not a certificate");
		return NULL;
	}
	again = x509_der(cert);
	if (!bytes_equal(buf_bytes(&again), der)) {
		err_set(err, 0, "the certificate is not in DER, or bytes follow it");
		X509_free(cert);
		cert = NULL;
	}
	buf_free(&again);
	ERR_clear_error(); /* d2i leaves there why it has no key type for a public key */
	return cert;
}
