/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_MODEL_H
#define TEST_EMULATOR_MODEL_H

#include "spec/gpu_arch.h"
#include "test/emulator/manifest.h"

/* The two GPU models that can be minted, with the numbers that genuine ones show, and their fresh measurements. */

struct model {
	const char *name; /* "hopper" */
	enum gpu_arch arch;
	const char *chip, *provisioner;
	const char *driver, *vbios; /* defaults */
	const char *project, *project_sku, *chip_sku;
	unsigned board_id;
};

struct measurements {
	uint8_t value[MANIFEST_ROWS][48];
	uint8_t fwid[48];
};

/* NULL if there is none of that name. */
const struct model *model_find(const char *name);
/* Fresh values; registers that genuine GPUs leave unused are zero. */
void model_measure(struct measurements *out);
/* The rows of a manifest that these measurements satisfy. */
void model_rows(const struct measurements *measurements, bool driver, struct manifest_row rows[MANIFEST_ROWS]);

#endif
