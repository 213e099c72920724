/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/gpu_arch.h"

#include <stdlib.h>

#include "spec/gpu_report.h"
#include "test/unit/unit.h"

static void
test_rows(void)
{
	for (enum gpu_arch arch = GPU_ARCH_UNKNOWN + 1; arch < GPU_ARCHES; arch++) {
		const struct gpu_arch_row *row = gpu_arch_row(arch);
		struct gpu_report report = {.driver_version = "1.2"};
		const char *rest;
		char *id;

		CHECK(row != NULL);
		if (row == NULL)
			continue;
		CHECK(gpu_arch_of_nvml(row->nvml) == arch && gpu_arch_of_service(row->service) == arch);
		CHECK(gpu_arch_of_chip(row->product) == arch && row->fwid != GPU_FWID_NONE);
		CHECK_TEXT(gpu_arch_name(arch), row->name);
		CHECK_TEXT(gpu_arch_product(arch, ""), row->product);
		id = gpu_report_driver_rim_id(&report, arch);
		CHECK(id != NULL && gpu_arch_of_driver_rim(id, &rest) == arch);
		free(id);
	}
}

static void
test_unknown(void)
{
	static const enum gpu_arch none[] = {GPU_ARCH_UNKNOWN, GPU_ARCHES, (enum gpu_arch)99};
	struct gpu_report report = {.driver_version = "1.2", .chip = "GR100"};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		CHECK(gpu_arch_row(none[i]) == NULL && gpu_arch_product(none[i], "GB100") == NULL);
		CHECK(gpu_report_driver_rim_id(&report, none[i]) == NULL);
		CHECK_TEXT(gpu_arch_name(none[i]), "unknown");
	}
	CHECK(gpu_arch_of_nvml(0) == GPU_ARCH_UNKNOWN && gpu_arch_of_nvml(0xffffffff) == GPU_ARCH_UNKNOWN);
	CHECK(gpu_arch_of_service("") == GPU_ARCH_UNKNOWN && gpu_arch_of_service("Hopper") == GPU_ARCH_UNKNOWN);
	CHECK(gpu_arch_of_service("UNKNOWN") == GPU_ARCH_UNKNOWN && gpu_arch_of_chip("GR100") == GPU_ARCH_UNKNOWN);
}

static void
test_driver_rim(void)
{
	static const struct {
		const char *id;
		enum gpu_arch arch;
	} rows[] = {
		{"NV_GPU_DRIVER_GH100_1", GPU_ARCH_HOPPER},	 {"NV_GPU_CC_DRIVER_GB100_1", GPU_ARCH_BLACKWELL},
		{"NV_GPU_CC_DRIVER_GB202_1", GPU_ARCH_BLACKWELL}, {"NV_GPU_CC_DRIVER_GH100_1", GPU_ARCH_UNKNOWN},
		{"NV_GPU_DRIVER_GB100_1", GPU_ARCH_UNKNOWN},	 {"NV_GPU_CC_DRIVER_GR100_1", GPU_ARCH_UNKNOWN},
		{"NV_GPU_CC_DRIVER_GB1000_1", GPU_ARCH_UNKNOWN}, {"NV_GPU_CC_DRIVER_GB1", GPU_ARCH_UNKNOWN},
		{"NV_GPU_CC_DRIVER_", GPU_ARCH_UNKNOWN},	 {"", GPU_ARCH_UNKNOWN},
	};
	const char *rest;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(gpu_arch_of_driver_rim(rows[i].id, &rest) == rows[i].arch);
	CHECK(gpu_arch_of_driver_rim("NV_GPU_CC_DRIVER_GB202_575.57", &rest) == GPU_ARCH_BLACKWELL);
	CHECK_TEXT(rest, "GB202_575.57");
}

int
main(void)
{
	RUN(test_rows);
	RUN(test_unknown);
	RUN(test_driver_rim);
	return unit_end();
}
