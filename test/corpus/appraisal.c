/* SPDX-License-Identifier: Apache-2.0 */
/* appraisal/: the row names report, chain, manifests and roots; revocation is not asked. */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/compare.h"
#include "attest/appraise/manifests.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "test/corpus/corpus.h"

struct item {
	const struct corpus_row *row;
	struct json *json;
	int64_t at;
	uint8_t nonce[32];
	struct evidence evidence;
	struct reference driver, vbios;
	struct steps steps;
	struct evidence_raw raw; /* the report is looked at to the end */
};

static const char *
text_of(const struct item *item, const char *name)
{
	const char *text = json_text(json_get(item->json, name));

	if (text == NULL)
		corpus_broken("no such member", name);
	return text;
}

static X509 *
anchor_of(const struct item *item, const char *name)
{
	struct bytes pem = corpus_from_root(item->row, text_of(item, name));
	struct err err = ERR_INIT;
	X509 *anchor = x509_anchor(pem, &err);

	if (anchor == NULL)
		corpus_broken(name, err.text);
	free((void *)pem.data);
	return anchor;
}

static void
read_item(struct item *item)
{
	struct bytes text = corpus_input(item->row);
	const char *nonce;
	struct err err = ERR_INIT;

	item->json = json_read(text, &json_limits_default, &err);
	if (item->json == NULL)
		corpus_broken("row", err.text);
	free((void *)text.data);
	nonce = text_of(item, "nonce");
	if (!hex_decode(item->nonce, sizeof(item->nonce), nonce, strlen(nonce)))
		corpus_broken("nonce", nonce);
	if (!clock_parse(text_of(item, "at"), &item->at))
		corpus_broken("at", text_of(item, "at"));
}

static void
judge_evidence(struct item *item)
{
	X509 *root = anchor_of(item, "device_root");

	item->raw = (struct evidence_raw){corpus_from_root(item->row, text_of(item, "report")),
					  corpus_from_root(item->row, text_of(item, "chain"))};
	evidence_verify(&item->raw, root, item->nonce, item->at, attester_gpu(0), NULL, &item->steps, &item->evidence);
	X509_free(root);
}

/* NULL where the row has no such manifest. */
static const struct reference *
judge_manifest(struct item *item, const char *name, const struct reference_want *want, struct reference *out)
{
	struct bytes xml;
	X509 *root;

	if (json_type(json_get(item->json, name)) == JSON_NULL)
		return NULL;
	root = anchor_of(item, "rim_root");
	xml = corpus_from_root(item->row, text_of(item, name));
	reference_verify(xml, want, root, item->at, attester_gpu(0), NULL, &item->steps, out);
	free((void *)xml.data);
	X509_free(root);
	return out;
}

static void
judge_measurements(struct item *item)
{
	const struct gpu_report *report = &item->evidence.report;
	const struct reference_want driver = {REFERENCE_DRIVER, report->driver_version,
						gpu_arch_product(item->evidence.arch, item->evidence.report.chip)};
	const struct reference_want vbios = {REFERENCE_VBIOS, report->vbios_version,
					       gpu_arch_product(item->evidence.arch, item->evidence.report.chip)};
	const struct reference *first = judge_manifest(item, "driver_rim", &driver, &item->driver);
	const struct reference *second = judge_manifest(item, "vbios_rim", &vbios, &item->vbios);
	struct comparison comparison;

	compare_measurements(report, first, second, attester_gpu(0), &item->steps, &comparison);
}

void
drive_appraisal(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct item item = {.row = row};
	const struct step *failed;
	struct err err = ERR_INIT;

	crypto_init();
	read_item(&item);
	judge_evidence(&item);
	if (item.evidence.parsed)
		judge_measurements(&item);
	steps_conclude(&item.steps);
	failed = steps_first_failure(&item.steps);
	if (steps_code(&item.steps) == CODE_OK) {
		corpus_accept(out);
	} else {
		err_set(&err, steps_code(&item.steps), "%s: %s", failed ? failed->name : "",
			failed ? failed->detail : "");
		corpus_reject(out, &err);
	}
	reference_free(&item.driver);
	reference_free(&item.vbios);
	evidence_free(&item.evidence);
	steps_free(&item.steps);
	json_free(item.json);
	free((void *)item.raw.report.data);
	free((void *)item.raw.chain_pem.data);
}
