/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_GPU_ARCH_H
#define SPEC_GPU_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* GPU architectures: what differs between them, from the rows of spec/gpu_arch.def. */

#define GPU_MAX 16 /* GPUs of one machine, one run, one evidence file, one token set */

#define GPU_ARCH(constant, ...) GPU_ARCH_##constant,
enum gpu_arch {
	GPU_ARCH_UNKNOWN,
#include "spec/gpu_arch.def"
	GPU_ARCHES
};
#undef GPU_ARCH

/* Which extension of the attestation key's certificate holds the firmware id. */
enum gpu_fwid_form {
	GPU_FWID_NONE,
	GPU_FWID_COMPOSITE, /* 2.23.133.5.4.1, TCG DICE composite device id */
	GPU_FWID_TCB_INFO,  /* 2.23.133.5.4.1.1, TCG DICE TcbInfo */
};

struct gpu_arch_row {
	uint32_t nvml;	      /* nvmlDeviceArchitecture_t */
	const char *chips[4]; /* beginnings of chip names; NULL behind the last */
	const char *service;  /* "HOPPER" */
	const char *name;     /* "Hopper" */
	enum gpu_fwid_form fwid;
	const char *driver_rim; /* "NV_GPU_DRIVER_" */
	const char *product;	/* "GH100" */
	bool product_is_chip;	/* a report that names its chip is of that product */
};

/* Constant, never freed. NULL for GPU_ARCH_UNKNOWN and for numbers that are none. */
const struct gpu_arch_row *gpu_arch_row(enum gpu_arch arch);
/* "Hopper"; "unknown" */
const char *gpu_arch_name(enum gpu_arch arch);
/* By the chip that a text begins with, "GH100 A01 GSP BROM" or "GB100"; GPU_ARCH_UNKNOWN for others. */
enum gpu_arch gpu_arch_of_chip(const char *text);
enum gpu_arch gpu_arch_of_nvml(uint32_t number);
enum gpu_arch gpu_arch_of_service(const char *word);
/* NULL for GPU_ARCH_UNKNOWN. chip: as the report names it, "" where it does not. */
const char *gpu_arch_product(enum gpu_arch arch, const char *chip);
/* The architecture whose driver manifests have this id. rest: "PRODUCT_VERSION" within id. */
enum gpu_arch gpu_arch_of_driver_rim(const char *id, const char **rest);

#endif
