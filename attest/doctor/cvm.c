/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/doctor/cvm.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "attest/node/place.h"

/* Leaves and bits: AMD APM volume 3 appendix E, Intel TDX module specification, Hyper-V TLFS. */
#define LEAF_TDX 0x21u
#define LEAF_HYPERV 0x40000000u
#define LEAF_HYPERV_FEATURES 0x40000003u
#define LEAF_HYPERV_ISOLATION 0x4000000cu
#define LEAF_EXTENDED 0x80000000u
#define LEAF_SEV 0x8000001fu
#define MSR_SEV_STATUS 0xc0010131

static bool
is_vendor(const uint32_t a, const uint32_t b, const uint32_t c, const char *want)
{
	const uint32_t words[3] = {a, b, c};

	return memcmp(words, want, 12) == 0;
}

/* Azure hides AMD's and Intel's leaves from its guests and tells in the hypervisor's. */
static enum cvm_kind
hyperv_hint(const struct cvm_cpu *cpu)
{
	struct cvm_registers r;
	uint32_t last;

	cpu->cpuid(cpu->context, LEAF_HYPERV, 0, &r);
	last = r.eax;
	if (!is_vendor(r.ebx, r.ecx, r.edx, "Microsoft Hv") || last < LEAF_HYPERV + 5 || last > LEAF_HYPERV + 0xffff)
		return CVM_NONE;
	cpu->cpuid(cpu->context, LEAF_HYPERV_FEATURES, 0, &r);
	/* Bit 22: isolated partition; bit 12: the root partition, which manages the processors. */
	if ((r.ebx & 1u << 22) == 0 || (r.ebx & 1u << 12) != 0 || last < LEAF_HYPERV_ISOLATION)
		return CVM_NONE;
	cpu->cpuid(cpu->context, LEAF_HYPERV_ISOLATION, 0, &r);
	switch (r.ebx & 0xf) {
	case 1:
		return CVM_HYPERV_VBS;
	case 2:
		return CVM_HYPERV_SNP;
	case 3:
		return CVM_HYPERV_TDX;
	default:
		return CVM_NONE;
	}
}

static enum cvm_kind
amd_hint(const struct cvm_cpu *cpu)
{
	struct cvm_registers r;
	uint64_t status;

	cpu->cpuid(cpu->context, LEAF_EXTENDED, 0, &r);
	if (r.eax < LEAF_SEV)
		return CVM_NONE;
	cpu->cpuid(cpu->context, LEAF_SEV, 0, &r);
	if ((r.eax & 1u << 1) == 0)
		return CVM_NONE;
	/* The leaf tells what the processor can do, the MSR what this guest has. */
	if (!cpu->sev_status(cpu->context, &status))
		return CVM_SEV_CAPABLE;
	return status & 4 ? CVM_SNP : status & 1 ? CVM_SEV : CVM_NONE;
}

static enum cvm_kind
intel_hint(const struct cvm_cpu *cpu, uint32_t last)
{
	struct cvm_registers r;

	if (last < LEAF_TDX)
		return CVM_NONE;
	cpu->cpuid(cpu->context, LEAF_TDX, 0, &r);
	return is_vendor(r.ebx, r.edx, r.ecx, "IntelTDX    ") ? CVM_TDX : CVM_NONE;
}

enum cvm_kind
cvm_hint(const struct cvm_cpu *cpu)
{
	enum cvm_kind kind = CVM_NONE;
	struct cvm_registers r;

	if (!cpu->cpuid(cpu->context, 1, 0, &r))
		return CVM_UNKNOWN;
	if ((r.ecx & 1u << 31) == 0)
		return CVM_BARE;
	cpu->cpuid(cpu->context, 0, 0, &r);
	if (is_vendor(r.ebx, r.edx, r.ecx, "AuthenticAMD"))
		kind = amd_hint(cpu);
	else if (is_vendor(r.ebx, r.edx, r.ecx, "GenuineIntel"))
		kind = intel_hint(cpu, r.eax);
	return kind == CVM_NONE ? hyperv_hint(cpu) : kind;
}

const char *
cvm_name(enum cvm_kind kind)
{
	static const char *const names[CVM_KINDS] = {
		[CVM_UNKNOWN] = "unknown: no way to tell on this architecture",
		[CVM_BARE] = "none: no hypervisor",
		[CVM_NONE] = "none: a virtual machine like any other",
		[CVM_SEV_CAPABLE] = "AMD SEV, which kind cannot be seen",
		[CVM_SEV] = "AMD SEV without SNP",
		[CVM_SNP] = "AMD SEV-SNP",
		[CVM_TDX] = "Intel TDX",
		[CVM_HYPERV_VBS] = "none: isolated by Hyper-V alone (VBS)",
		[CVM_HYPERV_SNP] = "AMD SEV-SNP behind a paravisor (Hyper-V, Azure)",
		[CVM_HYPERV_TDX] = "Intel TDX behind a paravisor (Hyper-V, Azure)",
	};

	return names[kind];
}

/* -- this machine ------------------------------------------------------------------------------------------------ */

static bool
read_cpuid(void *context, uint32_t leaf, uint32_t subleaf, struct cvm_registers *out)
{
	(void)context;
#ifdef __x86_64__
	__cpuid_count(leaf, subleaf, out->eax, out->ebx, out->ecx, out->edx);
	return true;
#else
	(void)leaf, (void)subleaf, (void)out;
	return false;
#endif
}

static bool
read_sev_status(void *context, uint64_t *out)
{
	char *path = place_path(context, "/dev/cpu/0/msr");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool got = fd >= 0 && pread(fd, out, sizeof(*out), MSR_SEV_STATUS) == sizeof(*out);

	if (fd >= 0)
		close(fd);
	free(path);
	return got;
}

enum cvm_kind
cvm_hint_here(const char *root)
{
	const struct cvm_cpu cpu = {read_cpuid, read_sev_status, (void *)root};

	return cvm_hint(&cpu);
}
