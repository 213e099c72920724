/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ca.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

#include "lib/code.h"
#include "lib/der.h"
#include "lib/pem.h"

struct ca {
	struct buf der;
	struct bytes subject; /* in der */
	X509 *cert;           /* once it was asked for; the store has a reference of its own */
};

struct bundle {
	struct ca *list;
	size_t count, room;
};

/* -- reading ------------------------------------------------------------------------------------------------------- */

/* RFC 5280 4.1: the name between validity and public key, as a whole element. */
static bool
find_subject(struct bytes der, struct bytes *subject)
{
	struct cursor all = cursor_of(der), certificate, inside, version;
	struct der skipped;

	if (!der_open(&all, DER_SEQUENCE, &certificate) || !der_open(&certificate, DER_SEQUENCE, &inside))
		return false;
	der_open(&inside, DER_CONTEXT_CONSTRUCTED(0), &version);
	for (int i = 0; i < 4; i++) /* serial number, algorithm, issuer, validity */
		if (!der_next(&inside, &skipped))
			return false;
	subject->data = inside.at;
	if (!der_next(&inside, &skipped) || skipped.tag != DER_SEQUENCE)
		return false;
	subject->size = (size_t)(inside.at - subject->data);
	return true;
}

static void
bundle_add(struct bundle *bundle, struct buf *der)
{
	struct ca ca = {.der = *der};

	*der = (struct buf){0};
	if (!find_subject(buf_bytes(&ca.der), &ca.subject)) {
		buf_free(&ca.der); /* nothing can have been issued by it */
		return;
	}
	if (bundle->count == bundle->room) {
		bundle->room = bundle->room == 0 ? 64 : bundle->room * 2;
		bundle->list = xrealloc(bundle->list, bundle->room * sizeof(*bundle->list));
	}
	bundle->list[bundle->count++] = ca;
}

/* From the next BEGIN line to the end of its block; what stands before it is skipped. */
static bool
next_block(struct cursor *text, struct bytes *block)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	const uint8_t *from = text->left > 0 ? memmem(text->at, text->left, begin, sizeof(begin) - 1) : NULL, *to;
	struct bytes skipped;

	if (from == NULL || !cursor_take(text, (size_t)(from - text->at), &skipped))
		return false;
	to = memmem(text->at, text->left, end, sizeof(end) - 1);
	return cursor_take(text, to == NULL ? text->left : (size_t)(to - text->at) + sizeof(end) - 1, block);
}

static int
bundle_read(struct bundle *bundle, struct bytes pem, struct err *err)
{
	struct cursor text = cursor_of(pem), inside;
	struct bytes block;

	while (next_block(&text, &block)) {
		struct buf der = {0};

		inside = cursor_of(block);
		if (pem_next(&inside, &der, err) != 1) {
			buf_free(&der);
			return err_wrap(err, CODE_TLS, "CA bundle: certificate %zu", bundle->count + 1);
		}
		bundle_add(bundle, &der);
	}
	return bundle->count > 0 ? 0 : err_set(err, CODE_TLS, "CA bundle: no certificate");
}

static void
bundle_free(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++) {
		X509_free(bundle->list[i].cert);
		buf_free(&bundle->list[i].der);
	}
	free(bundle->list);
	free(bundle);
}

/* -- OpenSSL's side ------------------------------------------------------------------------------------------------ */
static X509 *
decode_certificate(struct ca *ca, X509_STORE *store)
{
	const unsigned char *at = ca->der.data;

	if (ca->cert == NULL) {
		ca->cert = d2i_X509(NULL, &at, (long)ca->der.size);
		if (ca->cert != NULL)
			X509_STORE_add_cert(store, ca->cert);
	}
	return ca->cert;
}

/* All of that subject go into the store, where OpenSSL looks for the one that fits; the first is the answer. */
static int
by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *out)
{
	struct bundle *bundle = X509_LOOKUP_get_method_data(lookup);
	const unsigned char *der;
	X509 *first = NULL;
	size_t size;

	if (type != X509_LU_X509 || X509_NAME_get0_der(name, &der, &size) != 1)
		return 0;
	for (size_t i = 0; i < bundle->count; i++) {
		if (bytes_equal(bundle->list[i].subject, bytes_of(der, size))) {
			X509 *cert = decode_certificate(&bundle->list[i], X509_LOOKUP_get_store(lookup));

			first = first != NULL ? first : cert;
		}
	}
	if (first == NULL || X509_OBJECT_set1_X509(out, first) != 1)
		return 0;
	X509_free(first); /* the caller takes a reference of its own to what out shows */
	return 1;
}

static void
forget(X509_LOOKUP *lookup)
{
	bundle_free(X509_LOOKUP_get_method_data(lookup));
}

/* Made once; a store's lookups point to it as long as they live. */
static X509_LOOKUP_METHOD *
lookup_method(void)
{
	static X509_LOOKUP_METHOD *method;

	if (method == NULL && (method = X509_LOOKUP_meth_new("CA bundle")) != NULL) {
		X509_LOOKUP_meth_set_get_by_subject(method, by_subject);
		X509_LOOKUP_meth_set_free(method, forget);
	}
	return method;
}

X509_STORE *
ca_store(struct bytes pem, struct err *err)
{
	struct bundle *bundle = xcalloc(1, sizeof(*bundle));
	X509_STORE *store = NULL;
	X509_LOOKUP *lookup;

	if (bundle_read(bundle, pem, err) != 0) {
		bundle_free(bundle);
		return NULL;
	}
	store = X509_STORE_new();
	lookup = store != NULL ? X509_STORE_add_lookup(store, lookup_method()) : NULL;
	if (lookup == NULL) {
		err_set(err, CODE_INTERNAL, "OpenSSL gives no certificate store");
		X509_STORE_free(store);
		bundle_free(bundle);
		return NULL;
	}
	X509_LOOKUP_set_method_data(lookup, bundle);
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	return store;
}
