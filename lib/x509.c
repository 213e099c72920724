/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/pem.h"

static int
chain_add(struct x509_chain *chain, struct bytes der, struct x509_memo *memo, struct err *err)
{
	X509 *cert = memo == NULL ? NULL : x509_memo_find(memo, der);

	if (cert == NULL) {
		cert = x509_cert_parse(der, err);
		if (cert == NULL)
			return err_wrap(err, 0, "certificate %u", chain->count);
		if (memo != NULL)
			x509_memo_add(memo, cert);
	}
	chain->cert[chain->count++] = cert;
	return 0;
}

int
x509_chain_from_pem(struct bytes pem, unsigned want, struct x509_memo *memo, struct x509_chain *out, struct err *err)
{
	struct cursor text = cursor_of(pem);
	int rc = pem.size > X509_PEM_MAX ? err_set(err, 0, "%zu bytes of PEM, at most %d", pem.size, X509_PEM_MAX) : 1;

	*out = (struct x509_chain){0};
	while (rc == 1) {
		struct buf der = {0};

		rc = pem_next(&text, &der, err);
		if (rc == 1 && out->count == want)
			rc = err_set(err, 0, "more than %u certificates", want);
		else if (rc == 1 && chain_add(out, buf_bytes(&der), memo, err) < 0)
			rc = -1;
		buf_free(&der);
	}
	if (rc == 0 && out->count != want)
		rc = err_set(err, 0, "%u certificates, want %u", out->count, want);
	if (rc < 0)
		x509_chain_free(out);
	return rc;
}

int
x509_chain_from_der(const struct bytes *der, unsigned count, struct x509_memo *memo, struct x509_chain *out,
		    struct err *err)
{
	*out = (struct x509_chain){0};
	if (count > X509_CHAIN_MAX)
		return err_set(err, 0, "%u certificates, at most %d", count, X509_CHAIN_MAX);
	for (unsigned i = 0; i < count; i++) {
		if (chain_add(out, der[i], memo, err) < 0) {
			x509_chain_free(out);
			return -1;
		}
	}
	return 0;
}

void
x509_chain_free(struct x509_chain *chain)
{
	for (unsigned i = 0; i < chain->count; i++)
		X509_free(chain->cert[i]);
	*chain = (struct x509_chain){0};
}

X509 *
x509_anchor(struct bytes text, struct err *err)
{
	struct x509_chain chain;
	int rc;

	if (text.size > 0 && text.data[0] == 0x30)
		rc = x509_chain_from_der(&text, 1, NULL, &chain, err);
	else
		rc = x509_chain_from_pem(text, 1, NULL, &chain, err);
	return rc < 0 ? NULL : chain.cert[0];
}

bool
x509_time(const ASN1_TIME *at, int64_t *out)
{
	int size = ASN1_STRING_length(at), want = ASN1_STRING_type(at) == V_ASN1_UTCTIME ? 13 : 15;
	const unsigned char *text = ASN1_STRING_get0_data(at);
	struct tm tm;

	if (size != want || text[size - 1] != 'Z')
		return false;
	for (int i = 0; i < size - 1; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return ASN1_TIME_to_tm(at, &tm) == 1 &&
	       clock_from_utc(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, out);
}

bool
x509_validity(const X509 *cert, int64_t *not_before, int64_t *not_after)
{
	return x509_time(X509_get0_notBefore(cert), not_before) && x509_time(X509_get0_notAfter(cert), not_after);
}

int64_t
x509_chain_not_after(const struct x509_chain *chain)
{
	int64_t earliest = INT64_MAX, before, after;

	for (unsigned i = 0; i < chain->count; i++) {
		if (!x509_validity(chain->cert[i], &before, &after))
			return INT64_MIN;
		earliest = after < earliest ? after : earliest;
	}
	return chain->count == 0 ? INT64_MIN : earliest;
}

bool
x509_common_name(const X509 *cert, char *out, size_t size)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *value;
	const unsigned char *text;
	size_t length;

	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return false;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	if (ASN1_STRING_type(value) != V_ASN1_UTF8STRING && ASN1_STRING_type(value) != V_ASN1_PRINTABLESTRING)
		return false;
	text = ASN1_STRING_get0_data(value);
	length = (size_t)ASN1_STRING_length(value);
	if (length == 0 || length >= size)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	memcpy(out, text, length);
	out[length] = '\0';
	return true;
}

char *
x509_serial_decimal(const X509 *cert)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *digits = number == NULL ? NULL : BN_bn2dec(number), *text;

	if (digits == NULL)
		x509_cert_no_memory();
	text = xstrdup(digits);
	OPENSSL_free(digits);
	BN_free(number);
	return text;
}

int
x509_extension(const X509 *cert, const char *oid, struct bytes *value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	const ASN1_OCTET_STRING *data;
	int at, again;

	if (object == NULL)
		x509_cert_no_memory();
	at = X509_get_ext_by_OBJ(cert, object, -1);
	again = at < 0 ? -1 : X509_get_ext_by_OBJ(cert, object, at);
	ASN1_OBJECT_free(object);
	if (at < 0)
		return 0;
	if (again >= 0)
		return -1;
	data = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	*value = bytes_of(ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data));
	return 1;
}
