/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/token/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/token/remote.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/jws.h"
#include "lib/random.h"

/* iss, iat, nbf, exp and jti of RFC 7519; jti is random, so no two tokens are alike. */
static void
write_registered(struct json_out *out, const struct result_input *input)
{
	uint8_t id[16];

	random_bytes(id, sizeof(id));
	json_out_member_text(out, "iss", TOKEN_ISSUER);
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
	json_out_member_hex(out, "x-cgpu-config-sha256",
			    bytes_of(input->config_digest.data, input->config_digest.size));
}

/* Which token of the remote verifier this run rests on, and why that one is believed. */
static void
write_remote(struct json_out *out, const struct result_input *input, const char *remote)
{
	uint8_t digest[SHA256_SIZE];

	crypto_sha256(bytes_of_text(remote), digest);
	json_out_member_hex(out, "x-cgpu-remote-token-sha256", bytes_of(digest, sizeof(digest)));
	json_out_member_text(out, "x-cgpu-remote-anchor", input->remote_anchor);
}

/* device NULL: the device tokens are another's. remote: overall token of the remote verifier, or NULL. */
static char *
overall_payload(const struct result_input *input, const struct buf *device, const char *remote)
{
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	json_out_member_text(out, "sub", "NVIDIA-PLATFORM-ATTESTATION");
	write_registered(out, input);
	json_out_member_text(out, "x-nvidia-ver", "3.0");
	json_out_member_bool(out, "x-nvidia-overall-att-result", true);
	json_out_member_hex(out, "eat_nonce", bytes_of(input->nonce, NONCE_SIZE));
	if (device != NULL)
		write_submods(out, device, input->gpus);
	json_out_member_text(out, "x-cgpu-version", PROJECT_VERSION);
	json_out_member_text(out, "x-cgpu-verifier", input->verifier);
	if (remote != NULL)
		write_remote(out, input, remote);
	json_out_member_text(out, "x-cgpu-trust-anchor", input->custom_anchor ? "custom" : "nvidia");
	json_out_member_text(out, "x-cgpu-policy-sha256", input->policy_digest);
	if (input->loosenings[0] != '\0')
		json_out_member_text(out, "x-cgpu-loosenings", input->loosenings);
	if (input->shared_pid)
		json_out_member_bool(out, "x-cgpu-shared-pid", true);
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

static void
add_result_file(struct result *out, const char *name, char *content)
{
	out->file[out->files++] = (struct result_file){name, content};
}

static char *
text_of(struct bytes bytes)
{
	return xprintf("%.*s", (int)bytes.size, (const char *)bytes.data);
}

/* The token ends when its signer says: the remote verifier's claims carry that of their own. */
static int64_t
expiry(const struct result_input *input)
{
	int64_t end = input->at + input->lifetime, said;

	if (strcmp(input->verifier, "remote") != 0)
		return end;
	for (unsigned i = 0; i < input->gpus; i++)
		if (json_integer(json_get(input->claims[i], "exp"), 0, INT64_C(253402300799), &said) &&
		    (i == 0 || said < end))
			end = said;
	return end;
}

/* Values hold no blanks, quotes or dollars, so `. file` and env-file readers see the same. */
static char *
env_file(const struct result_input *input, const char *token)
{
	static const char *const files[][3] = {
		{"TOKEN", "token.jwt", "local remote both"},	  {"EAT", "detached-eat.json", "local remote both"},
		{"EVIDENCE", "evidence.json", "local remote both"}, {"JWKS", "jwks.json", "local remote both"},
		{"RUN", "run.jwt", "remote"},			  {"RUN_JWKS", "run-jwks.json", "remote"},
		{"REMOTE_EAT", "remote-eat.json", "both"},	  {"REMOTE_JWKS", "remote-jwks.json", "both"},
	};
	struct buf out = {0};
	char nonce[2 * NONCE_SIZE + 1], expires[32];

	hex_encode(nonce, input->nonce, NONCE_SIZE);
	clock_format(expiry(input), expires);
	buf_printf(&out, "CGPU_ATTESTATION_RESULT=pass\nCGPU_ATTESTATION_TOKEN=%s\n", token);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strstr(files[i][2], input->verifier) != NULL)
			buf_printf(&out, "CGPU_ATTESTATION_%s_FILE=%s/%s\n", files[i][0], RESULT_DIRECTORY,
				   files[i][1]);
	buf_printf(&out, "CGPU_ATTESTATION_NONCE=%s\nCGPU_ATTESTATION_EXPIRES=%s\nCGPU_ATTESTATION_GPUS=", nonce,
		   expires);
	for (unsigned i = 0; i < input->gpus; i++)
		buf_printf(&out, "%s%s", i == 0 ? "" : ",", input->uuid[i]);
	buf_printf(&out, "\nCGPU_ATTESTATION_VERIFIER=%s\n", input->verifier);
	return buf_steal_text(&out);
}

/* The five files as far as this run signs them itself. */
static int
add_own(const struct result_input *input, const char *kid, const char *remote, struct result *out, struct err *err)
{
	struct buf device[GPU_MAX] = {0}, overall = {0};
	char *keys = NULL;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < input->gpus; i++)
		rc = sign_text(input, kid, device_payload(input, i), &device[i], err);
	if (rc == 0)
		rc = sign_text(input, kid, overall_payload(input, device, remote), &overall, err);
	if (rc == 0)
		keys = jws_key_set(input->key, kid, err);
	if (keys != NULL) {
		add_result_file(out, "attestation.env", env_file(input, (char *)overall.data));
		add_result_file(out, "token.jwt", xprintf("%s\n", (char *)overall.data));
		add_result_file(out, "detached-eat.json", detached_eat(&overall, device, input->gpus));
		add_result_file(out, "jwks.json", keys);
	}
	for (unsigned i = 0; i < input->gpus; i++)
		buf_free(&device[i]);
	buf_free(&overall);
	return keys != NULL ? 0 : -1;
}

/* The remote verifier's token is the result; the run states what it is about. */
static int
add_remote(const struct result_input *input, const char *kid, const char *remote, struct result *out, struct err *err)
{
	struct buf statement = {0};
	char *keys;

	if (sign_text(input, kid, overall_payload(input, NULL, remote), &statement, err) != 0)
		return -1;
	keys = jws_key_set(input->key, kid, err);
	if (keys != NULL) {
		add_result_file(out, "attestation.env", env_file(input, remote));
		add_result_file(out, "token.jwt", xprintf("%s\n", remote));
		add_result_file(out, "detached-eat.json", text_of(input->remote_tokens));
		add_result_file(out, "jwks.json", text_of(input->remote_keys));
		add_result_file(out, "run.jwt", xprintf("%s\n", (char *)statement.data));
		add_result_file(out, "run-jwks.json", keys);
	}
	buf_free(&statement);
	return keys != NULL ? 0 : -1;
}

int
result_make(const struct result_input *input, struct result *out, struct err *err)
{
	char kid[2 * NONCE_SIZE + 1], *remote = NULL;
	int rc = -1;

	*out = (struct result){0};
	out->expires = expiry(input);
	hex_encode(kid, input->parts->key, NONCE_SIZE);
	if (input->remote_tokens.data != NULL && (remote = remote_overall(input->remote_tokens, err)) == NULL)
		goto out;
	if (strcmp(input->verifier, "remote") == 0)
		rc = remote ? add_remote(input, kid, remote, out, err)
			    : err_set(err, 0, "no token of the remote verifier");
	else
		rc = add_own(input, kid, remote, out, err);
	if (rc != 0)
		goto out;
	add_result_file(out, "evidence.json", gpu_evidence_print(input->evidence, input->gpus));
	if (strcmp(input->verifier, "both") == 0) {
		add_result_file(out, "remote-eat.json", text_of(input->remote_tokens));
		add_result_file(out, "remote-jwks.json", text_of(input->remote_keys));
	}
out:
	free(remote);
	if (rc != 0) {
		err_wrap(err, CODE_INTERNAL, "signing the result");
		result_free(out);
	}
	return rc;
}

const char *
result_content(const struct result *result, const char *name)
{
	for (unsigned i = 0; i < result->files; i++)
		if (strcmp(result->file[i].name, name) == 0)
			return result->file[i].content;
	return NULL;
}

void
result_free(struct result *result)
{
	for (unsigned i = 0; i < result->files; i++)
		free(result->file[i].content);
	*result = (struct result){0};
}
