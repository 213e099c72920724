/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/attester.h"

#include <stdio.h>

const struct attester attester_run = {ATTESTER_RUN, 0};

struct attester
attester_gpu(unsigned index)
{
	return (struct attester){ATTESTER_GPU, index};
}

bool
attester_equal(struct attester a, struct attester b)
{
	return a.kind == b.kind && a.index == b.index;
}

const char *
attester_name(struct attester attester, char out[ATTESTER_NAME_SIZE])
{
	switch (attester.kind) {
	case ATTESTER_RUN: snprintf(out, ATTESTER_NAME_SIZE, "run"); break;
	case ATTESTER_GPU: snprintf(out, ATTESTER_NAME_SIZE, "GPU-%u", attester.index); break;
	}
	return out;
}
