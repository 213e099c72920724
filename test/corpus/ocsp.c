/* SPDX-License-Identifier: Apache-2.0 */
/* ocsp/: the row is an answer to a stored question. */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/revocation.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "test/corpus/corpus.h"

static X509 *
certificate(const struct corpus_row *row, const char *name)
{
	struct bytes pem = corpus_beside(row, name);
	struct err err = ERR_INIT;
	X509 *cert;

	crypto_init();
	cert = x509_anchor(pem, &err);
	if (cert == NULL)
		corpus_broken(name, err.text);
	free((void *)pem.data);
	return cert;
}

static void
check_question(const struct corpus_row *row, const char *name, const struct revocation_question *question)
{
	struct bytes stored = corpus_beside(row, name);

	if (!bytes_equal(stored, buf_bytes(&question->der)))
		corpus_broken("our question differs from the stored one", name);
	free((void *)stored.data);
}

void
drive_ocsp(const struct corpus_row *row, struct corpus_outcome *out)
{
	/* The defaults: nothing allowed, ocsp-max-age of twelve hours. */
	static const struct revocation_policy policy = {.max_age = 12 * 3600};
	bool rim = strncmp(corpus_name(row), "rim-", 4) == 0;
	bool sha384 = strstr(corpus_name(row), "certid-sha384") != NULL;
	X509 *subject = certificate(row, rim ? "rim-subject.pem" : "subject.pem");
	X509 *issuer = certificate(row, rim ? "rim-issuer.pem" : "issuer.pem");
	char *clock = corpus_text(row, "verify-at.txt");
	struct bytes answer = corpus_input(row);
	struct revocation_question question;
	uint8_t nonce[REVOCATION_NONCE_SIZE];
	struct err err = ERR_INIT;
	struct revocation said;
	int64_t at;

	corpus_hex(row, "request-nonce.hex", nonce, sizeof(nonce));
	if (!clock_parse(clock, &at))
		corpus_broken("verify-at.txt", clock);
	if (revocation_ask_with(subject, issuer, sha384 ? REVOCATION_SHA384 : REVOCATION_SHA1, nonce, &question, &err) <
	    0)
		corpus_broken("question", err.text);
	check_question(row, rim ? "rim-request.der" : sha384 ? "request-sha384.der" : "request.der", &question);
	if (revocation_judge(&question, answer, at, &policy, NULL, &said, &err) < 0)
		corpus_reject(out, &err);
	else
		corpus_accept(out);
	revocation_question_free(&question);
	X509_free(subject);
	X509_free(issuer);
	free((void *)answer.data);
	free(clock);
}
