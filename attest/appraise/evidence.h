/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_EVIDENCE_H
#define ATTEST_APPRAISE_EVIDENCE_H

#include <stdint.h>

#include "attest/steps.h"
#include "lib/x509.h"
#include "spec/gpu_report.h"


/* As received: nothing is known about it. */
struct evidence_raw {
	struct bytes report;
	struct bytes chain_pem;
};

/*
 * After evidence_verify: what each step found. Fields are filled as far as the steps got; verified is true only if
 * every step passed. Only evidence_verify makes it.
 */
struct evidence {
	struct x509_chain chain;
	enum x509_verdict chain_verdict;
	bool signature_verified;
	bool parsed;
	bool nonce_match;
	bool arch_match;
	bool fwid_match;
	bool fwid_absent; /* report without field 20, allowed for driver branches before 550 */
	bool verified;
	enum gpu_arch arch;
	char hardware_model[65]; /* CN of certificate 1 */
	char *ueid;              /* serial of certificate 0, decimal */
	struct gpu_report report; /* views into raw.report, which must outlive this */
};

/*
 * The checks of one GPU's evidence in the order: chain, signature over the raw bytes, layout, nonce, architecture,
 * firmware id; steps "device-chain", "report-signature", "report-format", "nonce", "architecture", "firmware-id" are
 * added for attester, and go on after a failing one wherever they do not depend on it. nonce is 32 bytes. 0 only if all
 * passed.
 */
int evidence_verify(const struct evidence_raw *raw, const X509 *anchor, const uint8_t nonce[32], int64_t at,
		    struct attester attester, struct x509_memo *memo, struct steps *steps, struct evidence *out);
void evidence_free(struct evidence *evidence);

/* No two GPUs of a run may show the same device key or ueid (step "device-unique" for each). 0 if all are distinct. */
int evidence_distinct(const struct evidence *list, unsigned count, struct steps *steps);

#endif
