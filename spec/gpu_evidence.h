/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_GPU_EVIDENCE_H
#define SPEC_GPU_EVIDENCE_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "spec/gpu_arch.h"

/*
 * Evidence as files: the JSON array that nvattest writes and reads ({arch, nonce, evidence, certificate}: report and
 * PEM chain in base64; other members are ignored), and NVIDIA's text samples (a report as hex digits, where blanks,
 * line ends, "0x" and "\x" may stand).
 */

struct gpu_evidence {
	char *arch; /* as written: "HOPPER", "BLACKWELL" */
	uint8_t nonce[32];
	struct buf report;
	struct buf chain_pem;
};

/* Also accepts nvattest's wrapper object {"evidences": [...]}. All -1 with CODE_EVIDENCE_FORMAT. */
int gpu_evidence_parse(struct bytes text, struct gpu_evidence list[GPU_MAX], unsigned *count, struct err *err);
char *gpu_evidence_print(const struct gpu_evidence *list, unsigned count);
int gpu_evidence_hex(struct bytes text, struct buf *report, struct err *err);
void gpu_evidence_free(struct gpu_evidence *list, unsigned count);

#endif
