/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_REPORT_H
#define TEST_EMULATOR_REPORT_H

#include "lib/buf.h"
#include "test/emulator/node.h"
#include "test/emulator/signer.h"

/*
 * A report as a GPU makes it: SPDM 1.1 GET_MEASUREMENTS request and MEASUREMENTS response (DMTF DSP0274 1.1, 10.11), 64
 * blocks, opaque fields in the order of genuine devices. Fields depend on the driver's branch: firmware id and
 * protected PCIe state from 550 on, a versioned opaque format from 580 on.
 */
void report_build(const struct node_gpu *gpu, const uint8_t nonce[32], const struct signer *signer, struct buf *out);

#endif
