/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_DOCTOR_CVM_H
#define ATTEST_DOCTOR_CVM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which kind of confidential virtual machine this one says it is. CPUID and device nodes are the host's to forge: the
 * answer is a hint for a person and proves nothing.
 */
enum cvm_kind {
	CVM_UNKNOWN,     /* another architecture */
	CVM_BARE,        /* no hypervisor */
	CVM_NONE,        /* a virtual machine like any other */
	CVM_SEV_CAPABLE, /* AMD's leaf is there; whether it is in use, the MSR would tell, which cannot be read */
	CVM_SEV,         /* memory encryption without integrity, with or without encrypted registers */
	CVM_SNP,
	CVM_TDX,
	CVM_HYPERV_VBS,  /* isolated by the hypervisor alone */
	CVM_HYPERV_SNP,  /* behind a paravisor, as on Azure */
	CVM_HYPERV_TDX,
	CVM_KINDS
};

struct cvm_registers {
	uint32_t eax, ebx, ecx, edx;
};

struct cvm_cpu {
	/* False: the processor has no such instruction. */
	bool (*cpuid)(void *context, uint32_t leaf, uint32_t subleaf, struct cvm_registers *out);
	/* MSR SEV_STATUS, 0xc0010131; false: it cannot be read. */
	bool (*sev_status)(void *context, uint64_t *out);
	void *context;
};

enum cvm_kind cvm_hint(const struct cvm_cpu *cpu);
/* This machine's; root is in front of /dev/cpu. */
enum cvm_kind cvm_hint_here(const char *root);
const char *cvm_name(enum cvm_kind kind);

#endif
