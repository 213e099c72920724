/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/stage.h"

#include <stdio.h>
#include <string.h>

#include "lib/code.h"
#include "spec/gate_call.h"

static int
parse_refresh(int argc, char *const argv[], struct stage *out, struct err *err)
{
	out->action = STAGE_REFRESH;
	if (argc < 3)
		return err_set(err, CODE_USAGE, "refresh: want the id of a container");
	out->container = argv[2];
	out->stop = argc > 3 && strcmp(argv[3], "--stop") == 0;
	if (argc > (out->stop ? 4 : 3))
		return err_set(err, CODE_USAGE, "argument '%.64s' is one too many", argv[out->stop ? 4 : 3]);
	return 0;
}

int
stage_parse(int argc, char *const argv[], struct stage *out, struct err *err)
{
	*out = (struct stage){.action = STAGE_GATE};
	if (argc < 2)
		return err_set(err, CODE_STAGE, "no stage is given, want createRuntime");
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		out->action = STAGE_HELP;
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		out->action = STAGE_VERSION;
		return 0;
	}
	if (strcmp(argv[1], "refresh") == 0)
		return parse_refresh(argc, argv, out, err);
	/* runc and crun run both at the same point; engines before 2024 know only the older name. */
	if (strcmp(argv[1], "createRuntime") != 0 && strcmp(argv[1], "prestart") != 0)
		return err_set(err, CODE_STAGE, "the stage is '%.64s', want createRuntime", argv[1]);
	if (argc == 2)
		return 0;
	out->cdi = gate_call_is_option(argv[2], &out->gate_id);
	if (argc != 3 || !out->cdi)
		return err_set(err, CODE_USAGE, "argument '%.64s' is one too many", argv[out->cdi ? 3 : 2]);
	return 0;
}

void
stage_help(void)
{
	printf("usage: cgpu-hook createRuntime [--cdi[=ID]]\n"
	       "       cgpu-hook refresh ID [--stop]\n"
	       "       cgpu-hook --help | --version\n"
	       "An OCI hook, called by a container runtime with the container's state on standard input. It refuses "
	       "the start\n"
	       "of a container that gets an NVIDIA GPU whose attestation fails.\n"
	       "  --cdi[=ID]  called from a CDI specification, the one with this ID\n"
	       "  --stop      stop a container whose token has ended and cannot be replaced\n");
}
