/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509.h"

#include "lib/clock.h"
#include "lib/crypto.h"
#include "test/unit/sample.h"
#include "test/unit/unit.h"

#define IN_2026 1780000000

static struct buf root_pem, chain_pem;

static bool
load(void)
{
	if (root_pem.size == 0 && (!sample_read("gpu/roots/verifier_device_root.pem", &root_pem) ||
				   !sample_read("gpu/nvtrust/hopperCertChain.txt", &chain_pem))) {
		unit_skip(NO_SAMPLES);
		return false;
	}
	return true;
}

static enum x509_verdict
judge(struct bytes pem, int64_t at, struct x509_memo *memo)
{
	struct err err = ERR_INIT;
	struct x509_chain chain;
	X509 *root = x509_anchor(buf_bytes(&root_pem), &err);
	enum x509_verdict verdict = X509_NO_VERDICT;

	CHECK(root != NULL);
	if (x509_chain_from_pem(pem, 5, memo, &chain, &err) == 0)
		verdict = x509_chain_verify(&chain, root, at, memo, &err);
	if (verdict != X509_TRUSTED)
		CHECK(err.text[0] != '\0' && err.code == 0);
	x509_chain_free(&chain);
	X509_free(root);
	return verdict;
}

static void
test_genuine_chain(void)
{
	struct x509_memo *memo = x509_memo_new();

	if (load()) {
		CHECK(judge(buf_bytes(&chain_pem), IN_2026, NULL) == X509_TRUSTED);
		CHECK(judge(buf_bytes(&chain_pem), IN_2026, memo) == X509_TRUSTED);
		CHECK(judge(buf_bytes(&chain_pem), IN_2026, memo) == X509_TRUSTED);
		CHECK(judge(buf_bytes(&chain_pem), 253402300799, memo) == X509_TRUSTED); /* the last second of 9999 */
		CHECK(judge(buf_bytes(&chain_pem), 253402300800, memo) == X509_EXPIRED);
		CHECK(judge(buf_bytes(&chain_pem), 0, memo) == X509_EXPIRED);
	}
	x509_memo_free(memo);
}

/* Each byte of the leaf's DER decides: no change passes, with or without a memo that has seen the right one. */
static void
test_every_byte_counts(void)
{
	struct x509_memo *memo = x509_memo_new();
	struct err err = ERR_INIT;
	struct x509_chain chain, changed;
	struct bytes der[5];
	struct buf held[5];
	X509 *root;

	if (!load())
		goto out;
	root = x509_anchor(buf_bytes(&root_pem), &err);
	CHECK(x509_chain_from_pem(buf_bytes(&chain_pem), 5, NULL, &chain, &err) == 0);
	CHECK(x509_chain_verify(&chain, root, IN_2026, memo, &err) == X509_TRUSTED);
	for (unsigned i = 0; i < 5; i++) {
		held[i] = x509_der(chain.cert[i]);
		der[i] = buf_bytes(&held[i]);
	}
	for (size_t i = 0; i < der[0].size; i += 7) {
		held[0].data[i] ^= 0x20;
		if (x509_chain_from_der(der, 5, memo, &changed, &err) == 0)
			CHECK(x509_chain_verify(&changed, root, IN_2026, memo, &err) == X509_UNTRUSTED);
		x509_chain_free(&changed);
		held[0].data[i] ^= 0x20;
	}
	CHECK(x509_chain_from_der(der, 5, memo, &changed, &err) == 0);
	CHECK(x509_chain_verify(&changed, root, IN_2026, memo, &err) == X509_TRUSTED);
	x509_chain_free(&changed);
	x509_chain_free(&chain);
	for (unsigned i = 0; i < 5; i++)
		buf_free(&held[i]);
	X509_free(root);
out:
	x509_memo_free(memo);
}

static bool
reads(const struct buf *pem, unsigned want)
{
	struct err err = ERR_INIT;
	struct x509_chain chain;
	bool good = x509_chain_from_pem(buf_bytes(pem), want, NULL, &chain, &err) == 0;

	CHECK(good || chain.count == 0);
	x509_chain_free(&chain);
	return good;
}

static void
test_pem(void)
{
	struct buf text = {0};

	if (!load())
		return;
	CHECK(reads(&chain_pem, 5) && !reads(&chain_pem, 4) && !reads(&chain_pem, 6));
	buf_add(&text, chain_pem.data, chain_pem.size);
	buf_add_text(&text, "\n\r\n");
	CHECK(reads(&text, 5));
	buf_add(&text, "", 1);
	CHECK(!reads(&text, 5));
	text.size--;
	buf_add_text(&text, "\r");
	CHECK(!reads(&text, 5));
	text.size = 0;
	buf_add_text(&text, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
	CHECK(!reads(&text, 1));
	buf_free(&text);
}

static void
test_identity(void)
{
	struct err err = ERR_INIT;
	struct x509_chain chain;
	struct bytes value;
	char name[65], *serial;

	if (!load())
		return;
	CHECK(x509_chain_from_pem(buf_bytes(&chain_pem), 5, NULL, &chain, &err) == 0);
	CHECK(x509_common_name(chain.cert[1], name, sizeof(name)));
	CHECK_TEXT(name, "GH100 A01 GSP BROM");
	CHECK(!x509_common_name(chain.cert[1], name, 18));
	serial = x509_serial_decimal(chain.cert[0]);
	CHECK_TEXT(serial, "478176379286082186618948445787393647364802107249");
	free(serial);
	CHECK(x509_extension(chain.cert[0], "2.23.133.5.4.1", &value) == 1 && value.size > 48);
	CHECK(x509_extension(chain.cert[1], "2.23.133.5.4.1", &value) == 0);
	CHECK(x509_chain_not_after(&chain) == 253402300799);
	CHECK(x509_public_key(chain.cert[0]) != NULL);
	x509_chain_free(&chain);
}

int
main(void)
{
	crypto_init();
	RUN(test_genuine_chain);
	RUN(test_every_byte_counts);
	RUN(test_pem);
	RUN(test_identity);
	buf_free(&root_pem);
	buf_free(&chain_pem);
	return unit_end();
}
