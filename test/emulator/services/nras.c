/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/jws.h"
#include "lib/random.h"
#include "lib/x509.h"
#include "spec/gpu_report.h"
#include "test/emulator/pki.h"
#include "test/emulator/provision.h"
#include "test/emulator/services/service.h"

/*
 * The remote verifier: POST /v4/attest/gpu gives a detached EAT with claims 3.0, GET /.well-known/jwks.json the keys.
 * It believes every report and says of each GPU what NVIDIA's says of one that passed.
 */

#define GPU_CERTS 5
#define LIFETIME 3600
#define NONCE_DIGITS 64

/* What is said about one GPU, from its evidence. */
struct device {
	char model[65], *ueid;
	char driver[GPU_TEXT_MAX + 1], vbios[GPU_TEXT_MAX + 1];
	char chain_end[32];
};

struct session {
	const struct services *services;
	struct faults *faults;
	char nonce[NONCE_DIGITS + 1];
	struct device device[GPU_MAX];
	unsigned devices;
	char *token[GPU_MAX];
	int64_t at;
};

/* -- question ------------------------------------------------------------------------------------------------------ */

static bool
has_only(const struct json *object, const char *const *names, size_t count)
{
	if (object == NULL || json_type(object) != JSON_OBJECT || json_count(object) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (json_get(object, names[i]) == NULL)
			return false;
	}
	return true;
}

static int
read_base64(const struct json *item, const char *name, struct buf *out, struct err *err)
{
	const char *text = json_text(json_get(item, name));

	if (text == NULL || !base64_decode(out, text, strlen(text)))
		return err_set(err, 0, "'%s' is not strict base64", name);
	return 0;
}

static int
read_chain(struct bytes pem, struct device *device, struct err *err)
{
	struct x509_chain chain = {0};
	int rc;

	if (x509_chain_from_pem(pem, GPU_CERTS, NULL, &chain, err) != 0)
		return err_wrap(err, 0, "certificate");
	clock_format(x509_chain_not_after(&chain), device->chain_end);
	device->ueid = x509_serial_decimal(chain.cert[0]);
	rc = x509_common_name(chain.cert[1], device->model, sizeof(device->model)) ? 0 : -1;
	if (rc != 0)
		err_set(err, 0, "certificate 1 has no common name");
	x509_chain_free(&chain);
	return rc;
}

static int
read_report(struct bytes bytes, struct device *device, struct err *err)
{
	struct gpu_report report;

	if (gpu_report_parse(bytes, &report, err) != 0)
		return err_wrap(err, 0, "evidence");
	memcpy(device->driver, report.driver_version, sizeof(device->driver));
	memcpy(device->vbios, report.vbios_version, sizeof(device->vbios));
	return 0;
}

static int
read_device(const struct json *item, struct device *device, struct err *err)
{
	static const char *const names[] = {"evidence", "certificate"};
	struct buf report = {0}, pem = {0};
	int rc = -1;

	if (!has_only(item, names, 2))
		err_set(err, 0, "want evidence and certificate");
	else if (read_base64(item, "evidence", &report, err) == 0 && read_base64(item, "certificate", &pem, err) == 0 &&
		 read_chain(buf_bytes(&pem), device, err) == 0)
		rc = read_report(buf_bytes(&report), device, err);
	buf_free(&pem);
	buf_free(&report);
	return rc;
}

static int
read_members(const struct json *root, struct session *session, struct err *err)
{
	static const char *const names[] = {"nonce", "arch", "claims_version", "evidence_list"};
	const char *nonce = json_text(json_get(root, "nonce")), *arch = json_text(json_get(root, "arch"));
	const char *version = json_text(json_get(root, "claims_version"));
	const struct json *list = json_get(root, "evidence_list");
	uint8_t bytes[NONCE_DIGITS / 2];

	if (!has_only(root, names, 4))
		return err_set(err, 0, "want nonce, arch, claims_version and evidence_list");
	if (nonce == NULL || !hex_decode(bytes, sizeof(bytes), nonce, strlen(nonce)))
		return err_set(err, 0, "nonce is not 64 hex digits");
	if (arch == NULL || gpu_arch_of_service(arch) == GPU_ARCH_UNKNOWN)
		return err_set(err, 0, "arch is no known one");
	if (version == NULL || strcmp(version, "3.0") != 0)
		return err_set(err, 0, "claims_version is not 3.0");
	if (json_type(list) != JSON_ARRAY || json_count(list) < 1 || json_count(list) > GPU_MAX)
		return err_set(err, 0, "evidence_list is no array of 1 to %d", GPU_MAX);
	memcpy(session->nonce, nonce, NONCE_DIGITS);
	for (size_t i = 0; i < json_count(list); i++) {
		if (read_device(json_at(list, i), &session->device[session->devices++], err) != 0)
			return err_wrap(err, 0, "evidence_list[%zu]", i);
	}
	return 0;
}

static int
read_question(struct bytes body, struct session *session, struct err *err)
{
	static const struct json_limits limits = {.bytes = 4 << 20, .string = 64 << 10, .depth = 8, .values = 256};
	struct json *root = json_read(body, &limits, err);
	int rc = root ? read_members(root, session, err) : -1;

	json_free(root);
	return rc;
}

/* -- tokens -------------------------------------------------------------------------------------------------------- */

static const struct signing_key *
signing_key(const struct session *session)
{
	return &session->services->signing[fault_chosen(session->faults, TARGET_NRAS, "rollover")];
}

/* Header and payload without signature, as alg none has it. */
static void
put_unsigned(const char *kid, const char *payload, struct buf *out)
{
	char *header = xprintf("{\"kid\":\"%s\",\"alg\":\"none\"}", kid);

	base64url_encode(out, bytes_of_text(header));
	buf_add_text(out, ".");
	base64url_encode(out, bytes_of_text(payload));
	buf_add_text(out, ".");
	free(header);
}

static char *
make_token(const struct session *session, char *payload)
{
	const struct signing_key *signing = signing_key(session);
	bool missing = fault_chosen(session->faults, TARGET_NRAS, "endless-rollover");
	const char *kid = missing ? "nv-eat-kid-emulated-never" : signing->kid;
	struct err err = ERR_INIT;
	struct buf out = {0};

	if (fault_chosen(session->faults, TARGET_NRAS, "alg-none"))
		put_unsigned(kid, payload, &out);
	else
		pki_check(jws_sign(signing->key, kid, payload, &out, &err) == 0, err.text);
	free(payload);
	return buf_steal_text(&out);
}

static void
put_id(struct json_out *out)
{
	uint8_t random[16];
	char hex[33], *text;

	random_bytes(random, sizeof(random));
	random[6] = (uint8_t)((random[6] & 0x0f) | 0x40); /* RFC 9562 5.4 */
	random[8] = (uint8_t)((random[8] & 0x3f) | 0x80);
	hex_encode(hex, random, sizeof(random));
	text = xprintf("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	json_out_member_text(out, "jti", text);
	free(text);
}

/* What every token says: issuer, times, nonce. */
static void
put_frame(struct json_out *out, const struct session *session)
{
	bool expired = fault_chosen(session->faults, TARGET_NRAS, "expired");
	bool other = fault_chosen(session->faults, TARGET_NRAS, "other-issuer");
	int64_t from = expired ? session->at - 2 * LIFETIME : session->at;
	char nonce[NONCE_DIGITS + 1];

	memcpy(nonce, session->nonce, sizeof(nonce));
	if (fault_chosen(session->faults, TARGET_NRAS, "other-nonce"))
		nonce[0] = nonce[0] == '0' ? '1' : '0';
	json_out_member_text(out, "iss", other ? NRAS_ISSUER "/v4" : NRAS_ISSUER);
	json_out_member_text(out, "eat_nonce", nonce);
	json_out_member_integer(out, "iat", from);
	json_out_member_integer(out, "nbf", from);
	json_out_member_integer(out, "exp", from + LIFETIME);
	put_id(out);
}

static void
put_chain(struct json_out *out, const char *name, const char *end)
{
	json_out_name(out, name);
	json_out_object(out);
	json_out_member_text(out, "x-nvidia-cert-status", "valid");
	json_out_member_text(out, "x-nvidia-cert-ocsp-status", "good");
	json_out_member_text(out, "x-nvidia-cert-expiration-date", end);
	json_out_member_text(out, "x-nvidia-cert-revocation-reason", NULL);
	json_out_end(out);
}

static void
put_rim(struct json_out *out, const char *kind, const char *end)
{
	static const char *const claims[] = {"fetched", "schema-validated", "signature-verified", "version-match",
					     "measurements-available"};
	char *chain = xprintf("x-nvidia-gpu-%s-rim-cert-chain", kind);

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		char *name = xprintf("x-nvidia-gpu-%s-rim-%s", kind, claims[i]);

		json_out_member_bool(out, name, true);
		free(name);
	}
	put_chain(out, chain, end);
	free(chain);
}

static void
put_report(struct json_out *out, const struct device *device, bool pass)
{
	json_out_member_bool(out, "x-nvidia-gpu-arch-check", true);
	put_chain(out, "x-nvidia-gpu-attestation-report-cert-chain", device->chain_end);
	json_out_member_bool(out, "x-nvidia-gpu-attestation-report-cert-chain-fwid-match", true);
	json_out_member_bool(out, "x-nvidia-gpu-attestation-report-parsed", true);
	json_out_member_bool(out, "x-nvidia-gpu-attestation-report-nonce-match", true);
	json_out_member_bool(out, "x-nvidia-gpu-attestation-report-signature-verified", pass);
	json_out_member_bool(out, "x-nvidia-gpu-vbios-index-no-conflict", true);
	json_out_member_text(out, "x-nvidia-attestation-warning", NULL);
	json_out_member_text(out, "measres", pass ? "success" : "fail");
	json_out_name(out, "secboot");
	if (pass)
		json_out_bool(out, true);
	else
		json_out_null(out);
	json_out_member_text(out, "dbgstat", pass ? "disabled" : NULL);
}

/* Names as genuine answers have them; the texts are our own. */
static void
put_error(struct json_out *out, const char *code)
{
	json_out_name(out, "x-nvidia-error-details");
	json_out_object(out);
	json_out_member_integer(out, "code", code[0] != '\0' ? strtol(code, NULL, 10) : 4013);
	json_out_member_text(out, "httpStatus", "BAD_REQUEST");
	json_out_member_text(out, "message", "EMULATED_FAILURE");
	json_out_member_text(out, "description", "chosen in faults.conf");
	json_out_end(out);
}

static char *
make_device_token(const struct session *session, unsigned number)
{
	const struct device *device = &session->device[number];
	const char *failed = number == 0 ? fault_argument(session->faults, TARGET_NRAS, "failed") : NULL;
	bool pass = failed == NULL && (number > 0 || !fault_chosen(session->faults, TARGET_NRAS, "overall-only"));
	struct json_out *out = json_out_new(false);
	char end[32];

	clock_format(session->services->rim_signer_end, end);
	json_out_object(out);
	put_frame(out, session);
	json_out_member_text(out, "hwmodel", device->model);
	json_out_member_text(out, "ueid", device->ueid);
	json_out_member_text(out, "oemid", "5703");
	json_out_member_text(out, "x-nvidia-gpu-driver-version", device->driver);
	json_out_member_text(out, "x-nvidia-gpu-vbios-version", device->vbios);
	put_report(out, device, pass);
	put_rim(out, "driver", end);
	put_rim(out, "vbios", end);
	if (failed != NULL)
		put_error(out, failed);
	json_out_end(out);
	return make_token(session, json_out_finish(out));
}

static void
put_digest(struct json_out *out, const struct session *session, unsigned number)
{
	char *name = xprintf("GPU-%u", number), text[2 * SHA256_SIZE + 1];
	uint8_t hash[SHA256_SIZE];

	crypto_sha256(bytes_of_text(session->token[number]), hash);
	if (number == 0 && fault_chosen(session->faults, TARGET_NRAS, "wrong-digest"))
		hash[0] ^= 1;
	hex_encode(text, hash, sizeof(hash));
	json_out_name(out, name);
	json_out_array(out);
	json_out_text(out, "DIGEST");
	json_out_array(out);
	json_out_text(out, "SHA-256");
	json_out_text(out, text);
	json_out_end(out);
	json_out_end(out);
	free(name);
}

static char *
make_overall_token(const struct session *session)
{
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	json_out_member_text(out, "sub", "NVIDIA-PLATFORM-ATTESTATION");
	json_out_member_text(out, "x-nvidia-ver", "3.0");
	json_out_member_bool(out, "x-nvidia-overall-att-result", !fault_chosen(session->faults, TARGET_NRAS, "failed"));
	put_frame(out, session);
	json_out_name(out, "submods");
	json_out_object(out);
	for (unsigned i = 0; i < session->devices; i++)
		put_digest(out, session, i);
	json_out_end(out);
	json_out_end(out);
	return make_token(session, json_out_finish(out));
}

/* [["JWT", overall], {"GPU-0": token, ...}] */
static char *
make_eat(struct session *session)
{
	struct json_out *out = json_out_new(false);
	char *overall;

	for (unsigned i = 0; i < session->devices; i++)
		session->token[i] = make_device_token(session, i);
	overall = make_overall_token(session);
	json_out_array(out);
	json_out_array(out);
	json_out_text(out, "JWT");
	json_out_text(out, overall);
	json_out_end(out);
	json_out_object(out);
	for (unsigned i = 0; i < session->devices; i++) {
		char *name = xprintf("GPU-%u", i);

		json_out_member_text(out, name, session->token[i]);
		free(name);
	}
	json_out_end(out);
	json_out_end(out);
	free(overall);
	return json_out_finish(out);
}

static void
change_devices(struct session *session)
{
	char *first = session->device[0].ueid;
	size_t last = strlen(first) - 1;

	if (fault_chosen(session->faults, TARGET_NRAS, "other-ueid"))
		first[last] = first[last] == '1' ? '2' : '1';
	if (fault_chosen(session->faults, TARGET_NRAS, "missing-device"))
		free(session->device[--session->devices].ueid);
}

void
nras_answer(const struct services *services, const struct question *question, struct faults *faults,
	    struct reply *reply)
{
	struct session session = {.services = services, .faults = faults, .at = clock_wall()};
	struct err err = ERR_INIT;

	if (strcmp(question->path, "/v4/attest/gpu") != 0) {
		reply_error(reply, 404, "NOT_FOUND");
	} else if (strcmp(question->method, "POST") != 0) {
		reply_error(reply, 405, "METHOD_NOT_ALLOWED");
	} else if (strcmp(question->type, "application/json") != 0) {
		reply_error(reply, 415, "UNSUPPORTED_MEDIA_TYPE");
	} else if (read_question(question->body, &session, &err) != 0) {
		reply_error(reply, 400, err.text);
	} else {
		change_devices(&session);
		reply_json(reply, make_eat(&session));
	}
	for (unsigned i = 0; i < session.devices; i++) {
		free(session.device[i].ueid);
		free(session.token[i]);
	}
}

/* -- key set ------------------------------------------------------------------------------------------------------- */

static void
put_base64url(struct json_out *out, const char *name, struct bytes value)
{
	struct buf text = {0};

	base64url_encode(&text, value);
	json_out_name(out, name);
	json_out_bytes(out, buf_bytes(&text));
	buf_free(&text);
}

static void
put_x5c(struct json_out *out, const STACK_OF(X509) *chain)
{
	json_out_name(out, "x5c");
	json_out_array(out);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		struct buf der = x509_der(sk_X509_value(chain, i)), text = {0};

		base64_encode(&text, buf_bytes(&der));
		json_out_bytes(out, buf_bytes(&text));
		buf_free(&text);
		buf_free(&der);
	}
	json_out_end(out);
}

static void
put_key(struct json_out *out, const struct signing_key *signing, const STACK_OF(X509) *chain)
{
	struct err err = ERR_INIT;
	uint8_t x[48], y[48];

	pki_check(crypto_p384_coordinates(signing->key, x, y, &err) == 0, err.text);
	json_out_object(out);
	json_out_member_text(out, "kty", "EC");
	json_out_member_text(out, "use", "sig");
	json_out_member_text(out, "alg", "ES384");
	json_out_member_text(out, "crv", "P-384");
	json_out_member_text(out, "kid", signing->kid);
	put_base64url(out, "x", bytes_of(x, sizeof(x)));
	put_base64url(out, "y", bytes_of(y, sizeof(y)));
	put_x5c(out, chain);
	json_out_end(out);
}

void
jwks_answer(const struct services *services, const struct question *question, struct faults *faults,
	    struct reply *reply)
{
	const struct signing_key *first = &services->signing[0], *second = &services->signing[1];
	bool other = fault_chosen(faults, TARGET_NRAS, "other-x5c");
	struct json_out *out;

	if (strcmp(question->method, "GET") != 0) {
		reply_error(reply, 405, "METHOD_NOT_ALLOWED");
		return;
	}
	out = json_out_new(false);
	json_out_object(out);
	json_out_name(out, "keys");
	json_out_array(out);
	put_key(out, first, other ? second->chain : first->chain);
	if (fault_chosen(faults, TARGET_NRAS, "rollover") && question->number > 1)
		put_key(out, second, second->chain);
	json_out_end(out);
	json_out_end(out);
	reply_json(reply, json_out_finish(out));
}
