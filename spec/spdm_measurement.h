/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_SPDM_MEASUREMENT_H
#define SPEC_SPDM_MEASUREMENT_H

#include "lib/buf.h"
#include "lib/err.h"

/*
 * DMTF DSP0274 1.1.0: GET_MEASUREMENTS request (10.11.1) directly followed by the MEASUREMENTS response (10.11.2), as a
 * GPU answers it: all measurements, signed, slot 0; each block a SHA-384 digest of firmware.
 */

#define SPDM_NONCE_SIZE 32
#define SPDM_SIGNATURE_SIZE 96
#define SPDM_BLOCKS_MAX 255

struct spdm_block {
	uint8_t index; /* 1-based */
	uint8_t value_type;
	struct bytes value; /* 48 bytes: SHA-384 */
};

struct spdm_measurements {
	struct bytes request_nonce;
	struct spdm_block block[SPDM_BLOCKS_MAX]; /* index 1 to blocks, in order */
	unsigned blocks;
	struct bytes responder_nonce;
	struct bytes opaque;
	struct bytes signature;
};

/* Views into exchange. -1 with code 0. */
int spdm_measurements_parse(struct bytes exchange, struct spdm_measurements *out, struct err *err);
/*
 * The signed bytes and the signature, by length alone, so that the signature can be checked before anything is parsed.
 */
int spdm_measurements_split(struct bytes exchange, struct bytes *content, struct bytes *signature, struct err *err);
/* The value of a block by its index, or {NULL, 0}. */
struct bytes spdm_measurements_value(const struct spdm_measurements *measurements, unsigned index);

#endif
