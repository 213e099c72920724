/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_REFERENCE_H
#define ATTEST_REFERENCE_H

#include <stdint.h>

#include "attest/steps.h"
#include "lib/x509.h"
#include "spec/rim.h"

enum reference_kind { REFERENCE_DRIVER, REFERENCE_VBIOS };

/* What a manifest must be about; all of it from signed evidence. */
struct reference_want {
	enum reference_kind kind;
	const char *version; /* driver: exact; VBIOS: compared without case */
	const char *product; /* "GH100", "GB100", ... or NULL: not known */
};

/* Filled as far as the steps got; only reference_verify makes it. */
struct reference {
	bool fetched;
	struct x509_chain chain; /* signer first */
	enum x509_verdict chain_verdict;
	bool signature_verified;
	bool version_match;
	bool measurements_available;
	bool verified; /* every step passed */
	struct rim rim;
};

/*
 * Steps "<driver|vbios>-rim" (well-formed, profile), "-rim-chain", "-rim-signature", "-rim-content", "-rim-version" for gpu.
 * Order: bytes and tree shape (threat: XML-01..10), signer chain to anchor, signature with the leaf's key handed in, content
 * from the verified tree, kind, product and version. gpu's steps go on after chain and version failures, so that one run
 * shows everything. 0 only if all passed. Codes CODE_RIM_*.
 */
int reference_verify(struct bytes xml, const struct reference_want *want, const X509 *anchor, int64_t at, int gpu,
		     struct x509_memo *memo, struct steps *steps, struct reference *out);
void reference_free(struct reference *reference);

#endif
