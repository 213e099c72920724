/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLECT_NVML_H
#define ATTEST_COLLECT_NVML_H

#include <stdint.h>

/*
 * The part of NVIDIA's management library that attestation needs, as an ABI: names of exported symbols, struct layouts
 * and numbers of nvml.h (CUDA 13.3). The library is loaded at run time, never linked. The header of NVIDIA renames some
 * functions by macro; here stand the symbols that the library really exports.
 */

enum nvml_return {
	NVML_SUCCESS = 0,
	NVML_UNINITIALIZED = 1,
	NVML_INVALID_ARGUMENT = 2,
	NVML_NOT_SUPPORTED = 3,
	NVML_NO_PERMISSION = 4,
	NVML_INSUFFICIENT_SIZE = 7,
	NVML_DRIVER_NOT_LOADED = 9,
	NVML_LIBRARY_NOT_FOUND = 12,
	NVML_FUNCTION_NOT_FOUND = 13,
	NVML_GPU_LOST = 15,
	NVML_RESET_REQUIRED = 16,
	NVML_LIB_RM_VERSION_MISMATCH = 18,
	NVML_ARGUMENT_VERSION_MISMATCH = 25,
	NVML_NOT_READY = 27,
	NVML_GPU_NOT_FOUND = 28,
	NVML_UNKNOWN = 999,
};

#define NVML_DRIVER_VERSION_SIZE 80
#define NVML_VBIOS_VERSION_SIZE 32
#define NVML_UUID_SIZE 96
#define NVML_CERT_CHAIN_SIZE 0x1000
#define NVML_ATTESTATION_CERT_CHAIN_SIZE 0x1400
#define NVML_REPORT_SIZE 0x2000
#define NVML_CEC_REPORT_SIZE 0x1000
#define NVML_NONCE_SIZE 32

/* Versioned structs begin with their own size and version; another value is refused by the driver with 25. */
#define NVML_VERSION(type, number) ((uint32_t)sizeof(type) | (uint32_t)(number) << 24)

struct nvml_device; /* handle; invalid after the last nvmlShutdown */

struct nvml_pci_info {
	char bus_id_legacy[16];
	uint32_t domain;
	uint32_t bus;
	uint32_t device;
	uint32_t pci_device_id;
	uint32_t pci_subsystem_id;
	char bus_id[32];
};

struct nvml_cc_capabilities {
	uint32_t cpu_caps;
	uint32_t gpus_caps;
};

struct nvml_cc_state {
	uint32_t environment;
	uint32_t cc_feature;
	uint32_t devtools_mode;
};

struct nvml_cc_settings { /* version 1, since R550 */
	uint32_t version;
	uint32_t environment;
	uint32_t cc_feature;
	uint32_t devtools_mode;
	uint32_t multi_gpu_mode;
};

struct nvml_cc_certificate {
	uint32_t cert_chain_size;
	uint32_t attestation_cert_chain_size;
	uint8_t cert_chain[NVML_CERT_CHAIN_SIZE];
	uint8_t attestation_cert_chain[NVML_ATTESTATION_CERT_CHAIN_SIZE];
};

struct nvml_cc_report {
	uint32_t is_cec_report_present;
	uint32_t report_size;
	uint32_t cec_report_size;
	uint8_t nonce[NVML_NONCE_SIZE]; /* in */
	uint8_t report[NVML_REPORT_SIZE];
	uint8_t cec_report[NVML_CEC_REPORT_SIZE];
};

_Static_assert(sizeof(struct nvml_pci_info) == 68, "nvmlPciInfo_t");
_Static_assert(sizeof(struct nvml_cc_capabilities) == 8, "nvmlConfComputeSystemCaps_t");
_Static_assert(sizeof(struct nvml_cc_state) == 12, "nvmlConfComputeSystemState_t");
_Static_assert(NVML_VERSION(struct nvml_cc_settings, 1) == 0x01000014, "nvmlSystemConfComputeSettings_v1_t");
_Static_assert(sizeof(struct nvml_cc_certificate) == 9224, "nvmlConfComputeGpuCertificate_t");
_Static_assert(sizeof(struct nvml_cc_report) == 12332, "nvmlConfComputeGpuAttestationReport_t");

/* All return enum nvml_return. */
int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlSystemGetDriverVersion(char *version, unsigned size);
int nvmlSystemGetConfComputeCapabilities(struct nvml_cc_capabilities *capabilities);
int nvmlSystemGetConfComputeState(struct nvml_cc_state *state);
int nvmlSystemGetConfComputeSettings(struct nvml_cc_settings *settings);
int nvmlSystemGetConfComputeGpusReadyState(unsigned *ready);
int nvmlSystemSetConfComputeGpusReadyState(unsigned ready);
int nvmlDeviceGetCount_v2(unsigned *count);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct nvml_device **device);
int nvmlDeviceGetUUID(struct nvml_device *device, char *uuid, unsigned size);
int nvmlDeviceGetPciInfo_v3(struct nvml_device *device, struct nvml_pci_info *pci);
int nvmlDeviceGetMinorNumber(struct nvml_device *device, unsigned *minor);
int nvmlDeviceGetVbiosVersion(struct nvml_device *device, char *version, unsigned size);
int nvmlDeviceGetArchitecture(struct nvml_device *device, unsigned *architecture);
int nvmlDeviceGetPersistenceMode(struct nvml_device *device, unsigned *mode);
int nvmlDeviceGetConfComputeGpuCertificate(struct nvml_device *device, struct nvml_cc_certificate *certificate);
int nvmlDeviceGetConfComputeGpuAttestationReport(struct nvml_device *device, struct nvml_cc_report *report);

/* In every driver that can do confidential computing (R535 on). */
#define NVML_REQUIRED(X) \
	X(nvmlInit_v2) \
	X(nvmlShutdown) \
	X(nvmlSystemGetDriverVersion) \
	X(nvmlSystemGetConfComputeCapabilities) \
	X(nvmlSystemGetConfComputeState) \
	X(nvmlDeviceGetCount_v2) \
	X(nvmlDeviceGetHandleByIndex_v2) \
	X(nvmlDeviceGetUUID) \
	X(nvmlDeviceGetPciInfo_v3) \
	X(nvmlDeviceGetMinorNumber) \
	X(nvmlDeviceGetVbiosVersion) \
	X(nvmlDeviceGetConfComputeGpuCertificate) \
	X(nvmlDeviceGetConfComputeGpuAttestationReport)

/* What a driver may lack; the caller gets COLLECT_ABSENT, or CODE_READY_UNSUPPORTED for the one that sets. */
#define NVML_OPTIONAL(X) \
	X(nvmlSystemGetConfComputeSettings) \
	X(nvmlSystemGetConfComputeGpusReadyState) \
	X(nvmlSystemSetConfComputeGpusReadyState) \
	X(nvmlDeviceGetArchitecture) \
	X(nvmlDeviceGetPersistenceMode)

#endif
