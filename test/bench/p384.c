/* SPDX-License-Identifier: Apache-2.0 */
/*
 * p384 N: verifies an ECDSA P-384 signature N times with the system's libcrypto and does nothing else: the floor for
 * every verifier that has N distinct signatures to check. Key and signature: RFC 6979 A.2.6, SHA-384, message "sample".
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/crypto.h"

static const char x_hex[] = "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64"
			    "def8f0ea9055866064a254515480bc13";
static const char y_hex[] = "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1"
			    "288b231c3ae0d4fe7344fd2533264720";
static const char signature_hex[] = "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
				    "81a648152e44acf96e36dd1e80fabe46"
				    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
				    "a329c145786e679e7b82c71a38628ac8";

int
main(int argc, char **argv)
{
	int rounds = argc == 2 ? atoi(argv[1]) : 0;
	uint8_t x[48], y[48], signature[P384_RAW_SIGNATURE];
	struct err err = ERR_INIT;
	EVP_PKEY *key;

	/* The start that any program makes, without the savings of ours. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	if (!hex_decode(x, 48, x_hex, 96) || !hex_decode(y, 48, y_hex, 96) || !hex_decode(signature, 96, signature_hex, 192))
		return 1;
	key = crypto_p384_from_coordinates(x, y, &err);
	for (int i = 0; key != NULL && i < rounds; i++)
		if (crypto_verify_raw(key, bytes_of_text("sample"), bytes_of(signature, sizeof(signature)), &err) != 0)
			return 1;
	EVP_PKEY_free(key);
	return key == NULL || rounds < 1;
}
