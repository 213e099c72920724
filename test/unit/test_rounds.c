/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an appraisal asks for, where the answers come from and what becomes of bad ones: against a source that answers
 * as the services do, in this process and in the worker. This program also plays workers that break the rules, told by
 * the user.
 */
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/appraise/appraise.h"
#include "attest/appraise/client.h"
#include "attest/appraise/wire.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/frame.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/jws.h"
#include "test/emulator/mint.h"
#include "test/unit/emulated.h"
#include "test/unit/emulated_report.h"
#include "test/unit/unit.h"

#define AT 1780272000 /* 2026-06-01T00:00:00Z */
#define HOUR 3600
#define GPUS 2

static struct mint mint;
static uint8_t nonce[32] = {4, 5, 6};
static struct buf reports[GPUS], chains[GPUS], device_root, rim_root;

static bool
make_machine(void)
{
	char *library = emulated_built("emulator/libnvidia-ml.so.1");
	bool there = access(library, R_OK) == 0;

	strcpy(emulated_dir, "/tmp/cgpu-node.XXXXXX");
	if (there && mkdtemp(emulated_dir) == NULL)
		abort();
	mint.options = (struct options){.directory = emulated_dir, .library = library, .gpus = GPUS, .at = AT};
	mint.options.without_ocsp = true;
	mint.options.model = model_find("hopper");
	mint.options.driver = mint.options.model->driver;
	mint.options.vbios = mint.options.model->vbios;
	if (there) {
		model_measure(&mint.measurements);
		mint_certify(&mint);
		mint_store(&mint);
		there = emulated_reports(emulated_dir, nonce, GPUS, reports, chains);
		emulated_read("device-root.pem", &device_root);
		emulated_read("rim-root.pem", &rim_root);
	}
	free(library);
	return there;
}

/* -- the services -------------------------------------------------------------------------------------------------- */
enum fault {
	GOOD,
	GONE,     /* no answer */
	BROKEN,
	UNBOUND,  /* revocation answers: without nonce */
	OTHER_NONCE,
	STALE,
	REVOKED,
	AHEAD,    /* made by a clock ahead of ours */
	AHEAD_ALL, /* its window begins then, too */
	NO_NEXT,  /* without nextUpdate */
	NO_NEXT_OLD,
	OTHER_HASH, /* without nonce, about the same certificate by the other hash */
	SWAPPED,    /* tokens: each GPU has the other's */
	REFUSED,    /* tokens: of a verifier that does not attest */
	LACKING,    /* key set: of other keys */
};

/* What comes of things of one kind, first and when asked again; everything else is good and from the network. */
struct plan {
	enum collateral_kind kind;
	enum collateral_origin from[2];
	enum fault fault[2];
};

struct asked {
	unsigned needs, again; /* of one round */
};

struct service {
	struct plan plan;
	struct asked round[8];
	unsigned rounds;
	bool sha384_names;
};

static const struct pki_entity *
issuer_of(const ASN1_INTEGER *serial, const X509 **cert)
{
	const struct pki_entity *const pairs[][2] = {
		{&mint.gpu[0].brom, &mint.ica}, {&mint.gpu[1].brom, &mint.ica},	   {&mint.ica, &mint.identity},
		{&mint.identity, &mint.root},	{&mint.rim_signer, &mint.rim_l3}, {&mint.rim_l3, &mint.rim_ca},
		{&mint.rim_ca, &mint.rim_root},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(pairs[i][0]->cert)) == 0) {
			*cert = pairs[i][0]->cert;
			return pairs[i][1];
		}
	}
	return NULL;
}

static ASN1_TIME *
time_at(int64_t at)
{
	return ASN1_GENERALIZEDTIME_set(NULL, (time_t)at);
}

static void
add_status(OCSP_BASICRESP *basic, OCSP_CERTID *id, enum fault fault)
{
	ASN1_TIME *from = time_at(fault == STALE         ? AT - 9 * HOUR
				  : fault == NO_NEXT_OLD ? AT - 900
				  : fault == AHEAD_ALL   ? AT + 400
							 : AT - 60);
	ASN1_TIME *to =
		fault == NO_NEXT || fault == NO_NEXT_OLD ? NULL : time_at(fault == STALE ? AT - 8 * HOUR : AT + HOUR);
	bool revoked = fault == REVOKED;

	OCSP_basic_add1_status(basic, id, revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD,
			       OCSP_REVOKED_STATUS_KEYCOMPROMISE, revoked ? from : NULL, from, to);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
}

static void
answer_question(struct collateral *need, enum fault fault)
{
	const unsigned char *at = need->question.data;
	OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &at, (long)need->question.size);
	OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)), *other = NULL;
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_RESPONSE *response;
	ASN1_GENERALIZEDTIME *produced;
	const struct pki_entity *issuer;
	const X509 *cert = NULL;
	ASN1_INTEGER *serial;
	ASN1_OBJECT *hash;
	unsigned char *der = NULL, echo[32];
	int size;

	OCSP_id_get0_info(NULL, &hash, NULL, &serial, id);
	issuer = issuer_of(serial, &cert);
	CHECK(issuer != NULL);
	if (fault == OTHER_HASH)
		other = OCSP_cert_to_id(OBJ_obj2nid(hash) == NID_sha1 ? EVP_sha384() : EVP_sha1(), cert, issuer->cert);
	add_status(basic, other ? other : id, fault);
	memcpy(echo, need->nonce, sizeof(echo));
	echo[0] ^= fault == OTHER_NONCE;
	if (fault != UNBOUND && fault != OTHER_HASH)
		OCSP_basic_add1_nonce(basic, echo, sizeof(echo));
	produced = (ASN1_GENERALIZEDTIME *)OCSP_resp_get0_produced_at(basic);
	ASN1_GENERALIZEDTIME_set(produced, AT + (fault == AHEAD || fault == AHEAD_ALL ? 400 : -30));
	OCSP_basic_sign(basic, issuer->cert, issuer->key, EVP_sha384(), NULL, OCSP_NOCERTS | OCSP_NOTIME);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	size = i2d_OCSP_RESPONSE(response, &der);
	buf_add(&need->answer, der, (size_t)size);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_CERTID_free(other);
	OCSP_BASICRESP_free(basic);
	OCSP_REQUEST_free(request);
}

/* -- the remote verifier ------------------------------------------------------------------------------------------- */
#define ISSUER "https://nras.example"
#define KID "key-1"

static struct pki_entity service_key;
static char *local_claims[GPUS]; /* what it says as well */
static char *key_set, *other_set;

static char *
make_key_set(const char *kid)
{
	struct err err = ERR_INIT;
	struct buf der = x509_der(service_key.cert), text = {0}, out = {0};
	char *plain = jws_key_set(service_key.key, kid, &err), *key = strstr(plain, "\"kty\"");

	base64_encode(&text, buf_bytes(&der));
	buf_printf(&out, "%.*s\"x5c\":[\"%.*s\"],%s", (int)(key - plain), plain, (int)text.size, (char *)text.data,
		   key);
	free(plain);
	buf_free(&text);
	buf_free(&der);
	return buf_steal_text(&out);
}

#define TIMES "\"iat\":%d,\"nbf\":%d,\"exp\":%d"
#define SUCCESS "\"measres\":\"success\""
#define FAILURE "\"measres\":\"fail\""

static void
sign(char *payload, struct buf *out)
{
	struct err err = ERR_INIT;

	CHECK(jws_sign(service_key.key, KID, payload, out, &err) == 0);
	free(payload);
}

/* The claims of a local appraisal, with a signer's. */
static void
sign_device(const char *claims, bool attested, struct buf *out)
{
	const char *verdict = strstr(claims, SUCCESS);

	CHECK(verdict != NULL);
	sign(xprintf("{\"iss\":\"" ISSUER "\"," TIMES ",%.*s%s%s", AT - 5, AT - 5, AT + HOUR,
		     (int)(verdict - claims) - 1, claims + 1, attested ? SUCCESS : FAILURE, verdict + strlen(SUCCESS)),
	     out);
}

static void
sign_overall(bool attested, const char *submods, struct buf *out)
{
	static const char head[] =
		"\"iss\":\"" ISSUER "\",\"sub\":\"NVIDIA-PLATFORM-ATTESTATION\",\"x-nvidia-ver\":\"3.0\"";
	char *text = hex_text(bytes_of(nonce, sizeof(nonce)));

	sign(xprintf("{%s," TIMES ",\"eat_nonce\":\"%s\",\"x-nvidia-overall-att-result\":%s,\"submods\":{%s}}", head,
		     AT - 5, AT - 5, AT + HOUR, text, attested ? "true" : "false", submods),
	     out);
	free(text);
}

static void
make_tokens(enum fault fault, struct buf *out)
{
	struct buf devices = {0}, overall = {0}, submods = {0};
	char *list;

	for (unsigned i = 0; i < GPUS; i++) {
		struct buf device = {0};
		uint8_t digest[SHA256_SIZE];
		char text[2 * SHA256_SIZE + 1];

		sign_device(local_claims[fault == SWAPPED ? 1 - i : i], fault != REFUSED, &device);
		crypto_sha256(buf_bytes(&device), digest);
		hex_encode(text, digest, sizeof(digest));
		buf_printf(&submods, "%s\"GPU-%u\":[\"DIGEST\",[\"SHA-256\",\"%s\"]]", i ? "," : "", i, text);
		buf_printf(&devices, "%s\"GPU-%u\":\"%.*s\"", i ? "," : "", i, (int)device.size, (char *)device.data);
		buf_free(&device);
	}
	list = buf_steal_text(&submods);
	sign_overall(fault != REFUSED, list, &overall);
	buf_printf(out, "[[\"JWT\",\"%.*s\"],{%.*s}]", (int)overall.size, (char *)overall.data, (int)devices.size,
		   (char *)devices.data);
	buf_free(&overall);
	buf_free(&devices);
	free(list);
}

static void
read_manifest(struct collateral *need)
{
	char *path = xprintf("%s/rim/%s.xml", emulated_dir, need->name);

	CHECK(fs_read_file(path, 1 << 20, &need->answer, &need->err) == 0);
	free(path);
}

static void
serve_one(struct service *service, struct collateral *need)
{
	bool planned = need->kind == service->plan.kind;
	enum fault fault = planned ? service->plan.fault[need->again] : GOOD;

	need->origin = planned ? service->plan.from[need->again] : ORIGIN_NETWORK;
	if (fault == GONE) {
		err_set(&need->err, CODE_NETWORK, "nobody there");
		return;
	}
	if (need->kind == COLLATERAL_OCSP) {
		CHECK((strstr(need->name, "-sha384") != NULL) == service->sha384_names);
		if (need->origin == ORIGIN_CACHE) /* asked by another run of this boot */
			memset(need->nonce, 0x5a, sizeof(need->nonce));
		answer_question(need, fault);
	} else if (need->kind == COLLATERAL_TOKENS) {
		make_tokens(fault, &need->answer);
	} else if (need->kind == COLLATERAL_KEY_SET) {
		buf_add_text(&need->answer, fault == LACKING ? other_set : key_set);
	} else {
		read_manifest(need);
	}
	if (fault == BROKEN && need->kind == COLLATERAL_KEY_SET)
		need->answer.size /= 2;
	else if (fault == BROKEN)
		need->answer.data[need->answer.size / 2] ^= 1;
}

static void
serve(void *context, struct collateral *need, unsigned count)
{
	struct service *service = context;
	struct asked *round = &service->round[service->rounds++];

	if (service->rounds > 4)
		abort();
	*round = (struct asked){.needs = count};
	for (unsigned i = 0; i < count; i++) {
		round->again += need[i].again;
		serve_one(service, &need[i]);
	}
}

/* -- appraisals ---------------------------------------------------------------------------------------------------- */
struct outcome {
	int code;
	struct appraisal appraisal;
	struct service service;
	struct err err;
};

static const struct revocation_policy strict = {.max_age = 12 * HOUR};

static struct appraise_input
make_input(const struct revocation_policy *policy)
{
	struct appraise_input input = {.at = AT, .verifier = APPRAISE_LOCAL, .revocation = *policy, .gpus = GPUS};

	memcpy(input.nonce, nonce, sizeof(nonce));
	input.device_root = buf_bytes(&device_root);
	input.rim_root = buf_bytes(&rim_root);
	for (unsigned i = 0; i < GPUS; i++)
		input.gpu[i] = (struct evidence_raw){buf_bytes(&reports[i]), buf_bytes(&chains[i])};
	return input;
}

static void
check_same(const struct outcome *a, const struct outcome *b)
{
	const struct appraisal *x = &a->appraisal, *y = &b->appraisal;

	CHECK(a->code == b->code && a->service.rounds == b->service.rounds);
	CHECK_TEXT(a->err.text, b->err.text);
	CHECK(x->steps.count == y->steps.count && x->gpus == y->gpus && x->keeps == y->keeps);
	for (unsigned i = 0; i < x->gpus; i++)
		CHECK(x->claims[i] == NULL ? y->claims[i] == NULL :
		      y->claims[i] != NULL && strcmp(x->claims[i], y->claims[i]) == 0);
	for (unsigned i = 0; i < x->keeps && i < y->keeps; i++) {
		CHECK(x->keep[i].kind == y->keep[i].kind && x->keep[i].until == y->keep[i].until &&
		      x->keep[i].time == y->keep[i].time && x->keep[i].made == y->keep[i].made &&
		      x->keep[i].origin == y->keep[i].origin);
		/* Answers and tokens are signed anew in each. */
		CHECK(x->keep[i].kind > COLLATERAL_VBIOS_RIM ||
		      memcmp(x->keep[i].digest, y->keep[i].digest, sizeof(x->keep[i].digest)) == 0);
		CHECK_TEXT(x->keep[i].name, y->keep[i].name);
	}
}

/* Here and in the worker, which must agree. */
static struct outcome
appraise_input(const struct plan *plan, const struct appraise_input *input)
{
	char *program = emulated_built("appraise");
	const struct appraise_worker worker = {program, NULL, clock_boot_ms() + 20000};
	struct outcome here = {0}, there = {0};
	struct collateral_source source = {serve, &here.service};
	int rc;

	here.service = (struct service){.plan = *plan, .sha384_names = input->revocation.hash == REVOCATION_SHA384};
	there.service = here.service;
	rc = appraise_run(input, &source, &here.appraisal, &here.err);
	here.code = rc == 0 ? CODE_OK : err_code(&here.err);
	source.context = &there.service;
	rc = appraise_remote(&worker, input, &source, &there.appraisal, &there.err);
	there.code = rc == 0 ? CODE_OK : err_code(&there.err);
	check_same(&here, &there);
	appraisal_free(&here.appraisal);
	free(program);
	return there;
}

static struct outcome
appraise(const struct plan *plan, const struct revocation_policy *policy)
{
	struct appraise_input input = make_input(policy);

	return appraise_input(plan, &input);
}

/* Of a kind, or of all (0): what came from the network. */
static unsigned
kept(const struct outcome *outcome, enum collateral_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < outcome->appraisal.keeps; i++)
		count += (kind == 0 || outcome->appraisal.keep[i].kind == kind) &&
			 outcome->appraisal.keep[i].origin == ORIGIN_NETWORK;
	return count;
}

/* Whatever was verified is listed, wherever it came from. */
static unsigned
verified(const struct outcome *outcome, enum collateral_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < outcome->appraisal.keeps; i++)
		count += outcome->appraisal.keep[i].kind == kind;
	return count;
}

static bool
nonces_match(const struct outcome *outcome, const char *chain)
{
	struct err err = ERR_INIT;
	struct json *claims = json_read(bytes_of_text(outcome->appraisal.claims[1]), &json_limits_default, &err);
	bool flag = false;

	CHECK(json_bool(json_get(json_get(claims, chain), "x-nvidia-cert-ocsp-nonce-matches"), &flag));
	CHECK((json_get(claims, "x-cgpu-loosening") == NULL) == flag);
	json_free(claims);
	return flag;
}

#define DEVICE_CHAIN "x-nvidia-gpu-attestation-report-cert-chain"
#define OCSPS 7 /* two devices, which share two issuers; three signers of manifests */

static void
test_cold(void)
{
	struct outcome outcome = appraise(&(struct plan){0}, &strict);

	CHECK(outcome.code == CODE_OK);
	CHECK(outcome.service.rounds == 2 && outcome.service.round[0].needs == 2 + 4 &&
	      outcome.service.round[1].needs == 3);
	CHECK(nonces_match(&outcome, DEVICE_CHAIN));
	CHECK(kept(&outcome, COLLATERAL_DRIVER_RIM) == 1 && kept(&outcome, COLLATERAL_VBIOS_RIM) == 1 &&
	      kept(&outcome, COLLATERAL_OCSP) == OCSPS && outcome.appraisal.keeps == OCSPS + 2);
	for (unsigned i = 0; i < outcome.appraisal.keeps; i++) {
		const struct keep *keep = &outcome.appraisal.keep[i];

		if (keep->kind == COLLATERAL_OCSP)
			CHECK(keep->until == AT + HOUR && keep->time == AT - 30 && keep->made == AT - 30);
		else
			CHECK(keep->until == AT + 330 * (int64_t)PKI_DAY && keep->time == 0); /* the signer's end */
	}
	appraisal_free(&outcome.appraisal);
}

/* kind, from, fault; policy; code, rounds, kept answers and manifests */
struct row {
	const char *name;
	struct plan plan;
	const struct revocation_policy *policy;
	int code;
	unsigned rounds, ocsps, rims;
};

static const struct revocation_policy loose = {.max_age = 12 * HOUR, .allow_without_nonce = true};
static const struct revocation_policy each_start = {.max_age = 0};
static const struct revocation_policy other_hash = {.max_age = 12 * HOUR, .hash = REVOCATION_SHA384};
static const struct revocation_policy loose_hash = {true, .max_age = 12 * HOUR, .hash = REVOCATION_SHA384};

#define OCSP COLLATERAL_OCSP
#define RIM COLLATERAL_DRIVER_RIM
#define CACHE ORIGIN_CACHE
#define STORED ORIGIN_DIRECTORY
#define NET ORIGIN_NETWORK

static const struct row rows[] = {
	/* the cache */
	{"kept answers with their nonce", {OCSP, {CACHE}, {GOOD}}, &strict, CODE_OK, 2, 0, 2},
	{"kept answers, other nonce", {OCSP, {CACHE, NET}, {OTHER_NONCE, GOOD}}, &strict, CODE_OK, 4, OCSPS, 2},
	{"kept, other nonce, then none", {OCSP, {CACHE, NET}, {OTHER_NONCE, GONE}}, &strict, CODE_OCSP_NONCE, 4, 0, 2},
	{"kept answers, revoked since lifted", {OCSP, {CACHE, NET}, {REVOKED, GOOD}}, &strict, CODE_OK, 4, OCSPS, 2},
	{"kept answers, damaged, then revoked",
	 {OCSP, {CACHE, NET}, {BROKEN, REVOKED}},
	 &strict,
	 CODE_OCSP_REVOKED,
	 4,
	 0,
	 2},
	{"kept answers out of their window", {OCSP, {CACHE, NET}, {STALE, GOOD}}, &strict, CODE_OK, 4, OCSPS, 2},
	{"kept manifest", {RIM, {CACHE}, {GOOD}}, &strict, CODE_OK, 2, OCSPS, 1},
	{"kept manifest, damaged", {RIM, {CACHE, NET}, {BROKEN, GOOD}}, &strict, CODE_OK, 3, OCSPS, 2},
	{"kept manifest, damaged, then none",
	 {RIM, {CACHE, NET}, {BROKEN, GONE}},
	 &strict,
	 CODE_RIM_SIGNATURE,
	 3,
	 OCSPS,
	 1},
	{"kept manifest, damaged twice",
	 {RIM, {CACHE, NET}, {BROKEN, BROKEN}},
	 &strict,
	 CODE_RIM_SIGNATURE,
	 3,
	 OCSPS,
	 1},
	/* directories */
	{"stored answers, strict", {OCSP, {STORED, NET}, {UNBOUND, GOOD}}, &strict, CODE_OK, 4, OCSPS, 2},
	{"stored answers, loose", {OCSP, {STORED}, {UNBOUND}}, &loose, CODE_OK, 2, 0, 2},
	{"stored answers, stale", {OCSP, {STORED, NET}, {STALE, GOOD}}, &loose, CODE_OK, 4, OCSPS, 2},
	{"stored answers, stale twice", {OCSP, {STORED, NET}, {STALE, STALE}}, &loose, CODE_OCSP_STALE, 4, 0, 2},
	{"stored answers by the other hash, loose", {OCSP, {STORED}, {OTHER_HASH}}, &loose_hash, CODE_OK, 2, 0, 2},
	{"stored answers by the other hash",
	 {OCSP, {STORED, NET}, {OTHER_HASH, GONE}},
	 &strict,
	 CODE_OCSP_OTHER,
	 4,
	 0,
	 2},
	/* files given by hand, and the network: what they say counts */
	{"file, damaged", {RIM, {ORIGIN_FILE}, {BROKEN}}, &strict, CODE_RIM_SIGNATURE, 2, OCSPS, 1},
	{"network, damaged", {OCSP, {NET}, {BROKEN}}, &strict, CODE_OCSP_RESPONDER, 2, 0, 2},
	{"network, revoked", {OCSP, {NET}, {REVOKED}}, &strict, CODE_OCSP_REVOKED, 2, 0, 2},
	{"network, other nonce", {OCSP, {NET}, {OTHER_NONCE}}, &strict, CODE_OCSP_NONCE, 2, 0, 2},
	{"network, nobody there", {OCSP, {NET}, {GONE}}, &strict, CODE_NETWORK, 2, 0, 2},
	{"mirror, loose", {OCSP, {NET}, {UNBOUND}}, &loose, CODE_OK, 2, OCSPS, 2},
	{"our clock was set back", {OCSP, {NET}, {AHEAD}}, &strict, CODE_CLOCK, 2, 0, 2},
	{"our clock was set back, all ahead", {OCSP, {NET}, {AHEAD_ALL}}, &strict, CODE_CLOCK, 2, 0, 2},
	{"asked with SHA-384", {OCSP, {NET}, {GOOD}}, &other_hash, CODE_OK, 2, OCSPS, 2},
	/* age 0 asks at each start: fresh answers count, whether they say until when or not */
	{"each start", {OCSP, {NET}, {GOOD}}, &each_start, CODE_OK, 2, OCSPS, 2},
	{"each start, no end", {OCSP, {NET}, {NO_NEXT}}, &each_start, CODE_OK, 2, OCSPS, 2},
	{"each start, no end, old", {OCSP, {NET}, {NO_NEXT_OLD}}, &each_start, CODE_OCSP_STALE, 2, 0, 2},
	{"no end, old", {OCSP, {NET}, {NO_NEXT_OLD}}, &strict, CODE_OK, 2, OCSPS, 2},
};

static void
test_where_answers_come_from(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct outcome outcome = appraise(&row->plan, row->policy);
		unsigned rims = kept(&outcome, COLLATERAL_DRIVER_RIM) + kept(&outcome, COLLATERAL_VBIOS_RIM);
		bool bound =
			row->plan.kind != COLLATERAL_OCSP ||
			(row->plan.fault[outcome.service.rounds > 2] != UNBOUND && row->plan.fault[0] != OTHER_HASH);

		if (outcome.code != row->code || outcome.service.rounds != row->rounds ||
		    kept(&outcome, COLLATERAL_OCSP) != row->ocsps || rims != row->rims) {
			printf("# %s: code %d (%s), %u rounds, kept %u answers, %u manifests\n", row->name,
			       outcome.code, outcome.err.text, outcome.service.rounds, kept(&outcome, COLLATERAL_OCSP),
			       rims);
			unit_bad = true;
		}
		if (row->code == CODE_OK) {
			CHECK(nonces_match(&outcome, DEVICE_CHAIN) == bound);
			CHECK(verified(&outcome, COLLATERAL_OCSP) == OCSPS &&
			      verified(&outcome, COLLATERAL_DRIVER_RIM) == 1 &&
			      verified(&outcome, COLLATERAL_VBIOS_RIM) == 1);
		}
		appraisal_free(&outcome.appraisal);
	}
}

/* Everything of a round that does not hold is asked for at once, and nothing else. */
static void
test_one_more_round(void)
{
	struct outcome outcome = appraise(&(struct plan){OCSP, {CACHE, NET}, {OTHER_NONCE, GOOD}}, &strict);
	const struct asked *round = outcome.service.round;

	CHECK(round[0].needs == 6 && round[0].again == 0 && round[1].needs == 4 && round[1].again == 4);
	CHECK(round[2].needs == 3 && round[2].again == 0 && round[3].needs == 3 && round[3].again == 3);
	appraisal_free(&outcome.appraisal);
	outcome = appraise(&(struct plan){OCSP, {CACHE, NET}, {OTHER_NONCE, GONE}}, &strict);
	CHECK(strstr(outcome.err.text, "nonce") != NULL && strstr(outcome.err.text, "nobody") == NULL);
	appraisal_free(&outcome.appraisal);
}

/* -- the remote verifier, alone and beside the local one --------------------------------------------------------- */
static bool
make_remote(void)
{
	struct outcome outcome = appraise(&(struct plan){0}, &strict);
	bool ok = outcome.code == CODE_OK;

	for (unsigned i = 0; ok && i < GPUS; i++)
		local_claims[i] = xstrdup(outcome.appraisal.claims[i]);
	appraisal_free(&outcome.appraisal);
	service_key = pki_issue(&(struct pki_request){.subject = "/CN=nras.example", .from = AT - HOUR, .to = AT + HOUR,
						      .parts = PKI_SIGNER}, &mint.rim_root, NULL);
	key_set = make_key_set(KID);
	other_set = make_key_set("key-0");
	return ok;
}

static struct appraise_input
remote_input(unsigned verifier)
{
	struct appraise_input input = make_input(&strict);

	input.verifier = verifier;
	input.remote = (struct remote_trust){.issuer = ISSUER};
	return input;
}

static const struct step *
find_step(const struct outcome *outcome, const char *name)
{
	const struct steps *steps = &outcome->appraisal.steps;

	for (size_t i = 0; i < steps->count; i++)
		if (strcmp(steps->list[i].name, name) == 0)
			return &steps->list[i];
	return NULL;
}

static bool
has_issuer(const struct outcome *outcome)
{
	return strstr(outcome->appraisal.claims[0], "\"iss\":\"" ISSUER "\"") != NULL;
}

static void
test_remote_alone(void)
{
	struct appraise_input input = remote_input(APPRAISE_REMOTE);
	struct outcome outcome = appraise_input(&(struct plan){0}, &input);
	const struct keep *keep = outcome.appraisal.keep;

	CHECK(outcome.code == CODE_OK && outcome.service.rounds == 1 && outcome.service.round[0].needs == 2);
	CHECK(has_issuer(&outcome) && outcome.appraisal.claims[1] != NULL);
	CHECK(find_step(&outcome, "driver-rim") == NULL && find_step(&outcome, "device-chain-revocation") == NULL);
	CHECK(find_step(&outcome, "report-signature") != NULL && find_step(&outcome, "remote-evidence") != NULL);
	CHECK(outcome.appraisal.keeps == 2 && keep[0].kind == COLLATERAL_TOKENS && keep[0].time == AT - 5 &&
	      keep[1].kind == COLLATERAL_KEY_SET && keep[1].time == 0 && keep[1].until == 0);
	appraisal_free(&outcome.appraisal);
	input.nonce[0] ^= 1;
	outcome = appraise_input(&(struct plan){0}, &input);
	CHECK(outcome.code == CODE_NONCE && outcome.appraisal.keeps == 0);
	appraisal_free(&outcome.appraisal);
}

static void
test_both(void)
{
	struct appraise_input input = remote_input(APPRAISE_LOCAL | APPRAISE_REMOTE);
	struct outcome outcome = appraise_input(&(struct plan){0}, &input);

	CHECK(outcome.code == CODE_OK && outcome.service.rounds == 2 && outcome.service.round[0].needs == 2 + 4 + 2);
	CHECK(!has_issuer(&outcome));
	CHECK(find_step(&outcome, "remote-set") != NULL && find_step(&outcome, "driver-rim") != NULL);
	CHECK(outcome.appraisal.keeps == OCSPS + 2 + 2);
	appraisal_free(&outcome.appraisal);
	outcome = appraise_input(&(struct plan){COLLATERAL_TOKENS, {NET}, {REFUSED}}, &input);
	CHECK(outcome.code == CODE_REMOTE_REFUSED &&
	      strstr(outcome.appraisal.claims[0], "\"measres\":\"success\"") != NULL);
	appraisal_free(&outcome.appraisal);
	outcome = appraise_input(&(struct plan){OCSP, {NET}, {REVOKED}}, &input);
	CHECK(outcome.code == CODE_OCSP_REVOKED && find_step(&outcome, "remote-set")->status == STEP_OK);
	appraisal_free(&outcome.appraisal);
}

static void
test_pinned_keys(void)
{
	struct appraise_input input = remote_input(APPRAISE_REMOTE);
	struct outcome outcome;

	input.remote.key_set = bytes_of_text(key_set);
	outcome = appraise_input(&(struct plan){0}, &input);
	CHECK(outcome.code == CODE_OK && outcome.service.round[0].needs == 1 && outcome.appraisal.keeps == 1);
	appraisal_free(&outcome.appraisal);
	input.remote.key_root = buf_bytes(&rim_root);
	outcome = appraise_input(&(struct plan){0}, &input);
	CHECK(outcome.code == CODE_OK);
	appraisal_free(&outcome.appraisal);
	input.remote.key_root = buf_bytes(&device_root);
	outcome = appraise_input(&(struct plan){0}, &input);
	CHECK(outcome.code == CODE_KEY_SET && outcome.service.rounds == 1);
	appraisal_free(&outcome.appraisal);
	input.remote = (struct remote_trust){.issuer = ISSUER, .key_set = bytes_of_text(other_set)};
	outcome = appraise_input(&(struct plan){0}, &input);
	CHECK(outcome.code == CODE_KEY_SET && outcome.service.rounds == 1 && outcome.appraisal.claims[0] == NULL);
	appraisal_free(&outcome.appraisal);
}

static const struct {
	const char *name;
	struct plan plan;
	int code;
	unsigned rounds, keeps;
} remote_rows[] = {
	{"kept key set", {COLLATERAL_KEY_SET, {CACHE}, {GOOD}}, CODE_OK, 1, 1},
	{"kept key set lacks the key", {COLLATERAL_KEY_SET, {CACHE, NET}, {LACKING, GOOD}}, CODE_OK, 2, 2},
	{"kept key set, broken", {COLLATERAL_KEY_SET, {CACHE, NET}, {BROKEN, GOOD}}, CODE_OK, 2, 2},
	{"the service changed its keys", {COLLATERAL_KEY_SET, {NET, NET}, {LACKING, GOOD}}, CODE_OK, 2, 2},
	{"and changed them not", {COLLATERAL_KEY_SET, {NET, NET}, {LACKING, LACKING}}, CODE_KEY_SET, 2, 0},
	{"and then is gone", {COLLATERAL_KEY_SET, {NET, NET}, {LACKING, GONE}}, CODE_KEY_SET, 2, 0},
	{"and then is broken", {COLLATERAL_KEY_SET, {NET, NET}, {LACKING, BROKEN}}, CODE_KEY_SET, 2, 0},
	{"key set, broken", {COLLATERAL_KEY_SET, {NET}, {BROKEN}}, CODE_KEY_SET, 1, 0},
	{"no key set", {COLLATERAL_KEY_SET, {NET}, {GONE}}, CODE_NETWORK, 1, 0},
	{"no tokens", {COLLATERAL_TOKENS, {NET}, {GONE}}, CODE_NETWORK, 1, 0},
	{"tokens, broken", {COLLATERAL_TOKENS, {NET}, {BROKEN}}, CODE_TOKEN_SIGNATURE, 1, 0},
	{"tokens of the other GPU", {COLLATERAL_TOKENS, {NET}, {SWAPPED}}, CODE_REMOTE_MISMATCH, 1, 0},
	{"refused", {COLLATERAL_TOKENS, {NET}, {REFUSED}}, CODE_REMOTE_REFUSED, 1, 0},
};

static void
test_tokens_and_keys(void)
{
	struct appraise_input input = remote_input(APPRAISE_REMOTE);

	for (size_t i = 0; i < sizeof(remote_rows) / sizeof(*remote_rows); i++) {
		struct outcome outcome = appraise_input(&remote_rows[i].plan, &input);

		if (outcome.code != remote_rows[i].code || outcome.service.rounds != remote_rows[i].rounds ||
		    kept(&outcome, 0) != remote_rows[i].keeps) {
			printf("# %s: code %d (%s), %u rounds, %u kept\n", remote_rows[i].name, outcome.code,
			       outcome.err.text, outcome.service.rounds, kept(&outcome, 0));
			unit_bad = true;
		}
		CHECK(outcome.code == CODE_OK || strstr(outcome.err.text, "nobody") == NULL ||
		      outcome.code == CODE_NETWORK);
		appraisal_free(&outcome.appraisal);
	}
}

/* -- workers that break the rules ---------------------------------------------------------------------------------- */
struct player {
	const char *part;
	uint8_t echo[32];
	struct frame_reader in; /* of fd 0 */
	int64_t deadline;
};

static bool
plays(const struct player *player, const char *part)
{
	return strcmp(player->part, part) == 0;
}

static void
take(struct player *player, struct buf *payload)
{
	enum frame_type type;
	struct err err = ERR_INIT;

	if (frame_read(&player->in, player->deadline, false, &type, payload, &err) != 0)
		_exit(1);
}

static void
put(struct player *player, enum frame_type type, struct buf *payload)
{
	struct err err = ERR_INIT;

	if (frame_write(1, player->deadline, type, buf_bytes(payload), &err) != 0)
		_exit(1);
	payload->size = 0;
}

/* Names that begin with c come out of the cache, others from the network. */
static void
ask(struct player *player, enum collateral_kind kind, bool again, const char *name)
{
	struct collateral need = {.kind = kind, .again = again, .name = (char *)name};
	struct buf payload = {0};

	if (kind == COLLATERAL_OCSP)
		need.question = bytes_of_text("?");
	appraise_put_need(&payload, &need);
	put(player, FRAME_NEED, &payload);
	buf_free(&payload);
}

static void
done(struct player *player, unsigned count)
{
	struct buf payload = {0};

	frame_put_u32(&payload, count);
	put(player, FRAME_DONE, &payload);
	for (unsigned i = 0; i < count; i++)
		take(player, &payload);
	buf_free(&payload);
}

static void
ask_one(struct player *player, enum collateral_kind kind, bool again, const char *name)
{
	ask(player, kind, again, name);
	done(player, 1);
}

static void
put_step(struct player *player)
{
	struct buf payload = {0};

	appraise_put_step(&payload, plays(player, "code-over-failed-step")
					    ? &(struct step){attester_gpu(0), "nonce", STEP_FAIL, CODE_NONCE, "another"}
					    : &(struct step){attester_gpu(0), "nonce", STEP_OK, CODE_OK, ""});
	put(player, FRAME_STEP, &payload);
	buf_free(&payload);
}

static void
put_claims(struct player *player, unsigned gpu)
{
	struct buf payload = {0};

	frame_put_u32(&payload, gpu);
	frame_put_text(&payload, "{}");
	put(player, FRAME_CLAIMS, &payload);
	buf_free(&payload);
}

static void
put_keep(struct player *player, const char *name, int64_t time)
{
	struct buf payload = {0};

	appraise_put_keep(&payload,
			  &(struct keep){.kind = COLLATERAL_OCSP, .name = (char *)name, .until = AT, .time = time});
	put(player, FRAME_KEEP, &payload);
	buf_free(&payload);
}

static void
play_rounds(struct player *player)
{
	if (plays(player, "again-first"))
		ask_one(player, OCSP, true, "c1");
	if (plays(player, "tokens"))
		ask_one(player, COLLATERAL_TOKENS, false, "");
	if (plays(player, "key-set"))
		ask_one(player, COLLATERAL_KEY_SET, false, "");
	if (plays(player, "mixed"))
		ask(player, OCSP, true, "n0");
	if (plays(player, "twice-at-once"))
		ask(player, OCSP, false, "n1");
	ask(player, OCSP, false, "n1");
	ask(player, OCSP, false, "m0");
	ask(player, OCSP, false, "c1");
	done(player, plays(player, "mixed") || plays(player, "twice-at-once") ? 4 : 3);
	ask_one(player, OCSP, true, plays(player, "again-network") ? "n1" : plays(player, "again-other") ? "c2" : "c1");
	if (plays(player, "again-twice"))
		ask_one(player, OCSP, true, "c1");
	ask_one(player, OCSP, false, plays(player, "same") ? "n1" : "c3");
	ask_one(player, OCSP, true, plays(player, "again-late") ? "c1" : "c3");
	if (plays(player, "third"))
		ask_one(player, OCSP, false, "n4");
}

/* As many names as there can be, and every one kept. */
static void
play_many(struct player *player)
{
	char name[16];

	for (unsigned i = 0; i < KEEPS_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ask(player, OCSP, false, name);
	}
	done(player, KEEPS_MAX);
	put_step(player);
	put_claims(player, 0);
	put_claims(player, 1);
	for (unsigned i = 0; i < KEEPS_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		put_keep(player, name, AT);
	}
	if (plays(player, "keep-too-many"))
		put_keep(player, "n0", AT);
}

static void
play_answer(struct player *player)
{
	if (plays(player, "keep-during-need")) {
		ask(player, OCSP, false, "n5");
		put_keep(player, "n1", 0);
	}
	put_step(player);
	if (plays(player, "need-after-step"))
		ask_one(player, OCSP, false, "n5");
	if (plays(player, "keep-before-claims"))
		put_keep(player, "n1", 0);
	put_claims(player, plays(player, "claims-backwards") ? 1 : 0);
	if (!plays(player, "claims-missing"))
		put_claims(player, plays(player, "claims-backwards") ? 0 : plays(player, "claims-twice") ? 0 : 1);
	if (plays(player, "keep-unserved"))
		put_keep(player, "n9", 0);
	if (plays(player, "keep-missing"))
		put_keep(player, "m0", 0);
	if (plays(player, "keep-twice"))
		put_keep(player, "n1", 0);
	put_keep(player, "n1", AT + (plays(player, "keep-ahead") ? 301 : 300));
	if (plays(player, "step-after-keep"))
		put_step(player);
}

static int
play(const char *part)
{
	struct player player = {.part = part, .in = {.fd = 0}, .deadline = clock_boot_ms() + 10000};
	struct buf payload = {0};
	struct bytes version, echo;
	struct cursor cursor;

	take(&player, &payload);
	cursor = cursor_of(buf_bytes(&payload));
	if (!frame_get_field(&cursor, &version) || !frame_get_field(&cursor, &echo) || echo.size != sizeof(player.echo))
		return 1;
	memcpy(player.echo, echo.data, echo.size);
	for (int i = 0; i < 1 + GPUS + 1; i++)
		take(&player, &payload);
	payload.size = 0;
	frame_put_text(&payload, PROJECT_VERSION);
	frame_put_field(&payload, bytes_of(player.echo, sizeof(player.echo)));
	put(&player, FRAME_HELLO, &payload);
	if (plays(&player, "keep-most") || plays(&player, "keep-too-many")) {
		play_many(&player);
	} else {
		play_rounds(&player);
		play_answer(&player);
	}
	frame_put_u32(&payload, plays(&player, "code-of-no-step") ? CODE_NONCE : CODE_OK);
	frame_put_field(&payload, bytes_of(player.echo, sizeof(player.echo)));
	frame_put_text(&payload, "");
	put(&player, FRAME_VERDICT, &payload);
	buf_free(&payload);
	return 0;
}

static void
serve_by_name(void *context, struct collateral *need, unsigned count)
{
	(void)context;
	for (unsigned i = 0; i < count; i++) {
		need[i].origin = need[i].name[0] == 'c' && !need[i].again ? ORIGIN_CACHE : ORIGIN_NETWORK;
		if (need[i].name[0] == 'm')
			err_set(&need[i].err, CODE_OCSP_MISSING, "missing");
		else
			buf_add_text(&need[i].answer, "x");
	}
}

static const struct {
	const char *part;
	unsigned keeps; /* 0: CODE_WORKER */
	const char *text;
} rules[] = {
	{"right", 1, ""},
	{"keep-most", KEEPS_MAX, ""},
	{"again-first", 0, "DONE frame out of order"},
	{"tokens", 0, "NEED frame for what the policy does not use"},
	{"key-set", 0, "NEED frame for what the policy does not use"},
	{"mixed", 0, "DONE frame out of order"},
	{"twice-at-once", 0, "DONE frame out of order"},
	{"again-network", 0, "DONE frame out of order"},
	{"again-other", 0, "DONE frame out of order"},
	{"again-twice", 0, "DONE frame out of order"},
	{"same", 0, "DONE frame out of order"},
	{"again-late", 0, "DONE frame out of order"},
	{"third", 0, "DONE frame out of order"},
	{"need-after-step", 0, "NEED frame malformed or out of order"},
	{"keep-during-need", 0, "KEEP frame malformed or out of order"},
	{"keep-unserved", 0, "KEEP frame for what was not served"},
	{"keep-missing", 0, "KEEP frame for what was not served"},
	{"keep-twice", 0, "KEEP frame for what was not served"},
	{"keep-ahead", 0, "KEEP frame for what was not served"},
	{"keep-too-many", 0, "KEEP frame malformed or out of order"},
	{"step-after-keep", 0, "STEP frame malformed or out of order"},
	{"claims-twice", 0, "CLAIMS frame malformed or out of order"},
	{"claims-backwards", 0, "CLAIMS frame malformed or out of order"},
	{"keep-before-claims", 0, "CLAIMS frame malformed or out of order"},
	{"claims-missing", 0, "verdict with the claims of 1 of 2 GPUs"},
	{"code-over-failed-step", 0, "verdict with code 0, the steps have 37"},
	{"code-of-no-step", 0, "verdict with code 37, the steps have 0"},
};

static void
test_rules_of_the_worker(void)
{
	struct appraise_input input = make_input(&strict);
	const struct collateral_source source = {serve_by_name, NULL};
	char *self = emulated_built("test/unit/test_rounds");

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const struct appraise_worker worker = {self, rules[i].part, clock_boot_ms() + 20000};
		bool right = rules[i].keeps > 0;
		struct appraisal appraisal;
		struct err err = ERR_INIT;
		int code = appraise_remote(&worker, &input, &source, &appraisal, &err) == 0 ? CODE_OK : err_code(&err);

		printf("# %s: %d %s\n", rules[i].part, code, err.text);
		CHECK(code == (right ? CODE_OK : CODE_WORKER) && strstr(err.text, rules[i].text) != NULL);
		CHECK(appraisal.keeps == rules[i].keeps && appraisal.gpus == (right ? GPUS : 0));
		/* Said was 300 seconds more, which a floor must not rise by. */
		CHECK(appraisal.keeps == 0 || appraisal.keep[0].time == AT);
		appraisal_free(&appraisal);
	}
	free(self);
}

int
main(int argc, char *argv[])
{
	if (argc > 2 && strcmp(argv[0], "appraise") == 0)
		return play(argv[2]);
	crypto_init();
	if (!make_machine()) {
		printf("1..0 # SKIP the emulator is not built\n");
		return 0;
	}
	RUN(test_cold);
	RUN(test_where_answers_come_from);
	RUN(test_one_more_round);
	if (make_remote()) {
		RUN(test_remote_alone);
		RUN(test_both);
		RUN(test_pinned_keys);
		RUN(test_tokens_and_keys);
	}
	RUN(test_rules_of_the_worker);
	emulated_remove();
	for (unsigned i = 0; i < GPUS; i++)
		free(local_claims[i]);
	free(key_set);
	free(other_set);
	pki_free(&service_key);
	mint_free(&mint);
	for (unsigned i = 0; i < GPUS; i++) {
		buf_free(&reports[i]);
		buf_free(&chains[i]);
	}
	buf_free(&device_root);
	buf_free(&rim_root);
	return unit_end();
}
