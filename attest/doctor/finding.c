/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/doctor/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/code.h"

static char *
format_text(const char *format, va_list values)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, values);
	return xstrdup(text);
}

void
finding_add(struct findings *findings, const char *check, enum finding_status status, int code, const char *format, ...)
{
	va_list values;

	findings->list = xrealloc(findings->list, (findings->count + 1) * sizeof(*findings->list));
	va_start(values, format);
	findings->list[findings->count++] = (struct finding){check, status, code, format_text(format, values), NULL};
	va_end(values);
}

void
finding_action(struct findings *findings, const char *format, ...)
{
	struct finding *last = &findings->list[findings->count - 1];
	va_list values;

	free(last->action);
	va_start(values, format);
	last->action = format_text(format, values);
	va_end(values);
}

/* Commands that need nothing but the code; NVIDIA's tool for the modes, gpu-admin-tools, runs on the host. */
static const struct {
	int code;
	const char *command;
} actions[] = {
	{CODE_DRIVER_MISSING, "ldconfig -p | grep libnvidia-ml.so.1; cgpu config show"},
	{CODE_DRIVER_NOT_LOADED, "modprobe nvidia && nvidia-smi"},
	{CODE_DRIVER_MISMATCH, "systemctl reboot"},
	{CODE_DEVICE_MISSING, "lspci -nnd 10de:; nvidia-smi -L"},
	{CODE_DEVICE_LOST, "dmesg | grep -i -e xid -e nvrm"},
	{CODE_DRIVER_HUNG, "dmesg | grep -i -e xid -e nvrm; nvidia-smi"},
	{CODE_DRIVER_CRASHED, "dmesg | grep -i -e xid -e nvrm -e segfault"},
	{CODE_DEVICE_MAPPING, "cgpu status; cat /proc/driver/nvidia/gpus/*/information"},
	{CODE_DRIVER_CALL, "nvidia-smi -q; dmesg | grep -i -e xid -e nvrm"},
	{CODE_CC_OFF, "nvidia_gpu_tools.py --set-cc-mode=on --reset-after-cc-mode-switch (on the host)"},
	{CODE_ENVIRONMENT, "nvidia-smi conf-compute -q"},
	{CODE_DEVTOOLS, "nvidia_gpu_tools.py --set-cc-mode=on --reset-after-cc-mode-switch (on the host)"},
	{CODE_PROTECTED_PCIE, "nvidia_gpu_tools.py --set-ppcie-mode=off --reset-after-ppcie-mode-switch (on the host)"},
	{CODE_PERSISTENCE, "systemctl enable --now nvidia-persistenced"},
	{CODE_NOT_READY, "cgpu ready --attest"},
	{CODE_READY_TERMINAL, "systemctl reboot"},
	{CODE_STATE_CHANGED, "dmesg | grep -i -e xid -e nvrm"},
	{CODE_DEVICE_CHAIN_EXPIRED, "timedatectl"},
	{CODE_DRIVER_RIM_MISSING, "cgpu collateral check"},
	{CODE_VBIOS_RIM_MISSING, "cgpu collateral check"},
	{CODE_RIM_FORMAT, "cgpu collateral verify"},
	{CODE_RIM_PROFILE, "cgpu collateral verify"},
	{CODE_RIM_SIGNATURE, "cgpu collateral verify"},
	{CODE_RIM_CHAIN, "cgpu collateral verify"},
	{CODE_RIM_EXPIRED, "timedatectl; cgpu collateral refresh"},
	{CODE_RIM_VERSION, "cgpu collateral list"},
	{CODE_RIM_PRODUCT, "cgpu collateral list"},
	{CODE_OCSP_MISSING, "cgpu collateral check"},
	{CODE_OCSP_STALE, "timedatectl; cgpu collateral refresh"},
	{CODE_COLLATERAL, "cgpu collateral verify"},
	{CODE_NETWORK_TIMEOUT, "cgpu config show | grep -e -url -e proxy -e timeout"},
	{CODE_NETWORK, "cgpu config show | grep -e -url -e proxy"},
	{CODE_TLS, "cgpu config show | grep -e -url -e ca-file; timedatectl"},
	{CODE_HTTP_STATUS, "cgpu config show | grep -e -url -e proxy"},
	{CODE_SERVICE_ANSWER, "cgpu config show | grep -e -url -e proxy"},
	{CODE_SERVICE_DENIED, "cgpu config show | grep service-key"},
	{CODE_MEASUREMENT, "cgpu attest; cgpu collateral list"},
	{CODE_CLOCK, "timedatectl set-ntp true"},
	{CODE_REMOTE_REFUSED, "cgpu attest --verifier local"},
};

void
finding_action_of_code(struct findings *findings)
{
	int code = findings->list[findings->count - 1].code;

	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (actions[i].code == code) {
			finding_action(findings, "%s", actions[i].command);
			return;
		}
	}
	finding_action(findings, "cgpu explain %d", code);
}

const struct finding *
findings_first_failure(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].status == FINDING_FAIL)
			return &findings->list[i];
	return NULL;
}

int
findings_code(const struct findings *findings)
{
	const struct finding *failed = findings_first_failure(findings);

	return failed != NULL ? failed->code : CODE_OK;
}

const char *
finding_status_name(enum finding_status status)
{
	static const char *const names[] = {"ok", "skip", "warn", "fail"};

	return names[status];
}

void
findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].text);
		free(findings->list[i].action);
	}
	free(findings->list);
	*findings = (struct findings){0};
}
