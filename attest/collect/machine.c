/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collect/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/collect/missing.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "spec/driver_info.h"

#define INFORMATION_MAX 16384
#define GPUS_DIRECTORY "/proc/driver/nvidia/gpus"

static int
cause(int number)
{
	switch (number) {
	case NVML_DRIVER_NOT_LOADED:
		return CODE_DRIVER_NOT_LOADED;
	case NVML_LIBRARY_NOT_FOUND:
		return CODE_DRIVER_MISSING;
	case NVML_LIB_RM_VERSION_MISMATCH:
		return CODE_DRIVER_MISMATCH;
	case NVML_GPU_LOST:
	case NVML_RESET_REQUIRED:
		return CODE_DEVICE_LOST;
	case NVML_GPU_NOT_FOUND:
		return CODE_DEVICE_MISSING;
	case NVML_NOT_READY:
		return CODE_NOT_READY;
	default:
		return CODE_DRIVER_CALL;
	}
}

/* Sets err unless the call succeeded. */
static int
check_call(int number, const char *call, struct err *err)
{
	if (number == NVML_SUCCESS)
		return 0;
	return err_set(err, cause(number), "%s returned %d", call, number);
}

#define CALL(machine, symbol, err, ...) check_call((machine)->library->symbol(__VA_ARGS__), #symbol, err)

/* A call that the driver may lack, or not support on this machine: the value is then COLLECT_ABSENT. */
static int
check_optional(int number, const char *call, const unsigned *got, uint32_t *out, struct err *err)
{
	*out = number == NVML_SUCCESS ? *got : COLLECT_ABSENT;
	return number == NVML_NOT_SUPPORTED || number == NVML_FUNCTION_NOT_FOUND ? 0 : check_call(number, call, err);
}

/* Texts of the driver go into messages, ids and file names later: the codec takes only visible ASCII. */
static int
check_visible(const char *text, size_t size, const char *call, struct err *err)
{
	size_t length = strnlen(text, size);
	bool visible = length > 0 && length < size;

	for (size_t i = 0; visible && i < length; i++)
		visible = text[i] > ' ' && text[i] <= '~';
	return visible ? 0
		       : err_set(err, CODE_DRIVER_CALL, "%s: the text is empty, unterminated or not visible ASCII",
				 call);
}

/* The calls of confidential computing are "not supported" where a device lacks it or has it off: then all is 0. */
static int
read_cc(const struct machine *machine, struct collect_states *states, struct err *err)
{
	struct nvml_cc_capabilities capabilities = {0};
	struct nvml_cc_state state = {0};
	int number = machine->library->nvmlSystemGetConfComputeCapabilities(&capabilities);

	if (number != NVML_NOT_SUPPORTED && check_call(number, "nvmlSystemGetConfComputeCapabilities", err) != 0)
		return -1;
	if (number == NVML_NOT_SUPPORTED)
		capabilities = (struct nvml_cc_capabilities){0};
	number = machine->library->nvmlSystemGetConfComputeState(&state);
	if (number != NVML_NOT_SUPPORTED && check_call(number, "nvmlSystemGetConfComputeState", err) != 0)
		return -1;
	if (number == NVML_NOT_SUPPORTED)
		state = (struct nvml_cc_state){0};
	states->cpu_caps = capabilities.cpu_caps;
	states->gpu_caps = capabilities.gpus_caps;
	states->environment = state.environment;
	states->cc_feature = state.cc_feature;
	states->devtools = state.devtools_mode;
	return 0;
}

static int
read_optional(const struct machine *machine, struct collect_states *states, struct err *err)
{
	struct nvml_cc_settings settings = {.version = NVML_VERSION(struct nvml_cc_settings, 1)};
	unsigned ready = 0;

	states->multi_gpu = states->ready = COLLECT_ABSENT;
	if (machine->library->nvmlSystemGetConfComputeSettings != NULL &&
	    check_optional(machine->library->nvmlSystemGetConfComputeSettings(&settings),
			   "nvmlSystemGetConfComputeSettings", &settings.multi_gpu_mode, &states->multi_gpu, err) != 0)
		return -1;
	if (machine->library->nvmlSystemGetConfComputeGpusReadyState != NULL &&
	    check_optional(machine->library->nvmlSystemGetConfComputeGpusReadyState(&ready),
			   "nvmlSystemGetConfComputeGpusReadyState", &ready, &states->ready, err) != 0)
		return -1;
	return 0;
}

static int
read_states(const struct machine *machine, struct collect_states *states, struct err *err)
{
	unsigned count = 0;

	*states = (struct collect_states){0};
	if (CALL(machine, nvmlSystemGetDriverVersion, err, states->driver_version, NVML_DRIVER_VERSION_SIZE) != 0 ||
	    check_visible(states->driver_version, NVML_DRIVER_VERSION_SIZE, "nvmlSystemGetDriverVersion", err) != 0 ||
	    read_cc(machine, states, err) != 0 || read_optional(machine, states, err) != 0 ||
	    CALL(machine, nvmlDeviceGetCount_v2, err, &count) != 0)
		return -1;
	if (count == 0)
		return err_set(err, CODE_DEVICE_MISSING, "the driver shows no GPU");
	if (count > GPU_MAX)
		return err_set(err, CODE_DRIVER_CALL, "the driver shows %u GPUs, want at most %d", count,
			       GPU_MAX);
	states->gpus = count;
	return 0;
}

static int
read_pci(const struct machine *machine, struct nvml_device *device, char out[33], struct err *err)
{
	struct nvml_pci_info pci = {0};

	if (CALL(machine, nvmlDeviceGetPciInfo_v3, err, device, &pci) != 0)
		return -1;
	if (pci.bus > 0xff || pci.device > 0x1f)
		return err_set(err, CODE_DRIVER_CALL, "nvmlDeviceGetPciInfo_v3: bus %u, device %u are out of range",
			       pci.bus, pci.device);
	snprintf(out, 33, "%08x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
	return 0;
}

static int
read_identity(const struct machine *machine, struct nvml_device *device, struct collect_identity *out, struct err *err)
{
	const struct library *library = machine->library;
	unsigned minor = 0, architecture = 0, persistence = 0;

	*out = (struct collect_identity){.architecture = COLLECT_ABSENT, .persistence = COLLECT_ABSENT};
	if (CALL(machine, nvmlDeviceGetUUID, err, device, out->uuid, NVML_UUID_SIZE) != 0 ||
	    check_visible(out->uuid, NVML_UUID_SIZE, "nvmlDeviceGetUUID", err) != 0 ||
	    read_pci(machine, device, out->pci, err) != 0 ||
	    CALL(machine, nvmlDeviceGetMinorNumber, err, device, &minor) != 0 ||
	    CALL(machine, nvmlDeviceGetVbiosVersion, err, device, out->vbios_version, NVML_VBIOS_VERSION_SIZE) != 0 ||
	    check_visible(out->vbios_version, NVML_VBIOS_VERSION_SIZE, "nvmlDeviceGetVbiosVersion", err) != 0)
		return -1;
	out->minor = minor;
	if (library->nvmlDeviceGetArchitecture != NULL &&
	    check_optional(library->nvmlDeviceGetArchitecture(device, &architecture), "nvmlDeviceGetArchitecture",
			   &architecture, &out->architecture, err) != 0)
		return -1;
	if (library->nvmlDeviceGetPersistenceMode != NULL &&
	    check_optional(library->nvmlDeviceGetPersistenceMode(device, &persistence), "nvmlDeviceGetPersistenceMode",
			   &persistence, &out->persistence, err) != 0)
		return -1;
	return 0;
}

/* The driver's order is its own affair (EVD-13); ours is the PCI address, each GPU keeping its handle. */
static void
sort(struct machine *machine)
{
	for (unsigned i = 1; i < machine->states.gpus; i++) {
		struct collect_identity identity = machine->identity[i];
		struct nvml_device *device = machine->device[i];
		unsigned j = i;

		for (; j > 0 && strcmp(machine->identity[j - 1].pci, identity.pci) > 0; j--) {
			machine->identity[j] = machine->identity[j - 1];
			machine->device[j] = machine->device[j - 1];
		}
		machine->identity[j] = identity;
		machine->device[j] = device;
	}
}

static int
check_distinct_gpus(const struct machine *machine, struct err *err)
{
	for (unsigned i = 0; i < machine->states.gpus; i++) {
		for (unsigned j = 0; j < i; j++) {
			const struct collect_identity *a = &machine->identity[j], *b = &machine->identity[i];

			if (strcmp(a->uuid, b->uuid) == 0 || strcmp(a->pci, b->pci) == 0 || a->minor == b->minor)
				return err_set(err, CODE_DEVICE_MAPPING,
					       "%s at %s, minor %u, and %s at %s, minor %u, want all distinct", a->uuid,
					       a->pci, a->minor, b->uuid, b->pci, b->minor);
		}
	}
	return 0;
}

int
machine_agree(struct bytes information, const struct collect_identity *identity, struct err *err)
{
	struct bytes uuid = driver_info_value(information, "GPU UUID");
	int minor = driver_info_minor(information);

	if (minor >= 0 && (unsigned)minor == identity->minor && bytes_equal(uuid, bytes_of_text(identity->uuid)))
		return 0;
	return err_set(err, CODE_DEVICE_MAPPING,
		       "GPU at %s: the kernel driver says %.*s, minor %d; the library says %s, minor %u", identity->pci,
		       uuid.size > 0 && uuid.size < 128 ? (int)uuid.size : 7,
		       uuid.size > 0 && uuid.size < 128 ? (const char *)uuid.data : "nothing", minor, identity->uuid,
		       identity->minor);
}

/*
 * The kernel driver names its folders with four digits of domain where these are enough. Without these
 * folders only the library can tell; a GPU that lacks one where there are some is a contradiction.
 */
static int
check_with_kernel(const struct collect_identity *identity, struct err *err)
{
	const char *address = strncmp(identity->pci, "0000", 4) == 0 ? identity->pci + 4 : identity->pci;
	char *path = xprintf(GPUS_DIRECTORY "/%s/information", address);
	struct buf text = {0};
	int rc = fs_read_file(path, INFORMATION_MAX, &text, err);

	if (rc == 0)
		rc = machine_agree(buf_bytes(&text), identity, err);
	else if ((errno == ENOENT || errno == ENOTDIR) && access(GPUS_DIRECTORY, F_OK) != 0)
		rc = 0;
	else
		err_wrap(err, CODE_DEVICE_MAPPING, "%s", path);
	buf_free(&text);
	free(path);
	return rc;
}

/* A lost GPU takes no other with it: it is counted, and only who asks for it is refused. */
static int
find_gpus(struct machine *machine, unsigned listed, struct err *err)
{
	struct err lost = ERR_INIT;

	machine->gpus = machine->lost = 0;
	for (unsigned i = 0; i < listed; i++) {
		struct nvml_device **device = &machine->device[machine->gpus];
		struct err odd = ERR_INIT;

		if (CALL(machine, nvmlDeviceGetHandleByIndex_v2, &odd, i, device) == 0 &&
		    read_identity(machine, *device, &machine->identity[machine->gpus], &odd) == 0) {
			machine->gpus++;
			continue;
		}
		err_wrap(&odd, 0, "GPU %u", i);
		if (odd.code != CODE_DEVICE_LOST) {
			*err = odd;
			return -1;
		}
		machine->lost++;
		lost = odd;
	}
	if (machine->gpus > 0)
		return 0;
	*err = lost;
	return -1;
}

/* By the handles that reports were asked with. */
static int
read_gpus_again(struct machine *machine, struct err *err)
{
	for (unsigned i = 0; i < machine->gpus; i++) {
		if (read_identity(machine, machine->device[i], &machine->identity[i], err) != 0)
			return err_wrap(err, 0, "GPU %u", i);
	}
	return 0;
}

int
machine_read(struct machine *machine, struct err *err)
{
	unsigned listed;

	if (read_states(machine, &machine->states, err) != 0)
		return -1;
	listed = machine->states.gpus;
	if (machine->gpus > 0 && listed == machine->gpus + machine->lost ? read_gpus_again(machine, err) != 0
									 : find_gpus(machine, listed, err) != 0)
		return -1;
	machine->states.gpus = machine->gpus;
	machine->states.lost = machine->lost;
	sort(machine);
	missing_read("", machine->identity, machine->states.gpus, &machine->states);
	if (check_distinct_gpus(machine, err) != 0)
		return -1;
	for (unsigned i = 0; i < machine->states.gpus; i++) {
		if (check_with_kernel(&machine->identity[i], err) != 0)
			return -1;
	}
	return 0;
}

static int
check_reported_size(const char *what, uint32_t size, uint32_t max, struct err *err)
{
	if (size >= 1 && size <= max)
		return 0;
	return err_set(err, CODE_DRIVER_CALL, "%s is %u, want 1 to %u", what, size, max);
}

static int
read_device_chain(const struct machine *machine, struct nvml_device *device, struct buf *out, struct err *err)
{
	struct nvml_cc_certificate *certificate = xcalloc(1, sizeof(*certificate));
	int rc = -1;

	if (CALL(machine, nvmlDeviceGetConfComputeGpuCertificate, err, device, certificate) == 0 &&
	    check_reported_size("attestationCertChainSize", certificate->attestation_cert_chain_size,
		       NVML_ATTESTATION_CERT_CHAIN_SIZE, err) == 0) {
		buf_add(out, certificate->attestation_cert_chain, certificate->attestation_cert_chain_size);
		rc = 0;
	}
	free(certificate);
	return rc;
}

static int
read_report(const struct machine *machine, struct nvml_device *device, const uint8_t nonce[NVML_NONCE_SIZE],
	    struct buf *out, struct err *err)
{
	struct nvml_cc_report *report = xcalloc(1, sizeof(*report));
	int rc = -1;

	memcpy(report->nonce, nonce, NVML_NONCE_SIZE);
	if (CALL(machine, nvmlDeviceGetConfComputeGpuAttestationReport, err, device, report) == 0 &&
	    check_reported_size("attestationReportSize", report->report_size, NVML_REPORT_SIZE, err) == 0) {
		buf_add(out, report->report, report->report_size);
		rc = 0;
	}
	free(report);
	return rc;
}

int
machine_evidence(const struct machine *machine, unsigned i, const uint8_t nonce[NVML_NONCE_SIZE], struct buf *report,
		 struct buf *chain, struct err *err)
{
	if (read_device_chain(machine, machine->device[i], chain, err) != 0 ||
	    read_report(machine, machine->device[i], nonce, report, err) != 0)
		return err_wrap(err, 0, "%s", machine->identity[i].uuid);
	return 0;
}

/*
 * Current drivers answer 2 once the state went from on to off: they take no other until they are loaded again
 * (bFatalFailure in conf_compute_api.c of the open kernel modules).
 */
static int
ready_cause(int number)
{
	switch (number) {
	case NVML_NO_PERMISSION:
		return CODE_READY_RIGHTS;
	case NVML_INVALID_ARGUMENT:
		return CODE_READY_TERMINAL;
	case NVML_NOT_SUPPORTED:
	case NVML_FUNCTION_NOT_FOUND:
		return CODE_READY_UNSUPPORTED;
	default:
		return cause(number);
	}
}

int
machine_set_ready(const struct machine *machine, bool ready, struct err *err)
{
	int number = NVML_FUNCTION_NOT_FOUND;

	if (machine->library->nvmlSystemSetConfComputeGpusReadyState != NULL)
		number = machine->library->nvmlSystemSetConfComputeGpusReadyState(ready);
	if (number == NVML_SUCCESS)
		return 0;
	return err_set(err, ready_cause(number), "nvmlSystemSetConfComputeGpusReadyState(%d) returned %d", ready,
		       number);
}

int
machine_start(struct machine *machine, struct err *err)
{
	return CALL(machine, nvmlInit_v2, err);
}

int
machine_stop(struct machine *machine, struct err *err)
{
	return CALL(machine, nvmlShutdown, err);
}
