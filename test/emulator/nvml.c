/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnvidia-ml.so.1 of a machine that is not there: confidential GPUs as node.conf beside the library describes them,
 * with the faults of faults.conf. Reports are made for the caller's nonce and signed with the GPU's key.
 */
#include "attest/collect/nvml.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spec/gpu_arch.h"
#include "test/emulator/report.h"

#define EXPORT __attribute__((visibility("default")))

static struct node node;
static bool started, administrator;

/* A library that was loaded through a descriptor bears that one's name: followed while it is surely open. */
__attribute__((constructor)) static void
find_directory(void)
{
	Dl_info info;
	char *path;

	if (dladdr(&node, &info) == 0 || (path = realpath(info.dli_fname, NULL)) == NULL)
		return;
	snprintf(node.directory, sizeof(node.directory), "%.*s", (int)(strrchr(path, '/') - path), path);
	free(path);
}

/* What the kernel driver asks at each call; nobody may ask later in the process that this library is made for. */
__attribute__((constructor)) static void
find_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	administrator = syscall(SYS_capget, &header, data) == 0 && (data[0].effective & 1u << CAP_SYS_ADMIN) != 0;
}

/* The state behind a file in a device node's place: what the worker may write to. "0", "1", or "-": off for good. */
static void
read_ready(void)
{
	int fd = node.ready_node[0] != '\0' ? open(node.ready_node, O_RDONLY | O_CLOEXEC) : -1;
	char state;

	if (fd < 0)
		return;
	if (read(fd, &state, 1) == 1) {
		node.ready = state == '1';
		node.ready_terminal = state == '-';
	}
	close(fd);
}

static bool
write_ready(void)
{
	int fd;
	bool written;

	if (node.ready_node[0] == '\0')
		return true;
	fd = open(node.ready_node, O_WRONLY | O_CLOEXEC);
	written = fd >= 0 && write(fd, node.ready ? "1" : node.ready_terminal ? "-" : "0", 1) == 1;
	close(fd);
	return written;
}

static void
hang(void)
{
	for (;;)
		pause();
}

static void
act(struct node_fault *fault)
{
	static char *const argv[] = {"/bin/true", NULL};
	char line[sizeof(fault->line)];

	switch (fault->action) {
	case NODE_WAIT:
		poll(NULL, 0, fault->value);
		break;
	case NODE_HANG:
		hang();
		break;
	case NODE_ABORT:
		abort();
	case NODE_EXIT:
		exit(0);
	case NODE_FORK:
		if (fork() == 0)
			hang();
		break;
	case NODE_EXEC:
		execv(argv[0], argv);
		break;
	case NODE_PRINT:
		printf("NVRM: a line on standard output from %s\n", fault->call);
		fflush(stdout);
		fprintf(stderr, "NVRM: a line on standard error from %s\n", fault->call);
		break;
	case NODE_SET:
		strcpy(line, fault->line);
		if (fault->calls == fault->from && !node_line(&node, line))
			abort();
		break;
	case NODE_RETURN:
		break;
	}
}

/* Every call begins here: counts, does what faults.conf says, and tells what to return at once (0: go on). */
static int
enter(const char *call)
{
	int code = NVML_SUCCESS;

	for (unsigned i = 0; i < node.faults; i++) {
		struct node_fault *fault = &node.fault[i];

		if (strcmp(fault->call, call) != 0 || ++fault->calls < fault->from)
			continue;
		act(fault);
		if (fault->action == NODE_RETURN)
			code = fault->value;
	}
	return code == NVML_SUCCESS && !started ? NVML_UNINITIALIZED : code;
}

static int
give_text(const char *text, char *out, unsigned size)
{
	if (strlen(text) >= size)
		return NVML_INSUFFICIENT_SIZE;
	strcpy(out, text);
	return NVML_SUCCESS;
}

static struct node_gpu *
gpu_of(struct nvml_device *device)
{
	return (struct node_gpu *)(void *)device;
}

static const struct node_gpu *
evidence_gpu(struct nvml_device *device)
{
	const struct node_gpu *gpu = gpu_of(device);

	return gpu->evidence_of < NODE_GPUS_MAX ? &node.gpu[gpu->evidence_of] : gpu;
}

static bool
read_beside(const char *name, struct buf *out)
{
	char path[sizeof(node.directory) + NODE_TEXT + 2], part[4096];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "%s/%s", node.directory, name);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	while ((size = fread(part, 1, sizeof(part), file)) > 0)
		buf_add(out, part, size);
	fclose(file);
	return out->size > 0;
}

static bool
read_signer(const char *name, struct signer *out)
{
	struct buf key = {0};
	bool whole = read_beside(name, &key) && key.size == sizeof(*out);

	if (whole)
		memcpy(out, key.data, sizeof(*out));
	buf_free(&key);
	return whole;
}

EXPORT int
nvmlInit_v2(void)
{
	if (!started) {
		if (!node_read(&node))
			return NVML_UNKNOWN;
		started = true;
	}
	return enter(__func__);
}

EXPORT int
nvmlShutdown(void)
{
	return enter(__func__);
}

EXPORT int
nvmlSystemGetDriverVersion(char *version, unsigned size)
{
	int code = enter(__func__);

	return code != NVML_SUCCESS ? code : give_text(node.driver, version, size);
}

EXPORT int
nvmlSystemGetConfComputeCapabilities(struct nvml_cc_capabilities *capabilities)
{
	int code = enter(__func__);

	*capabilities = (struct nvml_cc_capabilities){node.cpu_caps, node.gpu_caps};
	return code;
}

EXPORT int
nvmlSystemGetConfComputeState(struct nvml_cc_state *state)
{
	int code = enter(__func__);

	*state = (struct nvml_cc_state){node.environment, node.cc_feature, node.devtools};
	return code;
}

#ifndef EMULATE_R535
EXPORT int
nvmlSystemGetConfComputeSettings(struct nvml_cc_settings *settings)
{
	int code = enter(__func__);

	if (settings->version != NVML_VERSION(struct nvml_cc_settings, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	*settings = (struct nvml_cc_settings){settings->version, node.environment, node.cc_feature, node.devtools,
					      node.multi_gpu};
	return code;
}
#endif

EXPORT int
nvmlSystemGetConfComputeGpusReadyState(unsigned *ready)
{
	int code = enter(__func__);

	read_ready();
	*ready = node.ready;
	return code;
}

EXPORT int
nvmlSystemSetConfComputeGpusReadyState(unsigned ready)
{
	int code = enter(__func__);

	if (code != NVML_SUCCESS)
		return code;
	if (!administrator)
		return NVML_NO_PERMISSION;
	read_ready();
	if (node.ready_terminal || ready > 1)
		return NVML_INVALID_ARGUMENT;
	node.ready_terminal = node.ready == 1 && ready == 0;
	node.ready = ready;
	return write_ready() ? NVML_SUCCESS : NVML_UNKNOWN;
}

EXPORT int
nvmlDeviceGetCount_v2(unsigned *count)
{
	int code = enter(__func__);

	*count = node.gpus;
	return code;
}

EXPORT int
nvmlDeviceGetHandleByIndex_v2(unsigned index, struct nvml_device **device)
{
	int code = enter(__func__);

	if (code != NVML_SUCCESS)
		return code;
	if (index >= node.gpus)
		return NVML_INVALID_ARGUMENT;
	*device = (struct nvml_device *)(void *)&node.gpu[node.order[index]];
	return NVML_SUCCESS;
}

EXPORT int
nvmlDeviceGetUUID(struct nvml_device *device, char *uuid, unsigned size)
{
	int code = enter(__func__);

	return code != NVML_SUCCESS ? code : give_text(gpu_of(device)->uuid, uuid, size);
}

EXPORT int
nvmlDeviceGetPciInfo_v3(struct nvml_device *device, struct nvml_pci_info *pci)
{
	const struct node_gpu *gpu = gpu_of(device);
	int code = enter(__func__);

	if (code != NVML_SUCCESS)
		return code;
	memset(pci, 0, sizeof(*pci));
	if (sscanf(gpu->pci, "%8x:%2x:%2x", &pci->domain, &pci->bus, &pci->device) != 3)
		return NVML_UNKNOWN;
	pci->pci_device_id = gpu_arch_of_nvml(gpu->architecture) == GPU_ARCH_BLACKWELL ? 0x290110de : 0x233010de;
	snprintf(pci->bus_id, sizeof(pci->bus_id), "%08X:%02X:%02X.0", pci->domain, pci->bus, pci->device);
	snprintf(pci->bus_id_legacy, sizeof(pci->bus_id_legacy), "%04X:%02X:%02X.0", pci->domain & 0xffff,
		 pci->bus & 0xff, pci->device & 0xff);
	return NVML_SUCCESS;
}

EXPORT int
nvmlDeviceGetMinorNumber(struct nvml_device *device, unsigned *minor)
{
	int code = enter(__func__);

	*minor = gpu_of(device)->minor;
	return code;
}

EXPORT int
nvmlDeviceGetVbiosVersion(struct nvml_device *device, char *version, unsigned size)
{
	int code = enter(__func__);

	return code != NVML_SUCCESS ? code : give_text(gpu_of(device)->vbios, version, size);
}

EXPORT int
nvmlDeviceGetArchitecture(struct nvml_device *device, unsigned *architecture)
{
	int code = enter(__func__);

	*architecture = gpu_of(device)->architecture;
	return code;
}

EXPORT int
nvmlDeviceGetPersistenceMode(struct nvml_device *device, unsigned *mode)
{
	int code = enter(__func__);

	*mode = gpu_of(device)->persistence;
	return code;
}

EXPORT int
nvmlDeviceGetConfComputeGpuCertificate(struct nvml_device *device, struct nvml_cc_certificate *certificate)
{
	uint32_t told = gpu_of(device)->chain_size;
	int code = enter(__func__);
	struct buf chain = {0};

	if (code != NVML_SUCCESS)
		return code;
	if (read_beside(evidence_gpu(device)->chain, &chain) && chain.size <= NVML_ATTESTATION_CERT_CHAIN_SIZE) {
		memcpy(certificate->attestation_cert_chain, chain.data, chain.size);
		certificate->attestation_cert_chain_size = told == NODE_REAL_SIZE ? (uint32_t)chain.size : told;
	} else {
		code = NVML_UNKNOWN;
	}
	buf_free(&chain);
	return code;
}

EXPORT int
nvmlDeviceGetConfComputeGpuAttestationReport(struct nvml_device *device, struct nvml_cc_report *report)
{
	uint32_t told = gpu_of(device)->report_size;
	const struct node_gpu *gpu = evidence_gpu(device);
	int code = enter(__func__);
	struct buf made = {0};
	struct signer signer;

	if (code != NVML_SUCCESS)
		return code;
	if (!read_signer(gpu->key, &signer))
		return NVML_UNKNOWN;
	report_build(gpu, report->nonce, &signer, &made);
	if (made.size <= NVML_REPORT_SIZE) {
		memcpy(report->report, made.data, made.size);
		report->report_size = told == NODE_REAL_SIZE ? (uint32_t)made.size : told;
	} else {
		code = NVML_UNKNOWN;
	}
	buf_free(&made);
	return code;
}
