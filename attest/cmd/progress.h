/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_PROGRESS_H
#define ATTEST_CMD_PROGRESS_H

#include "attest/progress.h"

/*
 * One line on standard error that is written over: step, host, seconds since the start. NULL where that is no terminal.
 */
const struct progress *progress_begin(void);
/* Takes the line away. */
void progress_end(void);

#endif
