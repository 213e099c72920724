/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "attest/cmd/commands.h"
#include "config.h"
#include "lib/code.h"

static const struct option_entry table[] = {{NULL, NULL, NULL}};

static int
run(const struct options *options, struct err *err)
{
	if (options_operands(options, 0, 0, err) != 0)
		return err_code(err);
	printf("cgpu (oci-cgpu-hook) %s\nLicence Apache-2.0. No warranty.\n", PROJECT_VERSION);
	printf("configuration: %s  hook: %s  workers: %s\n", PATH_SYSCONF, PATH_HOOK, PATH_WORKERS);
	return CODE_OK;
}

const struct command command_version = {"version", "", "Show version and compiled-in paths", table, run};
