/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_MANIFEST_H
#define TEST_EMULATOR_MANIFEST_H

#include <stdbool.h>

#include "test/emulator/pki.h"

/* Reference manifests (SWID tag, TCG RIM binding) in NVIDIA's signature profile, byte for byte the genuine layout. */

#define MANIFEST_ROWS 64
#define MANIFEST_ALTERNATIVES 4

struct manifest_row {
	bool active;
	unsigned alternatives;
	uint8_t hash[MANIFEST_ALTERNATIVES][48];
};

struct manifest {
	const char *product; /* "GH100" */
	const char *version;
	struct manifest_row row[MANIFEST_ROWS];
};

/* Signed by chain[0]; the four certificates go into it, signer first. */
void manifest_write(const struct manifest *manifest, const struct pki_entity *const chain[4], struct buf *out);
/* Changes one digit of the signature value. */
void manifest_damage(struct buf *xml);

#endif
