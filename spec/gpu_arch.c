/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/gpu_arch.h"

#include <string.h>

#define CHIP_SIZE 5

#define CHIPS(...) {__VA_ARGS__}
#define GPU_ARCH(constant, nvml, beginnings, service, name, fwid, driver_rim, product, product_is_chip)                \
	[GPU_ARCH_##constant] = {nvml, beginnings, service, name, fwid, driver_rim, product, product_is_chip},
static const struct gpu_arch_row rows[GPU_ARCHES] = {
#include "spec/gpu_arch.def"
};
#undef GPU_ARCH

/* Empty columns and a fifth beginning of a chip's name would compile and match wrongly. */
#define GPU_ARCH(constant, nvml, beginnings, service, name, fwid, driver_rim, product, product_is_chip)                \
	_Static_assert((nvml) > 0 && sizeof((const char *[])beginnings) < sizeof(rows[0].chips) &&                     \
			       sizeof(service) > 1 && sizeof(name) > 1 && (fwid) != GPU_FWID_NONE &&                   \
			       sizeof(driver_rim) > 1 && sizeof(product) == CHIP_SIZE + 1,                             \
		       "GPU_ARCH(" #constant ") has an empty column");
#include "spec/gpu_arch.def"
#undef GPU_ARCH

const struct gpu_arch_row *
gpu_arch_row(enum gpu_arch arch)
{
	return arch > GPU_ARCH_UNKNOWN && arch < GPU_ARCHES ? &rows[arch] : NULL;
}

const char *
gpu_arch_name(enum gpu_arch arch)
{
	const struct gpu_arch_row *row = gpu_arch_row(arch);

	return row != NULL ? row->name : "unknown";
}

static bool
has_chip(const struct gpu_arch_row *row, const char *text)
{
	for (size_t i = 0; row->chips[i] != NULL; i++)
		if (strncmp(text, row->chips[i], strlen(row->chips[i])) == 0)
			return true;
	return false;
}

enum gpu_arch
gpu_arch_of_chip(const char *text)
{
	enum gpu_arch arch = GPU_ARCHES;

	if (strcspn(text, " ") != CHIP_SIZE)
		return GPU_ARCH_UNKNOWN;
	while (--arch > GPU_ARCH_UNKNOWN && !has_chip(&rows[arch], text))
		;
	return arch;
}

enum gpu_arch
gpu_arch_of_nvml(uint32_t number)
{
	enum gpu_arch arch = GPU_ARCHES;

	while (--arch > GPU_ARCH_UNKNOWN && rows[arch].nvml != number)
		;
	return arch;
}

enum gpu_arch
gpu_arch_of_service(const char *word)
{
	enum gpu_arch arch = GPU_ARCHES;

	while (--arch > GPU_ARCH_UNKNOWN && strcmp(rows[arch].service, word) != 0)
		;
	return arch;
}

const char *
gpu_arch_product(enum gpu_arch arch, const char *chip)
{
	const struct gpu_arch_row *row = gpu_arch_row(arch);

	if (row == NULL)
		return NULL;
	return row->product_is_chip && chip[0] != '\0' ? chip : row->product;
}

enum gpu_arch
gpu_arch_of_driver_rim(const char *id, const char **rest)
{
	char chip[CHIP_SIZE + 1];

	for (enum gpu_arch arch = GPU_ARCH_UNKNOWN + 1; arch < GPU_ARCHES; arch++) {
		size_t size = strlen(rows[arch].driver_rim);

		if (strncmp(id, rows[arch].driver_rim, size) != 0 || strcspn(id + size, "_") != CHIP_SIZE)
			continue;
		memcpy(chip, id + size, CHIP_SIZE);
		chip[CHIP_SIZE] = '\0';
		*rest = id + size;
		if (gpu_arch_of_chip(chip) == arch && strcmp(gpu_arch_product(arch, chip), chip) == 0)
			return arch;
	}
	return GPU_ARCH_UNKNOWN;
}
