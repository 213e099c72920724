/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLECT_MACHINE_H
#define ATTEST_COLLECT_MACHINE_H

#include "attest/collect/library.h"
#include "attest/collect/wire.h"
#include "lib/buf.h"

/* What the driver says about this machine; for the collect worker only. A failed call gives the cause's code and names
 * call and return code. */

struct machine {
	struct library *library;
	struct collect_states states;
	struct collect_identity identity[GPU_MAX]; /* by PCI address */
	struct nvml_device *device[GPU_MAX];       /* the same order */
	unsigned gpus, lost; /* entries of both; GPUs that the driver lists and that are lost */
};

int machine_start(struct machine *machine, struct err *err);
/*
 * States and identities, read anew each time. UUID, PCI address and minor are distinct, and agree with the kernel
 * driver. A lost GPU fails the call only where it is the only one, or was there when the call was made before.
 */
int machine_read(struct machine *machine, struct err *err);
/* Evidence of GPU i as NVML returned it; sizes are in range and nothing else is known about it. */
int machine_evidence(const struct machine *machine, unsigned i, const uint8_t nonce[NVML_NONCE_SIZE],
		     struct buf *report, struct buf *chain, struct err *err);
/* The ready state, one for all GPUs; needs CAP_SYS_ADMIN. -1 with CODE_READY_* or as above. */
int machine_set_ready(const struct machine *machine, bool ready, struct err *err);
int machine_stop(struct machine *machine, struct err *err);

/*
 * One GPU's /proc/driver/nvidia/gpus/ADDRESS/information against its identity: "GPU UUID:" and "Device Minor:" must be
 * there once and be equal. -1 with CODE_DEVICE_MAPPING.
 */
int machine_agree(struct bytes information, const struct collect_identity *identity, struct err *err);

#endif
