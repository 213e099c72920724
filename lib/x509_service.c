/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of web services come under RSA hierarchies, and RSA is not among what this process offers to foreign bytes
 * (lib/provider.h): where somebody pins such a root, its path is walked in a library context of its own.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "lib/crypto.h"
#include "lib/x509.h"

#define AUTH_LEVEL 2 /* OpenSSL's: 112 bits, that is RSA from 2048 bits, no SHA-1 */

struct path {
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *provider;
	STACK_OF(X509) *upper, *trusted;
	X509 *subject;
	X509_STORE_CTX *ctx;
};

static X509 *
read_certificate(OSSL_LIB_CTX *library, struct bytes der)
{
	X509 *cert = X509_new_ex(library, NULL);
	const unsigned char *at = der.data;

	if (cert != NULL && der.size <= X509_PEM_MAX && d2i_X509(&cert, &at, (long)der.size) != NULL &&
	    at == der.data + der.size)
		return cert;
	X509_free(cert);
	return NULL;
}

static bool
push_certificate(STACK_OF(X509) *stack, X509 *cert)
{
	if (stack != NULL && cert != NULL && sk_X509_push(stack, cert) > 0)
		return true;
	X509_free(cert);
	return false;
}

/* The walk asks for the digest of a signature by its old name. */
static bool
name_digests(void)
{
	return EVP_add_digest(EVP_sha256()) == 1 && EVP_add_digest(EVP_sha384()) == 1 &&
	       EVP_add_digest(EVP_sha512()) == 1;
}

static bool
load(struct path *path, const struct bytes *der, unsigned count, struct bytes anchor)
{
	bool ok;

	path->library = OSSL_LIB_CTX_new();
	if (path->library == NULL || !name_digests() || !crypto_random(path->library))
		return false;
	path->provider = OSSL_PROVIDER_load(path->library, "default");
	path->upper = sk_X509_new_null();
	path->trusted = sk_X509_new_null();
	path->ctx = X509_STORE_CTX_new_ex(path->library, NULL);
	path->subject = read_certificate(path->library, der[0]);
	ok = path->provider != NULL && path->ctx != NULL && path->subject != NULL &&
	     push_certificate(path->trusted, read_certificate(path->library, anchor));
	for (unsigned i = 1; ok && i < count; i++)
		ok = push_certificate(path->upper, read_certificate(path->library, der[i]));
	return ok && X509_STORE_CTX_init(path->ctx, NULL, path->subject, path->upper) == 1;
}

static void
unload(struct path *path)
{
	X509_STORE_CTX_free(path->ctx);
	X509_free(path->subject);
	sk_X509_pop_free(path->upper, X509_free);
	sk_X509_pop_free(path->trusted, X509_free);
	if (path->provider != NULL)
		OSSL_PROVIDER_unload(path->provider);
	OSSL_LIB_CTX_free(path->library);
	ERR_clear_error();
}

static int
check_path_times(X509_STORE_CTX *ctx, int64_t at, int64_t ahead, struct err *err)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int64_t before, after;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		if (!x509_validity(sk_X509_value(chain, i), &before, &after) || at + (i == 0 ? ahead : 0) < before ||
		    at > after)
			return err_set(err, 0, "certificate %d of the path is outside its validity", i);
	}
	return 0;
}

/* A pinned anchor may be an intermediate: some services publish no root. */
static int
verify_path(const struct path *path, int64_t at, int64_t ahead, struct err *err)
{
	const unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(path->ctx);

	X509_STORE_CTX_set0_trusted_stack(path->ctx, path->trusted);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	if (X509_VERIFY_PARAM_set_flags(param, flags) != 1 ||
	    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY) != 1)
		return crypto_err(err, 0, "setting up the path");
	if (X509_verify_cert(path->ctx) != 1)
		return err_set(err, 0, "certificate %d: %s", X509_STORE_CTX_get_error_depth(path->ctx),
			       X509_verify_cert_error_string(X509_STORE_CTX_get_error(path->ctx)));
	return check_path_times(path->ctx, at, ahead, err);
}

int
x509_service_verify(const struct bytes *der, unsigned count, const X509 *anchor, int64_t at, int64_t ahead,
		    struct err *err)
{
	struct buf root = x509_der(anchor);
	struct path path = {0};
	int rc;

	if (load(&path, der, count, buf_bytes(&root)))
		rc = verify_path(&path, at, ahead, err);
	else
		rc = crypto_err(err, 0, "reading the certificates");
	unload(&path);
	buf_free(&root);
	return rc == 0 ? 0 : err_wrap(err, 0, "path to the pinned root");
}
