/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_TOKEN_NONCE_H
#define ATTEST_TOKEN_NONCE_H

#include <stdint.h>

#include "lib/buf.h"

#define NONCE_SIZE 32

/*
 * The nonce of a run: G = SHA-256("cgpu/v1/gpu" 00 R H K C). The GPU signs G and G contains K, so the evidence vouches
 * for the key that signs the token; all parts stand in the token, so that anybody can walk evidence -> nonce -> key ->
 * token.
 */
struct nonce_parts {
	uint8_t random[NONCE_SIZE];    /* R: getrandom, always */
	uint8_t challenge[NONCE_SIZE]; /* H: SHA-256 of the relying party's challenge, or zeros */
	uint8_t key[NONCE_SIZE];       /* K: SHA-256 of the SubjectPublicKeyInfo (DER) of the run's key */
	uint8_t container[NONCE_SIZE]; /* C: see nonce_container */
};

/*
 * C = SHA-256 over container id, image id and digest of config.json (32 bytes, or absent), each after its size as four
 * bytes big-endian; an absent one has size 0.
 */
void
nonce_container(const char *container_id, const char *image_id, struct bytes config_digest, uint8_t out[NONCE_SIZE]);

void nonce_derive(const struct nonce_parts *parts, uint8_t out[NONCE_SIZE]);

#endif
