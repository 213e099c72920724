/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>

#include "lib/clock.h"
#include "test/emulator/answer.h"
#include "test/emulator/services/service.h"

/*
 * The OCSP responder (RFC 6960, by POST): a delegated responder for each issuer, any usual hash in the question, the
 * nonce echoed. What an issuer never issued is good among device certificates, as NVIDIA documents it, and unknown
 * among those of manifests; an unknown issuer is "unauthorized".
 */

#define HOURS 6
#define DAY (24 * 3600)

static const EVP_MD *
find_hash(const ASN1_OBJECT *algorithm)
{
	const EVP_MD *const hashes[] = {EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512()};

	for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++)
		if (EVP_MD_get_type(hashes[i]) == OBJ_obj2nid(algorithm))
			return hashes[i];
	return NULL;
}

static bool
issuer_matches(OCSP_CERTID *id, const X509 *issuer)
{
	ASN1_OBJECT *algorithm;
	ASN1_INTEGER *serial;
	const EVP_MD *hash;
	OCSP_CERTID *own;
	bool same;

	OCSP_id_get0_info(NULL, &algorithm, NULL, &serial, id);
	hash = find_hash(algorithm);
	if (hash == NULL)
		return false;
	own = OCSP_cert_id_new(hash, X509_get_subject_name(issuer), X509_get0_pubkey_bitstr(issuer), serial);
	same = own != NULL && OCSP_id_issuer_cmp(own, id) == 0;
	OCSP_CERTID_free(own);
	return same;
}

static const struct responder *
find_responder(const struct services *services, OCSP_CERTID *id)
{
	for (unsigned i = 0; i < services->responders; i++) {
		if (issuer_matches(id, services->responder[i].issuer))
			return &services->responder[i];
	}
	return NULL;
}

static bool
was_issued(const struct responder *responder, OCSP_CERTID *id)
{
	ASN1_INTEGER *serial;

	OCSP_id_get0_info(NULL, NULL, NULL, &serial, id);
	for (int i = 0; i < sk_X509_num(responder->issued); i++) {
		if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(sk_X509_value(responder->issued, i))) == 0)
			return true;
	}
	return false;
}

/* -- log ----------------------------------------------------------------------------------------------------------- */

static void
note(struct buf *list, const char *text)
{
	buf_printf(list, "%s%s", list->size > 0 ? "," : "", text);
}

static void
note_id(struct question *question, OCSP_CERTID *id, const struct responder *responder)
{
	ASN1_OBJECT *algorithm;
	ASN1_INTEGER *serial;
	char name[32], number[129];
	size_t size;

	OCSP_id_get0_info(NULL, &algorithm, NULL, &serial, id);
	OBJ_obj2txt(name, sizeof(name), algorithm, 0);
	size = (size_t)ASN1_STRING_length(serial);
	hex_encode(number, ASN1_STRING_get0_data(serial), size < 64 ? size : 64);
	note(&question->hashes, name);
	note(&question->serials, number);
	note(&question->subjects, responder ? responder->subject : "?");
}

/* -- answer -------------------------------------------------------------------------------------------------------- */

static enum answer_status
status_of(const struct responder *responder, OCSP_CERTID *id, struct faults *faults)
{
	static const struct {
		const char *fault;
		enum answer_status status;
	} chosen[] = {{"revoked", ANSWER_REVOKED}, {"hold", ANSWER_HOLD}, {"unknown", ANSWER_UNKNOWN}};

	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
		if (fault_about(faults, TARGET_OCSP, chosen[i].fault, responder->subject))
			return chosen[i].status;
	}
	if (!was_issued(responder, id) && strncmp(responder->subject, "rim-", 4) == 0)
		return ANSWER_UNKNOWN;
	return ANSWER_GOOD;
}

static OCSP_CERTID *
other_serial(OCSP_CERTID *id)
{
	OCSP_CERTID *other = OCSP_CERTID_dup(id);
	ASN1_INTEGER *serial;

	pki_check(other != NULL && OCSP_id_get0_info(NULL, NULL, NULL, &serial, other) == 1 &&
			  ASN1_INTEGER_set_uint64(serial, 0x4142434445464748) == 1,
		  "OCSP id");
	return other;
}

static void
add_answer(OCSP_BASICRESP *basic, const struct responder *responder, OCSP_CERTID *id, struct faults *faults)
{
	bool other = fault_about(faults, TARGET_OCSP, "other-serial", responder->subject);
	OCSP_CERTID *about = other ? other_serial(id) : id;
	int64_t from = clock_wall(), to = from + HOURS * 3600;

	if (fault_about(faults, TARGET_OCSP, "stale", responder->subject)) {
		from -= 30 * DAY;
		to = from + 7 * DAY;
	} else if (fault_about(faults, TARGET_OCSP, "future", responder->subject)) {
		from += DAY;
		to += DAY;
	}
	answer_add(basic, about, status_of(responder, id, faults), from, to);
	if (other)
		OCSP_CERTID_free(about);
}

static void
add_nonce(OCSP_BASICRESP *basic, OCSP_REQUEST *request, const char *subject, struct faults *faults)
{
	if (OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1) < 0 ||
	    fault_about(faults, TARGET_OCSP, "no-nonce", subject))
		return;
	if (fault_about(faults, TARGET_OCSP, "wrong-nonce", subject))
		pki_check(OCSP_basic_add1_nonce(basic, NULL, 32) == 1, "nonce");
	else
		pki_check(OCSP_copy_nonce(basic, request) == 1, "nonce");
}

static void
sign(OCSP_BASICRESP *basic, const struct responder *responder, struct faults *faults)
{
	X509 *cert = responder->good;

	if (fault_about(faults, TARGET_OCSP, "no-purpose", responder->subject))
		cert = responder->no_purpose;
	else if (fault_about(faults, TARGET_OCSP, "expired-responder", responder->subject))
		cert = responder->expired;
	pki_check(OCSP_basic_sign(basic, cert, responder->key, EVP_sha384(), NULL, 0) == 1, "OCSP signature");
}

static void
put_response(int status, OCSP_BASICRESP *basic, struct reply *reply)
{
	OCSP_RESPONSE *response = OCSP_response_create(status, basic);
	unsigned char *der = NULL;
	int size = i2d_OCSP_RESPONSE(response, &der);

	pki_check(size > 0, "OCSP answer");
	reply->status = 200;
	reply->type = "application/ocsp-response";
	buf_add(&reply->body, der, (size_t)size);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
}

/* All statuses of one answer are signed by the first one's responder. */
static void
answer_request(const struct services *services, struct question *question, OCSP_REQUEST *request, struct faults *faults,
	       struct reply *reply)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	const struct responder *first = NULL;
	int count = OCSP_request_onereq_count(request), known = 0;

	question->with_nonce = OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1) >= 0;
	for (int i = 0; i < count; i++) {
		OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, i));
		const struct responder *responder = find_responder(services, id);

		note_id(question, id, responder);
		if (responder == NULL)
			continue;
		known++;
		first = first ? first : responder;
		add_answer(basic, responder, id, faults);
	}
	if (known == 0 || known < count) {
		put_response(OCSP_RESPONSE_STATUS_UNAUTHORIZED, NULL, reply);
	} else {
		add_nonce(basic, request, first->subject, faults);
		sign(basic, first, faults);
		put_response(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic, reply);
	}
	OCSP_BASICRESP_free(basic);
}

/* Answers that say nothing about any certificate. */
static bool
refuse(const char *subjects, struct faults *faults, struct reply *reply)
{
	static const struct {
		const char *fault;
		int status;
	} chosen[] = {{"malformed", OCSP_RESPONSE_STATUS_MALFORMEDREQUEST},
		      {"internal-error", OCSP_RESPONSE_STATUS_INTERNALERROR},
		      {"try-later", OCSP_RESPONSE_STATUS_TRYLATER},
		      {"unauthorized", OCSP_RESPONSE_STATUS_UNAUTHORIZED}};

	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
		if (fault_about(faults, TARGET_OCSP, chosen[i].fault, subjects)) {
			reply->body.size = 0;
			put_response(chosen[i].status, NULL, reply);
			return true;
		}
	}
	return false;
}

void
ocsp_answer(const struct services *services, struct question *question, struct faults *faults, struct reply *reply)
{
	const unsigned char *at = question->body.data;
	OCSP_REQUEST *request;
	const char *subjects;

	if (strcmp(question->method, "POST") != 0) {
		reply_error(reply, 405, "METHOD_NOT_ALLOWED");
		return;
	}
	if (strcmp(question->type, "application/ocsp-request") != 0) {
		reply_error(reply, 415, "UNSUPPORTED_MEDIA_TYPE");
		return;
	}
	request = d2i_OCSP_REQUEST(NULL, &at, (long)question->body.size);
	if (request == NULL || at != question->body.data + question->body.size)
		put_response(OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, NULL, reply);
	else
		answer_request(services, question, request, faults, reply);
	subjects = question->subjects.size > 0 ? (const char *)question->subjects.data : "";
	if (!refuse(subjects, faults, reply) && fault_about(faults, TARGET_OCSP, "garbage", subjects))
		memset(reply->body.data, 0x30, reply->body.size);
	OCSP_REQUEST_free(request);
	ERR_clear_error();
}
