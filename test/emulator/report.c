/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emulator/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/collect/nvml.h"
#include "lib/random.h"
#include "spec/gpu_arch.h"

enum opaque_id {
	DRIVER_VERSION = 3,
	GPU_INFO = 4,
	VBIOS_VERSION = 6,
	NVDEC0_STATUS = 11,
	MSRSCNT = 12,
	CPRINFO = 13,
	BOARD_ID = 14,
	CHIP_SKU = 15,
	CHIP_SKU_MOD = 16,
	PROJECT = 17,
	PROJECT_SKU = 18,
	PROJECT_SKU_MOD = 19,
	FWID = 20,
	PROTECTED_PCIE_STATUS = 21,
	SYS_ENABLE_STATUS = 33,
	OPAQUE_DATA_VERSION = 34,
	CHIP_INFO = 35,
	FEATURE_FLAG = 36,
};

static void
put_le(struct buf *out, uint32_t value, size_t size)
{
	uint8_t byte[4];

	for (size_t i = 0; i < size; i++)
		byte[i] = (uint8_t)(value >> 8 * i);
	buf_add(out, byte, size);
}

static void
put_field(struct buf *out, enum opaque_id id, const void *data, size_t size)
{
	put_le(out, id, 2);
	put_le(out, (uint32_t)size, 2);
	buf_add(out, data, size);
}

static void
put_number(struct buf *out, enum opaque_id id, uint32_t value, size_t size)
{
	struct buf field = {0};

	put_le(&field, value, size);
	put_field(out, id, field.data, size);
	buf_free(&field);
}

/* Text padded with NUL to size, or with just one where it is longer. */
static void
put_padded(struct buf *out, enum opaque_id id, const char *text, size_t size)
{
	char field[NODE_TEXT] = {0};
	size_t length = strlen(text) + 1;

	memcpy(field, text, length);
	put_field(out, id, field, length > size ? length : size);
}

/* "96.00.9F.00.01" is b3.b2.b1.b0.b4 of eight bytes. */
static void
put_vbios(struct buf *out, const char *version)
{
	static const int place[] = {3, 2, 1, 0, 4};
	uint8_t field[8] = {0};

	for (size_t i = 0; i < 5 && strlen(version) >= 3 * i + 2; i++)
		field[place[i]] = (uint8_t)strtoul(version + 3 * i, NULL, 16);
	put_field(out, VBIOS_VERSION, field, sizeof(field));
}

static bool
is_zero(const uint8_t hash[NODE_HASH_SIZE])
{
	static const uint8_t zero[NODE_HASH_SIZE];

	return memcmp(hash, zero, NODE_HASH_SIZE) == 0;
}

/* How often each register was extended: zero for an unused one. */
static void
put_counts(struct buf *out, const struct node_gpu *gpu)
{
	struct buf counts = {0};

	for (unsigned i = 0; i < NODE_BLOCKS; i++)
		put_le(&counts, is_zero(gpu->measurement[i]) ? 0 : i == 2 ? 4 : i == 11 ? 130 : 1, 4);
	put_field(out, MSRSCNT, counts.data, counts.size);
	buf_free(&counts);
}

static void
put_newer(struct buf *out, const struct node_gpu *gpu, bool blackwell, unsigned long branch)
{
	if (branch >= 550) {
		put_field(out, FWID, gpu->fwid, NODE_HASH_SIZE);
		if (!blackwell)
			put_number(out, PROTECTED_PCIE_STATUS, gpu->protected_pcie ? 0xaa : 0x55, 1);
	}
	if (blackwell)
		put_number(out, SYS_ENABLE_STATUS, 0x0707, 2);
	if (branch >= 580 || blackwell)
		put_number(out, OPAQUE_DATA_VERSION, branch >= 580, 2);
	/* No Hopper's report names its chip; one that names another GPU's is a fault. */
	if (branch >= 580 && (blackwell || strncmp(gpu->chip, "GH", 2) != 0))
		put_padded(out, CHIP_INFO, gpu->chip, 9);
	if (branch >= 580)
		put_number(out, FEATURE_FLAG, gpu->protected_pcie ? 2 : 0, 2);
}

static void
put_opaque(struct buf *out, const struct node_gpu *gpu)
{
	bool blackwell = gpu_arch_of_nvml(gpu->architecture) == GPU_ARCH_BLACKWELL;
	unsigned long branch = strtoul(gpu->report_driver, NULL, 10);
	bool early = branch < 550;
	struct buf opaque = {0};

	put_vbios(&opaque, gpu->report_vbios);
	put_number(&opaque, BOARD_ID, gpu->board_id, 4);
	put_padded(&opaque, CHIP_SKU, gpu->chip_sku, early ? 4 : 9);
	put_padded(&opaque, CHIP_SKU_MOD, "0", early ? 2 : 5);
	put_padded(&opaque, PROJECT, gpu->project, 5);
	put_padded(&opaque, PROJECT_SKU, gpu->project_sku, 5);
	put_padded(&opaque, PROJECT_SKU_MOD, blackwell ? "0" : "", 2);
	put_padded(&opaque, DRIVER_VERSION, gpu->report_driver, 0);
	put_field(&opaque, GPU_INFO, blackwell ? "\xa0\x01\0\0\0\0\0" : "\x80\x01\0\0\0\0\0", 8);
	put_counts(&opaque, gpu);
	put_number(&opaque, CPRINFO, blackwell ? 0x00040000 : 0x0001c000, 4);
	put_number(&opaque, NVDEC0_STATUS, gpu->nvdec, 1);
	put_newer(&opaque, gpu, blackwell, branch);
	put_le(out, (uint32_t)opaque.size, 2);
	buf_add(out, opaque.data, opaque.size);
	buf_free(&opaque);
}

static void
put_blocks(struct buf *out, const struct node_gpu *gpu)
{
	for (unsigned i = 0; i < NODE_BLOCKS; i++) {
		put_le(out, i + 1, 1);
		put_le(out, 1, 1);                  /* DMTF measurement specification */
		put_le(out, NODE_HASH_SIZE + 3, 2);
		put_le(out, 1, 1);                  /* digest of mutable firmware */
		put_le(out, NODE_HASH_SIZE, 2);
		buf_add(out, gpu->measurement[i], NODE_HASH_SIZE);
	}
}

void
report_build(const struct node_gpu *gpu, const uint8_t nonce[32], const struct signer *signer, struct buf *out)
{
	static const uint8_t request[] = {0x11, 0xe0, 0x01, 0xff}, response[] = {0x11, 0x60, 0, 0, NODE_BLOCKS};
	uint8_t responder[32], signature[2 * SIGNER_PART];

	random_bytes(responder, sizeof(responder));
	buf_add(out, request, sizeof(request));
	buf_add(out, gpu->nonce_fixed ? gpu->nonce : nonce, 32);
	put_le(out, 0, 1);
	buf_add(out, response, sizeof(response));
	put_le(out, NODE_BLOCKS * (NODE_HASH_SIZE + 7), 3);
	put_blocks(out, gpu);
	buf_add(out, responder, sizeof(responder));
	put_opaque(out, gpu);
	signer_sign(signer, buf_bytes(out), signature);
	buf_add(out, signature, sizeof(signature));
}
