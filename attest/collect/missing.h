/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLECT_MISSING_H
#define ATTEST_COLLECT_MISSING_H

#include "attest/collect/wire.h"

/*
 * GPUs that this machine has and the driver library does not give: one that fell off the bus, or one that the library
 * hides. They matter to a request for all GPUs, which else would be answered by those that are left.
 */

/*
 * Sets missing and missing_names of states, whose lost is the number of GPUs that the library lists and cannot reach:
 * GPUs below ROOT/proc/driver/nvidia/gpus and nodes ROOT/dev/nvidiaN with a minor number that none of the count GPUs
 * in seen has. root: "" but in tests.
 */
void missing_read(const char *root, const struct collect_identity *seen, unsigned count, struct collect_states *states);

#endif
