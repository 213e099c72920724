/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as manifest: without a signature nothing is believed, and what the grammar takes is inside its bounds. */
/* Seeds: xml/rim */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/reference.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "spec/rim_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A root that signed nothing. */
static X509 *
strange_root(void)
{
	struct err err = ERR_INIT;
	EVP_PKEY *key;
	X509 *root = X509_new();

	crypto_init();
	key = crypto_p384_generate(&err);
	if (root == NULL || key == NULL || X509_set_pubkey(root, key) != 1 || X509_sign(root, key, EVP_sha384()) <= 0)
		abort();
	EVP_PKEY_free(key);
	return root;
}

static void
check_rim(const struct rim *rim)
{
	unsigned active = 0;

	for (unsigned i = 0; i < RIM_ROWS_MAX; i++) {
		if (rim->row[i].alternatives > RIM_ALTERNATIVES_MAX ||
		    (rim->row[i].active && rim->row[i].alternatives == 0))
			abort();
		active += rim->row[i].active;
	}
	if (active == 0 || active != rim->active || rim->version[0] == '\0' || rim->product[0] == '\0')
		abort();
}

/* The grammar alone, with a signature that is not verified, and with none. */
static void
try_content(struct bytes text)
{
	static struct rim rim;
	struct rim_signature dsig;
	struct err err = ERR_INIT;

	if (rim_signature_read(text, &dsig, &err) == RIM_SIGNED &&
	    rim_parse(buf_bytes(&dsig.document), &rim, &err) == 0)
		check_rim(&rim);
	if (rim_parse(text, &rim, &err) == 0)
		check_rim(&rim);
	rim_signature_free(&dsig);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reference_want want = {REFERENCE_DRIVER, "590.10.01", "GH100"};
	static struct reference reference;
	static X509 *root;
	struct steps steps = {0};

	if (root == NULL)
		root = strange_root();
	if (reference_verify(bytes_of(data, size), &want, root, 1780272000, attester_gpu(0), NULL, &steps,
			     &reference) == 0 ||
	    reference.verified || reference.measurements_available || steps.count != 5)
		abort();
	steps_conclude(&steps);
	if (steps_code(&steps) == CODE_OK)
		abort();
	reference_free(&reference);
	steps_free(&steps);
	try_content(bytes_of(data, size));
	return 0;
}
