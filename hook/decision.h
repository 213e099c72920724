/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_DECISION_H
#define HOOK_DECISION_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/device_rules.h"
#include "hook/processes.h"
#include "lib/err.h"
#include "spec/device_numbers.h"
#include "spec/oci_config.h"
#include "spec/oci_state.h"

/*
 * Can this container reach an NVIDIA GPU? Reach is a node of a GPU that the kernel lets the container open (among its
 * devices, below its mounts, in its image, or one that it can make), the PCI files of a GPU, or the machine's memory.
 * Names, variables and annotations decide nothing. A pure function of state, configuration and the host's answers: it
 * can be tabled and fuzzed.
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
	bool all;           /* every GPU of the host must be attested; else exactly minors */
	uint32_t minors[DECISION_MINORS_MAX]; /* N of /dev/nvidiaN, ascending, distinct */
	unsigned count;
	bool privileged;    /* reached through privileged access: the policy key `privileged` decides */
	/* it will reach what no driver has registered yet: the policy key `before-driver` decides */
	bool before_driver;
	char reason[256];   /* first thing that reaches, printable: "linux.devices[0]: c 195:0" */
};

enum decision_kind { DECISION_UNKNOWN, DECISION_CHARACTER, DECISION_DIRECTORY, DECISION_FILE };
enum decision_system { DECISION_FS_OTHER, DECISION_FS_DEV, DECISION_FS_SYS, DECISION_FS_PROC };

/* What lies at a path, or is mounted there. */
struct decision_object {
	enum decision_kind kind;
	enum decision_system system; /* its file system: that of /dev, sysfs, procfs */
	dev_t number;                /* of a character device */
	bool readonly, nodev;        /* mounts_below: of this mount */
	/* Without links. Of sysfs and procfs it begins with /sys and /proc, wherever they are mounted. */
	char path[PATH_MAX];
};

typedef void decision_see_mount(void *seer, const struct decision_object *object);
typedef void decision_see_node(void *seer, dev_t number);

/* The host, as far as the decision may ask it. */
struct decision_host {
	struct device_numbers numbers;
	struct device_rules rules; /* what the kernel applies to the container's process */
	bool rootless;       /* the engine lives in a user namespace */
	bool user_namespace; /* the container's process is in another user namespace than the engine */
	/* Links are followed. False: nothing is there, or it cannot be told. */
	bool (*look_up)(void *context, const char *path, struct decision_object *out);
	/* Every mount of the host below a directory, which a recursive bind mount brings along. */
	void (*mounts_below)(void *context, const char *path, decision_see_mount *see, void *seer);
	/* The character devices below a directory, on its own file system. False: given up, there may be more. */
	bool (*nodes_below)(void *context, const char *path, decision_see_node *see, void *seer);
	/* The devices that the container takes from processes which it finds: processes_devices of hook/processes.h. */
	void (*held_devices)(void *context, const struct processes_caller *caller, process_see_device *see, void *seer);
	/* A PCI function of NVIDIA's is at, above or below a path of sysfs. */
	bool (*has_function)(void *context, const char *path);
	/* A display function of NVIDIA's is there that no other driver has taken. */
	bool (*has_gpu)(void *context);
	/*
	 * PCI vendor behind a drm or vfio node: DEVICE_NVIDIA_VENDOR, another, or 0 if it cannot be told. minor: the
	 * GPU's N in /dev/nvidiaN where it can be told, else -1.
	 */
	unsigned (*pci_vendor)(void *context, dev_t number, int *minor);
	/*
	 * Of nvidia-caps' device of this minor: the GPU's N in /dev/nvidiaN, or -1 where it is of none or cannot be
	 * told.
	 */
	int (*caps_gpu)(void *context, int64_t minor);
	void *context;
};

/*
 * 0 and *out for NO_GPU and GPU; -1 with CODE_ROOTFS, CODE_VM_RUNTIME, CODE_RAW_DEVICE, CODE_NO_MOUNT_NAMESPACE,
 * CODE_ATTACH_TARGET for a refusal.
 */
int decision_make(const struct oci_state *state, const struct oci_config *config, const struct decision_host *host,
		  struct decision *out, struct err *err);

#endif
