/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLECT_WIRE_H
#define ATTEST_COLLECT_WIRE_H

#include "lib/buf.h"
#include "lib/err.h"
#include "spec/gpu_arch.h"

/*
 * What the collect worker says about this machine, and its wire form. None of it is signed: the run judges the modes
 * before it asks for a report, and compares everything again after the verdict. Values are NVML's (nvml.h, CUDA 13).
 */

#define COLLECT_REPORTS_SIZE (32 + GPU_MAX) /* FRAME_REPORTS: nonce, then one byte for each GPU */
#define COLLECT_ABSENT 0xffffffffu /* the driver has no such function (R535: settings), or does not support it here */

struct collect_states {
	uint32_t cpu_caps;    /* 0 none, 1 SEV, 2 TDX, 3 SNP, 4 SNP vTOM */
	uint32_t gpu_caps;    /* 1 capable */
	uint32_t environment; /* 0 unavailable, 1 simulation, 2 production */
	uint32_t cc_feature;  /* 0 off, 1 on */
	uint32_t devtools;    /* 0 off, 1 on */
	uint32_t multi_gpu;   /* 0 none, 1 protected PCIe, 2 NVLE; COLLECT_ABSENT */
	uint32_t ready;       /* 0, 1; COLLECT_ABSENT */
	uint32_t gpus;        /* that the library gives */
	uint32_t lost;        /* that it lists and cannot reach: off the bus, or in need of a reset */
	uint32_t missing;     /* lost ones, and those that the kernel or /dev show and the library does not */
	char driver_version[81];
	char missing_names[193]; /* separated by commas: PCI address, node, or "unnamed"; as many as fit */
};

struct collect_identity {
	char uuid[97];
	char pci[33]; /* "00000000:41:00.0", lower case, eight digits of domain */
	uint32_t minor;
	uint32_t architecture; /* gpu_arch_of_nvml; COLLECT_ABSENT: not told (NVML's own "unknown") */
	uint32_t persistence;  /* 0, 1; COLLECT_ABSENT */
	char vbios_version[33];
};

/* Getters take the whole payload, and texts of visible ASCII only: they go into messages and ids. -1 with code 0. */
void collect_put_states(struct buf *payload, const struct collect_states *states);
int collect_get_states(struct bytes payload, struct collect_states *states, struct err *err);
void collect_put_identity(struct buf *payload, const struct collect_identity *identity);
int collect_get_identity(struct bytes payload, struct collect_identity *identity, struct err *err);

#endif
