/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_EMULATED_REPORT_H
#define TEST_UNIT_EMULATED_REPORT_H

/* Chains and reports out of the emulated library of a minted machine, loaded into this process. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "attest/collect/nvml.h"
#include "lib/buf.h"

/* scene: a folder of its own for each machine, for the loader takes a library of a known name for that one. */
static inline bool
emulated_reports(const char *scene, const uint8_t nonce[32], unsigned gpus, struct buf *reports, struct buf *chains)
{
	char *path = xprintf("%s/node/libnvidia-ml.so.1", scene);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int (*init)(void) = NULL;
	int (*handle)(unsigned, struct nvml_device **) = NULL;
	int (*certificate)(struct nvml_device *, struct nvml_cc_certificate *) = NULL;
	int (*report)(struct nvml_device *, struct nvml_cc_report *) = NULL;

	free(path);
	if (library == NULL)
		return false;
	*(void **)&init = dlsym(library, "nvmlInit_v2");
	*(void **)&handle = dlsym(library, "nvmlDeviceGetHandleByIndex_v2");
	*(void **)&certificate = dlsym(library, "nvmlDeviceGetConfComputeGpuCertificate");
	*(void **)&report = dlsym(library, "nvmlDeviceGetConfComputeGpuAttestationReport");
	if (init == NULL || init() != 0)
		return false;
	for (unsigned i = 0; i < gpus; i++) {
		static struct nvml_cc_certificate chain;
		static struct nvml_cc_report blob;
		struct nvml_device *device;

		memcpy(blob.nonce, nonce, 32);
		if (handle(i, &device) != 0 || certificate(device, &chain) != 0 || report(device, &blob) != 0)
			return false;
		chains[i].size = reports[i].size = 0;
		buf_add(&chains[i], chain.attestation_cert_chain, chain.attestation_cert_chain_size);
		buf_add(&reports[i], blob.report, blob.report_size);
	}
	return true;
}

#endif
