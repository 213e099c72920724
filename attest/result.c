/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/jws.h"
#include "lib/random.h"

static const char *const names[RESULT_FILES] = {"attestation.env", "token.jwt", "detached-eat.json", "evidence.json",
						"jwks.json"};

enum { FILE_ENV, FILE_TOKEN, FILE_EAT, FILE_EVIDENCE, FILE_KEYS };

/* iss, iat, nbf, exp and jti of RFC 7519; jti is random, so no two tokens are alike. */
static void
write_registered(struct json_out *out, const struct result_input *input)
{
	uint8_t id[16];

	random_bytes(id, sizeof(id));
	json_out_member_text(out, "iss", RESULT_ISSUER);
	json_out_member_integer(out, "iat", input->at);
	json_out_member_integer(out, "nbf", input->at);
	json_out_member_integer(out, "exp", input->at + input->lifetime);
	json_out_member_hex(out, "jti", bytes_of(id, sizeof(id)));
}

/* The claims of appraise as they came, with the registered ones. */
static char *
device_payload(const struct result_input *input, unsigned gpu)
{
	const struct json *claims = input->claims[gpu];
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	write_registered(out, input);
	for (size_t i = 0; i < json_count(claims); i++) {
		char *name = xprintf("%.*s", (int)json_name(claims, i).size, (const char *)json_name(claims, i).data);

		json_out_name(out, name);
		json_out_value(out, json_at(claims, i));
		free(name);
	}
	json_out_member_text(out, "x-cgpu-gpu-uuid", input->uuid[gpu]);
	json_out_end(out);
	return json_out_finish(out);
}

static void
write_submods(struct json_out *out, const struct buf *device, unsigned gpus)
{
	json_out_name(out, "submods");
	json_out_object(out);
	for (unsigned i = 0; i < gpus; i++) {
		char name[16], digest[65];
		uint8_t hash[SHA256_SIZE];

		snprintf(name, sizeof(name), "GPU-%u", i);
		crypto_sha256(buf_bytes(&device[i]), hash);
		hex_encode(digest, hash, sizeof(hash));
		json_out_name(out, name);
		json_out_array(out);
		json_out_text(out, "DIGEST");
		json_out_array(out);
		json_out_text(out, "SHA-256");
		json_out_text(out, digest);
		json_out_end(out);
		json_out_end(out);
	}
	json_out_end(out);
}

/* Everything that the nonce was made of, so that a relying party can make it again. */
static void
write_nonce_parts(struct json_out *out, const struct result_input *input)
{
	json_out_member_hex(out, "x-cgpu-nonce-random", bytes_of(input->parts->random, NONCE_SIZE));
	json_out_member_hex(out, "x-cgpu-nonce-challenge", bytes_of(input->parts->challenge, NONCE_SIZE));
	json_out_member_text(out, "x-cgpu-container-id", input->container_id ? input->container_id : "");
	json_out_member_text(out, "x-cgpu-image-id", input->image_id ? input->image_id : "");
	json_out_member_hex(out, "x-cgpu-config-sha256", bytes_of(input->config_digest.data, input->config_digest.size));
}

static char *
overall_payload(const struct result_input *input, const struct buf *device)
{
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	json_out_member_text(out, "sub", "NVIDIA-PLATFORM-ATTESTATION");
	write_registered(out, input);
	json_out_member_text(out, "x-nvidia-ver", "3.0");
	json_out_member_bool(out, "x-nvidia-overall-att-result", true);
	json_out_member_hex(out, "eat_nonce", bytes_of(input->nonce, NONCE_SIZE));
	write_submods(out, device, input->gpus);
	json_out_member_text(out, "x-cgpu-version", PROJECT_VERSION);
	json_out_member_text(out, "x-cgpu-verifier", "local");
	json_out_member_text(out, "x-cgpu-trust-anchor", input->custom_anchor ? "custom" : "nvidia");
	json_out_member_text(out, "x-cgpu-policy-sha256", input->policy_digest);
	if (input->loosenings[0] != '\0')
		json_out_member_text(out, "x-cgpu-loosenings", input->loosenings);
	write_nonce_parts(out, input);
	json_out_end(out);
	return json_out_finish(out);
}

static int
sign_text(const struct result_input *input, const char *kid, char *payload, struct buf *out, struct err *err)
{
	int rc = jws_sign(input->key, kid, payload, out, err);

	free(payload);
	return rc;
}

static char *
detached_eat(const struct buf *overall, const struct buf *device, unsigned gpus)
{
	struct json_out *out = json_out_new(false);

	json_out_array(out);
	json_out_array(out);
	json_out_text(out, "JWT");
	json_out_bytes(out, buf_bytes(overall));
	json_out_end(out);
	json_out_object(out);
	for (unsigned i = 0; i < gpus; i++) {
		char name[16];

		snprintf(name, sizeof(name), "GPU-%u", i);
		json_out_name(out, name);
		json_out_bytes(out, buf_bytes(&device[i]));
	}
	json_out_end(out);
	json_out_end(out);
	return json_out_finish(out);
}

/* Values hold no blanks, quotes or dollars, so `. file` and env-file readers see the same. */
static char *
env_file(const struct result_input *input, const char *token)
{
	struct buf out = {0};
	char nonce[2 * NONCE_SIZE + 1], expires[32];

	hex_encode(nonce, input->nonce, NONCE_SIZE);
	clock_format(input->at + input->lifetime, expires);
	buf_printf(&out, "CGPU_ATTESTATION_RESULT=pass\nCGPU_ATTESTATION_TOKEN=%s\n", token);
	buf_printf(&out, "CGPU_ATTESTATION_TOKEN_FILE=%s/%s\n", RESULT_DIRECTORY, names[FILE_TOKEN]);
	buf_printf(&out, "CGPU_ATTESTATION_EAT_FILE=%s/%s\n", RESULT_DIRECTORY, names[FILE_EAT]);
	buf_printf(&out, "CGPU_ATTESTATION_EVIDENCE_FILE=%s/%s\n", RESULT_DIRECTORY, names[FILE_EVIDENCE]);
	buf_printf(&out, "CGPU_ATTESTATION_JWKS_FILE=%s/%s\n", RESULT_DIRECTORY, names[FILE_KEYS]);
	buf_printf(&out, "CGPU_ATTESTATION_NONCE=%s\nCGPU_ATTESTATION_EXPIRES=%s\nCGPU_ATTESTATION_GPUS=", nonce, expires);
	for (unsigned i = 0; i < input->gpus; i++)
		buf_printf(&out, "%s%s", i == 0 ? "" : ",", input->uuid[i]);
	buf_add_text(&out, "\nCGPU_ATTESTATION_VERIFIER=local\n");
	return buf_steal_text(&out);
}

int
result_make(const struct result_input *input, struct result *out, struct err *err)
{
	struct buf device[GPU_EVIDENCE_MAX] = {0}, overall = {0};
	char kid[2 * NONCE_SIZE + 1];
	int rc = -1;

	*out = (struct result){0};
	hex_encode(kid, input->parts->key, NONCE_SIZE);
	for (unsigned i = 0; i < input->gpus; i++)
		if (sign_text(input, kid, device_payload(input, i), &device[i], err) != 0)
			goto out;
	if (sign_text(input, kid, overall_payload(input, device), &overall, err) != 0)
		goto out;
	for (unsigned i = 0; i < RESULT_FILES; i++)
		out->file[i].name = names[i];
	out->file[FILE_ENV].content = env_file(input, (char *)overall.data);
	out->file[FILE_TOKEN].content = xprintf("%s\n", (char *)overall.data);
	out->file[FILE_EAT].content = detached_eat(&overall, device, input->gpus);
	out->file[FILE_EVIDENCE].content = gpu_evidence_print(input->evidence, input->gpus);
	out->file[FILE_KEYS].content = jws_key_set(input->key, kid, err);
	rc = out->file[FILE_KEYS].content == NULL ? -1 : 0;
out:
	for (unsigned i = 0; i < input->gpus; i++)
		buf_free(&device[i]);
	buf_free(&overall);
	if (rc != 0) {
		err_wrap(err, CODE_INTERNAL, "signing the result");
		result_free(out);
	}
	return rc;
}

const char *
result_content(const struct result *result, const char *name)
{
	for (unsigned i = 0; i < RESULT_FILES; i++)
		if (result->file[i].name != NULL && strcmp(result->file[i].name, name) == 0)
			return result->file[i].content;
	return NULL;
}

void
result_free(struct result *result)
{
	for (unsigned i = 0; i < RESULT_FILES; i++)
		free(result->file[i].content);
	*result = (struct result){0};
}
