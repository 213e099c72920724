/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/doctor/advisory.h"
#include "attest/doctor/doctor.h"
#include "attest/run.h"
#include "lib/buf.h"
#include "lib/code.h"
#include "spec/driver_info.h"

#define GPUS "/proc/driver/nvidia/gpus"

/* Whether the library is somewhere else than a driver's: an emulated node has no kernel module. */
static bool
is_emulated(const struct doctor *doctor)
{
	return doctor->conf != NULL && doctor->conf->nvml_library[0] != '\0';
}

/* -- kernel module and library ----------------------------------------------------------------------------------- */

/* The first word that is digits with dots between them: "595.45.04". */
static bool
find_dotted_version(const char *text, char *out, size_t size)
{
	for (const char *word = text + strspn(text, " \t"); *word != '\0' && *word != '\n';
	     word += strspn(word, " \t")) {
		size_t length = strcspn(word, " \t\n");

		if (word[0] >= '0' && word[0] <= '9' && memchr(word, '.', length) != NULL &&
		    strspn(word, "0123456789.") == length && length < size) {
			memcpy(out, word, length);
			out[length] = '\0';
			return true;
		}
		word += length;
	}
	return false;
}

static void
tell_not_loaded(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;

	if (is_emulated(doctor)) {
		finding_warn(findings, "kernel-driver", CODE_DRIVER_NOT_LOADED,
			     "no module nvidia in the kernel, and nvml-library is configured: %s",
			     doctor->conf->nvml_library);
		finding_action(findings, "cgpu config show | grep nvml-library");
		return;
	}
	finding_fail(findings, "kernel-driver", CODE_DRIVER_NOT_LOADED, "no module nvidia in the kernel");
	finding_action_of_code(findings);
}

static void
check_kernel_driver(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	char *text = place_read(doctor->root, "/proc/driver/nvidia/version", PLACE_SMALL), line[256] = "";

	if (text == NULL || !place_field(text, "NVRM version:", line, sizeof(line))) {
		tell_not_loaded(doctor);
	} else if (!find_dotted_version(line, doctor->driver, sizeof(doctor->driver))) {
		finding_warn(findings, "kernel-driver", 0, "/proc/driver/nvidia/version has another form: %s", line);
		finding_action(findings, "cat /proc/driver/nvidia/version");
	} else if (strstr(line, "Open Kernel Module") == NULL) {
		finding_warn(findings, "kernel-driver", 0,
			     "module %s is the closed one; confidential computing is made for the open kernel modules",
			     doctor->driver);
		finding_action(findings, "apt-get install nvidia-driver-%.*s-server-open",
			       (int)strcspn(doctor->driver, "."), doctor->driver);
	} else {
		finding_ok(findings, "kernel-driver", "module %s, open kernel modules", doctor->driver);
	}
	free(text);
}

/* The version is the ending of the file that libnvidia-ml.so.1 leads to. */
static void
check_library(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	char *path = run_library(doctor->conf), real[PATH_MAX];
	const char *version = realpath(path, real) != NULL ? strstr(real, ".so.") : NULL;

	if (realpath(path, real) == NULL) {
		finding_fail(findings, "driver-library", CODE_DRIVER_MISSING, "%s is not there", path);
		finding_action_of_code(findings);
	} else if (version == NULL || strchr(version + 4, '.') == NULL || doctor->driver[0] == '\0') {
		finding_ok(findings, "driver-library", "%s", real);
	} else if (strcmp(version + 4, doctor->driver) != 0) {
		finding_fail(findings, "driver-library", CODE_DRIVER_MISMATCH,
			     "Driver/Library version mismatch: the library is %s, the kernel module %s", version + 4,
			     doctor->driver);
		finding_action_of_code(findings);
	} else {
		finding_ok(findings, "driver-library", "%s, of the module's version", real);
	}
	free(path);
}

/* -- nodes ------------------------------------------------------------------------------------------------------- */

/* "": it is there. The mode is kept where it is wider. */
static const char *
node_fault(const struct doctor *doctor, const char *path, mode_t *mode)
{
	struct stat status;

	if (!place_stat(doctor->root, path, &status))
		return "is not there";
	*mode |= status.st_mode & 0777;
	return S_ISCHR(status.st_mode) ? "" : "is no device";
}

/* The node that the driver says the GPU at this address has; NULL: it does not say. */
static char *
gpu_node(const struct doctor *doctor, const char *address)
{
	char *path = xprintf(GPUS "/%s/information", address), *text = place_read(doctor->root, path, PLACE_SMALL);
	int minor = text == NULL ? -1 : driver_info_minor(bytes_of_text(text));

	free(text);
	free(path);
	return minor >= 0 ? xprintf("/dev/nvidia%d", minor) : NULL;
}

static bool
check_device_node(struct doctor *doctor, const char *path, mode_t *mode)
{
	const char *fault = node_fault(doctor, path, mode);

	if (fault[0] == '\0')
		return true;
	finding_fail(&doctor->findings, "device-nodes", CODE_DEVICE_MISSING, "%s %s", path, fault);
	finding_action(&doctor->findings, "nvidia-modprobe -c 0 -u; ls -l /dev/nvidia*");
	return false;
}

static void
tell_nodes(struct doctor *doctor, size_t gpus, mode_t mode)
{
	doctor->nodes_open = (mode & 6) != 0;
	finding_ok(&doctor->findings, "device-nodes", "%zu GPU%s, nvidiactl; mode %03o%s", gpus, gpus == 1 ? "" : "s",
		   (unsigned)mode,
		   doctor->nodes_open ? ": every user of this machine can open them without the gate" : "");
}

static void
check_nodes(struct doctor *doctor)
{
	size_t count, gpus = 0;
	char **addresses = place_names(doctor->root, GPUS, &count);
	mode_t mode = 0;
	bool whole = true;

	if (doctor->driver[0] == '\0') {
		place_names_free(addresses, count);
		return;
	}
	if (count == 0) {
		finding_fail(&doctor->findings, "device-nodes", CODE_DEVICE_MISSING,
			     "the driver shows no GPU in " GPUS);
		finding_action_of_code(&doctor->findings);
		whole = false;
	}
	for (size_t i = 0; i < count; i++) {
		char *node = gpu_node(doctor, addresses[i]);

		if (node != NULL)
			whole &= check_device_node(doctor, node, &mode);
		gpus += node != NULL;
		free(node);
	}
	if (count > 0)
		whole &= check_device_node(doctor, "/dev/nvidiactl", &mode);
	if (whole)
		tell_nodes(doctor, gpus, mode);
	place_names_free(addresses, count);
}

void
doctor_driver(struct doctor *doctor)
{
	check_kernel_driver(doctor);
	if (doctor->conf != NULL)
		check_library(doctor);
	check_nodes(doctor);
}

void
doctor_advisory(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	const struct advisory *advisory;

	if (doctor->driver[0] == '\0')
		return;
	advisory = advisory_find(ADVISORY_DRIVER, doctor->driver);
	if (advisory == NULL) {
		finding_ok(findings, "driver-advisory", "nothing is known against %s (list of %s)", doctor->driver,
			   advisory_date);
		return;
	}
	finding_warn(findings, "driver-advisory", 0, "driver %s is older than %s: %s (list of %s)", doctor->driver,
		     advisory->below, advisory->why, advisory_date);
	finding_action(findings, "cgpu collateral check --driver %s (or a later one), then update to it",
		       advisory->below);
}
