/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_COMMANDS_H
#define ATTEST_CMD_COMMANDS_H

#include "attest/cmd/options.h"

/* One file per command; main.c lists them. */
extern const struct command command_attest, command_verify, command_evidence, command_token, command_status,
	command_doctor, command_explain, command_collateral, command_config, command_ready, command_version;

#endif
