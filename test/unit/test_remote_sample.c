/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "attest/appraise/appraise.h"
#include "lib/code.h"
#include "test/unit/nras.h"
#include "test/unit/sample.h"
#include "test/unit/unit.h"

/*
 * NVIDIA's published answer of its remote verifier, and the report that it is about. The key set of that day is not
 * published: its signatures cannot be checked, so the same payloads are signed again by a key made here.
 */
#define SAMPLE_ISSUER "https://nras.attestation.nvidia.com"
#define SAMPLE_AT 1749601900 /* inside its hour */

static struct buf text, report, chain, device_root, rim_root;
static struct json *sample; /* the detached EAT */
static char *payload[2];    /* overall, GPU-0 */
static uint8_t nonce[NONCE_SIZE];
static struct nras_certificate signer;

static char *
payload_of(const struct json *token)
{
	const char *compact = json_text(token);
	struct err err = ERR_INIT;
	struct jws jws;
	char *out = NULL;

	CHECK(compact != NULL && jws_parse(compact, strlen(compact), &jws, &err) == 0);
	if (compact != NULL)
		out = xprintf("%.*s", (int)jws.content.size, (const char *)jws.content.data);
	jws_free(&jws);
	return out;
}

static bool
load(void)
{
	struct buf hex = {0};
	struct err err = ERR_INIT;
	bool there;

	if (sample != NULL)
		return true;
	there = sample_read("gpu/claims/hopperClaimsv3_detached_eat.json", &text) &&
		sample_read("gpu/nvtrust/hopperAttestationReport.txt", &hex) &&
		sample_read("gpu/nvtrust/hopperCertChain.txt", &chain) &&
		sample_read("gpu/roots/verifier_device_root.pem", &device_root) &&
		sample_read("gpu/roots/verifier_RIM_root.pem", &rim_root);
	if (there) {
		CHECK(gpu_evidence_hex(buf_bytes(&hex), &report, &err) == 0);
		sample = json_read(buf_bytes(&text), &json_limits_default, &err);
		payload[0] = payload_of(json_at(json_at(sample, 0), 1));
		payload[1] = payload_of(json_get(json_at(sample, 1), "GPU-0"));
		hex_decode(nonce, sizeof(nonce), NRAS_NONCE, strlen(NRAS_NONCE));
		signer.key = nras_key();
		/* Valid in the year of the sample. */
		signer.x509 = nras_certify("service", signer.key, NULL, false, SAMPLE_AT - NRAS_AT - NRAS_DAY,
					   SAMPLE_AT - NRAS_AT + NRAS_DAY);
	} else {
		unit_skip(NO_SAMPLES);
	}
	buf_free(&hex);
	return sample != NULL;
}

static void
unload(void)
{
	struct buf *const all[] = {&text, &report, &chain, &device_root, &rim_root};

	for (unsigned i = 0; i < 5; i++)
		buf_free(all[i]);
	json_free(sample);
	free(payload[0]);
	free(payload[1]);
	X509_free(signer.x509);
	EVP_PKEY_free(signer.key);
	OSSL_LIB_CTX_free(nras_library());
}

static char *
key_set(const char *kid)
{
	X509 *const certs[] = {signer.x509, NULL};
	char *key = nras_jwk(signer.key, kid, certs), *out = xprintf("{\"keys\":[%s]}", key);

	free(key);
	return out;
}

/* The payloads as they came, but for the digest of the device token, which is a new one. */
static char *
signed_again(void)
{
	static const char was[] = "d7c2a949a5c69bff1a12de3da0c9a23bc966041b811b99a89dfe44c2dde8c37c";
	char *device = nras_sign(signer.key, NRAS_HEADER, payload[1]), *digest = nras_digest(device);
	char *claims = nras_edit(xstrdup(payload[0]), was, digest),
	     *overall = nras_sign(signer.key, NRAS_HEADER, claims);
	char *out = xprintf("[[\"JWT\",\"%s\"],{\"GPU-0\":\"%s\"}]", overall, device);

	free(device);
	free(digest);
	free(claims);
	free(overall);
	return out;
}

static enum remote_verdict
judge(const char *tokens, const char *keys, const struct evidence *evidence, int64_t at, struct steps *steps,
      char **claims)
{
	struct remote_trust trust = {.issuer = SAMPLE_ISSUER};
	struct remote_request request = {
		.tokens = bytes_of_text(tokens),
		.key_set = bytes_of_text(keys),
		.trust = &trust,
		.nonce = nonce,
		.at = at,
		.evidence = evidence,
		.gpus = 1,
	};
	int64_t issued;
	enum remote_verdict verdict = remote_judge(&request, steps, claims, &issued);

	CHECK(verdict != REMOTE_PASS || issued == 1749601858);
	return verdict;
}

static void
verify_evidence(struct evidence *out)
{
	struct evidence_raw raw = {buf_bytes(&report), buf_bytes(&chain)};
	struct err err = ERR_INIT;
	struct steps steps = {0};
	X509 *root = x509_anchor(buf_bytes(&device_root), &err);

	CHECK(evidence_verify(&raw, root, nonce, SAMPLE_AT, attester_gpu(0), NULL, &steps, out) == 0);
	steps_free(&steps);
	X509_free(root);
}

static void
test_every_claim_is_accepted(void)
{
	struct evidence evidence;
	struct steps steps = {0};
	char *tokens, *keys, *claims = NULL;

	if (!load())
		return;
	tokens = signed_again();
	keys = key_set("k1");
	verify_evidence(&evidence);
	CHECK(judge(tokens, keys, &evidence, SAMPLE_AT, &steps, &claims) == REMOTE_PASS);
	CHECK(steps_first_failure(&steps) == NULL && steps.count == 8);
	CHECK(claims != NULL && strstr(claims, "\"measres\":\"success\"") != NULL);
	steps_free(&steps);
	free(claims);
	CHECK(judge(tokens, keys, &evidence, 1749605458, &steps, &claims) == REMOTE_FAIL);
	steps_conclude(&steps);
	CHECK(steps_code(&steps) == CODE_TOKEN_TIME);
	steps_free(&steps);
	free(claims);
	evidence_free(&evidence);
	free(tokens);
	free(keys);
}

/* As published: the signatures are not those of another key of the same kid, and everything else is told. */
static void
test_the_published_signatures_are_of_another_key(void)
{
	static const char kid[] = "nv-eat-kid-prod-20250609211310110-93b13aa1-17e4-4c14-9d33-dba2323329f2";
	struct steps steps = {0};
	char *claims = NULL, *keys;
	unsigned ok = 0;

	if (!load())
		return;
	keys = key_set("k1");
	CHECK(judge((char *)text.data, keys, NULL, SAMPLE_AT, &steps, &claims) == REMOTE_KEY_MISSING && claims == NULL);
	steps_free(&steps);
	free(keys);
	keys = key_set(kid);
	CHECK(judge((char *)text.data, keys, NULL, SAMPLE_AT, &steps, &claims) == REMOTE_FAIL && claims == NULL);
	for (size_t i = 0; i < steps.count; i++) {
		const struct step *step = &steps.list[i];
		bool signature = strstr(step->name, "signature") != NULL;

		CHECK(step->status == (signature ? STEP_FAIL : STEP_OK));
		CHECK(step->code == (signature ? CODE_TOKEN_SIGNATURE : CODE_OK));
		ok += step->status == STEP_OK;
	}
	CHECK(steps.count == 7 && ok == 5);
	steps_free(&steps);
	free(keys);
}

/* How a claim of the service and ours of the same report relate. */
enum relation { EQUAL, SERVICE_ONLY, OURS_ONLY, UNLIKE };

#define MANIFESTS "its manifests are not among the samples"
#define REVOCATION "revocation was not asked for"
#define SIGNER "who signs a token adds it"

static const struct {
	const char *claim;
	enum relation relation;
	const char *reason;
} relations[] = {
	{"eat_nonce", EQUAL, ""},
	{"ueid", EQUAL, ""},
	{"hwmodel", EQUAL, ""},
	{"oemid", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-driver-version", EQUAL, ""},
	{"x-nvidia-gpu-vbios-version", EQUAL, ""},
	{"x-nvidia-gpu-arch-check", EQUAL, ""},
	{"x-nvidia-gpu-attestation-report-parsed", EQUAL, ""},
	{"x-nvidia-gpu-attestation-report-nonce-match", EQUAL, ""},
	{"x-nvidia-gpu-attestation-report-signature-verified", EQUAL, ""},
	{"x-nvidia-gpu-attestation-report-cert-chain-fwid-match", EQUAL, ""},
	{"x-nvidia-gpu-attestation-report-cert-chain/x-nvidia-cert-status", EQUAL, ""},
	{"x-nvidia-gpu-attestation-report-cert-chain/x-nvidia-cert-expiration-date", EQUAL, ""},
	{"x-nvidia-gpu-attestation-report-cert-chain/x-nvidia-cert-revocation-reason", EQUAL, ""},
	{"x-nvidia-gpu-attestation-report-cert-chain/x-nvidia-cert-ocsp-status", UNLIKE, REVOCATION},
	{"x-nvidia-gpu-attestation-report-cert-chain/x-nvidia-cert-ocsp-nonce-matches", OURS_ONLY,
	 "the service leaves it out"},
	{"x-nvidia-gpu-attestation-report-cert-chain/x-nvidia-cert-ocsp-response-valid", OURS_ONLY,
	 "the service leaves it out"},
	{"x-nvidia-attestation-warning", EQUAL, ""},
	{"measres", UNLIKE, MANIFESTS},
	{"secboot", UNLIKE, MANIFESTS},
	{"dbgstat", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-vbios-index-no-conflict", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-*-rim-fetched", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-*-rim-signature-verified", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-*-rim-version-match", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-*-rim-measurements-available", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-*-rim-schema-validated", SERVICE_ONLY, "we have a profile of our own instead of the schema"},
	{"x-nvidia-gpu-*-rim-cert-chain/x-nvidia-cert-status", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-*-rim-cert-chain/x-nvidia-cert-expiration-date", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-*-rim-cert-chain/x-nvidia-cert-ocsp-status", UNLIKE, MANIFESTS},
	{"x-nvidia-gpu-*-rim-cert-chain/x-nvidia-cert-revocation-reason", EQUAL, ""},
	{"x-nvidia-gpu-*-rim-cert-chain/x-nvidia-cert-ocsp-nonce-matches", OURS_ONLY, "the service leaves it out"},
	{"x-nvidia-gpu-*-rim-cert-chain/x-nvidia-cert-ocsp-response-valid", OURS_ONLY, "the service leaves it out"},
	{"x-nvidia-device-type", OURS_ONLY, "as NVIDIA's local verifier writes it"},
	{"x-nvidia-gpu-claims-version", OURS_ONLY, "as NVIDIA's local verifier writes it"},
	{"x-nvidia-mismatch-measurement-records", OURS_ONLY, "as NVIDIA's local verifier writes it"},
	{"iss", SERVICE_ONLY, SIGNER},
	{"iat", SERVICE_ONLY, SIGNER},
	{"nbf", SERVICE_ONLY, SIGNER},
	{"exp", SERVICE_ONLY, SIGNER},
	{"jti", SERVICE_ONLY, SIGNER},
};

/* "*" stands for driver or vbios. */
static bool
names(const char *pattern, const char *claim)
{
	const char *star = strchr(pattern, '*');
	size_t before = star ? (size_t)(star - pattern) : 0;

	if (star == NULL)
		return strcmp(pattern, claim) == 0;
	if (strncmp(pattern, claim, before) != 0)
		return false;
	claim += before;
	return (strncmp(claim, "driver", 6) == 0 && strcmp(star + 1, claim + 6) == 0) ||
	       (strncmp(claim, "vbios", 5) == 0 && strcmp(star + 1, claim + 5) == 0);
}

static char *
value_text(const struct json *value)
{
	struct json_out *out = json_out_new(false);

	json_out_value(out, value);
	return json_out_finish(out);
}

static void
compare(const char *claim, const struct json *service, const struct json *ours)
{
	char *a = service ? value_text(service) : NULL, *b = ours ? value_text(ours) : NULL;
	enum relation have = a == NULL ? OURS_ONLY : b == NULL ? SERVICE_ONLY : strcmp(a, b) == 0 ? EQUAL : UNLIKE;
	bool found = false;

	for (size_t i = 0; i < sizeof(relations) / sizeof(relations[0]); i++) {
		if (!names(relations[i].claim, claim))
			continue;
		found = true;
		if (relations[i].relation != have)
			printf("# claim %s: the service says %s, we say %s\n", claim, a ? a : "nothing",
			       b ? b : "nothing");
		CHECK(relations[i].relation == have);
	}
	if (!found)
		printf("# claim %s is in no table\n", claim);
	CHECK(found);
	free(a);
	free(b);
}

/*
 * Members that are objects in both go one level down; swapped: only what the service does not have is left to look at.
 */
static void
compare_all(const char *above, const struct json *a, const struct json *b, bool swapped)
{
	for (size_t i = 0; i < json_count(a); i++) {
		struct bytes name = json_name(a, i);
		char *own = xprintf("%.*s", (int)name.size, (const char *)name.data),
		     *whole = xprintf("%s%s", above, own);
		const struct json *left = json_at(a, i), *right = json_get(b, own);

		if (json_type(left) == JSON_OBJECT && right != NULL && json_type(right) == JSON_OBJECT) {
			char *below = xprintf("%s/", whole);

			compare_all(below, left, right, swapped);
			free(below);
		} else if (!swapped) {
			compare(whole, left, right);
		} else if (right == NULL) {
			compare(whole, NULL, left);
		}
		free(own);
		free(whole);
	}
}

static void
serve_nothing(void *context, struct collateral *need, unsigned count)
{
	(void)context;
	for (unsigned i = 0; i < count; i++)
		err_set(&need[i].err, need[i].kind == COLLATERAL_OCSP ? CODE_OCSP_MISSING : CODE_DRIVER_RIM_MISSING,
			"not a sample");
}

static void
test_claims_of_the_service_and_ours(void)
{
	static struct appraise_input input;
	static struct appraisal appraisal;
	const struct collateral_source source = {serve_nothing, NULL};
	struct err err = ERR_INIT;
	struct json *service, *ours;

	if (!load())
		return;
	input = (struct appraise_input){
		.at = SAMPLE_AT,
		.device_root = buf_bytes(&device_root),
		.rim_root = buf_bytes(&rim_root),
		.verifier = APPRAISE_LOCAL,
		.gpu = {{buf_bytes(&report), buf_bytes(&chain)}},
		.gpus = 1,
	};
	memcpy(input.nonce, nonce, sizeof(nonce));
	CHECK(appraise_run(&input, &source, &appraisal, &err) != 0);
	service = json_read(bytes_of_text(payload[1]), &json_limits_default, &err);
	ours = json_read(bytes_of_text(appraisal.claims[0]), &json_limits_default, &err);
	CHECK(service != NULL && ours != NULL);
	compare_all("", service, ours, false);
	compare_all("", ours, service, true);
	json_free(service);
	json_free(ours);
	appraisal_free(&appraisal);
}

int
main(void)
{
	crypto_init();
	RUN(test_every_claim_is_accepted);
	RUN(test_the_published_signatures_are_of_another_key);
	RUN(test_claims_of_the_service_and_ours);
	unload();
	return unit_end();
}
