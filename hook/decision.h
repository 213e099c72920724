/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_DECISION_H
#define HOOK_DECISION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "spec/oci_config.h"
#include "spec/oci_state.h"

/*
 * Does this container get an NVIDIA GPU? By device type and number; names, variables and annotations may add suspicion and
 * never take it away. A pure function of state, configuration and the host's answers, so that it can be tabled and fuzzed.
 */

#define DECISION_MINORS_MAX 64

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
	char reason[256]; /* first thing that asked: "linux.devices[0]: c 195:0" */
};

/* The host, as far as the decision may ask it. */
struct decision_host {
	bool has_nvidia;                                        /* an NVIDIA major is registered */
	bool (*is_nvidia_major)(void *context, int64_t major);  /* of character devices, by name in /proc/devices, and 195 */
	/* Device number behind a bind source, symlinks followed, O_PATH only. 1 character device, 2 block, 3 directory,
	 * 0 anything else or not there. */
	int (*stat_source)(void *context, const char *path, dev_t *number);
	/* PCI vendor behind a drm or vfio node: 0x10de, another vendor, or 0 if it cannot be told. minor: the GPU's N in
	 * /dev/nvidiaN where it can be told, else -1. */
	unsigned (*pci_vendor)(void *context, dev_t number, const char *path, int *minor);
	void *context;
};

/* cdi: called with --cdi, the request is certain. 0 and *out for NO_GPU and GPU; -1 with CODE_CONFIG, CODE_ROOTFS,
 * CODE_VM_RUNTIME, CODE_RAW_DEVICE for a refusal. */
int decision_make(const struct oci_state *state, const struct oci_config *config, const struct decision_host *host, bool cdi,
		  struct decision *out, struct err *err);

#endif
