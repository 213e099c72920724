/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/reference.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "test/corpus/corpus.h"

static void
judge(struct bytes xml, const struct reference_want *want, const X509 *anchor, int64_t at, struct corpus_outcome *out)
{
	struct steps steps = {0};
	struct reference reference;
	struct err err = ERR_INIT;
	int rc = reference_verify(xml, want, anchor, at, attester_gpu(0), NULL, &steps, &reference);

	steps_conclude(&steps);
	if ((rc == 0) != (steps_code(&steps) == CODE_OK) || reference.verified != (rc == 0)) {
		corpus_answer(out, "undecided", "-", "result and steps say different things");
	} else if (rc == 0) {
		corpus_accept(out);
	} else {
		err_set(&err, steps_code(&steps), "%s", steps_first_failure(&steps)->detail);
		corpus_reject(out, &err);
	}
	reference_free(&reference);
	steps_free(&steps);
}

/* Anchor and clock lie in xml/rim for all of xml/. */
static void
drive(const struct corpus_row *row, const struct reference_want *want, struct corpus_outcome *out)
{
	struct bytes xml = corpus_input(row);
	struct bytes pem = corpus_from_root(row, "xml/rim/trusted-root.pem");
	char *time = (char *)corpus_from_root(row, "xml/rim/verify-at.txt").data;
	struct err err = ERR_INIT;
	X509 *anchor;
	int64_t at;

	crypto_init();
	anchor = x509_anchor(pem, &err);
	time[strcspn(time, "\r\n")] = '\0';
	if (anchor == NULL)
		corpus_broken(err.text, "xml/rim/trusted-root.pem");
	if (!clock_parse(time, &at))
		corpus_broken("is no time", "xml/rim/verify-at.txt");
	judge(xml, want, anchor, at, out);
	X509_free(anchor);
	free(time);
	free((void *)pem.data);
	free((void *)xml.data);
}

void
drive_rim(const struct corpus_row *row, struct corpus_outcome *out)
{
	bool vbios = strncmp(corpus_name(row), "vbios-", 6) == 0;
	char *version = corpus_text(row, vbios ? "wanted-vbios.txt" : "wanted-driver.txt");
	char *product = corpus_text(row, "wanted-product.txt");
	struct reference_want want = {vbios ? REFERENCE_VBIOS : REFERENCE_DRIVER, version, product};

	drive(row, &want, out);
	free(version);
	free(product);
}

void
drive_xml_foreign(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct reference_want want = {REFERENCE_DRIVER, "", NULL};

	drive(row, &want, out);
}
