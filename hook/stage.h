/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_STAGE_H
#define HOOK_STAGE_H

#include <stdbool.h>

#include "lib/err.h"

/* The command line: STAGE [--cdi[=ID]], refresh ID [--stop], --help, or --version. The stage is told by argument
 * because the OCI state does not carry it, and a gate that runs at another stage gates nothing. */

enum stage_action {
	STAGE_GATE,
	STAGE_REFRESH,
	STAGE_HELP,
	STAGE_VERSION,
};

struct stage {
	enum stage_action action;
	bool cdi; /* a CDI specification called us */
	const char *gate_id; /* ID of its --cdi=ID, any text; NULL = none */
	const char *container; /* STAGE_REFRESH: its id */
	bool stop; /* if its token has ended and there is no new one */
};

/* -1 with CODE_STAGE for a missing or another stage, CODE_USAGE for anything else on the line. */
int stage_parse(int argc, char *const argv[], struct stage *out, struct err *err);

void stage_help(void);

#endif
