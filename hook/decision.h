/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_DECISION_H
#define HOOK_DECISION_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "spec/device_numbers.h"
#include "spec/oci_config.h"
#include "spec/oci_state.h"

/*
 * Does this container get an NVIDIA GPU? By device type and number; names, variables and annotations may add suspicion
 * and never take it away. A pure function of state, configuration and the host's answers: it can be tabled and fuzzed.
 */

#define DECISION_MINORS_MAX 64
#define DECISION_TOKEN_DIRECTORY "/run/cgpu"

enum decision_answer {
	DECISION_REFUSE, /* the zero value: nothing was understood yet */
	DECISION_NO_GPU,
	DECISION_GPU,
};

struct decision {
	enum decision_answer answer;
	bool all;         /* every GPU of the host must be attested; else exactly minors */
	uint32_t minors[DECISION_MINORS_MAX]; /* N of /dev/nvidiaN, ascending, distinct */
	unsigned count;
	bool privileged;  /* reached through privileged access: the policy key `privileged` decides */
	char reason[256]; /* first thing that asked, printable: "linux.devices[0]: c 195:0" */
};

enum decision_source { DECISION_UNKNOWN, DECISION_CHARACTER, DECISION_BLOCK, DECISION_DIRECTORY, DECISION_DEVTMPFS };

/* The host, as far as the decision may ask it. */
struct decision_host {
	struct device_numbers numbers;
	bool rootless;   /* the engine lives in a user namespace: no container of it can make a node (mknod(2)) */
	/* What lies at path, symlinks followed: DECISION_UNKNOWN also if it is not there. number of a character device;
	 * resolved: the path without links, or empty. DECISION_DEVTMPFS: a directory on the file system of /dev. */
	enum decision_source (*look_up)(void *context, const char *path, dev_t *number, char resolved[PATH_MAX]);
	/* PCI vendor behind a drm or vfio node, or behind a sysfs path if number is 0: DEVICE_NVIDIA_VENDOR, another, or 0
	 * if it cannot be told. minor: the GPU's N in /dev/nvidiaN where it can be told, else -1. */
	unsigned (*pci_vendor)(void *context, dev_t number, const char *path, int *minor);
	/* Of nvidia-caps' device of this minor: the GPU's N in /dev/nvidiaN, or -1 where it is of none or cannot be told. */
	int (*caps_gpu)(void *context, int64_t minor);
	void *context;
};

/* cdi: called with --cdi, the request is certain. 0 and *out for NO_GPU and GPU; -1 with CODE_CONFIG, CODE_ROOTFS,
 * CODE_VM_RUNTIME, CODE_RAW_DEVICE, CODE_ATTACH_TARGET for a refusal. */
int decision_make(const struct oci_state *state, const struct oci_config *config, const struct decision_host *host,
		  bool cdi, struct decision *out, struct err *err);

#endif
