/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_REVOCATION_H
#define ATTEST_APPRAISE_REVOCATION_H

#include <stdint.h>

#include "lib/x509.h"

#define REVOCATION_NONCE_SIZE 32
#define REVOCATION_SKEW 300 /* seconds between a responder's clock and ours; what openssl ocsp allows */

enum revocation_hash { REVOCATION_SHA1, REVOCATION_SHA384 }; /* of the CertID; the responder answers both */

/* A question by RFC 6960 4.1 with an RFC 9654 nonce. */
struct revocation_question {
	const X509 *cert, *issuer; /* borrowed */
	enum revocation_hash hash;
	uint8_t nonce[REVOCATION_NONCE_SIZE];
	struct buf der;   /* the request */
	/*
	 * File name of a stored answer: "<issuer key hash>-<serial>" in lower-case hex, by CertID SHA-1; asked with
	 * SHA-384,
	 * "-sha384" follows, for its answer is another one.
	 */
	char name[128];
};

int revocation_ask(const X509 *cert, const X509 *issuer, enum revocation_hash hash, struct revocation_question *out,
		   struct err *err);

/* The same with a nonce that the caller has (a stored question). */
int revocation_ask_with(const X509 *cert, const X509 *issuer, enum revocation_hash hash, const uint8_t *nonce,
			struct revocation_question *out, struct err *err);
void revocation_question_free(struct revocation_question *question);

struct revocation_policy {
	bool allow_without_nonce; /* named loosening: stored answers (mirror, bundle) */
	bool allow_hold;          /* named loosening: certificateHold counts as good, and is said */
	int64_t max_age;          /* seconds after thisUpdate, where nextUpdate is absent */
	enum revocation_hash hash; /* of the CertIDs asked with */
};

enum revocation_status { REVOCATION_NO_STATUS, REVOCATION_GOOD, REVOCATION_REVOKED, REVOCATION_UNKNOWN };

struct revocation {
	enum revocation_status status; /* as the responder said; counts only where revocation_judge returned 0 */
	bool nonce_matches;
	bool response_valid; /* signature, responder and window */
	char reason[40];     /* of a revocation: "keyCompromise", "certificateHold", ... or "" */
	int64_t produced_at, this_update, next_update; /* next_update 0 if absent */
	int64_t until; /* end of its window: nextUpdate or by the policy's max_age, and never beyond ten days */
};

/*
 * Judges an answer. The question's issuer must stand in a path that was verified: a responder is that certificate
 * itself or one that it issued with id-kp-OCSPSigning (RFC 6960 4.2.2.2), nothing else. Order: form, status of the
 * response, responder, signature, certificate id, nonce, window, status of the certificate. The certificate id is by
 * the hash asked with; an answer without our nonce was not made for this question, so where the policy allows such,
 * either hash will do. 0 only for "good" (or hold where allowed); else -1 with a CODE_OCSP_*. memo may be NULL.
 */
int revocation_judge(const struct revocation_question *question, struct bytes answer, int64_t at,
		     const struct revocation_policy *policy, struct x509_memo *memo, struct revocation *out,
		     struct err *err);

#endif
