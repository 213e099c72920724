/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ORACLE_COMPARE_H
#define TEST_ORACLE_COMPARE_H

#include <openssl/evp.h>

#include "lib/err.h"
#include "spec/rim.h"

/* How far a manifest gets: each step rests on the one before. */
enum stage { STAGE_NO_XML, STAGE_OTHER_PROFILE, STAGE_NOT_SIGNED, STAGE_OTHER_CONTENT, STAGE_READ };

struct comparison {
	enum stage ours, theirs;
	/* What must never be: ours goes further, or reads other bytes, certificates or rows. NULL: nothing. */
	const char *fault;
	struct err our_err, their_err;
};

/* By spec/rim_signature.h and spec/rim.h, and by libxml2 and xmlsec; key (NULL: none) is the signer's. */
void compare_readers(struct bytes text, EVP_PKEY *key, struct comparison *out);

#endif
