/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/revocation.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/random.h"

#define ANSWER_MAX 0x10000
#define LIFETIME_MAX (10 * 86400)   /* CA/Browser Forum Baseline Requirements 4.9.10: no answer lives longer */
#define SERIAL_MAX 20               /* RFC 5280 4.1.2.2 */

/* -- the question -------------------------------------------------------------------------------------------------- */
static OCSP_CERTID *
certificate_id(const X509 *cert, const X509 *issuer, enum revocation_hash hash, struct err *err)
{
	OCSP_CERTID *id = OCSP_cert_to_id(hash == REVOCATION_SHA384 ? EVP_sha384() : EVP_sha1(), cert, issuer);

	if (id == NULL)
		crypto_err(err, CODE_INTERNAL, "certificate id");
	return id;
}

static int
name_question(struct revocation_question *question, struct err *err)
{
	OCSP_CERTID *id = certificate_id(question->cert, question->issuer, REVOCATION_SHA1, err);
	ASN1_OCTET_STRING *key;
	ASN1_INTEGER *serial;
	char text[2 * SERIAL_MAX + 1];
	int rc = -1;

	if (id == NULL)
		return -1;
	OCSP_id_get0_info(NULL, NULL, &key, &serial, id);
	if (ASN1_STRING_length(serial) > SERIAL_MAX) {
		err_set(err, CODE_OCSP_FORMAT, "serial number of %d bytes, want at most %d", ASN1_STRING_length(serial),
			SERIAL_MAX);
		goto out;
	}
	hex_encode(question->name, ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key));
	hex_encode(text, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	strcat(question->name, "-");
	strcat(question->name, text);
	if (question->hash == REVOCATION_SHA384)
		strcat(question->name, "-sha384");
	rc = 0;
out:
	OCSP_CERTID_free(id);
	return rc;
}

int
revocation_ask_with(const X509 *cert, const X509 *issuer, enum revocation_hash hash, const uint8_t *nonce,
		    struct revocation_question *out, struct err *err)
{
	OCSP_CERTID *id = certificate_id(cert, issuer, hash, err);
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	unsigned char copy[REVOCATION_NONCE_SIZE], *der = NULL;
	int size, rc = -1;

	*out = (struct revocation_question){.cert = cert, .issuer = issuer, .hash = hash};
	memcpy(out->nonce, nonce, sizeof(out->nonce));
	memcpy(copy, nonce, sizeof(copy));
	if (id == NULL || name_question(out, err) < 0)
		goto out;
	if (request == NULL || OCSP_request_add0_id(request, id) == NULL) {
		crypto_err(err, CODE_INTERNAL, "OCSP request");
		goto out;
	}
	id = NULL;
	size = OCSP_request_add1_nonce(request, copy, sizeof(copy)) ? i2d_OCSP_REQUEST(request, &der) : -1;
	if (size <= 0) {
		crypto_err(err, CODE_INTERNAL, "OCSP request");
		goto out;
	}
	buf_add(&out->der, der, (size_t)size);
	rc = 0;
out:
	OPENSSL_free(der);
	OCSP_REQUEST_free(request);
	OCSP_CERTID_free(id);
	return rc;
}

int
revocation_ask(const X509 *cert, const X509 *issuer, enum revocation_hash hash, struct revocation_question *out,
	       struct err *err)
{
	uint8_t nonce[REVOCATION_NONCE_SIZE];

	random_bytes(nonce, sizeof(nonce));
	return revocation_ask_with(cert, issuer, hash, nonce, out, err);
}

void
revocation_question_free(struct revocation_question *question)
{
	buf_free(&question->der);
	*question = (struct revocation_question){0};
}

/* -- form ---------------------------------------------------------------------------------------------------------- */

/*
 * The library's decoder takes BER and stops inside the inner octet string: made anew, the answer must be the same
 * bytes.
 */
static bool
is_der(OCSP_BASICRESP *basic, struct bytes answer)
{
	OCSP_RESPONSE *again = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	unsigned char *der = NULL;
	int size = again ? i2d_OCSP_RESPONSE(again, &der) : -1;
	bool same = size > 0 && bytes_equal(bytes_of(der, (size_t)size), answer);

	OPENSSL_free(der);
	OCSP_RESPONSE_free(again);
	return same;
}

/*
 * ResponseData begins with its version, which DER leaves out where it is 1, the default (RFC 6960 4.2.1, X.690 11.5);
 * no other one is known. The library reads over it.
 */
static bool
is_version_1(OCSP_BASICRESP *basic)
{
	unsigned char *der = NULL;
	int size = i2d_OCSP_RESPDATA((OCSP_RESPDATA *)OCSP_resp_get0_respdata(basic), &der);
	struct cursor cursor = cursor_of(bytes_of(der, size > 0 ? (size_t)size : 0)), inside;
	struct der first;
	bool plain = der_open(&cursor, DER_SEQUENCE, &inside) && der_next(&inside, &first) &&
		     first.tag != DER_CONTEXT_CONSTRUCTED(0);

	OPENSSL_free(der);
	return plain;
}

static OCSP_BASICRESP *
read_answer(struct bytes answer, struct err *err)
{
	const unsigned char *at = answer.data;
	OCSP_RESPONSE *response = NULL;
	OCSP_BASICRESP *basic = NULL;
	int status;

	if (answer.size == 0 || answer.size > ANSWER_MAX) {
		err_set(err, CODE_OCSP_FORMAT, "answer of %zu bytes, want 1 to %d", answer.size, ANSWER_MAX);
		return NULL;
	}
	response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer.size);
	if (response == NULL || at != answer.data + answer.size) {
		crypto_err(err, CODE_OCSP_FORMAT, "answer is not one OCSPResponse");
		goto out;
	}
	status = OCSP_response_status(response);
	if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
		err_set(err, CODE_OCSP_STATUS, "responder answers '%s' (%d)", OCSP_response_status_str(status), status);
		goto out;
	}
	basic = OCSP_response_get1_basic(response);
	if (basic == NULL) {
		crypto_err(err, CODE_OCSP_FORMAT, "answer has no BasicOCSPResponse");
	} else if (!is_der(basic, answer) || !is_version_1(basic)) {
		err_set(err, CODE_OCSP_FORMAT, "answer is not in DER, has bytes after its end, or is not of version 1");
		OCSP_BASICRESP_free(basic);
		basic = NULL;
	}
out:
	OCSP_RESPONSE_free(response);
	return basic;
}

/* RFC 5280 4.2: an unknown critical extension is a reason to refuse. The nonce is known, but in its own place only. */
static int
check_extension(X509_EXTENSION *extension, bool nonce_place, struct err *err)
{
	const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
	char oid[80];

	if (!X509_EXTENSION_get_critical(extension) || (nonce_place && OBJ_obj2nid(object) == NID_id_pkix_OCSP_Nonce))
		return 0;
	OBJ_obj2txt(oid, sizeof(oid), object, 1);
	return err_set(err, CODE_OCSP_FORMAT, "critical extension %s is unknown", oid);
}

static int
check_extensions(OCSP_BASICRESP *basic, OCSP_SINGLERESP *single, struct err *err)
{
	for (int i = 0; i < OCSP_BASICRESP_get_ext_count(basic); i++)
		if (check_extension(OCSP_BASICRESP_get_ext(basic, i), true, err) < 0)
			return -1;
	for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(single); i++)
		if (check_extension(OCSP_SINGLERESP_get_ext(single, i), false, err) < 0)
			return -1;
	return 0;
}

/* -- who answers --------------------------------------------------------------------------------------------------- */
static bool
has_responder_id(OCSP_BASICRESP *basic, X509 *cert)
{
	const ASN1_OCTET_STRING *key;
	const X509_NAME *name;
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned size;

	if (!OCSP_resp_get0_id(basic, &key, &name))
		return false;
	if (name != NULL)
		return X509_NAME_cmp(name, X509_get_subject_name(cert)) == 0;
	return key != NULL && X509_pubkey_digest(cert, EVP_sha1(), hash, &size) &&
	       bytes_equal(bytes_of(hash, size),
			   bytes_of(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)));
}

/*
 * RFC 6960 4.2.2.2: issued directly by the certificate's issuer, for this purpose by name. anyExtendedKeyUsage is not
 * it.
 */
static int
check_delegate(X509 *cert, const struct revocation_question *question, int64_t at, struct x509_memo *memo,
	       struct err *err)
{
	uint32_t flags = X509_get_extension_flags(cert);
	int64_t before, after;

	if (X509_cmp(cert, question->cert) == 0)
		return err_set(err, CODE_OCSP_RESPONDER, "the certificate answers for itself");
	if (flags & (EXFLAG_INVALID | EXFLAG_CRITICAL))
		return err_set(err, CODE_OCSP_RESPONDER, "responder has a bad or an unknown critical extension");
	if (flags & EXFLAG_CA)
		return err_set(err, CODE_OCSP_RESPONDER, "responder is a certificate authority other than the issuer");
	if (!(flags & EXFLAG_XKUSAGE) || !(X509_get_extended_key_usage(cert) & XKU_OCSP_SIGN))
		return err_set(err, CODE_OCSP_RESPONDER, "responder lacks the extended key usage OCSPSigning");
	if ((flags & EXFLAG_KUSAGE) && !(X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE))
		return err_set(err, CODE_OCSP_RESPONDER, "responder lacks the key usage digitalSignature");
	if (x509_public_key(cert) == NULL)
		return err_set(err, CODE_OCSP_RESPONDER, "responder's key is not a named P-384 key");
	if (!x509_validity(cert, &before, &after) || at < before || at > after)
		return err_set(err, CODE_OCSP_RESPONDER, "responder is outside its validity");
	if (X509_check_issued((X509 *)question->issuer, cert) != X509_V_OK)
		return err_set(err, CODE_OCSP_RESPONDER, "responder was not issued by the certificate's issuer");
	if (x509_signed_by(cert, question->issuer, memo, err) < 0)
		return err_wrap(err, CODE_OCSP_RESPONDER, "responder was not issued by the certificate's issuer");
	return 0;
}

static int
check_signature(OCSP_BASICRESP *basic, X509 *signer, struct err *err)
{
	const ASN1_OCTET_STRING *signature = OCSP_resp_get0_signature(basic);
	const ASN1_OBJECT *algorithm;
	unsigned char *tbs = NULL;
	int parameter, size, rc;

	X509_ALGOR_get0(&algorithm, &parameter, NULL, OCSP_resp_get0_tbs_sigalg(basic));
	if (OBJ_obj2nid(algorithm) != NID_ecdsa_with_SHA384 || parameter != V_ASN1_UNDEF)
		return err_set(err, CODE_OCSP_RESPONDER, "signature algorithm is not ecdsa-with-SHA384");
	size = i2d_OCSP_RESPDATA((OCSP_RESPDATA *)OCSP_resp_get0_respdata(basic), &tbs);
	if (size <= 0)
		return crypto_err(err, CODE_OCSP_FORMAT, "response data");
	rc = crypto_verify_der(x509_public_key(signer), bytes_of(tbs, (size_t)size),
			       bytes_of(ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature)), err);
	OPENSSL_free(tbs);
	return rc < 0 ? err_wrap(err, CODE_OCSP_RESPONDER, "signature of the answer") : 0;
}

/* Several certificates can fit a responder's name or key: the first that passes is it, the last fault is told. */
static int
check_responder(OCSP_BASICRESP *basic, const struct revocation_question *question, int64_t at, struct x509_memo *memo,
		struct err *err)
{
	const STACK_OF(X509) *certs = OCSP_resp_get0_certs(basic);
	X509 *issuer = (X509 *)question->issuer;

	err_set(err, CODE_OCSP_RESPONDER, "no certificate for the responder named in the answer");
	if (has_responder_id(basic, issuer) && check_signature(basic, issuer, err) == 0)
		return 0;
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);

		if (has_responder_id(basic, cert) && X509_cmp(cert, issuer) != 0 &&
		    check_delegate(cert, question, at, memo, err) == 0 && check_signature(basic, cert, err) == 0)
			return 0;
	}
	return -1;
}

/* -- what it says -------------------------------------------------------------------------------------------------- */

/* By content: some responders leave out the NULL parameter of the hash that others write. */
static bool
same_id(OCSP_CERTID *a, OCSP_CERTID *b)
{
	ASN1_OCTET_STRING *name[2], *key[2];
	ASN1_OBJECT *hash[2];
	ASN1_INTEGER *serial[2];

	OCSP_id_get0_info(&name[0], &hash[0], &key[0], &serial[0], a);
	OCSP_id_get0_info(&name[1], &hash[1], &key[1], &serial[1], b);
	return OBJ_cmp(hash[0], hash[1]) == 0 && ASN1_OCTET_STRING_cmp(name[0], name[1]) == 0 &&
	       ASN1_OCTET_STRING_cmp(key[0], key[1]) == 0 && ASN1_INTEGER_cmp(serial[0], serial[1]) == 0;
}

static bool
is_about(OCSP_SINGLERESP *single, const OCSP_CERTID *const id[2])
{
	OCSP_CERTID *have = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);

	return same_id(have, (OCSP_CERTID *)id[0]) || (id[1] != NULL && same_id(have, (OCSP_CERTID *)id[1]));
}

static OCSP_SINGLERESP *
find_among(OCSP_BASICRESP *basic, const OCSP_CERTID *const id[2], struct err *err)
{
	OCSP_SINGLERESP *found = NULL;
	int matches = 0;

	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);

		if (is_about(single, id)) {
			found = single;
			matches++;
		}
	}
	if (matches == 1)
		return found;
	err_set(err, CODE_OCSP_OTHER, "%d of %d single responses are about the certificate asked for, want 1", matches,
		OCSP_resp_count(basic));
	return NULL;
}

static OCSP_SINGLERESP *
find_single(OCSP_BASICRESP *basic, const struct revocation_question *question, bool either_hash, struct err *err)
{
	enum revocation_hash other = question->hash == REVOCATION_SHA1 ? REVOCATION_SHA384 : REVOCATION_SHA1;
	OCSP_CERTID *id[2] = {certificate_id(question->cert, question->issuer, question->hash, err), NULL};
	OCSP_SINGLERESP *found = NULL;

	if (id[0] != NULL && either_hash)
		id[1] = certificate_id(question->cert, question->issuer, other, err);
	if (id[0] != NULL && (id[1] != NULL || !either_hash))
		found = find_among(basic, (const OCSP_CERTID *const *)id, err);
	OCSP_CERTID_free(id[0]);
	OCSP_CERTID_free(id[1]);
	return found;
}

/* RFC 9654 2.1: the value of the extension is an OCTET STRING of its own. */
static int
check_nonce(OCSP_BASICRESP *basic, const struct revocation_question *question, struct err *err)
{
	uint8_t want[2 + REVOCATION_NONCE_SIZE] = {V_ASN1_OCTET_STRING, REVOCATION_NONCE_SIZE};
	int index = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
	const ASN1_OCTET_STRING *value;

	if (index < 0)
		return err_set(err, CODE_OCSP_NONCE, "the answer has no nonce");
	if (OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, index) >= 0)
		return err_set(err, CODE_OCSP_NONCE, "the answer has two nonces");
	memcpy(want + 2, question->nonce, REVOCATION_NONCE_SIZE);
	value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, index));
	if (!bytes_equal(bytes_of(want, sizeof(want)),
			 bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value))))
		return err_set(err, CODE_OCSP_NONCE, "the answer's nonce is not the one asked with");
	return 0;
}

/* RFC 6960 4.2.2.1: GeneralizedTime, in the form of RFC 5280. */
static bool
read_asn1_time(const ASN1_GENERALIZEDTIME *time, int64_t *out)
{
	return time != NULL && ASN1_STRING_type(time) == V_ASN1_GENERALIZEDTIME && x509_time(time, out);
}

/* Without nextUpdate newer information is always to be had (RFC 6960 4.2.2.1): only the policy's age bounds it. */
static int64_t
end_of_window(const struct revocation *said, const struct revocation_policy *policy)
{
	if (said->next_update == 0)
		return said->this_update + policy->max_age;
	return said->next_update < said->this_update + LIFETIME_MAX ? said->next_update
								    : said->this_update + LIFETIME_MAX;
}

static int
judge_window(const struct revocation *said, int64_t at, struct err *err)
{
	char text[2][32];

	clock_format(said->this_update, text[0]);
	clock_format(said->until, text[1]);
	if (said->this_update > at + REVOCATION_SKEW)
		return err_set(err, CODE_OCSP_STALE, "thisUpdate %s is in the future", text[0]);
	if (said->until < said->this_update)
		return err_set(err, CODE_OCSP_STALE, "the window ends at %s, before its start %s", text[1], text[0]);
	if (said->until < at - REVOCATION_SKEW)
		return err_set(err, CODE_OCSP_STALE, "the answer of %s counted until %s", text[0], text[1]);
	return 0;
}

static int
read_cert_status(OCSP_BASICRESP *basic, OCSP_SINGLERESP *single, struct revocation *out, struct err *err)
{
	ASN1_GENERALIZEDTIME *from, *to;
	int reason = OCSP_REVOKED_STATUS_NOSTATUS;
	int status = OCSP_single_get0_status(single, &reason, NULL, &from, &to);

	if (!read_asn1_time(OCSP_resp_get0_produced_at(basic), &out->produced_at))
		return err_set(err, CODE_OCSP_FORMAT, "producedAt is no time");
	if (!read_asn1_time(from, &out->this_update) || (to != NULL && !read_asn1_time(to, &out->next_update)))
		return err_set(err, CODE_OCSP_FORMAT, "thisUpdate or nextUpdate is no time");
	out->status = status == V_OCSP_CERTSTATUS_GOOD ? REVOCATION_GOOD
		      : status == V_OCSP_CERTSTATUS_REVOKED ? REVOCATION_REVOKED
							    : REVOCATION_UNKNOWN;
	if (out->status == REVOCATION_REVOKED && reason != OCSP_REVOKED_STATUS_NOSTATUS)
		snprintf(out->reason, sizeof(out->reason), "%s", OCSP_crl_reason_str(reason));
	return 0;
}

/* A revocation counts whatever its time: one ahead of the clock is a revocation all the same. */
static int
judge_status(const struct revocation *said, const struct revocation_policy *policy, struct err *err)
{
	switch (said->status) {
	case REVOCATION_GOOD:
		return 0;
	case REVOCATION_REVOKED:
		if (strcmp(said->reason, "certificateHold") != 0)
			return err_set(err, CODE_OCSP_REVOKED, "revoked, reason '%s'",
				       said->reason[0] ? said->reason : "not given");
		return policy->allow_hold ? 0 : err_set(err, CODE_OCSP_HOLD, "on hold");
	default:
		return err_set(err, CODE_OCSP_UNKNOWN, "the responder does not know it");
	}
}

int
revocation_judge(const struct revocation_question *question, struct bytes answer, int64_t at,
		 const struct revocation_policy *policy, struct x509_memo *memo, struct revocation *out,
		 struct err *err)
{
	OCSP_BASICRESP *basic = read_answer(answer, err);
	struct err nonce_err = ERR_INIT;
	OCSP_SINGLERESP *single;
	bool ours, nonce_ok;
	int rc = -1;

	*out = (struct revocation){0};
	if (basic == NULL || check_responder(basic, question, at, memo, err) < 0)
		goto out;
	ours = check_nonce(basic, question, &nonce_err) == 0;
	nonce_ok = ours || policy->allow_without_nonce;
	single = find_single(basic, question, !ours && nonce_ok, err);
	if (single == NULL || check_extensions(basic, single, err) < 0 || read_cert_status(basic, single, out, err) < 0)
		goto out;
	out->nonce_matches = ours;
	out->until = end_of_window(out, policy);
	out->response_valid = judge_window(out, at, err) == 0;
	if (!nonce_ok)
		*err = nonce_err;
	else if (out->response_valid)
		rc = judge_status(out, policy, err);
out:
	OCSP_BASICRESP_free(basic);
	return rc;
}
