/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/token/nonce.h"

#include "lib/crypto.h"

static const char label[] = "cgpu/v1/gpu"; /* its NUL is the 00 of the formula */

static void
add_sized(struct buf *out, struct bytes part)
{
	const uint8_t size[4] = {(uint8_t)(part.size >> 24), (uint8_t)(part.size >> 16), (uint8_t)(part.size >> 8),
				 (uint8_t)part.size};

	buf_add(out, size, sizeof(size));
	buf_add(out, part.data, part.size);
}

void
nonce_container(const char *container_id, const char *image_id, struct bytes config_digest, uint8_t out[NONCE_SIZE])
{
	struct buf input = {0};

	add_sized(&input, bytes_of_text(container_id ? container_id : ""));
	add_sized(&input, bytes_of_text(image_id ? image_id : ""));
	add_sized(&input, config_digest);
	crypto_sha256(buf_bytes(&input), out);
	buf_free(&input);
}

void
nonce_derive(const struct nonce_parts *parts, uint8_t out[NONCE_SIZE])
{
	struct buf input = {0};

	buf_add(&input, label, sizeof(label));
	buf_add(&input, parts->random, NONCE_SIZE);
	buf_add(&input, parts->challenge, NONCE_SIZE);
	buf_add(&input, parts->key, NONCE_SIZE);
	buf_add(&input, parts->container, NONCE_SIZE);
	crypto_sha256(buf_bytes(&input), out);
	buf_free(&input);
}
