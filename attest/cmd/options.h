/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_OPTIONS_H
#define ATTEST_CMD_OPTIONS_H

#include "lib/options.h"

/* --at, or the clock. */
int options_at(const struct options *options, int64_t *at, struct err *err);
/* --nonce: 64 hex digits; nonce untouched and *given false if absent. */
int options_nonce(const struct options *options, uint8_t nonce[32], bool *given, struct err *err);

#endif
