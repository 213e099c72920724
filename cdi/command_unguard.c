/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/commands.h"
#include "cdi/gate.h"
#include "cdi/rewrite.h"

static const struct option_entry table[] = {
	{"output", "FILE|DIRECTORY", "where the specification without the gate goes (default standard output)"},
	{"in-place", NULL, "rewrite the file, or every file of the directory that calls the hook"},
	{"format", "yaml|json", "form of the output (default that of the input)"},
	{NULL, NULL, NULL},
};

static bool
is_gated(const struct cdi_spec *spec, const struct facts *facts)
{
	(void)facts;
	return gate_is_called(spec);
}

static int
write_bare(const struct cdi_spec *spec, const char *target, enum cdi_format format, char **out, struct err *err)
{
	(void)target;
	return gate_take(spec, format, out, err);
}

static int
run(const struct options *options, struct err *err)
{
	static const struct rewrite rewrite = {is_gated, write_bare, "ungated"};

	return rewrite_run(options, &rewrite, err);
}

const struct command command_unguard = {"unguard", "[FILE|DIRECTORY]", "Take the gate out of a specification again",
					table, run};
