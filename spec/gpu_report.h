/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_GPU_REPORT_H
#define SPEC_GPU_REPORT_H

#include "lib/buf.h"
#include "lib/err.h"
#include "spec/gpu_arch.h"
#include "spec/spdm_measurement.h"

/*
 * NVIDIA's GPU attestation report: an SPDM 1.1 measurement exchange whose opaque data is a stream of
 * u16 type, u16 size, value. Pure reading; views point into the report's bytes.
 */

#define GPU_REPORT_MAX 0x2000 /* NVML's buffer */
#define GPU_TEXT_MAX 64       /* versions, SKUs: [0-9A-Za-z][0-9A-Za-z._-]*, they go into ids, file names, URLs, logs */

enum gpu_nvdec { GPU_NVDEC_UNKNOWN, GPU_NVDEC_ENABLED, GPU_NVDEC_DISABLED };

struct gpu_report {
	struct spdm_measurements spdm;
	char driver_version[GPU_TEXT_MAX + 1]; /* id 3 */
	char vbios_version[GPU_TEXT_MAX + 1];  /* id 6, decoded: "96.00.9F.00.01", upper case */
	char chip_sku[GPU_TEXT_MAX + 1];       /* id 15 */
	char project[GPU_TEXT_MAX + 1];        /* id 17 */
	char project_sku[GPU_TEXT_MAX + 1];    /* id 18 */
	char chip[GPU_TEXT_MAX + 1];           /* id 35, "" if absent */
	struct bytes fwid;                     /* id 20, 48 bytes; {NULL, 0} if absent */
	enum gpu_nvdec nvdec;                  /* id 11; required */
	int protected_pcie;                    /* id 21: 1, 0, -1 absent */
	unsigned opaque_version;               /* id 34, 0 if absent */
	int64_t feature_flag;                  /* id 36; -1 absent. 0 SPT, 1 MPT, 2 PPCIE */
	struct bytes switch_pdis;              /* id 22, n * 8 bytes */
	unsigned unknown_ids[16];              /* ids outside the known set, in order: recorded, not interpreted */
	unsigned unknown_count;
};

/* 0, or -1: CODE_REPORT_FORMAT, or CODE_OPAQUE_VERSION for a versioned opaque format above 1. */
int gpu_report_parse(struct bytes report, struct gpu_report *out, struct err *err);

/* Ids of the reference manifests, from signed fields only; new memory. */
char *gpu_report_driver_rim_id(const struct gpu_report *report, enum gpu_arch arch);
char *gpu_report_vbios_rim_id(const struct gpu_report *report);

#endif
