/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/chain.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "test/corpus/corpus.h"

#define LIMBO_NOW "2023-12-01T00:00:00Z" /* the suite's version; it means "now" where a case gives no time */

static const struct json_limits limits = {.bytes = 16 << 20, .string = 1 << 20, .depth = 32, .values = 1 << 20};

/*
 * The product's steps for a chain without a report: the path, one architecture, the firmware id that a report would
 * have.
 */
static int
judge_device(struct bytes pem, const X509 *root, int64_t at, struct bytes fwid, struct err *err)
{
	struct x509_chain chain;
	enum x509_verdict verdict;
	struct chain_fwid own;
	char model[65] = "";
	int rc = chain_verify(pem, root, at, NULL, &chain, &verdict, err);

	if (rc == 0)
		rc = chain_fwid_parse(chain.cert[0], &own, err);
	if (rc == 0) {
		x509_common_name(chain.cert[1], model, sizeof(model));
		rc = chain_arch_match(model, own.form, "", err);
	}
	if (rc == 0)
		rc = chain_fwid_match(&own, fwid, err);
	x509_chain_free(&chain);
	return rc;
}

void
drive_device(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct err err = ERR_INIT;
	struct bytes pem = corpus_input(row), root_pem = corpus_beside(row, "trusted-root.pem");
	char *time_text = corpus_text(row, "verify-at.txt");
	uint8_t fwid[CHAIN_FWID_SIZE];
	X509 *root;
	int64_t at;

	crypto_init();
	corpus_hex(row, "expected-fwid.hex", fwid, sizeof(fwid));
	root = x509_anchor(root_pem, &err);
	if (root == NULL || !clock_parse(time_text, &at))
		corpus_broken("no root or no time", row->path);
	if (judge_device(pem, root, at, bytes_of(fwid, sizeof(fwid)), &err) == 0)
		corpus_accept(out);
	else
		corpus_reject(out, &err);
	X509_free(root);
	free(time_text);
	free((void *)pem.data);
	free((void *)root_pem.data);
}

static void
add_pem(struct buf *pem, const struct json *value)
{
	if (json_text(value) == NULL)
		corpus_broken("no certificate", "limbo case");
	buf_add_text(pem, json_text(value));
}

/* Subject, intermediates as they are listed, the first root: the only order that a fixed chain knows. */
static void
limbo_chain(const struct json *item, struct buf *pem, struct buf *root)
{
	const struct json *upper = json_get(item, "untrusted_intermediates");

	add_pem(root, json_at(json_get(item, "trusted_certs"), 0));
	add_pem(pem, json_get(item, "peer_certificate"));
	for (size_t i = 0; i < json_count(upper); i++)
		add_pem(pem, json_at(upper, i));
	buf_add(pem, root->data, root->size);
}

static bool
inside_profile(const struct x509_chain *chain)
{
	for (unsigned i = 0; i < chain->count; i++)
		if (x509_public_key(chain->cert[i]) == NULL)
			return false;
	return true;
}

static int64_t
limbo_time(const struct json *item)
{
	const char *text = json_text(json_get(item, "validation_time"));
	char *zulu;
	int64_t at;

	zulu = text == NULL ? xstrdup(LIMBO_NOW) : xprintf("%.19sZ", text);
	if (!clock_parse(zulu, &at))
		corpus_broken("validation_time", zulu);
	free(zulu);
	return at;
}

/*
 * Everything that the suite calls a failure has to be refused here too. A success counts as one only where all keys are
 * on P-384; with another key it has to be refused because of the key, and says nothing about the rest: such a case is
 * skipped. Rules about server names, TLS key usages and the web PKI do not exist for device chains; no row needs them,
 * because the keys in those cases are on other curves.
 */
static void
limbo_case(const struct json *item, struct corpus_outcome *out)
{
	unsigned certs = 2 + (unsigned)json_count(json_get(item, "untrusted_intermediates"));
	bool good = strcmp(json_text(json_get(item, "expected_result")), "SUCCESS") == 0, trusted = false, ours = false;
	struct buf pem = {0}, root_pem = {0};
	struct x509_chain chain = {0};
	struct err err = ERR_INIT;
	X509 *root;

	limbo_chain(item, &pem, &root_pem);
	root = x509_anchor(buf_bytes(&root_pem), &err);
	if (root != NULL && x509_chain_from_pem(buf_bytes(&pem), certs, NULL, &chain, &err) == 0) {
		trusted = x509_chain_verify(&chain, root, limbo_time(item), NULL, &err) == X509_TRUSTED;
		ours = inside_profile(&chain);
	}
	if (good && !ours && !trusted)
		corpus_case_skip(out);
	else
		corpus_case(out, trusted == good, json_text(json_get(item, "id")), trusted ? "trusted" : err.text);
	x509_chain_free(&chain);
	X509_free(root);
	buf_free(&pem);
	buf_free(&root_pem);
}

void
drive_limbo(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct bytes text = corpus_input(row);
	struct err err = ERR_INIT;
	struct json *suite = json_parse(text, &limits, &err);
	const struct json *cases = json_get(suite, "testcases");

	crypto_init();
	if (cases == NULL)
		corpus_broken(err.text, row->path);
	for (size_t i = 0; i < json_count(cases); i++)
		limbo_case(json_at(cases, i), out);
	json_free(suite);
	free((void *)text.data);
}
