/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emulator/answer.h"

#include <stdlib.h>

static ASN1_TIME *
time_of(int64_t at)
{
	ASN1_TIME *time = ASN1_GENERALIZEDTIME_set(NULL, (time_t)at);

	pki_check(time != NULL, "time");
	return time;
}

void
answer_add(OCSP_BASICRESP *basic, OCSP_CERTID *id, enum answer_status answer, int64_t this_update, int64_t next_update)
{
	ASN1_TIME *from = time_of(this_update), *to = time_of(next_update);
	int status = V_OCSP_CERTSTATUS_GOOD, reason = OCSP_REVOKED_STATUS_NOSTATUS;

	if (answer == ANSWER_UNKNOWN)
		status = V_OCSP_CERTSTATUS_UNKNOWN;
	if (answer == ANSWER_REVOKED || answer == ANSWER_HOLD) {
		status = V_OCSP_CERTSTATUS_REVOKED;
		reason = answer == ANSWER_HOLD ? OCSP_REVOKED_STATUS_CERTIFICATEHOLD :
						  OCSP_REVOKED_STATUS_KEYCOMPROMISE;
	}
	pki_check(OCSP_basic_add1_status(basic, id, status, reason, from, from, to) != NULL, "OCSP status");
	ASN1_TIME_free(to);
	ASN1_TIME_free(from);
}

void
answer_write(const struct answer_request *request, struct buf *out)
{
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), request->cert, request->issuer->cert);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_RESPONSE *response;
	unsigned char *der = NULL;
	int size = 0;

	pki_check(id != NULL, "OCSP id");
	answer_add(basic, id, request->status, request->this_update, request->next_update);
	OCSP_CERTID_free(id);
	pki_check(OCSP_basic_sign(basic, request->responder->cert, request->responder->key, EVP_sha384(), NULL, 0) == 1,
		  "OCSP signature");
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	pki_check(response != NULL && (size = i2d_OCSP_RESPONSE(response, &der)) > 0, "OCSP answer");
	buf_add(out, der, (size_t)size);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
}

char *
answer_name(const X509 *cert, const X509 *issuer)
{
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), cert, issuer);
	ASN1_OCTET_STRING *key;
	ASN1_INTEGER *serial;
	char *name, *left, *right;

	pki_check(id != NULL && OCSP_id_get0_info(NULL, NULL, &key, &serial, id) == 1, "OCSP id");
	left = hex_text(bytes_of(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)));
	right = hex_text(bytes_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)));
	name = xprintf("%s-%s", left, right);
	free(left);
	free(right);
	OCSP_CERTID_free(id);
	return name;
}
