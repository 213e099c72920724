/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_REFRESH_H
#define ATTEST_CMD_REFRESH_H

#include "lib/options.h"

/*
 * `cgpu attest --refresh`: finds the containers by their records and has the hook attest each of them again, one after
 * the other. The exit code, as of a command.
 */
int refresh_containers(const struct options *options, struct err *err);

#endif
