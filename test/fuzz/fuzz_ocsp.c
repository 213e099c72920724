/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocation answers: as they come, and once more with the question's certificate id asked for and signed by the
 * issuer, so that what lies behind the signature is read as well. Seeds: ocsp */
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "attest/appraise/revocation.h"
#include "lib/code.h"
#include "lib/crypto.h"

#define AT 1780272000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *key;
static X509 *issuer;

static void
make_issuer(void)
{
	struct err err = ERR_INIT;
	X509_NAME *name;

	crypto_init();
	key = crypto_p384_generate(&err);
	issuer = X509_new();
	name = X509_get_subject_name(issuer);
	X509_set_version(issuer, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(issuer), 1);
	ASN1_TIME_set(X509_getm_notBefore(issuer), AT - 86400);
	ASN1_TIME_set(X509_getm_notAfter(issuer), AT + 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"issuer", -1, -1, 0);
	X509_set_issuer_name(issuer, name);
	X509_set_pubkey(issuer, key);
	if (X509_sign(issuer, key, EVP_sha384()) == 0)
		abort();
}

static void
judge(const struct revocation_question *question, struct bytes answer)
{
	static const struct revocation_policy policy = {.allow_without_nonce = true,
							.allow_hold = true,
							.max_age = 86400};
	struct revocation said;
	struct err err = ERR_INIT;

	if (revocation_judge(question, answer, AT, &policy, NULL, &said, &err) == 0) {
		if (!said.response_valid || said.status == REVOCATION_NO_STATUS || said.status == REVOCATION_UNKNOWN)
			abort();
	} else if (err.code < CODE_OCSP_FORMAT || err.code > CODE_OCSP_OTHER) {
		abort();
	}
}

/* An answer about our certificate that says what the first single response of from says. */
static OCSP_RESPONSE *
signed_like(OCSP_BASICRESP *from)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), issuer, issuer);
	ASN1_GENERALIZEDTIME *revoked = NULL, *since = NULL, *until = NULL;
	int reason = OCSP_REVOKED_STATUS_NOSTATUS;
	int status = OCSP_single_get0_status(OCSP_resp_get0(from, 0), &reason, &revoked, &since, &until);
	OCSP_RESPONSE *out = NULL;

	for (int i = 0; i < OCSP_BASICRESP_get_ext_count(from); i++)
		OCSP_BASICRESP_add_ext(basic, OCSP_BASICRESP_get_ext(from, i), -1);
	if (OCSP_basic_add1_status(basic, id, status, reason, revoked, since, until) != NULL &&
	    OCSP_basic_sign(basic, issuer, key, EVP_sha384(), NULL, OCSP_NOCERTS) == 1)
		out = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
	return out;
}

static void
judge_signed(const struct revocation_question *question, struct bytes answer)
{
	const unsigned char *at = answer.data;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer.size), *again = NULL;
	OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
	unsigned char *der = NULL;
	int size;

	if (basic != NULL && OCSP_resp_count(basic) > 0)
		again = signed_like(basic);
	size = again ? i2d_OCSP_RESPONSE(again, &der) : 0;
	if (size > 0)
		judge(question, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	OCSP_RESPONSE_free(again);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct revocation_question question;
	struct err err = ERR_INIT;

	if (issuer == NULL) {
		make_issuer();
		if (revocation_ask(issuer, issuer, REVOCATION_SHA1, &question, &err) < 0)
			abort();
	}
	judge(&question, bytes_of(data, size));
	judge_signed(&question, bytes_of(data, size));
	return 0;
}
