/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/evidence.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "test/corpus/corpus.h"

/* The ids that would be asked for; what the clean report decodes to is written beside it. */
static void
check_decoded(const struct corpus_row *row, const struct evidence *evidence, struct err *err)
{
	const struct gpu_report *report = &evidence->report;
	char *driver = corpus_text(row, "expected-driver.txt"), *vbios = corpus_text(row, "expected-vbios.txt");
	char *driver_id = gpu_report_driver_rim_id(report, evidence->arch), *vbios_id = gpu_report_vbios_rim_id(report);

	if (strcmp(corpus_name(row), "ok.bin") == 0 &&
	    (strcmp(report->driver_version, driver) != 0 || strcmp(report->vbios_version, vbios) != 0))
		err_set(err, CODE_INTERNAL, "decoded %s and %s, want %s and %s", report->driver_version,
			report->vbios_version, driver, vbios);
	if (strstr(driver_id, report->driver_version) == NULL || strncmp(vbios_id, "NV_GPU_VBIOS_", 13) != 0)
		err_set(err, CODE_INTERNAL, "manifest ids %s and %s", driver_id, vbios_id);
	free(driver_id);
	free(vbios_id);
	free(driver);
	free(vbios);
}

static void
judge(const struct corpus_row *row, const struct evidence_raw *raw, const X509 *root, int64_t at,
      struct corpus_outcome *out)
{
	struct steps steps = {0};
	struct evidence evidence;
	struct err err = ERR_INIT;
	uint8_t nonce[32];
	int rc;

	corpus_hex(row, "expected-nonce.hex", nonce, sizeof(nonce));
	rc = evidence_verify(raw, root, nonce, at, attester_gpu(0), NULL, &steps, &evidence);
	steps_conclude(&steps);
	if (rc == 0 && steps_code(&steps) == CODE_OK)
		check_decoded(row, &evidence, &err);
	else if (rc < 0 && steps_first_failure(&steps) != NULL)
		err_set(&err, steps_code(&steps), "%s", steps_first_failure(&steps)->detail);
	else
		corpus_broken("steps and verdict disagree", row->path);
	if (err.code == CODE_OK)
		corpus_accept(out);
	else
		corpus_reject(out, &err);
	evidence_free(&evidence);
	steps_free(&steps);
}

void
drive_spdm(const struct corpus_row *row, struct corpus_outcome *out)
{
	bool blackwell = strncmp(corpus_name(row), "bw-", 3) == 0;
	struct evidence_raw raw = {
		.report = corpus_input(row),
		.chain_pem = corpus_beside(row, blackwell ? "chain-blackwell.pem" : "chain.pem"),
	};
	struct bytes root_pem = corpus_beside(row, "trusted-root.pem");
	char *time_text = corpus_text(row, "verify-at.txt");
	struct err err = ERR_INIT;
	X509 *root;
	int64_t at;

	crypto_init();
	root = x509_anchor(root_pem, &err);
	if (root == NULL || !clock_parse(time_text, &at))
		corpus_broken("no root or no time", row->path);
	judge(row, &raw, root, at, out);
	X509_free(root);
	free(time_text);
	free((void *)raw.report.data);
	free((void *)raw.chain_pem.data);
	free((void *)root_pem.data);
}
