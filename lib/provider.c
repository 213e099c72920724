/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>
#include <string.h>

#include "lib/code.h"
#include "lib/crypto.h"

#define NAME "cgpu"
#define ALGORITHMS_MAX 3

/* Names as the default provider spells them first; a decoder is one of many for its key. */
struct offer {
	int operation;
	const char *names[ALGORITHMS_MAX];
	const char *input;
	OSSL_ALGORITHM list[ALGORITHMS_MAX + 1];
};

static struct offer offers[] = {
	{OSSL_OP_DIGEST, {"SHA1", "SHA2-256", "SHA2-384"}, "", {{0}}},
	{OSSL_OP_KEYMGMT, {"EC"}, "", {{0}}},
	{OSSL_OP_SIGNATURE, {"ECDSA"}, "", {{0}}},
	{OSSL_OP_DECODER, {"EC"}, "input=der,structure=SubjectPublicKeyInfo", {{0}}},
};
#define OFFERS (sizeof(offers) / sizeof(*offers))

static OSSL_PROVIDER *whole;

static bool
is_offered(const struct offer *offer, const OSSL_ALGORITHM *algorithm)
{
	size_t size = strcspn(algorithm->algorithm_names, ":");

	for (size_t i = 0; i < ALGORITHMS_MAX && offer->names[i] != NULL; i++)
		if (bytes_equal(bytes_of(algorithm->algorithm_names, size), bytes_of_text(offer->names[i])))
			return strstr(algorithm->property_definition, offer->input) != NULL;
	return false;
}

/* False: the library has not each of them once. */
static bool
fill_offer(struct offer *offer)
{
	int no_cache;
	const OSSL_ALGORITHM *from = OSSL_PROVIDER_query_operation(whole, offer->operation, &no_cache);
	size_t count = 0, want = 0;

	while (want < ALGORITHMS_MAX && offer->names[want] != NULL)
		want++;
	for (; from != NULL && from->algorithm_names != NULL; from++) {
		if (!is_offered(offer, from))
			continue;
		if (count == want)
			return false;
		offer->list[count++] = *from;
	}
	return count == want;
}

static const OSSL_ALGORITHM *
query(void *context, int operation, int *no_cache)
{
	(void)context;
	*no_cache = 0;
	for (size_t i = 0; i < OFFERS; i++)
		if (offers[i].operation == operation)
			return offers[i].list;
	return NULL;
}

/*
 * The default provider lives in a library context of its own, where its algorithms find what they need themselves (the
 * digest of a signature, random numbers); its context is ours, because it is its functions that get it.
 */
static int
start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
						  {0, NULL}};
	OSSL_LIB_CTX *inside = OSSL_LIB_CTX_new();

	(void)handle, (void)in;
	if (inside == NULL || !crypto_random(inside) || (whole = OSSL_PROVIDER_load(inside, "default")) == NULL)
		return 0;
	for (size_t i = 0; i < OFFERS; i++)
		if (!fill_offer(&offers[i]))
			return 0;
	*out = functions;
	*context = OSSL_PROVIDER_get0_provider_ctx(whole);
	return 1;
}

int
provider_init(struct err *err)
{
	static bool done;

	if (done)
		return 0;
	crypto_init();
	if (OSSL_PROVIDER_add_builtin(NULL, NAME, start) != 1 || OSSL_PROVIDER_load(NULL, NAME) == NULL)
		return crypto_err(err, CODE_INTERNAL, "OpenSSL's default provider lacks something, or does not start");
	if (OSSL_PROVIDER_available(NULL, "default"))
		return err_set(err, CODE_INTERNAL, "OpenSSL's default provider was started before ours");
	done = true;
	return 0;
}
