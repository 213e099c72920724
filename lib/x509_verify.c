/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed chain is judged in three passes: OpenSSL walks the path (names, key identifiers, extensions, constraints),
 * our rules look at each certificate, and the signatures are verified in the order given. The times come last, so that
 * X509_EXPIRED means that nothing else is wrong.
 */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/x509.h"

/* RFC 5480 2.2: uncompressed, or compressed. The library reads hybrid forms too, and the point at infinity as a key. */
static bool
point_form_is_sound(const X509 *cert)
{
	const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(cert);
	const unsigned char *data = ASN1_STRING_get0_data(point);

	return ASN1_STRING_length(point) > 1 && data[0] >= 2 && data[0] <= 4;
}

EVP_PKEY *
x509_public_key(const X509 *cert)
{
	ASN1_OBJECT *algorithm;
	X509_ALGOR *identifier;
	const void *value;
	int type;
	EVP_PKEY *key;

	if (X509_PUBKEY_get0_param(&algorithm, NULL, NULL, &identifier, X509_get_X509_PUBKEY(cert)) != 1)
		return NULL;
	X509_ALGOR_get0(NULL, &type, &value, identifier);
	if (OBJ_obj2nid(algorithm) != NID_X9_62_id_ecPublicKey || type != V_ASN1_OBJECT ||
	    OBJ_obj2nid(value) != NID_secp384r1 || !point_form_is_sound(cert))
		return NULL;
	key = X509_get0_pubkey(cert);
	return crypto_is_p384(key) ? key : NULL;
}

static bool
is_ecdsa_sha384(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	int type;

	X509_ALGOR_get0(&object, &type, NULL, algorithm);
	return OBJ_obj2nid(object) == NID_ecdsa_with_SHA384 && type == V_ASN1_UNDEF;
}

static int
check_algorithms(const X509 *cert, struct err *err)
{
	const ASN1_BIT_STRING *signature;
	const X509_ALGOR *outer, *inner = X509_get0_tbs_sigalg(cert);

	X509_get0_signature(&signature, &outer, cert);
	if (!is_ecdsa_sha384(inner) || X509_ALGOR_cmp(inner, outer) != 0)
		return err_set(err, 0, "the signature algorithm is not ecdsa-with-SHA384, inside and outside");
	return 0;
}

/* Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING } (RFC 5280 4.1). */
static int
verify_signature(struct bytes der, const X509 *issuer, struct err *err)
{
	struct cursor cursor = cursor_of(der), inside;
	struct bytes content, signature;
	struct der element;

	if (!der_open(&cursor, DER_SEQUENCE, &inside) || cursor.left != 0)
		return err_set(err, 0, "it is not one DER sequence");
	content = bytes_of(inside.at, inside.left);
	if (!der_next(&inside, &element))
		return err_set(err, 0, "the signed part is not DER");
	content.size -= inside.left;
	if (!der_next(&inside, &element) || !der_take(&inside, DER_BITS, &signature) || inside.left != 0 ||
	    signature.size == 0 || signature.data[0] != 0)
		return err_set(err, 0, "the signature is not a DER bit string of whole bytes");
	signature = bytes_of(signature.data + 1, signature.size - 1);
	return crypto_verify_der(x509_public_key(issuer), content, signature, err);
}

int
x509_signed_by(const X509 *cert, const X509 *issuer, struct x509_memo *memo, struct err *err)
{
	struct buf der;
	int rc;

	if (memo != NULL && x509_memo_has_seen(memo, cert, issuer))
		return 0;
	if (check_algorithms(cert, err) < 0)
		return -1;
	der = x509_der(cert);
	rc = verify_signature(buf_bytes(&der), issuer, err);
	buf_free(&der);
	if (rc == 0 && memo != NULL)
		x509_memo_saw(memo, cert, issuer);
	return rc;
}

/* Stands in for OpenSSL's pass over signatures and times; ours follows once the path is known. */
static int
leave_to_us(X509_STORE_CTX *ctx)
{
	(void)ctx;
	return 1;
}

/* The path that OpenSSL found uses every certificate that was given, in that order, and ends at the anchor. */
static bool
path_is(X509_STORE_CTX *ctx, const struct x509_chain *chain, const X509 *anchor)
{
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);

	if (path == NULL || sk_X509_num(path) != (int)chain->count)
		return false;
	for (unsigned i = 0; i + 1 < chain->count; i++)
		if (sk_X509_value(path, (int)i) != chain->cert[i])
			return false;
	return sk_X509_value(path, (int)chain->count - 1) == anchor;
}

static int
walk_path(X509_STORE_CTX *ctx, const struct x509_chain *chain, const X509 *anchor, struct err *err)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_NO_CHECK_TIME) != 1 ||
	    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY) != 1)
		return crypto_err(err, 0, "setting up the path");
	X509_STORE_CTX_set_verify(ctx, leave_to_us);
	if (X509_verify_cert(ctx) != 1)
		return err_set(err, 0, "certificate %d: %s", X509_STORE_CTX_get_error_depth(ctx),
			       X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	if (!path_is(ctx, chain, anchor))
		return err_set(err, 0, "the certificates are not the path from subject to root, one after the other");
	return 0;
}

static int
check_chain_path(const struct x509_chain *chain, const X509 *anchor, struct err *err)
{
	STACK_OF(X509) *upper = sk_X509_new_null(), *trusted = sk_X509_new_null();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ready = upper != NULL && trusted != NULL && ctx != NULL;
	int rc = -1;

	for (unsigned i = 1; i + 1 < chain->count; i++)
		ready = ready && sk_X509_push(upper, chain->cert[i]) > 0;
	ready = ready && sk_X509_push(trusted, (X509 *)anchor) > 0;
	if (!ready || X509_STORE_CTX_init(ctx, NULL, chain->cert[0], upper) != 1) {
		crypto_err(err, 0, "setting up the path");
		goto out;
	}
	X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
	rc = walk_path(ctx, chain, anchor, err);
out:
	X509_STORE_CTX_free(ctx);
	sk_X509_free(upper);
	sk_X509_free(trusted);
	ERR_clear_error();
	return rc;
}

static int
check_issuer(X509 *cert, unsigned below, struct err *err)
{
	uint32_t flags = X509_get_extension_flags(cert);
	long path_length = X509_get_pathlen(cert);

	if ((flags & EXFLAG_BCONS) == 0 || (flags & EXFLAG_CA) == 0)
		return err_set(err, 0, "it signs another certificate and is not marked as CA");
	if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(cert) & KU_KEY_CERT_SIGN) == 0)
		return err_set(err, 0, "it signs another certificate without the key usage keyCertSign");
	if (path_length >= 0 && (unsigned long)path_length < below)
		return err_set(err, 0, "its path length is %ld, and %u intermediates are below it", path_length, below);
	return 0;
}

static int
check_subject(X509 *cert, struct err *err)
{
	uint32_t flags = X509_get_extension_flags(cert);

	if ((flags & EXFLAG_CA) != 0)
		return err_set(err, 0, "the subject of the chain is marked as CA");
	if ((flags & EXFLAG_KUSAGE) == 0)
		return 0;
	if ((X509_get_key_usage(cert) & KU_KEY_CERT_SIGN) != 0)
		return err_set(err, 0, "the subject of the chain has the key usage keyCertSign");
	/* Reports, manifests and revocation answers: every subject here signs. */
	if ((X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) == 0)
		return err_set(err, 0, "the key usage of the subject lacks digitalSignature");
	return 0;
}

/* RFC 5280 4.1.2.2: positive, at most 20 bytes. NVIDIA's device ids are made from it. */
static bool
serial_is_sound(const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const unsigned char *data = ASN1_STRING_get0_data(serial);
	int size = ASN1_STRING_length(serial);

	return ASN1_STRING_type(serial) == V_ASN1_INTEGER && size >= 1 && size <= 20 && data[0] != 0;
}

static int
check_one(X509 *cert, unsigned index, struct err *err)
{
	if (X509_get_version(cert) != X509_VERSION_3)
		return err_set(err, 0, "it is not X.509 version 3");
	if (!serial_is_sound(cert))
		return err_set(err, 0, "its serial number is not positive or has more than 20 bytes");
	if ((X509_get_extension_flags(cert) & (EXFLAG_INVALID | EXFLAG_PROXY)) != 0)
		return err_set(err, 0, "an extension is malformed, occurs twice, or makes it a proxy certificate");
	if (x509_public_key(cert) == NULL)
		return err_set(err, 0, "its key is not a named P-384 key");
	if (check_algorithms(cert, err) < 0)
		return -1;
	return index == 0 ? check_subject(cert, err) : check_issuer(cert, index - 1, err);
}

static enum x509_verdict
check_chain_times(const struct x509_chain *chain, int64_t at, struct err *err)
{
	int64_t before, after;

	for (unsigned i = 0; i < chain->count; i++) {
		if (!x509_validity(chain->cert[i], &before, &after)) {
			err_set(err, 0, "certificate %u: its validity is not in the form of RFC 5280", i);
			return X509_UNTRUSTED;
		}
	}
	for (unsigned i = 0; i < chain->count; i++) {
		x509_validity(chain->cert[i], &before, &after);
		if (at >= before && at <= after)
			continue;
		err_set(err, 0,
			"certificate %u: it is valid from %lld to %lld, and the time is %lld (seconds since 1970)", i,
			(long long)before, (long long)after, (long long)at);
		return X509_EXPIRED;
	}
	return X509_TRUSTED;
}

static bool
ends_at(const struct x509_chain *chain, const X509 *anchor)
{
	struct buf last = x509_der(chain->cert[chain->count - 1]), root = x509_der(anchor);
	bool same = bytes_equal(buf_bytes(&last), buf_bytes(&root));

	buf_free(&last);
	buf_free(&root);
	return same;
}

enum x509_verdict
x509_chain_verify(const struct x509_chain *chain, const X509 *anchor, int64_t at, struct x509_memo *memo,
		  struct err *err)
{
	if (chain->count < 2 || chain->count > X509_CHAIN_MAX) {
		err_set(err, 0, "%u certificates, want 2 to %d", chain->count, X509_CHAIN_MAX);
		return X509_UNTRUSTED;
	}
	if (anchor == NULL || !ends_at(chain, anchor)) {
		err_set(err, 0, "the last certificate is not the trusted root");
		return X509_UNTRUSTED;
	}
	if (check_chain_path(chain, anchor, err) < 0)
		return X509_UNTRUSTED;
	for (unsigned i = 0; i < chain->count; i++) {
		if (check_one(chain->cert[i], i, err) < 0) {
			err_wrap(err, 0, "certificate %u", i);
			return X509_UNTRUSTED;
		}
	}
	for (unsigned i = 0; i + 1 < chain->count; i++) {
		if (x509_signed_by(chain->cert[i], chain->cert[i + 1], memo, err) < 0) {
			err_wrap(err, 0, "certificate %u", i);
			return X509_UNTRUSTED;
		}
	}
	return check_chain_times(chain, at, err);
}
