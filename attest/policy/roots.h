/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_POLICY_ROOTS_H
#define ATTEST_POLICY_ROOTS_H

#include "lib/buf.h"

/*
 * NVIDIA's two trust anchors, the defaults of device-root and rim-root. SHA-256 of the DER:
 *   device identity  102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48
 *   RIM signing      12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1
 */
struct bytes roots_device(void); /* PEM */
struct bytes roots_rim(void);    /* PEM */

#endif
