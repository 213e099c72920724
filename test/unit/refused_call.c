/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in front of a worker's libraries; the call named by REFUSED_CALL fails. For test_worker.c. */
#include <dlfcn.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#define SEEN __attribute__((visibility("default")))

static int
is_refused(const char *call)
{
	const char *refused = getenv("REFUSED_CALL");

	return refused != NULL && strcmp(refused, call) == 0;
}

SEEN OSSL_PROVIDER *
OSSL_PROVIDER_load(OSSL_LIB_CTX *context, const char *name)
{
	OSSL_PROVIDER *(*next)(OSSL_LIB_CTX *, const char *) = dlsym(RTLD_NEXT, "OSSL_PROVIDER_load");

	return is_refused("OSSL_PROVIDER_load") || next == NULL ? NULL : next(context, name);
}
