/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_ATTESTER_H
#define ATTEST_ATTESTER_H

#include <stdbool.h>

/* What a step is about: one attester (RFC 9334), or the run as a whole. */

enum attester_kind { ATTESTER_RUN, ATTESTER_GPU };

struct attester {
	enum attester_kind kind;
	unsigned index; /* among its kind, below GPU_MAX for a GPU; 0 for the run */
};

extern const struct attester attester_run;

struct attester attester_gpu(unsigned index);
bool attester_equal(struct attester a, struct attester b);

#define ATTESTER_NAME_SIZE 16 /* "GPU-4294967295" and its NUL fit */

/* "run" or "GPU-0", stable: JSON output has it. Returns out. */
const char *attester_name(struct attester attester, char out[ATTESTER_NAME_SIZE]);

#endif
