/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/chain.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "lib/code.h"
#include "lib/crypto.h"
#include "test/unit/unit.h"

#define NOW 1780000000
#define COMPOSITE "2.23.133.5.4.1"
#define TCB_INFO "2.23.133.5.4.1.1"

/* One certificate of a chain made here; NULL leaves an extension out. */
struct plan {
	const char *name, *basic, *usage;
	const char *oid, *content; /* one more extension: OID and hex */
	bool critical;
	long serial;
	int64_t until;
	const EVP_MD *hash; /* NULL = SHA-384 */
};

static EVP_PKEY *keys[5];
static X509 *root;

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	if (value == NULL)
		return;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	CHECK(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static void
add_raw(X509 *cert, const struct plan *plan)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(plan->oid, 1);
	ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
	size_t size = strlen(plan->content) / 2;
	uint8_t *content = xcalloc(1, size);
	X509_EXTENSION *extension;

	CHECK(hex_decode(content, size, plan->content, 2 * size));
	ASN1_OCTET_STRING_set(data, content, (int)size);
	extension = X509_EXTENSION_create_by_OBJ(NULL, oid, plan->critical, data);
	CHECK(X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(data);
	ASN1_OBJECT_free(oid);
	free(content);
}

static X509 *
mint(const struct plan *plan, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), plan->serial);
	X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, MBSTRING_ASC,
				   (const unsigned char *)plan->name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
	ASN1_TIME_set(X509_getm_notBefore(cert), NOW - 1000);
	ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)plan->until);
	X509_set_pubkey(cert, key);
	add_extension(cert, issuer, NID_basic_constraints, plan->basic);
	add_extension(cert, issuer, NID_key_usage, plan->usage);
	add_extension(cert, issuer, NID_subject_key_identifier, "hash");
	if (issuer != NULL)
		add_extension(cert, issuer, NID_authority_key_identifier, "keyid:always");
	if (plan->oid != NULL)
		add_raw(cert, plan);
	CHECK(X509_sign(cert, issuer_key, plan->hash ? plan->hash : EVP_sha384()) > 0);
	return cert;
}

#define ONES "111111111111111111111111111111111111111111111111" /* 24 bytes of 0x11 */
#define FWID "303d06096086480165030402020430" ONES ONES
#define ZERO_FWID "303d06096086480165030402020430" ZEROS ZEROS
#define ZEROS "000000000000000000000000000000000000000000000000"
#define CA "critical,CA:TRUE"
#define SIGN "critical,keyCertSign"

static const struct plan sound[5] = {
	{"leaf", NULL, "critical,digitalSignature", COMPOSITE, "30440201013000" FWID, false, 1, NOW + 1000, NULL},
	{"GH100 A01 GSP BROM", CA, SIGN, NULL, NULL, false, 2, NOW + 1000, NULL},
	{"provisioner", CA, SIGN, NULL, NULL, false, 3, NOW + 1000, NULL},
	{"identity", CA, SIGN, NULL, NULL, false, 4, NOW + 1000, NULL},
	{"root", CA, SIGN, NULL, NULL, false, 5, NOW + 1000, NULL},
};

static void
mint_chain(const struct plan plan[5], X509 *cert[5])
{
	cert[4] = root;
	X509_up_ref(root);
	for (int i = 3; i >= 0; i--)
		cert[i] = mint(&plan[i], keys[i], cert[i + 1], keys[i + 1]);
}

static struct buf
pem_of(X509 *const cert[5])
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct buf pem = {0};
	char *data;
	long size;

	for (int i = 0; i < 5; i++)
		PEM_write_bio_X509(bio, cert[i]);
	size = BIO_get_mem_data(bio, &data);
	buf_add(&pem, data, (size_t)size);
	BIO_free(bio);
	return pem;
}

/* The code of the chain, or of its firmware id against 48 times 0x11. */
static int
judge(X509 *const cert[5])
{
	uint8_t ones[CHAIN_FWID_SIZE];
	struct buf pem = pem_of(cert);
	struct x509_chain chain;
	enum x509_verdict verdict;
	struct chain_fwid fwid;
	struct err err = ERR_INIT;

	memset(ones, 0x11, sizeof(ones));
	if (chain_verify(buf_bytes(&pem), root, NOW, NULL, &chain, &verdict, &err) == 0 &&
	    chain_fwid_parse(chain.cert[0], &fwid, &err) == 0)
		chain_fwid_match(&fwid, bytes_of(ones, sizeof(ones)), &err);
	CHECK((verdict == X509_EXPIRED) == (err.code == CODE_DEVICE_CHAIN_EXPIRED));
	x509_chain_free(&chain);
	buf_free(&pem);
	return err.code;
}

static int
judge_with(int index, struct plan changed)
{
	struct plan plan[5];
	X509 *cert[5];
	int code;

	memcpy(plan, sound, sizeof(plan));
	plan[index] = changed;
	mint_chain(plan, cert);
	code = judge(cert);
	for (int i = 0; i < 5; i++)
		X509_free(cert[i]);
	return code;
}

/* One member of one certificate's plan is another one. */
#define WITH(index, member, value)                                                                                     \
	({                                                                                                             \
		struct plan changed_ = sound[index];                                                                   \
		changed_.member = value;                                                                               \
		judge_with(index, changed_);                                                                           \
	})

static void
test_rules(void)
{
	CHECK(WITH(0, serial, 7) == CODE_OK);
	CHECK(WITH(0, basic, "critical,CA:FALSE") == CODE_OK);
	CHECK(WITH(0, basic, CA) == CODE_DEVICE_CHAIN);
	CHECK(WITH(0, usage, "critical,digitalSignature,keyCertSign") == CODE_DEVICE_CHAIN);
	CHECK(WITH(0, usage, "critical,keyAgreement") == CODE_DEVICE_CHAIN);
	CHECK(WITH(0, usage, NULL) == CODE_OK);
	CHECK(WITH(0, serial, 0) == CODE_DEVICE_CHAIN);
	CHECK(WITH(0, serial, -1) == CODE_DEVICE_CHAIN);
	CHECK(WITH(0, hash, EVP_sha256()) == CODE_DEVICE_CHAIN);
	CHECK(WITH(0, critical, true) == CODE_DEVICE_CHAIN);
	CHECK(WITH(1, basic, NULL) == CODE_DEVICE_CHAIN);
	CHECK(WITH(1, basic, "critical,CA:FALSE") == CODE_DEVICE_CHAIN);
	CHECK(WITH(2, usage, "critical,cRLSign") == CODE_DEVICE_CHAIN);
	CHECK(WITH(2, usage, NULL) == CODE_DEVICE_CHAIN);
	CHECK(WITH(2, basic, "critical,CA:TRUE,pathlen:0") == CODE_DEVICE_CHAIN);
	CHECK(WITH(2, basic, "critical,CA:TRUE,pathlen:1") == CODE_OK);
	CHECK(WITH(3, basic, "critical,CA:TRUE,pathlen:1") == CODE_DEVICE_CHAIN);
	CHECK(WITH(3, basic, "critical,CA:TRUE,pathlen:2") == CODE_OK);
	CHECK(WITH(2, hash, EVP_sha512()) == CODE_DEVICE_CHAIN);
	CHECK(WITH(0, until, NOW - 1) == CODE_DEVICE_CHAIN_EXPIRED);
	CHECK(WITH(3, until, NOW) == CODE_OK);
	CHECK(WITH(3, until, NOW - 1) == CODE_DEVICE_CHAIN_EXPIRED);
}

/* Expiry is said only where nothing else is wrong. */
static void
test_expiry_comes_last(void)
{
	struct plan changed = sound[2];

	changed.until = NOW - 1;
	changed.hash = EVP_sha512();
	CHECK(judge_with(2, changed) == CODE_DEVICE_CHAIN);
}

static void
test_order(void)
{
	static const int order[][5] = {
		{0, 2, 1, 3, 4}, {4, 3, 2, 1, 0}, {0, 1, 1, 3, 4}, {0, 1, 2, 4, 4},
		{0, 1, 2, 3, 3}, {1, 1, 2, 3, 4}, {0, 1, 3, 3, 4},
	};
	X509 *cert[5], *mixed[5];

	mint_chain(sound, cert);
	CHECK(judge(cert) == CODE_OK);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		for (int k = 0; k < 5; k++)
			mixed[k] = cert[order[i][k]];
		CHECK(judge(mixed) == CODE_DEVICE_CHAIN);
	}
	for (int i = 0; i < 5; i++)
		X509_free(cert[i]);
}

/* The right names over another key. */
static void
test_foreign_signature(void)
{
	X509 *cert[5];

	mint_chain(sound, cert);
	X509_free(cert[0]);
	cert[0] = mint(&sound[0], keys[0], cert[1], keys[2]);
	CHECK(judge(cert) == CODE_DEVICE_CHAIN);
	for (int i = 0; i < 5; i++)
		X509_free(cert[i]);
}

static int
code_with_point(const char *form)
{
	CHECK(EVP_PKEY_set_utf8_string_param(keys[0], OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, form) == 1);
	return judge_with(0, sound[0]);
}

/* The same predicate keeps out the point at infinity, which the library does not write again. */
static void
test_point_form(void)
{
	CHECK(code_with_point("compressed") == CODE_OK);
	CHECK(code_with_point("hybrid") == CODE_DEVICE_CHAIN);
	CHECK(code_with_point("uncompressed") == CODE_OK);
}

static int
fwid_code(const char *oid, const char *content)
{
	struct plan changed = sound[0];

	changed.oid = oid;
	changed.content = content;
	return judge_with(0, changed);
}

static void
test_firmware_id(void)
{
	CHECK(fwid_code(NULL, NULL) == CODE_FIRMWARE_ID);
	CHECK(fwid_code(COMPOSITE, "30440201013000" ZERO_FWID) == CODE_FIRMWARE_ID);
	CHECK(fwid_code(COMPOSITE, "30440201013000" FWID "00") == CODE_FIRMWARE_ID);
	CHECK(fwid_code(COMPOSITE, "3081830201013000" ZERO_FWID FWID) == CODE_FIRMWARE_ID); /* the last is right */
	CHECK(fwid_code(COMPOSITE, "3081440201013000" FWID) == CODE_FIRMWARE_ID);           /* length not minimal */
	CHECK(fwid_code(COMPOSITE, "30800201013000" FWID "0000") == CODE_FIRMWARE_ID);      /* no definite length */
	CHECK(fwid_code(COMPOSITE, "303f" FWID) == CODE_FIRMWARE_ID);
	CHECK(fwid_code(TCB_INFO, "30440201013000" FWID) == CODE_FIRMWARE_ID);
	CHECK(fwid_code(TCB_INFO, "3041a63f" FWID) == CODE_OK);
	CHECK(fwid_code(TCB_INFO, "308183a68180" FWID ZERO_FWID "8000") == CODE_FIRMWARE_ID); /* counts wrong */
	CHECK(fwid_code(TCB_INFO, "308181a67e" FWID ZERO_FWID "8700") == CODE_FIRMWARE_ID);
	CHECK(fwid_code(TCB_INFO, "308182a67e" FWID ZERO_FWID "8700") == CODE_OK);
	CHECK(fwid_code(TCB_INFO, "308182a67e" ZERO_FWID FWID "8700") == CODE_FIRMWARE_ID); /* the first one counts */
	CHECK(fwid_code(TCB_INFO, "308182a67e" FWID ZERO_FWID "8000") == CODE_FIRMWARE_ID); /* tags fall */
	CHECK(fwid_code(TCB_INFO, "30048002" "6161") == CODE_FIRMWARE_ID);
	CHECK(fwid_code(TCB_INFO, "3002a600") == CODE_FIRMWARE_ID);
	CHECK(fwid_code(TCB_INFO, "308182a63f" FWID "a63f" FWID) == CODE_FIRMWARE_ID);
}

int
main(void)
{
	struct err err = ERR_INIT;

	crypto_init();
	for (int i = 0; i < 5; i++)
		keys[i] = crypto_p384_generate(&err);
	root = mint(&sound[4], keys[4], NULL, keys[4]);
	RUN(test_rules);
	RUN(test_expiry_comes_last);
	RUN(test_order);
	RUN(test_foreign_signature);
	RUN(test_point_form);
	RUN(test_firmware_id);
	X509_free(root);
	for (int i = 0; i < 5; i++)
		EVP_PKEY_free(keys[i]);
	return unit_end();
}
