/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens and key sets: an answer as it comes, the input as key set of a genuine answer, and the payloads of the input
 * signed again by our key, so that what lies behind the signature is read as well. Seeds: jose/jwt jose/jwks */
#include <stdlib.h>
#include <string.h>

#include "attest/token/remote.h"
#include "lib/code.h"
#include "test/unit/nras.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *key;
static char *genuine, *keys;
static uint8_t nonce[NONCE_SIZE];

static char *
envelope(const char *overall, const char *device)
{
	char *token = nras_sign(key, NRAS_HEADER, device), *digest = nras_digest(token), *claims = xstrdup(overall),
	     *first, *out;

	if (strstr(claims, "@0@") != NULL)
		claims = nras_edit(claims, "@0@", digest);
	first = nras_sign(key, NRAS_HEADER, claims);
	out = xprintf("[[\"JWT\",\"%s\"],{\"GPU-0\":\"%s\"}]", first, token);
	free(token);
	free(digest);
	free(claims);
	free(first);
	return out;
}

static void
start(void)
{
	X509 *cert, *certs[2] = {NULL, NULL};
	char *one;

	crypto_init();
	key = nras_key();
	cert = nras_certify("service", key, NULL, false, -NRAS_DAY, NRAS_DAY);
	certs[0] = cert;
	one = nras_jwk(key, "k1", certs);
	keys = xprintf("{\"keys\":[%s]}", one);
	free(one);
	X509_free(cert);
	genuine = envelope(NRAS_OVERALL, NRAS_DEVICE);
	hex_decode(nonce, sizeof(nonce), NRAS_NONCE, strlen(NRAS_NONCE));
}

static enum remote_verdict
judge(struct bytes tokens, struct bytes key_set)
{
	static const struct remote_trust trust = {.issuer = NRAS_ISSUER};
	struct remote_request request = {
		.tokens = tokens, .key_set = key_set, .trust = &trust, .nonce = nonce, .at = NRAS_AT, .gpus = 1,
	};
	struct steps steps = {0};
	char *claims[1];
	int64_t issued;
	enum remote_verdict verdict = remote_judge(&request, &steps, claims, &issued);

	steps_conclude(&steps);
	if ((verdict == REMOTE_PASS) != (steps_code(&steps) == CODE_OK) ||
	    (verdict == REMOTE_PASS && claims[0] == NULL))
		abort();
	steps_free(&steps);
	free(claims[0]);
	return verdict;
}

/* The input as payload of one token of an answer whose other one is genuine. */
static void
judge_signed(const char *text, bool overall)
{
	char *tokens = overall ? envelope(text, NRAS_DEVICE) : envelope(NRAS_OVERALL, text);

	judge(bytes_of_text(tokens), bytes_of_text(keys));
	free(tokens);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (key == NULL) {
		start();
		if (judge(bytes_of_text(genuine), bytes_of_text(keys)) != REMOTE_PASS)
			abort();
	}
	if (judge(bytes_of(data, size), bytes_of_text(keys)) == REMOTE_PASS)
		abort();
	judge(bytes_of_text(genuine), bytes_of(data, size));
	free(token_issuer(bytes_of(data, size)));
	if (size == 0 || data[0] != '{') /* signatures are dear, and no payload begins otherwise */
		return 0;
	text = xprintf("%.*s", (int)size, (const char *)data);
	judge_signed(text, true);
	judge_signed(text, false);
	free(text);
	return 0;
}
