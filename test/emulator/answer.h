/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_ANSWER_H
#define TEST_EMULATOR_ANSWER_H

#include <openssl/ocsp.h>

#include "test/emulator/pki.h"

/* Stored OCSP answers (RFC 6960) without nonce, signed by a responder that the issuer delegated. */

enum answer_status { ANSWER_GOOD, ANSWER_REVOKED, ANSWER_HOLD, ANSWER_UNKNOWN };

struct answer_request {
	const X509 *cert;
	const struct pki_entity *issuer, *responder;
	enum answer_status status;
	int64_t this_update, next_update;
};

/* One more status in basic, for the certificate of that id. */
void answer_add(OCSP_BASICRESP *basic, OCSP_CERTID *id, enum answer_status status, int64_t this_update,
		int64_t next_update);
void answer_write(const struct answer_request *request, struct buf *out);
/* "<SHA-1 of the issuer's key>-<serial>" in lower-case hex, new memory. */
char *answer_name(const X509 *cert, const X509 *issuer);

#endif
