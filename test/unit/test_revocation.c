/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/revocation.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/der.h"
#include "test/unit/unit.h"

#define AT 1780272000 /* 2026-06-01T00:00:00Z */
#define HOUR 3600
#define DAY (24 * HOUR)

/* A small tree: root -> issuer -> subject, and certificates that answer for it with more or less right. */
struct party {
	EVP_PKEY *key;
	X509 *cert;
};

static struct party root, issuer, other, subject, neighbour, responder;

static void
extend(X509 *cert, X509 *from, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, from, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

struct mint {
	const char *name;
	const char *basic, *usage, *purpose; /* extensions, NULL = left out */
	long serial;
	int64_t from, to;
};

static struct party
mint(const struct mint *how, const struct party *by)
{
	struct err err = ERR_INIT;
	struct party party = {crypto_p384_generate(&err), X509_new()};
	X509_NAME *name = X509_get_subject_name(party.cert);

	if (by == NULL)
		by = &party;
	X509_set_version(party.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(party.cert), how->serial);
	ASN1_TIME_set(X509_getm_notBefore(party.cert), how->from ? how->from : AT - DAY);
	ASN1_TIME_set(X509_getm_notAfter(party.cert), how->to ? how->to : AT + DAY);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)how->name, -1, -1, 0);
	X509_set_issuer_name(party.cert, X509_get_subject_name(by->cert));
	X509_set_pubkey(party.cert, party.key);
	if (how->basic)
		extend(party.cert, by->cert, NID_basic_constraints, how->basic);
	if (how->usage)
		extend(party.cert, by->cert, NID_key_usage, how->usage);
	if (how->purpose)
		extend(party.cert, by->cert, NID_ext_key_usage, how->purpose);
	X509_sign(party.cert, by->key, EVP_sha384());
	return party;
}

static void
free_party(struct party *party)
{
	EVP_PKEY_free(party->key);
	X509_free(party->cert);
}

#define CA_BASIC "critical,CA:TRUE"
#define CA_USAGE "critical,keyCertSign,cRLSign"
#define NO_CA "critical,CA:FALSE"
#define SIGNER "critical,digitalSignature"

static void
make_tree(void)
{
	root = mint(&(struct mint){"root", CA_BASIC, CA_USAGE, NULL, 1, 0, 0}, NULL);
	issuer = mint(&(struct mint){"issuer", CA_BASIC, CA_USAGE, NULL, 2, 0, 0}, &root);
	other = mint(&(struct mint){"other", CA_BASIC, CA_USAGE, NULL, 3, 0, 0}, &root);
	subject = mint(&(struct mint){"subject", CA_BASIC, CA_USAGE, NULL, 77, 0, 0}, &issuer);
	neighbour = mint(&(struct mint){"neighbour", CA_BASIC, CA_USAGE, NULL, 78, 0, 0}, &issuer);
	responder = mint(&(struct mint){"responder", NO_CA, SIGNER, "OCSPSigning", 79, 0, 0}, &issuer);
}

/* One answer: everything of a good one unless said otherwise. */
struct answer {
	const struct party *by; /* NULL = responder */
	const X509 *about;      /* NULL = subject */
	bool issuer_signs;      /* no certificate inside */
	int status, reason;     /* reason -1 = none */
	int64_t this_update, next_update; /* from AT; 0 = an hour ago, in a day */
	bool no_next;
	enum { NONCE_OURS, NONCE_NONE, NONCE_EMPTY, NONCE_OTHER, NONCE_TWICE } nonce;
	bool twice;             /* two single responses about the subject */
	bool sha384;            /* question and answer */
	bool other_hash;        /* the answer is by the hash that was not asked with */
	const char *odd_time;   /* instead of thisUpdate */
	bool critical;          /* an extension nobody knows, critical, in the single response */
};

static void
add_nonce(OCSP_BASICRESP *basic, const struct answer *how, const struct revocation_question *question)
{
	unsigned char nonce[REVOCATION_NONCE_SIZE];
	X509_EXTENSION *extension;
	ASN1_OCTET_STRING *value;

	memcpy(nonce, question->nonce, sizeof(nonce));
	if (how->nonce == NONCE_OTHER)
		nonce[31] ^= 1;
	if (how->nonce == NONCE_EMPTY) {
		value = ASN1_OCTET_STRING_new();
		ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x04\x00", 2);
		extension = X509_EXTENSION_create_by_NID(NULL, NID_id_pkix_OCSP_Nonce, 0, value);
		OCSP_BASICRESP_add_ext(basic, extension, -1);
		X509_EXTENSION_free(extension);
		ASN1_OCTET_STRING_free(value);
	} else if (how->nonce != NONCE_NONE) {
		OCSP_basic_add1_nonce(basic, nonce, sizeof(nonce));
	}
	if (how->nonce == NONCE_TWICE) {
		extension = OCSP_BASICRESP_get_ext(basic, 0);
		OCSP_BASICRESP_add_ext(basic, extension, -1);
	}
}

static void
add_critical(OCSP_SINGLERESP *single)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);

	CHECK(OCSP_SINGLERESP_add_ext(single, extension, -1) == 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
}

static void
add_single(OCSP_BASICRESP *basic, const struct answer *how)
{
	const X509 *about = how->about ? how->about : subject.cert;
	OCSP_CERTID *id =
		OCSP_cert_to_id(how->sha384 != how->other_hash ? EVP_sha384() : EVP_sha1(), about, issuer.cert);
	ASN1_TIME *from = ASN1_TIME_set(NULL, AT + (how->this_update ? how->this_update : -HOUR));
	ASN1_TIME *to = how->no_next ? NULL : ASN1_TIME_set(NULL, AT + (how->next_update ? how->next_update : DAY));
	ASN1_TIME *revoked = ASN1_TIME_set(NULL, AT + 100 * DAY);
	OCSP_SINGLERESP *single;

	ASN1_TIME_to_generalizedtime(from, &from);
	if (to != NULL)
		ASN1_TIME_to_generalizedtime(to, &to);
	ASN1_TIME_to_generalizedtime(revoked, &revoked);
	single = OCSP_basic_add1_status(basic, id, how->status, how->reason,
					how->status == V_OCSP_CERTSTATUS_REVOKED ? revoked : NULL, from, to);
	if (how->odd_time) {
		ASN1_GENERALIZEDTIME *inside;

		OCSP_single_get0_status(single, NULL, NULL, &inside, NULL);
		ASN1_STRING_set(inside, how->odd_time, -1);
	}
	if (how->critical)
		add_critical(single);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_TIME_free(revoked);
	OCSP_CERTID_free(id);
}

static struct buf
make_answer(const struct answer *how, const struct revocation_question *question)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	const struct party *by = how->issuer_signs ? &issuer : how->by ? how->by : &responder;
	OCSP_RESPONSE *response;
	unsigned char *der = NULL;
	struct buf out = {0};
	int size;

	add_single(basic, how);
	if (how->twice)
		add_single(basic, how);
	add_nonce(basic, how, question);
	OCSP_basic_sign(basic, by->cert, by->key, EVP_sha384(), NULL, how->issuer_signs ? OCSP_NOCERTS : 0);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	size = i2d_OCSP_RESPONSE(response, &der);
	buf_add(&out, der, (size_t)size);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	return out;
}

static const struct revocation_policy strict = {.max_age = HOUR * 12};

static int
judge(const struct answer *how, const struct revocation_policy *policy, struct revocation *out)
{
	struct revocation_question question;
	struct err err = ERR_INIT;
	struct buf answer;
	int rc;

	CHECK(revocation_ask(subject.cert, issuer.cert, how->sha384 ? REVOCATION_SHA384 : REVOCATION_SHA1, &question,
			     &err) == 0);
	answer = make_answer(how, &question);
	rc = revocation_judge(&question, buf_bytes(&answer), AT, policy, NULL, out, &err);
	buf_free(&answer);
	revocation_question_free(&question);
	return rc == 0 ? CODE_OK : err_code(&err);
}

static int
code_of(const struct answer *how)
{
	struct revocation out;

	return judge(how, &strict, &out);
}

#define GOOD .status = V_OCSP_CERTSTATUS_GOOD, .reason = -1
#define REVOKED .status = V_OCSP_CERTSTATUS_REVOKED

static void
test_good(void)
{
	struct revocation out;

	CHECK(judge(&(struct answer){GOOD}, &strict, &out) == CODE_OK);
	CHECK(out.status == REVOCATION_GOOD && out.nonce_matches && out.response_valid);
	CHECK(out.this_update == AT - HOUR && out.next_update == AT + DAY && out.reason[0] == '\0');
	CHECK(code_of(&(struct answer){GOOD, .sha384 = true}) == CODE_OK);
	CHECK(code_of(&(struct answer){GOOD, .issuer_signs = true}) == CODE_OK);
}

static void
test_responders(void)
{
	static const struct {
		struct mint how;
		struct party *by;
		int code;
	} table[] = {
		{{"r", NO_CA, SIGNER, "OCSPSigning,serverAuth", 90, 0, 0}, &issuer, CODE_OK},
		{{"r", NULL, NULL, "OCSPSigning", 90, 0, 0}, &issuer, CODE_OK},
		{{"r", NO_CA, SIGNER, NULL, 90, 0, 0}, &issuer, CODE_OCSP_RESPONDER},
		{{"r", NO_CA, SIGNER, "anyExtendedKeyUsage", 90, 0, 0}, &issuer, CODE_OCSP_RESPONDER},
		{{"r", NO_CA, SIGNER, "serverAuth", 90, 0, 0}, &issuer, CODE_OCSP_RESPONDER},
		{{"r", NO_CA, "critical,keyAgreement", "OCSPSigning", 90, 0, 0}, &issuer, CODE_OCSP_RESPONDER},
		{{"r", CA_BASIC, "critical,digitalSignature,keyCertSign", "OCSPSigning", 90, 0, 0},
		 &issuer,
		 CODE_OCSP_RESPONDER},
		{{"r", NO_CA, SIGNER, "OCSPSigning", 90, AT - DAY, AT - HOUR}, &issuer, CODE_OCSP_RESPONDER},
		{{"r", NO_CA, SIGNER, "OCSPSigning", 90, AT + HOUR, AT + DAY}, &issuer, CODE_OCSP_RESPONDER},
		{{"r", NO_CA, SIGNER, "OCSPSigning", 90, 0, 0}, &other, CODE_OCSP_RESPONDER},
		{{"r", NO_CA, SIGNER, "OCSPSigning", 90, 0, 0}, &root, CODE_OCSP_RESPONDER},
		{{"issuer", NO_CA, SIGNER, "OCSPSigning", 90, 0, 0}, &issuer, CODE_OK},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct party party = mint(&table[i].how, table[i].by);

		CHECK(code_of(&(struct answer){GOOD, .by = &party}) == table[i].code);
		free_party(&party);
	}
	CHECK(code_of(&(struct answer){GOOD, .by = &subject}) == CODE_OCSP_RESPONDER);
	CHECK(code_of(&(struct answer){GOOD, .by = &neighbour}) == CODE_OCSP_RESPONDER);
	CHECK(code_of(&(struct answer){GOOD, .by = &root}) == CODE_OCSP_RESPONDER);
}

static void
test_foreign_tree_of_the_same_names(void)
{
	struct party evil = mint(&(struct mint){"issuer", CA_BASIC, CA_USAGE, NULL, 2, 0, 0}, NULL);
	struct party by = mint(&(struct mint){"responder", NO_CA, SIGNER, "OCSPSigning", 79, 0, 0}, &evil);

	CHECK(code_of(&(struct answer){GOOD, .by = &by}) == CODE_OCSP_RESPONDER);
	CHECK(code_of(&(struct answer){GOOD, .by = &evil}) == CODE_OCSP_RESPONDER);
	free_party(&evil);
	free_party(&by);
}

static void
test_other_certificate(void)
{
	CHECK(code_of(&(struct answer){GOOD, .about = neighbour.cert}) == CODE_OCSP_OTHER);
	CHECK(code_of(&(struct answer){GOOD, .twice = true}) == CODE_OCSP_OTHER);
}

static void
test_nonce(void)
{
	static const struct revocation_policy loose = {.allow_without_nonce = true, .max_age = HOUR};
	struct revocation out;

	for (int nonce = NONCE_NONE; nonce <= NONCE_TWICE; nonce++) {
		CHECK(judge(&(struct answer){GOOD, .nonce = nonce}, &strict, &out) == CODE_OCSP_NONCE);
		CHECK(!out.nonce_matches && out.response_valid && out.status == REVOCATION_GOOD);
	}
	CHECK(judge(&(struct answer){GOOD, .nonce = NONCE_NONE}, &loose, &out) == CODE_OK && !out.nonce_matches);
	CHECK(judge(&(struct answer){REVOKED, .nonce = NONCE_NONE}, &loose, &out) == CODE_OCSP_REVOKED);
	CHECK(judge(&(struct answer){GOOD, .nonce = NONCE_NONE, .next_update = -HOUR / 2}, &loose, &out) ==
	      CODE_OCSP_STALE);
}

/* A stored answer may be by either hash; one to our question is by the one asked with. */
static void
test_hash(void)
{
	static const struct revocation_policy loose = {.allow_without_nonce = true, .max_age = HOUR};
	struct revocation out;

	for (int sha384 = 0; sha384 < 2; sha384++) {
		struct answer how = {GOOD, .sha384 = sha384, .other_hash = true};

		CHECK(judge(&how, &strict, &out) == CODE_OCSP_OTHER && judge(&how, &loose, &out) == CODE_OCSP_OTHER);
		CHECK(!out.nonce_matches);
		how.nonce = NONCE_NONE;
		CHECK(judge(&how, &strict, &out) == CODE_OCSP_OTHER && judge(&how, &loose, &out) == CODE_OK);
		how.about = neighbour.cert;
		CHECK(judge(&how, &loose, &out) == CODE_OCSP_OTHER);
	}
}

static void
test_end_of_window(void)
{
	static const struct revocation_policy now = {.max_age = 0};
	struct revocation out;

	CHECK(judge(&(struct answer){GOOD}, &strict, &out) == CODE_OK && out.until == AT + DAY);
	CHECK(judge(&(struct answer){GOOD, .no_next = true}, &strict, &out) == CODE_OK && out.until == AT + 11 * HOUR);
	CHECK(judge(&(struct answer){GOOD, .next_update = 3000 * DAY}, &strict, &out) == CODE_OK);
	CHECK(out.until == AT - HOUR + 10 * DAY);
	/* Asked at each start: whoever gives no end says that he always knows the newest. */
	CHECK(judge(&(struct answer){GOOD, .no_next = true, .this_update = -299}, &now, &out) == CODE_OK);
	CHECK(judge(&(struct answer){GOOD, .no_next = true, .this_update = -301}, &now, &out) == CODE_OCSP_STALE);
	CHECK(judge(&(struct answer){GOOD}, &now, &out) == CODE_OK);
}

static void
test_window(void)
{
	struct revocation out;

	CHECK(code_of(&(struct answer){GOOD, .this_update = 299}) == CODE_OK);
	CHECK(code_of(&(struct answer){GOOD, .this_update = 301}) == CODE_OCSP_STALE);
	CHECK(code_of(&(struct answer){GOOD, .next_update = -299}) == CODE_OK);
	CHECK(code_of(&(struct answer){GOOD, .next_update = -301}) == CODE_OCSP_STALE);
	CHECK(code_of(&(struct answer){GOOD, .this_update = 30, .next_update = 20}) == CODE_OCSP_STALE);
	CHECK(code_of(&(struct answer){GOOD, .this_update = -12 * HOUR, .no_next = true}) == CODE_OK);
	CHECK(code_of(&(struct answer){GOOD, .this_update = -13 * HOUR, .no_next = true}) == CODE_OCSP_STALE);
	CHECK(judge(&(struct answer){GOOD, .this_update = -30 * DAY, .next_update = 3000 * DAY}, &strict, &out) ==
	      CODE_OCSP_STALE);
	CHECK(!out.response_valid && out.nonce_matches);
	CHECK(code_of(&(struct answer){GOOD, .this_update = -9 * DAY, .next_update = 3000 * DAY}) == CODE_OK);
}

static void
test_form_of_times(void)
{
	CHECK(code_of(&(struct answer){GOOD, .odd_time = "20260531230000Z"}) == CODE_OK);
	CHECK(code_of(&(struct answer){GOOD, .odd_time = "20260531230000.5Z"}) == CODE_OCSP_FORMAT);
	CHECK(code_of(&(struct answer){GOOD, .odd_time = "20260531230000+0000"}) == CODE_OCSP_FORMAT);
	CHECK(code_of(&(struct answer){GOOD, .odd_time = "202605312300Z"}) == CODE_OCSP_FORMAT);
	CHECK(code_of(&(struct answer){GOOD, .odd_time = "20260531230000"}) == CODE_OCSP_FORMAT);
}

static void
test_critical_extension(void)
{
	CHECK(code_of(&(struct answer){GOOD, .critical = true}) == CODE_OCSP_FORMAT);
}

/* Of 128 bytes or more. */
static struct buf
wrap(uint8_t tag, struct bytes value)
{
	uint8_t head[4] = {tag, 0x82, (uint8_t)(value.size >> 8), (uint8_t)value.size};
	struct buf out = {0};

	if (value.size < 0x100)
		head[1] = 0x81, head[2] = (uint8_t)value.size;
	buf_add(&out, head, value.size < 0x100 ? 3 : 4);
	buf_add(&out, value.data, value.size);
	return out;
}

/* Form comes before the signature, which is wrong here. */
static void
test_version(void)
{
	static const uint8_t head[] = {0xa0, 0x03, 0x02, 0x01, 0x01};
	static const uint8_t path[] = {DER_SEQUENCE, DER_CONTEXT_CONSTRUCTED(0), DER_SEQUENCE,
				       DER_OCTETS,   DER_SEQUENCE,		 DER_SEQUENCE};
	struct bytes before[6];
	struct cursor at[7];
	struct revocation_question question;
	struct buf answer, whole = {0};
	struct err err = ERR_INIT;
	struct revocation out;

	CHECK(revocation_ask(subject.cert, issuer.cert, REVOCATION_SHA1, &question, &err) == 0);
	answer = make_answer(&(struct answer){GOOD}, &question);
	at[0] = cursor_of(buf_bytes(&answer));
	for (int i = 0; i < 6; i++) {
		const uint8_t *start = at[i].at;
		struct der skipped;

		while (at[i].left > 0 && at[i].at[0] != path[i])
			CHECK(der_next(&at[i], &skipped));
		before[i] = bytes_of(start, (size_t)(at[i].at - start));
		CHECK(der_open(&at[i], path[i], &at[i + 1]));
	}
	buf_add(&whole, head, sizeof(head));
	buf_add(&whole, at[6].at, at[6].left);
	for (int i = 5; i >= 0; i--) {
		struct buf inner = wrap(path[i], buf_bytes(&whole)), level = {0};

		buf_add(&level, before[i].data, before[i].size);
		buf_add(&level, inner.data, inner.size);
		buf_add(&level, at[i].at, at[i].left);
		buf_free(&inner);
		buf_free(&whole);
		whole = level;
	}
	CHECK(whole.size == answer.size + sizeof(head));
	CHECK(revocation_judge(&question, buf_bytes(&whole), AT, &strict, NULL, &out, &err) < 0);
	CHECK(err.code == CODE_OCSP_FORMAT);
	buf_free(&whole);
	buf_free(&answer);
	revocation_question_free(&question);
}

static void
test_status(void)
{
	static const struct revocation_policy hold = {.allow_hold = true, .max_age = HOUR};
	struct revocation out;

	CHECK(judge(&(struct answer){REVOKED, .reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE}, &strict, &out) ==
	      CODE_OCSP_REVOKED);
	CHECK_TEXT(out.reason, "keyCompromise");
	CHECK(judge(&(struct answer){REVOKED, .reason = -1}, &strict, &out) == CODE_OCSP_REVOKED);
	CHECK_TEXT(out.reason, "");
	CHECK(code_of(&(struct answer){REVOKED, .reason = OCSP_REVOKED_STATUS_REMOVEFROMCRL}) == CODE_OCSP_REVOKED);
	CHECK(code_of(&(struct answer){REVOKED, .reason = OCSP_REVOKED_STATUS_CERTIFICATEHOLD}) == CODE_OCSP_HOLD);
	CHECK(judge(&(struct answer){REVOKED, .reason = OCSP_REVOKED_STATUS_CERTIFICATEHOLD}, &hold, &out) == CODE_OK);
	CHECK(out.status == REVOCATION_REVOKED);
	CHECK(judge(&(struct answer){REVOKED, .reason = OCSP_REVOKED_STATUS_REMOVEFROMCRL}, &hold, &out) ==
	      CODE_OCSP_REVOKED);
	CHECK(judge(&(struct answer){REVOKED, .reason = -1}, &hold, &out) == CODE_OCSP_REVOKED);
	CHECK(code_of(&(struct answer){.status = V_OCSP_CERTSTATUS_UNKNOWN, .reason = -1}) == CODE_OCSP_UNKNOWN);
}

/*
 * Every cut and every changed byte of a good answer is refused, or (unused bits aside) reads as the same good answer.
 */
static void
test_bytes(void)
{
	struct revocation_question question;
	struct err err = ERR_INIT;
	struct revocation out;
	struct buf answer;

	CHECK(revocation_ask(subject.cert, issuer.cert, REVOCATION_SHA1, &question, &err) == 0);
	answer = make_answer(&(struct answer){GOOD}, &question);
	for (size_t size = 0; size < answer.size; size++)
		CHECK(revocation_judge(&question, bytes_of(answer.data, size), AT, &strict, NULL, &out, &err) < 0);
	for (size_t i = 0; i < answer.size; i += 3) {
		answer.data[i] ^= 0x41;
		if (revocation_judge(&question, buf_bytes(&answer), AT, &strict, NULL, &out, &err) == 0)
			CHECK(out.status == REVOCATION_GOOD);
		else
			CHECK(err.code >= CODE_OCSP_FORMAT && err.code <= CODE_OCSP_OTHER);
		answer.data[i] ^= 0x41;
	}
	buf_add(&answer, "", 1);
	CHECK(revocation_judge(&question, buf_bytes(&answer), AT, &strict, NULL, &out, &err) < 0);
	CHECK(err.code == CODE_OCSP_FORMAT);
	buf_free(&answer);
	revocation_question_free(&question);
}

static void
test_error_status(void)
{
	static const uint8_t try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
	struct revocation_question question;
	struct err err = ERR_INIT;
	struct revocation out;

	CHECK(revocation_ask(subject.cert, issuer.cert, REVOCATION_SHA1, &question, &err) == 0);
	CHECK(revocation_judge(&question, bytes_of(try_later, sizeof(try_later)), AT, &strict, NULL, &out, &err) < 0);
	CHECK(err.code == CODE_OCSP_STATUS && !out.response_valid);
	revocation_question_free(&question);
}

static void
test_question(void)
{
	struct revocation_question one, two;
	struct err err = ERR_INIT;

	CHECK(revocation_ask(subject.cert, issuer.cert, REVOCATION_SHA1, &one, &err) == 0);
	CHECK(revocation_ask(subject.cert, issuer.cert, REVOCATION_SHA384, &two, &err) == 0);
	CHECK(memcmp(one.nonce, two.nonce, sizeof(one.nonce)) != 0);
	CHECK(strncmp(one.name, two.name, 43) == 0); /* of the certificate, whatever the hash */
	CHECK_TEXT(two.name + 43, "-sha384");
	CHECK(strlen(one.name) == 43 && strcmp(one.name + 40, "-4d") == 0);
	revocation_question_free(&one);
	revocation_question_free(&two);
}

int
main(void)
{
	crypto_init();
	make_tree();
	RUN(test_question);
	RUN(test_good);
	RUN(test_responders);
	RUN(test_foreign_tree_of_the_same_names);
	RUN(test_other_certificate);
	RUN(test_nonce);
	RUN(test_hash);
	RUN(test_window);
	RUN(test_end_of_window);
	RUN(test_form_of_times);
	RUN(test_critical_extension);
	RUN(test_version);
	RUN(test_status);
	RUN(test_bytes);
	RUN(test_error_status);
	for (struct party *party[] = {&root, &issuer, &other, &subject, &neighbour, &responder, NULL}, **at = party;
	     *at; at++)
		free_party(*at);
	return unit_end();
}
