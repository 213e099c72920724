/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_SHA384_H
#define TEST_EMULATOR_SHA384_H

#include "lib/buf.h"

#define SHA384_SIZE 48

/* FIPS 180-4 6.5. */
void sha384(struct bytes in, uint8_t out[SHA384_SIZE]);

#endif
