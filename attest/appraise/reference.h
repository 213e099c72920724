/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_REFERENCE_H
#define ATTEST_APPRAISE_REFERENCE_H

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
	bool signature_verified;     /* by the chain's first certificate, expired or not */
	bool version_match;
	bool measurements_available; /* rim was read from a signed tree */
	bool verified; /* every step passed */
	struct rim rim;
};

/*
 * Steps "<driver|vbios>-rim" (bytes and shape: CODE_RIM_FORMAT, _PROFILE), "-rim-chain" (signer to anchor:
 * CODE_RIM_CHAIN, _EXPIRED), "-rim-signature" (with the signer's key handed in: CODE_RIM_SIGNATURE), "-rim-content"
 * (grammar, kind, product: CODE_RIM_CONTENT, _PRODUCT) and "-rim-version" (CODE_RIM_VERSION) of attester, always all
 * five. A step that rests on a failed one is skipped; an expired signer, another kind or product do not stop the
 * following ones. 0 only if all passed. memo may be NULL. xml need not outlive the call.
 */
int reference_verify(struct bytes xml, const struct reference_want *want, const X509 *anchor, int64_t at,
		     struct attester attester, struct x509_memo *memo, struct steps *steps, struct reference *out);
void reference_free(struct reference *reference);

#endif
