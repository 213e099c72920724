/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/doctor/advisory.h"
#include "attest/doctor/cvm.h"
#include "attest/doctor/doctor.h"
#include "attest/policy/policy.h"
#include "lib/buf.h"
#include "lib/code.h"

#define KERNEL_OLDEST "5.12" /* mount_setattr(2): without it the result cannot be attached */

static void
check_kernel(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	char *text = place_read(doctor->root, "/proc/sys/kernel/osrelease", PLACE_SMALL);
	const struct advisory *advisory = NULL;

	if (text != NULL)
		snprintf(doctor->kernel, sizeof(doctor->kernel), "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	if (doctor->kernel[0] == '\0') {
		finding_skip(findings, "kernel", "/proc/sys/kernel/osrelease cannot be read");
		return;
	}
	doctor->azure = strstr(doctor->kernel, "-azure") != NULL;
	if (doctor->azure)
		advisory = advisory_find(ADVISORY_AZURE_KERNEL, doctor->kernel);
	if (policy_version_compare(doctor->kernel, KERNEL_OLDEST, 10) < 0) {
		finding_fail(findings, "kernel", CODE_ATTACH, "Linux %s is older than %s", doctor->kernel,
			     KERNEL_OLDEST);
		finding_action(findings, "%s", "apt-get dist-upgrade && systemctl reboot");
	} else if (advisory != NULL) {
		finding_warn(findings, "kernel", 0, "Linux %s is older than %s: %s (list of %s)", doctor->kernel,
			     advisory->below, advisory->why, advisory_date);
		finding_action(findings, "apt-get dist-upgrade && systemctl reboot");
	} else {
		finding_ok(findings, "kernel", "Linux %s", doctor->kernel);
	}
}

/* Where the guest's own evidence would come from; hypervisor and kernel decide which of them are there. */
static char *
evidence_interfaces(const char *root)
{
	static const char *const paths[] = {"/sys/kernel/config/tsm/report", "/dev/sev-guest", "/dev/tdx_guest",
					    "/dev/tpmrm0"};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (place_exists(root, paths[i]))
			buf_printf(&out, "%s%s", out.size > 0 ? ", " : "", paths[i]);
	if (out.size == 0)
		buf_add_text(&out, "none");
	return buf_steal_text(&out);
}

static void
check_cvm(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	enum cvm_kind kind = cvm_hint_here(doctor->root);
	char *interfaces = evidence_interfaces(doctor->root);

	switch (kind) {
	case CVM_SNP:
	case CVM_TDX:
	case CVM_HYPERV_SNP:
	case CVM_HYPERV_TDX:
		finding_ok(findings, "confidential-vm",
			   "%s, as the host tells it, which proves nothing; interfaces for evidence: %s",
			   cvm_name(kind), interfaces);
		break;
	case CVM_UNKNOWN:
	case CVM_SEV_CAPABLE:
		finding_skip(findings, "confidential-vm",
			     "%s (needs root and the module msr); interfaces for evidence: %s", cvm_name(kind),
			     interfaces);
		finding_action(findings, "modprobe msr && cgpu doctor");
		break;
	default:
		finding_warn(findings, "confidential-vm", 0,
			     "%s, as the host tells it: what a container does with a confidential GPU is not hidden "
			     "from the host",
			     cvm_name(kind));
		finding_action(findings, "systemd-detect-virt --cvm");
	}
	free(interfaces);
}

void
doctor_machine(struct doctor *doctor)
{
	check_kernel(doctor);
	check_cvm(doctor);
}
