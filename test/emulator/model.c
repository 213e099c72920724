/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emulator/model.h"

#include <openssl/rand.h>
#include <string.h>

static const struct model models[] = {
	{"hopper", GPU_ARCH_HOPPER, "GH100", "1", "550.144.03", "96.00.9F.00.01", "1010", "0200", "882", 0x3b1},
	{"blackwell", GPU_ARCH_BLACKWELL, "GB100", "00000", "580.95.05", "97.00.88.00.0F", "G525", "0220",
	 "886", 0x66f},
};

/* What genuine manifests and reports show for each index. */
enum row { UNUSED = 0, DRIVER_ROW = 1, VBIOS_ROW = 2, EMPTY = 4 /* register zero in the report */ };
static const uint8_t shape[MANIFEST_ROWS] = {
	[0] = VBIOS_ROW | EMPTY,   [1] = VBIOS_ROW,   [2] = VBIOS_ROW,		[3] = VBIOS_ROW,
	[4] = VBIOS_ROW,	   [5] = VBIOS_ROW,   [6] = VBIOS_ROW,		[7] = DRIVER_ROW,
	[8] = VBIOS_ROW | EMPTY,   [9] = VBIOS_ROW,   [10] = VBIOS_ROW | EMPTY, [11] = VBIOS_ROW,
	[12] = VBIOS_ROW | EMPTY,  [21] = DRIVER_ROW, [22] = DRIVER_ROW,	[23] = DRIVER_ROW | EMPTY,
	[24] = DRIVER_ROW | EMPTY, [25] = DRIVER_ROW, [26] = DRIVER_ROW,	[27] = DRIVER_ROW,
	[28] = DRIVER_ROW | EMPTY, [29] = DRIVER_ROW, [30] = DRIVER_ROW,	[31] = DRIVER_ROW,
	[32] = DRIVER_ROW,	   [33] = DRIVER_ROW, [34] = DRIVER_ROW,	[35] = DRIVER_ROW,
	[36] = DRIVER_ROW,	   [37] = DRIVER_ROW, [38] = DRIVER_ROW,	[39] = DRIVER_ROW,
	[40] = DRIVER_ROW,
};
static const uint8_t alternatives[MANIFEST_ROWS] = {
	[12] = 4, [23] = 2, [24] = 2, [32] = 2, [33] = 2, [34] = 2, [35] = 4, [36] = 3,
};

const struct model *
model_find(const char *name)
{
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		if (strcmp(models[i].name, name) == 0)
			return &models[i];
	}
	return NULL;
}

static void
fill(uint8_t hash[48])
{
	pki_check(RAND_bytes(hash, 48) == 1, "random bytes");
}

void
model_measure(struct measurements *out)
{
	memset(out, 0, sizeof(*out));
	fill(out->fwid);
	for (unsigned i = 0; i < MANIFEST_ROWS; i++) {
		if (shape[i] != UNUSED && !(shape[i] & EMPTY))
			fill(out->value[i]);
	}
}

/* The value that the report shows stands last. */
void
model_rows(const struct measurements *measurements, bool driver, struct manifest_row rows[MANIFEST_ROWS])
{
	memset(rows, 0, MANIFEST_ROWS * sizeof(rows[0]));
	for (unsigned i = 0; i < MANIFEST_ROWS; i++) {
		struct manifest_row *row = &rows[i];

		row->alternatives = 1;
		row->active = shape[i] & (driver ? DRIVER_ROW : VBIOS_ROW);
		if (!row->active)
			continue;
		row->alternatives = alternatives[i] ? alternatives[i] : 1;
		for (unsigned j = 0; j + 1 < row->alternatives; j++)
			fill(row->hash[j]);
		memcpy(row->hash[row->alternatives - 1], measurements->value[i], 48);
	}
}
