/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/token/remote.h"

#include <stdlib.h>

#include "lib/code.h"
#include "lib/provider.h"
#include "test/unit/nras.h"
#include "test/unit/unit.h"

#define CYRILLIC_O "\xd0\xbe"

/* The service: an RSA root and intermediate that certify a P-384 key for two days, as NVIDIA's does. */
static struct nras_certificate root, middle, leaf, stranger;
static uint8_t nonce[NONCE_SIZE];

/* Everything of one answer; texts are owned. */
struct answer {
	char *header, *overall, *device, *tokens, *key_set;
	struct bytes key_root;
	bool pinned;
	int64_t at;
	const struct evidence *evidence;
	unsigned gpus;
	/* what came of it */
	enum remote_verdict verdict;
	int code;
	char *message, *claims[GPU_MAX];
	int64_t issued;
};

static void
make_service(void)
{
	struct nras_certificate *const all[] = {&root, &middle, &stranger};

	for (unsigned i = 0; i < 3; i++)
		all[i]->key = nras_rsa_key();
	leaf.key = nras_key();
	root.x509 = nras_certify("service CA", root.key, NULL, true, -NRAS_DAY, 999L * NRAS_DAY);
	middle.x509 = nras_certify("service intermediate", middle.key, &root, true, -NRAS_DAY, 99L * NRAS_DAY);
	leaf.x509 = nras_certify("service", leaf.key, &middle, false, -NRAS_DAY, NRAS_DAY);
	stranger.x509 = nras_certify("service CA", stranger.key, NULL, true, -NRAS_DAY, 999L * NRAS_DAY);
	hex_decode(nonce, sizeof(nonce), NRAS_NONCE, strlen(NRAS_NONCE));
}

static void
drop_service(void)
{
	struct nras_certificate *const all[] = {&root, &middle, &stranger, &leaf};

	for (unsigned i = 0; i < 4; i++) {
		X509_free(all[i]->x509);
		EVP_PKEY_free(all[i]->key);
	}
	OSSL_LIB_CTX_free(nras_library());
}

static char *
key_set_of(char *first, char *second)
{
	char *text = xprintf("{\"keys\":[%s%s%s]}", first, second ? "," : "", second ? second : "");

	free(first);
	free(second);
	return text;
}

static char *
service_keys(X509 *a, X509 *b, X509 *c)
{
	X509 *const certs[] = {a, b, c, NULL};

	return key_set_of(nras_jwk(leaf.key, "k1", certs), NULL);
}

static struct answer
answer(void)
{
	return (struct answer){
		.header = xstrdup(NRAS_HEADER), .overall = xstrdup(NRAS_OVERALL), .device = xstrdup(NRAS_DEVICE),
		.key_set = service_keys(leaf.x509, middle.x509, NULL), .at = NRAS_AT, .gpus = 1,
	};
}

static void
sign(struct answer *a)
{
	char *device = nras_sign(leaf.key, a->header, a->device), *digest = nras_digest(device), *overall;

	if (strstr(a->overall, "@0@") != NULL)
		a->overall = nras_edit(a->overall, "@0@", digest);
	overall = nras_sign(leaf.key, a->header, a->overall);
	a->tokens = xprintf("[[\"JWT\",\"%s\"],{\"GPU-0\":\"%s\"}]", overall, device);
	free(device);
	free(digest);
	free(overall);
}

static void
put(struct answer *a, struct bytes tokens)
{
	struct remote_trust trust = {.issuer = NRAS_ISSUER, .key_root = a->key_root};
	struct remote_request request = {
		.tokens = tokens, .key_set = bytes_of_text(a->key_set), .trust = &trust, .nonce = nonce, .at = a->at,
		.evidence = a->evidence, .gpus = a->gpus,
	};
	struct steps steps = {0};
	const struct step *failed;

	if (a->pinned)
		trust.key_set = request.key_set;
	a->verdict = remote_judge(&request, &steps, a->claims, &a->issued);
	steps_conclude(&steps);
	a->code = steps_code(&steps);
	failed = steps_first_failure(&steps);
	a->message = xstrdup(failed ? failed->detail : "");
	CHECK((a->verdict == REMOTE_PASS) == (a->code == CODE_OK));
	steps_free(&steps);
}

static void
drop(struct answer *a)
{
	free(a->header);
	free(a->overall);
	free(a->device);
	free(a->tokens);
	free(a->key_set);
	free(a->message);
	for (unsigned i = 0; i < a->gpus; i++)
		free(a->claims[i]);
}

/* Signed if that was not done, judged and dropped. */
static void
expect(struct answer *a, int code, const char *what)
{
	if (a->tokens == NULL)
		sign(a);
	put(a, bytes_of_text(a->tokens));
	if (a->code != code) {
		printf("# %s: code %d, want %d: %s\n", what, a->code, code, a->message);
		CHECK(a->code == code);
	}
	drop(a);
}

static void
test_a_genuine_answer_passes(void)
{
	struct answer a = answer();

	sign(&a);
	put(&a, bytes_of_text(a.tokens));
	CHECK(a.verdict == REMOTE_PASS && a.code == CODE_OK && a.issued == NRAS_AT);
	CHECK(a.claims[0] != NULL && strstr(a.claims[0], "\"ueid\":\"4711\"") != NULL);
	drop(&a);
}

struct edit {
	const char *from, *to;
	int code;
};

static void
run_edits(const struct edit *edits, size_t count, size_t part)
{
	for (size_t i = 0; i < count; i++) {
		struct answer a = answer();
		char **text = (char **)((char *)&a + part);

		*text = nras_edit(*text, edits[i].from, edits[i].to);
		expect(&a, edits[i].code, edits[i].to);
	}
}

#define RUN_EDITS(edits, part) run_edits(edits, sizeof(edits) / sizeof((edits)[0]), offsetof(struct answer, part))

static void
test_claims_of_the_overall_token(void)
{
	static const struct edit edits[] = {
		{",\"exp\":1790003600", "", CODE_TOKEN_CLAIM},
		{"\"exp\":1790003600", "\"exp\":\"1790003600\"", CODE_TOKEN_CLAIM},
		{"\"exp\":1790003600", "\"exp\":1790003600.5", CODE_TOKEN_CLAIM},
		{"\"exp\":1790003600", "\"exp\":2e9", CODE_TOKEN_CLAIM},
		{"\"exp\":1790003600", "\"exp\":-1790003600", CODE_TOKEN_CLAIM},
		{"\"exp\":1790003600", "\"exp\":99999999999999999999999999", CODE_TOKEN_CLAIM},
		{"\"exp\":1790003600", "\"exp\":253402300800", CODE_TOKEN_CLAIM},
		{"\"exp\":1790003600", "\"exp\":true", CODE_TOKEN_CLAIM},
		{"\"exp\":1790003600", "\"exp\":1790000000", CODE_TOKEN_TIME},
		{"\"exp\":1790003600", "\"exp\":1790000001", CODE_OK},
		{"\"exp\":1790003600", "\"exp\":1790003600,\"exp\":1790003600", CODE_TOKEN_FORMAT},
		{"\"exp\":1790003600", "\"exp\":1790003600,\"\\u0065xp\":1", CODE_TOKEN_FORMAT},
		{"\"nbf\":1790000000,", "", CODE_TOKEN_CLAIM},
		{"\"nbf\":1790000000", "\"nbf\":1790000300", CODE_OK},
		{"\"nbf\":1790000000", "\"nbf\":1790000301", CODE_TOKEN_TIME},
		{"\"iat\":1790000000,", "", CODE_TOKEN_CLAIM},
		{"\"iat\":1790000000", "\"iat\":1790000300", CODE_OK},
		{"\"iat\":1790000000", "\"iat\":1790000301", CODE_TOKEN_TIME},
		{"\"iat\":1790000000", "\"iat\":1789996400", CODE_OK},
		{"\"iat\":1790000000", "\"iat\":1789996399", CODE_TOKEN_TIME},
		{"\"iat\":1790000000", "\"iat\":0", CODE_TOKEN_TIME},
		{NRAS_ISSUER, NRAS_ISSUER "/", CODE_TOKEN_CLAIM},
		{NRAS_ISSUER, "https://verifier.exampl", CODE_TOKEN_CLAIM},
		{NRAS_ISSUER, "https://Verifier.example", CODE_TOKEN_CLAIM},
		{NRAS_ISSUER, "https://verifier.example\\u0000", CODE_TOKEN_CLAIM},
		{"\"iss\":\"" NRAS_ISSUER "\"", "\"iss\":[\"" NRAS_ISSUER "\"]", CODE_TOKEN_CLAIM},
		{"\"iss\":\"" NRAS_ISSUER "\",", "", CODE_TOKEN_CLAIM},
		{"verifier.example", "verifier.ex\xd0\xb0mple", CODE_TOKEN_CLAIM}, /* Cyrillic a */
		{"PLATFORM-ATTESTATION", "PLATF" CYRILLIC_O "RM-ATTESTATION", CODE_TOKEN_CLAIM},
		{"\"sub\":", "\"subject\":", CODE_TOKEN_CLAIM},
		{"\"3.0\"", "\"2.0\"", CODE_TOKEN_CLAIM},
		{"\"3.0\"", "3.0", CODE_TOKEN_CLAIM},
		{"result\":true", "result\":\"true\"", CODE_TOKEN_CLAIM},
		{"result\":true", "result\":1", CODE_TOKEN_CLAIM},
		{"result\":true", "result\":null", CODE_TOKEN_CLAIM},
		{"result\":true", "other\":true", CODE_TOKEN_CLAIM},
		{"result\":true", "result\":false", CODE_REMOTE_REFUSED},
		{"result\":true", "result\":true,\"x-nvidia-overall-att-result\":false", CODE_TOKEN_FORMAT},
		{"\"931d", "\"031d", CODE_TOKEN_CLAIM},
		{"\"931d", "\"00931d", CODE_TOKEN_CLAIM},
		{"\"931d8d", "\"931D8D", CODE_OK},
		{"\"" NRAS_NONCE "\"", "[\"" NRAS_NONCE "\"]", CODE_TOKEN_CLAIM},
		{"\"eat_nonce\"", "\"nonce\"", CODE_TOKEN_CLAIM},
		{"SHA-256", "SHA256", CODE_OK},
		{"SHA-256", "SHA-384", CODE_TOKEN_SET},
		{"\"DIGEST\"", "\"HASH\"", CODE_TOKEN_SET},
		{"\"@0@\"", "\"@0@\",1", CODE_TOKEN_SET},
		{"\"@0@\"", "\"00\"", CODE_TOKEN_SET},
		{"\"@0@\"", "null", CODE_TOKEN_SET},
		{"[\"SHA-256\",\"@0@\"]", "{\"SHA-256\":\"@0@\",\"x\":1}", CODE_TOKEN_SET},
		{"{\"GPU-0\":", "{\"GPU-1\":1,\"GPU-0\":", CODE_TOKEN_SET},
		{"{\"GPU-0\":", "{\"GPU-1\":", CODE_TOKEN_SET},
		{"{\"GPU-0\":", "{\"GPU-0\":1,\"GPU-0\":", CODE_TOKEN_FORMAT},
		{"\"submods\"", "\"modules\"", CODE_TOKEN_SET},
		{"\"jti\":\"o\"}", "\"jti\":\"o\"}{}", CODE_TOKEN_FORMAT},
		{"{\"sub\"", "[{\"sub\"", CODE_TOKEN_FORMAT},
	};

	RUN_EDITS(edits, overall);
}

static void
test_claims_of_the_device_token(void)
{
	static const struct edit edits[] = {
		{NRAS_ISSUER, "https://other.example", CODE_TOKEN_CLAIM},
		{"\"931d", "\"031d", CODE_TOKEN_CLAIM},
		{"\"exp\":1790003600", "\"exp\":1789999999", CODE_TOKEN_TIME},
		{"\"exp\":1790003600,", "", CODE_TOKEN_CLAIM},
		{"\"iat\":1790000000", "\"iat\":1789000000", CODE_TOKEN_TIME},
		{"\"success\"", "\"fail\"", CODE_TOKEN_CLAIM},
		{"\"success\"", "null", CODE_TOKEN_CLAIM},
		{"\"secboot\":true", "\"secboot\":null", CODE_TOKEN_CLAIM},
		{"\"secboot\":true", "\"secboot\":\"true\"", CODE_TOKEN_CLAIM},
		{"\"dbgstat\":\"disabled\"", "\"dbgstat\":\"enabled\"", CODE_TOKEN_CLAIM},
		{"\"dbgstat\":\"disabled\",", "", CODE_TOKEN_CLAIM},
	};

	RUN_EDITS(edits, device);
}

static void
test_verdicts_of_the_device_token(void)
{
	static const char *const required[] = {
		"x-nvidia-gpu-arch-check",
		"x-nvidia-gpu-attestation-report-parsed",
		"x-nvidia-gpu-attestation-report-nonce-match",
		"x-nvidia-gpu-attestation-report-signature-verified",
		"x-nvidia-gpu-driver-rim-fetched",
		"x-nvidia-gpu-driver-rim-signature-verified",
		"x-nvidia-gpu-driver-rim-version-match",
		"x-nvidia-gpu-driver-rim-measurements-available",
		"x-nvidia-gpu-vbios-rim-fetched",
		"x-nvidia-gpu-vbios-rim-signature-verified",
		"x-nvidia-gpu-vbios-rim-version-match",
		"x-nvidia-gpu-vbios-rim-measurements-available",
		"x-nvidia-gpu-vbios-index-no-conflict",
	};
	static const char *const optional[] = {
		"x-nvidia-gpu-attestation-report-cert-chain-fwid-match", "x-nvidia-gpu-driver-rim-schema-validated",
		"x-nvidia-gpu-vbios-rim-schema-validated",
	};

	for (size_t i = 0; i < 13 + 3; i++) {
		const char *name = i < 13 ? required[i] : optional[i - 13];
		char *was = xprintf("\"%s\":true", name), *wrong = xprintf("\"%s\":false", name),
		     *away = xprintf("\"x-%zu\":true", i);
		struct answer a = answer(), b = answer();

		a.device = nras_edit(a.device, was, wrong);
		expect(&a, CODE_TOKEN_CLAIM, wrong);
		b.device = nras_edit(b.device, was, away);
		expect(&b, i < 13 ? CODE_TOKEN_CLAIM : CODE_OK, name);
		free(was);
		free(wrong);
		free(away);
	}
}

static void
test_chains_of_the_device_token(void)
{
	static const char *const chains[] = {"attestation-report", "driver-rim", "vbios-rim"};
	static const struct edit edits[] = {
		{"\"valid\"", "\"expired\"", CODE_TOKEN_CLAIM},
		{"\"valid\"", "\"revoked\"", CODE_TOKEN_CLAIM},
		{"\"valid\"", "true", CODE_TOKEN_CLAIM},
		{"\"good\"", "\"revoked\"", CODE_TOKEN_CLAIM},
		{"\"good\"", "\"unknown\"", CODE_TOKEN_CLAIM},
		{"\"x-nvidia-cert-ocsp-status\":\"good\",", "", CODE_TOKEN_CLAIM},
		{"{", "{\"x-nvidia-cert-ocsp-nonce-matches\":true,", CODE_OK},
		{"{", "{\"x-nvidia-cert-ocsp-nonce-matches\":false,", CODE_TOKEN_CLAIM},
		{"{", "{\"x-nvidia-cert-ocsp-nonce-matches\":null,", CODE_TOKEN_CLAIM},
		{"{", "{\"x-nvidia-cert-ocsp-response-valid\":false,", CODE_TOKEN_CLAIM},
		{NRAS_CHAIN, "\"valid\"", CODE_TOKEN_CLAIM},
		{NRAS_CHAIN, "[" NRAS_CHAIN "]", CODE_TOKEN_CLAIM},
	};

	for (size_t i = 0; i < 3 * sizeof(edits) / sizeof(edits[0]); i++) {
		const struct edit *edit = &edits[i / 3];
		char *name = xprintf("\"x-nvidia-gpu-%s-cert-chain\":", chains[i % 3]);
		char *was = xprintf("%s%s", name, NRAS_CHAIN),
		     *chain = nras_edit(xstrdup(NRAS_CHAIN), edit->from, edit->to);
		char *odd = xprintf("%s%s", name, chain);
		struct answer a = answer();

		a.device = nras_edit(a.device, was, odd);
		expect(&a, edit->code, odd);
		free(name);
		free(was);
		free(chain);
		free(odd);
	}
}

static void
test_the_service_refuses_and_says_why(void)
{
	static const char details[] =
		"\"x-nvidia-error-details\":{\"code\":4013,\"httpStatus\":\"BAD_REQUEST\","
		"\"message\":\"signature\\u001b[2J not verified\",\"description\":\"x\"},\"ueid\"";
	struct answer a = answer(), b = answer(), c = answer(), d = answer();
	EVP_PKEY *other = nras_key();
	X509 *foreign = nras_certify("service", other, &middle, false, -NRAS_DAY, NRAS_DAY);
	X509 *const certs[] = {foreign, NULL};

	a.overall = nras_edit(a.overall, "result\":true", "result\":false");
	a.device = nras_edit(a.device, "\"ueid\"", details);
	sign(&a);
	put(&a, bytes_of_text(a.tokens));
	CHECK(a.verdict == REMOTE_FAIL && a.code == CODE_REMOTE_REFUSED);
	CHECK(strstr(a.message, "GPU-0") != NULL && strstr(a.message, "4013") != NULL);
	CHECK(strstr(a.message, "not verified") != NULL && strchr(a.message, '\x1b') == NULL);
	drop(&a);
	/* The same under another key is no word of the service. */
	free(b.key_set);
	b.key_set = key_set_of(nras_jwk(other, "k1", certs), NULL);
	b.overall = nras_edit(b.overall, "result\":true", "result\":false");
	expect(&b, CODE_TOKEN_SIGNATURE, "refusal under another key");
	c.device = nras_edit(c.device, "\"ueid\"", details);
	expect(&c, CODE_TOKEN_CLAIM, "details under a true overall result");
	d.device = nras_edit(d.device, "\"ueid\"", "\"x-nvidia-error-details\":null,\"ueid\"");
	expect(&d, CODE_OK, "no details");
	X509_free(foreign);
	EVP_PKEY_free(other);
}

static void
test_headers(void)
{
	static const struct edit edits[] = {
		{"ES384", "none", CODE_TOKEN_FORMAT},
		{"ES384", "es384", CODE_TOKEN_FORMAT},
		{"ES384", "HS384", CODE_TOKEN_FORMAT},
		{"\"ES384\"", "[\"ES384\"]", CODE_TOKEN_FORMAT},
		{"\"alg\":\"ES384\"", "\"alg\":\"ES384\",\"alg\":\"ES384\"", CODE_TOKEN_FORMAT},
		{"\"alg\":", "\"crit\":[\"exp\"],\"alg\":", CODE_TOKEN_FORMAT},
		{"\"alg\":", "\"b64\":false,\"alg\":", CODE_TOKEN_FORMAT},
		{"\"alg\":", "\"zip\":\"DEF\",\"alg\":", CODE_TOKEN_FORMAT},
		{"\"alg\":", "\"jku\":\"http://127.0.0.1/\",\"jwk\":{\"kty\":\"EC\"},\"x5u\":\"file:///\",\"alg\":",
		 CODE_OK},
		{"\"alg\":", "\"typ\":\"at+jwt\",\"alg\":", CODE_OK},
		{"\"kid\":\"k1\",", "", CODE_TOKEN_FORMAT},
		{"\"k1\"", "1", CODE_TOKEN_FORMAT},
		{"\"k1\"", "\"\"", CODE_TOKEN_FORMAT},
		{"\"k1\"", "\"k1\\u0000\"", CODE_TOKEN_FORMAT},
		{"\"k1\"", "\"k\\u0031\"", CODE_OK},
		{"\"k1\"", "\"K1\"", CODE_KEY_SET},
		{"\"k1\"", "\"../k1\"", CODE_KEY_SET},
		{"\"k1\"", "\"k1\",\"kid\":\"k1\"", CODE_TOKEN_FORMAT},
	};
	char kid[JWS_KID_MAX + 2], *quoted;
	struct answer a = answer(), b = answer();

	RUN_EDITS(edits, header);
	memset(kid, 'a', sizeof(kid) - 1);
	kid[JWS_KID_MAX + 1] = '\0';
	quoted = xprintf("\"%s\"", kid);
	a.header = nras_edit(a.header, "\"k1\"", quoted);
	expect(&a, CODE_TOKEN_FORMAT, "kid of 257 bytes");
	kid[JWS_KID_MAX] = '\0';
	b.header = nras_edit(b.header, "k1", kid);
	b.key_set = nras_edit(b.key_set, "k1", kid);
	expect(&b, CODE_OK, "kid of 256 bytes");
	free(quoted);
}

static void
test_a_key_that_the_set_lacks(void)
{
	struct answer a = answer(), b = answer();

	a.key_set = nras_edit(a.key_set, "k1", "k0");
	sign(&a);
	put(&a, bytes_of_text(a.tokens));
	CHECK(a.verdict == REMOTE_KEY_MISSING && a.code == CODE_KEY_SET && a.claims[0] == NULL && a.issued == 0);
	drop(&a);
	b.key_set = nras_edit(b.key_set, "k1", "k0");
	b.pinned = true;
	sign(&b);
	put(&b, bytes_of_text(b.tokens));
	CHECK(b.verdict == REMOTE_FAIL && b.code == CODE_KEY_SET);
	drop(&b);
}

static void
test_envelopes(void)
{
	static const struct edit edits[] = {
		{"[[", "\r\n\t [[", CODE_OK},
		{"[[", "{\"x\":[[", CODE_TOKEN_FORMAT},
		{"\"JWT\"", "\"jwt\"", CODE_TOKEN_FORMAT},
		{"\"JWT\",", "\"JWT\",\"JWT\",", CODE_TOKEN_FORMAT},
		{"[\"JWT\"", "[[[[[\"JWT\"", CODE_TOKEN_FORMAT},
		{"}]", "},{}]", CODE_TOKEN_FORMAT},
		{"}]", "}] ", CODE_OK},
		{"}]", "}]x", CODE_TOKEN_FORMAT},
		{"}]", "", CODE_TOKEN_FORMAT},
		{"{\"GPU-0\"", "{\"GPU-1\"", CODE_TOKEN_FORMAT},
		{"{\"GPU-0\"", "{\"SWITCH-0\"", CODE_TOKEN_FORMAT},
		{"{\"GPU-0\"", "{\"gpu-0\"", CODE_TOKEN_FORMAT},
		{"{\"GPU-0\"", "{\"GPU-00\"", CODE_TOKEN_FORMAT},
		{"{\"GPU-0\"", "{\"../GPU-0\"", CODE_TOKEN_FORMAT},
		{"{\"GPU-0\"", "{\"GPU-0\":\"\",\"GPU-0\"", CODE_TOKEN_FORMAT},
		{"{\"GPU-0\"", "{\"GPU-1\":\"\",\"GPU-0\"", CODE_TOKEN_SET},
		{"{\"GPU-0\":", "{\"GPU-0\":1}]", CODE_TOKEN_FORMAT},
		{"\"GPU-0\":\"", "\"GPU-0\":\" ", CODE_TOKEN_FORMAT},
		{"\"JWT\",\"", "\"JWT\",\"\\u0000", CODE_TOKEN_FORMAT},
		{"\"JWT\",\"", "\"JWT\",\"\\n", CODE_TOKEN_FORMAT},
		{".", "..", CODE_TOKEN_FORMAT},
		{".", "=.", CODE_TOKEN_FORMAT},
		{".", "", CODE_TOKEN_FORMAT},
	};

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct answer a = answer();

		sign(&a);
		a.tokens = nras_edit(a.tokens, edits[i].from, edits[i].to);
		expect(&a, edits[i].code, edits[i].to);
	}
}

static void
expect_tokens(char *tokens, int code, const char *what)
{
	struct answer a = answer();

	a.tokens = tokens;
	expect(&a, code, what);
}

static char *
repeated(const char *before, char c, size_t count, const char *after)
{
	struct buf out = {0};

	buf_add_text(&out, before);
	for (size_t i = 0; i < count; i++)
		buf_add(&out, &c, 1);
	buf_add_text(&out, after);
	return buf_steal_text(&out);
}

static void
test_large_and_deep_answers(void)
{
	struct answer a = answer(), b = answer(), c = answer();
	char *deep = repeated("{\"x\":", '[', 100000, ""), *more;

	expect_tokens(xstrdup(""), CODE_TOKEN_FORMAT, "nothing");
	expect_tokens(xstrdup("null"), CODE_TOKEN_FORMAT, "null");
	expect_tokens(xstrdup("[]"), CODE_TOKEN_FORMAT, "empty array");
	expect_tokens(xstrdup("[[\"JWT\",\"\"],{}]"), CODE_TOKEN_SET, "no device");
	expect_tokens(repeated("[[\"JWT\",\"", 'A', 10 << 20, "\"],{\"GPU-0\":\"\"}]"), CODE_TOKEN_FORMAT,
		      "10 MB token");
	expect_tokens(repeated("[[\"JWT\",\"", 'A', JWS_MAX - 1, "\"],{\"GPU-0\":\"\"}]"), CODE_TOKEN_FORMAT,
		      "long token");
	expect_tokens(repeated("", '[', 1 << 20, ""), CODE_TOKEN_FORMAT, "deep nesting");
	a.device = nras_edit(a.device, "{", deep);
	expect(&a, CODE_TOKEN_FORMAT, "deep nesting in a payload");
	more = repeated("{\"x\":[0", ' ', 1000, "],");
	b.device = nras_edit(b.device, "{", more);
	expect(&b, CODE_OK, "a claim that nobody knows");
	sign(&c);
	c.tokens = nras_edit(c.tokens, "\"GPU-0\":\"", "\"GPU-0\":[\"");
	c.tokens = nras_edit(c.tokens, "\"}]", "\"]}]");
	expect(&c, CODE_TOKEN_FORMAT, "a device token in an array");
	free(deep);
	free(more);
}

static void
test_signatures(void)
{
	struct answer a = answer();
	size_t size;

	sign(&a);
	size = strlen(a.tokens);
	for (size_t i = 3; i < size; i += 61) {
		struct answer b = answer();
		char was = a.tokens[i];

		b.tokens = xstrdup(a.tokens);
		b.tokens[i] = was == 'A' ? 'B' : 'A';
		put(&b, bytes_of_text(b.tokens));
		CHECK(b.verdict != REMOTE_PASS && b.code != CODE_OK);
		drop(&b);
	}
	drop(&a);
}

/* Of two GPUs; swap: after signing. */
static char *
pair_tokens(bool swap, char *const payload[2])
{
	char *token[2], *digest[2], *overall, *text;

	for (unsigned i = 0; i < 2; i++) {
		token[i] = nras_sign(leaf.key, NRAS_HEADER, payload[i]);
		digest[i] = nras_digest(token[i]);
	}
	text = nras_edit(xstrdup(NRAS_OVERALL), "]]}", "]],\"GPU-1\":[\"DIGEST\",[\"SHA-256\",\"@1@\"]]}");
	text = nras_edit(nras_edit(text, "@0@", digest[0]), "@1@", digest[1]);
	overall = nras_sign(leaf.key, NRAS_HEADER, text);
	free(text);
	text = xprintf("[[\"JWT\",\"%s\"],{\"GPU-0\":\"%s\",\"GPU-1\":\"%s\"}]", overall, token[swap], token[!swap]);
	for (unsigned i = 0; i < 2; i++) {
		free(token[i]);
		free(digest[i]);
	}
	free(overall);
	return text;
}

static void
expect_pair(bool swap, char *first, char *second, const struct evidence *evidence, unsigned gpus, int code,
	    const char *what)
{
	char *const payload[2] = {first, second};
	struct answer a = answer();

	a.tokens = pair_tokens(swap, payload);
	a.gpus = gpus;
	a.evidence = evidence;
	expect(&a, code, what);
	free(first);
	free(second);
}

static char *
other_device(void)
{
	return nras_edit(xstrdup(NRAS_DEVICE), "4711", "4712");
}

static struct evidence
evidence_of(const char *ueid)
{
	struct evidence out = {.verified = true, .ueid = (char *)ueid};

	strcpy(out.hardware_model, "GH100 A01 GSP BROM");
	strcpy(out.report.driver_version, "550.90.07");
	strcpy(out.report.vbios_version, "96.00.9F.00.01");
	return out;
}

static void
test_two_gpus(void)
{
	const struct evidence list[] = {evidence_of("4711"), evidence_of("4712")};

	expect_pair(false, xstrdup(NRAS_DEVICE), other_device(), list, 2, CODE_OK, "two GPUs");
	expect_pair(false, other_device(), xstrdup(NRAS_DEVICE), list, 2, CODE_REMOTE_MISMATCH,
		    "each with the other's token");
	expect_pair(true, xstrdup(NRAS_DEVICE), other_device(), list, 2, CODE_TOKEN_SET, "two tokens swapped");
	expect_pair(false, xstrdup(NRAS_DEVICE), xstrdup(NRAS_DEVICE), NULL, 2, CODE_TOKEN_SET, "one device twice");
	expect_pair(false, xstrdup(NRAS_DEVICE), other_device(), list, 1, CODE_TOKEN_SET, "two answers about one GPU");
	expect_pair(false, xstrdup(NRAS_DEVICE), other_device(), NULL, 3, CODE_TOKEN_SET,
		    "two answers about three GPUs");
	expect_pair(false, xstrdup(NRAS_DEVICE), nras_edit(other_device(), "\"success\"", "\"fail\""), list, 2,
		    CODE_TOKEN_CLAIM, "the second GPU fails under a true overall result");
}

static void
test_evidence_of_another_gpu(void)
{
	static const struct edit edits[] = {
		{"4711", "4711", CODE_OK},
		{"4711", "04711", CODE_REMOTE_MISMATCH},
		{"4711", "4712", CODE_REMOTE_MISMATCH},
		{"\"ueid\":\"4711\"", "\"ueid\":4711", CODE_TOKEN_CLAIM},
		{"\"ueid\":\"4711\",", "", CODE_TOKEN_CLAIM},
		{"GH100 A01 GSP BROM", "GH100", CODE_OK},
		{"GH100 A01 GSP BROM", "GH1", CODE_REMOTE_MISMATCH},
		{"GH100 A01 GSP BROM", "", CODE_REMOTE_MISMATCH},
		{"GH100 A01 GSP BROM", "GB100 A01 GSP BROM", CODE_REMOTE_MISMATCH},
		{"GH100 A01 GSP BROM", "GH100 A01 GSP BROM 2", CODE_REMOTE_MISMATCH},
		{"550.90.07", "550.90.7", CODE_REMOTE_MISMATCH},
		{"550.90.07", "550.144.03", CODE_REMOTE_MISMATCH},
		{"96.00.9F.00.01", "96.00.9f.00.01", CODE_OK},
		{"96.00.9F.00.01", "96.00.9E.00.01", CODE_REMOTE_MISMATCH},
	};
	struct evidence evidence = evidence_of("4711"), unverified = evidence;
	struct answer a = answer();

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct answer b = answer();

		b.evidence = &evidence;
		b.device = nras_edit(b.device, edits[i].from, edits[i].to);
		expect(&b, edits[i].code, edits[i].to);
	}
	unverified.verified = false;
	a.evidence = &unverified;
	expect(&a, CODE_REMOTE_MISMATCH, "evidence that was not verified");
}

static void
expect_keys(char *key_set, int code, const char *what)
{
	struct answer a = answer();

	free(a.key_set);
	a.key_set = key_set;
	expect(&a, code, what);
}

static void
test_key_sets(void)
{
	static const struct edit edits[] = {
		{"\"EC\"", "\"oct\"", CODE_KEY_SET},
		{"P-384", "P-256", CODE_KEY_SET},
		{"\"kty\"", "\"use\":\"enc\",\"kty\"", CODE_KEY_SET},
		{"\"kty\"", "\"use\":\"sig\",\"kty\"", CODE_OK},
		{"\"kty\"", "\"alg\":\"ES256\",\"kty\"", CODE_KEY_SET},
		{"\"kty\"", "\"key_ops\":[\"sign\"],\"kty\"", CODE_KEY_SET},
		{"\"kty\"", "\"key_ops\":[\"verify\"],\"kty\"", CODE_OK},
		{"\"kty\"", "\"key_ops\":{\"x\":\"verify\"},\"kty\"", CODE_KEY_SET},
		{"\"kty\"", "\"d\":\"AA\",\"kty\"", CODE_KEY_SET},
		{"\"kty\"", "\"kty\":\"EC\",\"kty\"", CODE_KEY_SET},
		{"\"x\":\"", "\"x\":\"A", CODE_KEY_SET},
		{"\"x5c\":[", "\"x5c\":[\"\",", CODE_KEY_SET},
		{"\"x5c\":[\"", "\"x5c\":[\"MAA", CODE_KEY_SET},
		{"\"x5c\":[", "\"x5c\":[1,", CODE_KEY_SET},
		{"\"x5c\":[", "\"x5c\":[],\"y5c\":[", CODE_KEY_SET},
		{"\"x5c\":[", "\"x5c\":\"x\",\"y5c\":[", CODE_KEY_SET},
		{"{\"keys\"", "{\"keys\":[],\"keys\"", CODE_KEY_SET},
		{"{\"keys\"", "{\"key\"", CODE_KEY_SET},
		{"{\"keys\":[", "{\"keys\":[null,1,[],{\"kid\":1},{\"kid\":\"k\\u0000\"},", CODE_OK},
	};
	X509 *const none[] = {NULL}, *const certs[] = {leaf.x509, NULL};
	struct buf many = {0};

	RUN_EDITS(edits, key_set);
	expect_keys(xstrdup("<html></html>"), CODE_KEY_SET, "an error page");
	expect_keys(xstrdup("[]"), CODE_KEY_SET, "an array");
	expect_keys(key_set_of(nras_jwk(leaf.key, "k1", none), NULL), CODE_KEY_SET, "no certificate");
	expect_keys(key_set_of(nras_jwk(leaf.key, "k0", none), nras_jwk(leaf.key, "k1", certs)), CODE_OK, "roll-over");
	expect_keys(key_set_of(nras_jwk(leaf.key, "k1", certs), nras_jwk(leaf.key, "k1", certs)), CODE_KEY_SET,
		    "one kid twice");
	expect_keys(repeated("{\"keys\":[],\"x\":\"", ' ', 2 << 20, "\"}"), CODE_KEY_SET, "2 MB");
	for (unsigned extra = 63; extra <= 64; extra++) {
		char *key = nras_jwk(leaf.key, "k1", certs);

		buf_add_text(&many, "{\"keys\":[");
		for (unsigned i = 0; i < extra; i++)
			buf_printf(&many, "{\"kid\":\"x%u\"},", i);
		buf_printf(&many, "%s]}", key);
		free(key);
		expect_keys(buf_steal_text(&many), extra == 63 ? CODE_OK : CODE_KEY_SET, "64 and 65 keys");
	}
}

static void
test_certificates_of_keys(void)
{
	EVP_PKEY *other = nras_key();
	X509 *foreign = nras_certify("service", other, &middle, false, -NRAS_DAY, NRAS_DAY);
	X509 *expired = nras_certify("service", leaf.key, &middle, false, -2 * NRAS_DAY, -1);
	X509 *future = nras_certify("service", leaf.key, &middle, false, 301, NRAS_DAY);
	X509 *soon = nras_certify("service", leaf.key, &middle, false, 300, NRAS_DAY);

	expect_keys(service_keys(foreign, middle.x509, NULL), CODE_KEY_SET, "certificate of another key");
	expect_keys(service_keys(expired, middle.x509, NULL), CODE_KEY_SET, "expired certificate");
	expect_keys(service_keys(future, middle.x509, NULL), CODE_KEY_SET, "future certificate");
	expect_keys(service_keys(soon, middle.x509, NULL), CODE_OK, "certificate of a moment later");
	expect_keys(service_keys(middle.x509, NULL, NULL), CODE_KEY_SET, "certificate of an RSA key");
	X509_free(foreign);
	X509_free(expired);
	X509_free(future);
	X509_free(soon);
	EVP_PKEY_free(other);
}

static void
expect_rooted(const struct bytes pinned, char *key_set, int code, const char *what)
{
	struct answer a = answer();

	free(a.key_set);
	a.key_set = key_set;
	a.key_root = pinned;
	expect(&a, code, what);
}

static void
test_pinned_root_of_keys(void)
{
	X509 *old = nras_certify("service intermediate", middle.key, &root, true, -2 * NRAS_DAY, -1);
	X509 *plain = nras_certify("service intermediate", middle.key, &root, false, -NRAS_DAY, NRAS_DAY);
	struct buf ca = x509_der(root.x509), half = x509_der(middle.x509), other = x509_der(stranger.x509);
	struct bytes trusted = buf_bytes(&ca);

	expect_rooted(trusted, service_keys(leaf.x509, middle.x509, NULL), CODE_OK, "chain to the root");
	expect_rooted(trusted, service_keys(leaf.x509, middle.x509, root.x509), CODE_OK, "chain with the root");
	expect_rooted(buf_bytes(&half), service_keys(leaf.x509, middle.x509, NULL), CODE_OK,
		      "chain to a pinned intermediate");
	expect_rooted(buf_bytes(&half), service_keys(leaf.x509, NULL, NULL), CODE_OK, "pinned intermediate not in x5c");
	expect_rooted(trusted, service_keys(leaf.x509, NULL, NULL), CODE_KEY_SET, "chain with a gap");
	expect_rooted(buf_bytes(&other), service_keys(leaf.x509, middle.x509, NULL), CODE_KEY_SET,
		      "root of the same name");
	expect_rooted(buf_bytes(&other), service_keys(leaf.x509, middle.x509, root.x509), CODE_KEY_SET,
		      "another root in x5c");
	expect_rooted(trusted, service_keys(leaf.x509, old, NULL), CODE_KEY_SET, "expired intermediate");
	expect_rooted(trusted, service_keys(leaf.x509, plain, NULL), CODE_KEY_SET, "intermediate that is no CA");
	expect_rooted(bytes_of_text("no certificate"), service_keys(leaf.x509, middle.x509, NULL), CODE_USAGE,
		      "root that is none");
	expect_rooted(bytes_of("", 0), service_keys(leaf.x509, middle.x509, NULL), CODE_USAGE, "root of no bytes");
	X509_free(old);
	X509_free(plain);
	buf_free(&ca);
	buf_free(&half);
	buf_free(&other);
}

static void
test_question(void)
{
	struct gpu_evidence list[2] = {{.arch = (char *)"HOPPER"}, {.arch = (char *)"HOPPER"}};
	struct err err = ERR_INIT;
	char *text;

	for (unsigned i = 0; i < 2; i++) {
		memcpy(list[i].nonce, nonce, NONCE_SIZE);
		buf_add_text(&list[i].report, "report");
		buf_add_text(&list[i].chain_pem, "chain\n");
	}
	text = remote_question(list, 2, &err);
	CHECK_TEXT(text,
		   "{\"nonce\":\"" NRAS_NONCE "\",\"arch\":\"HOPPER\",\"claims_version\":\"3.0\",\"evidence_list\":["
		   "{\"evidence\":\"cmVwb3J0\",\"certificate\":\"Y2hhaW4K\"},"
		   "{\"evidence\":\"cmVwb3J0\",\"certificate\":\"Y2hhaW4K\"}]}");
	free(text);
	list[1].arch = (char *)"BLACKWELL";
	CHECK(remote_question(list, 2, &err) == NULL && err.code == CODE_ARCHITECTURE);
	list[1].arch = list[0].arch;
	list[0].arch = list[1].arch = (char *)"UNKNOWN";
	CHECK(remote_question(list, 2, &err) == NULL && err.code == CODE_ARCHITECTURE);
	list[0].arch = list[1].arch = (char *)"HOPPER";
	list[1].nonce[31] ^= 1;
	CHECK(remote_question(list, 2, &err) == NULL && err.code == CODE_NONCE);
	CHECK(remote_question(list, 0, &err) == NULL && err.code == CODE_EVIDENCE_FORMAT);
	for (unsigned i = 0; i < 2; i++) {
		buf_free(&list[i].report);
		buf_free(&list[i].chain_pem);
	}
}

int
main(void)
{
	struct err err = ERR_INIT;

	if (provider_init(&err) != 0)
		return 1;
	make_service();
	RUN(test_a_genuine_answer_passes);
	RUN(test_claims_of_the_overall_token);
	RUN(test_claims_of_the_device_token);
	RUN(test_verdicts_of_the_device_token);
	RUN(test_chains_of_the_device_token);
	RUN(test_the_service_refuses_and_says_why);
	RUN(test_headers);
	RUN(test_a_key_that_the_set_lacks);
	RUN(test_envelopes);
	RUN(test_large_and_deep_answers);
	RUN(test_signatures);
	RUN(test_two_gpus);
	RUN(test_evidence_of_another_gpu);
	RUN(test_key_sets);
	RUN(test_certificates_of_keys);
	RUN(test_pinned_root_of_keys);
	RUN(test_question);
	drop_service();
	return unit_end();
}
