/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_SIGNER_H
#define TEST_EMULATOR_SIGNER_H

#include "lib/buf.h"

/*
 * An emulated GPU's key, big-endian. With secret key d and one fixed k for all reports, an ECDSA signature on digest z
 * is r = (kG).x and s = z/k + rd/k modulo the order (FIPS 186-5 6.4.1): mint works out the rest, and the library in
 * NVML's place needs neither curve nor libcrypto. A real GPU signs by itself, so the emulated one must not cost the
 * host what a real one does not. Two signatures give the key away: it protects nothing, and each run of mint makes
 * another.
 */
#define SIGNER_PART 48
struct signer {
	uint8_t r[SIGNER_PART];
	uint8_t factor[SIGNER_PART];  /* 1/k */
	uint8_t summand[SIGNER_PART]; /* rd/k */
};

/* ECDSA with SHA-384 over message, P-384: r then s. */
void signer_sign(const struct signer *signer, struct bytes message, uint8_t out[2 * SIGNER_PART]);

#endif
