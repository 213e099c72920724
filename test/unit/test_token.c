/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/token/token.h"

#include <stdlib.h>

#include "attest/token/result.h"
#include "lib/code.h"
#include "lib/jws.h"
#include "lib/random.h"
#include "test/unit/unit.h"

#define AT 1790000000

/* A result as the run makes it, with claims that an appraisal would have made. */
struct made {
	EVP_PKEY *key;
	struct nonce_parts parts;
	struct result_input input;
	struct json *claims[1];
	const char *uuid[1];
	struct gpu_evidence evidence[1];
	struct result result;
	struct json *keys;
};

static void
make(struct made *made, const char *measres)
{
	struct err err = ERR_INIT;
	struct buf spki = {0};
	char hex[65], *text;

	*made = (struct made){.uuid = {"GPU-11111111-2222-3333-4444-555555555555"}};
	made->key = crypto_p384_generate(&err);
	crypto_spki(made->key, &spki, &err);
	random_bytes(made->parts.random, NONCE_SIZE);
	crypto_sha256(buf_bytes(&spki), made->parts.key);
	buf_free(&spki);
	nonce_container("c1", "sha256:1", bytes_of(NULL, 0), made->parts.container);
	made->input = (struct result_input){
		.key = made->key,
		.parts = &made->parts,
		.container_id = "c1",
		.image_id = "sha256:1",
		.at = AT,
		.lifetime = 600,
		.claims = made->claims,
		.uuid = made->uuid,
		.evidence = made->evidence,
		.gpus = 1,
		.policy_digest = "00",
		.loosenings = "",
		.verifier = "local",
	};
	nonce_derive(&made->parts, made->input.nonce);
	hex_encode(hex, made->input.nonce, NONCE_SIZE);
	text = xprintf("{\"measres\":\"%s\",\"secboot\":true,\"dbgstat\":\"disabled\",\"hwmodel\":\"GH100 A01 GSP "
		       "BROM\",\"ueid\":\"1\",\"eat_nonce\":\"%s\"}",
		       measres, hex);
	made->claims[0] = json_read(bytes_of_text(text), &json_limits_default, &err);
	free(text);
	made->evidence[0] = (struct gpu_evidence){.arch = (char *)"HOPPER"};
	memcpy(made->evidence[0].nonce, made->input.nonce, NONCE_SIZE);
	CHECK(result_make(&made->input, &made->result, &err) == 0);
	made->keys = json_read(bytes_of_text(result_content(&made->result, "jwks.json")), &json_limits_default, &err);
	CHECK(made->keys != NULL);
}

static void
drop(struct made *made)
{
	EVP_PKEY_free(made->key);
	json_free(made->claims[0]);
	json_free(made->keys);
	result_free(&made->result);
}

static int
judge(const char *text, const struct json *keys, int64_t at, const uint8_t *evidence_nonce)
{
	struct token_rules rules = token_rules_own();
	struct token_request request = {bytes_of_text(text), keys, &rules, at};
	struct steps steps = {0};
	struct token token;
	int code;

	if (token_verify(&request, &steps, &token) == 0 && evidence_nonce != NULL)
		token_anchor(&token, keys, evidence_nonce, &steps);
	steps_conclude(&steps);
	code = steps_code(&steps);
	token_free(&token);
	steps_free(&steps);
	return code;
}

static void
test_result_verifies_and_is_anchored(void)
{
	struct made made;
	const char *eat;
	uint8_t other[NONCE_SIZE] = {1};

	make(&made, "success");
	eat = result_content(&made.result, "detached-eat.json");
	CHECK(judge(eat, made.keys, AT + 1, made.input.nonce) == CODE_OK);
	CHECK(judge(result_content(&made.result, "token.jwt"), made.keys, AT + 1, made.input.nonce) == CODE_OK);
	CHECK(judge(eat, made.keys, AT + 1, other) == CODE_UNANCHORED);
	CHECK(judge(eat, made.keys, AT + 600, NULL) == CODE_TOKEN_TIME);
	CHECK(judge(eat, made.keys, AT - 1, NULL) == CODE_TOKEN_TIME);
	CHECK(judge(eat, NULL, AT + 1, NULL) == CODE_KEY_SET);
	drop(&made);
}

static void
test_key_of_another_run(void)
{
	struct made a, b;

	make(&a, "success");
	make(&b, "success");
	CHECK(judge(result_content(&a.result, "detached-eat.json"), b.keys, AT + 1, NULL) == CODE_KEY_SET);
	drop(&a);
	drop(&b);
}

static void
test_device_says_otherwise(void)
{
	struct made made;

	make(&made, "fail");
	CHECK(judge(result_content(&made.result, "detached-eat.json"), made.keys, AT + 1, NULL) == CODE_TOKEN_CLAIM);
	drop(&made);
}

static void
test_device_token_of_another_set(void)
{
	struct made a, b;
	struct json *eat_a, *eat_b;
	struct err err = ERR_INIT;
	char *mixed;

	make(&a, "success");
	make(&b, "success");
	eat_a = json_read(bytes_of_text(result_content(&a.result, "detached-eat.json")), &json_limits_default, &err);
	eat_b = json_read(bytes_of_text(result_content(&b.result, "detached-eat.json")), &json_limits_default, &err);
	mixed = xprintf("[[\"JWT\",\"%s\"],{\"GPU-0\":\"%s\"}]", json_text(json_at(json_at(eat_a, 0), 1)),
			json_text(json_get(json_at(eat_b, 1), "GPU-0")));
	CHECK(judge(mixed, a.keys, AT + 1, NULL) == CODE_KEY_SET);
	free(mixed);
	json_free(eat_a);
	json_free(eat_b);
	drop(&a);
	drop(&b);
}

static void
test_every_flipped_byte_is_refused(void)
{
	struct made made;
	char *text;
	size_t size;

	make(&made, "success");
	text = xstrdup(result_content(&made.result, "token.jwt"));
	size = strlen(text) - 1;
	for (size_t i = 0; i < size; i += 7) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		CHECK(judge(text, made.keys, AT + 1, NULL) != CODE_OK);
		text[i] = was;
	}
	CHECK(judge(text, made.keys, AT + 1, NULL) == CODE_OK);
	free(text);
	drop(&made);
}

static void
test_env_file(void)
{
	struct made made;
	const char *env;

	make(&made, "success");
	env = result_content(&made.result, "attestation.env");
	CHECK(strncmp(env, "CGPU_ATTESTATION_RESULT=pass\n", 29) == 0);
	CHECK(strstr(env, "\nCGPU_ATTESTATION_GPUS=GPU-11111111-2222-3333-4444-555555555555\n") != NULL);
	CHECK(strstr(env, "\nCGPU_ATTESTATION_EVIDENCE_FILE=/run/cgpu/evidence.json\n") != NULL);
	CHECK(strpbrk(env, " '\"$`\\") == NULL);
	drop(&made);
}

int
main(void)
{
	crypto_init();
	RUN(test_result_verifies_and_is_anchored);
	RUN(test_key_of_another_run);
	RUN(test_device_says_otherwise);
	RUN(test_device_token_of_another_set);
	RUN(test_every_flipped_byte_is_refused);
	RUN(test_env_file);
	return unit_end();
}
