/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/commands.h"
#include "cdi/exposure.h"
#include "cdi/gate.h"
#include "cdi/rewrite.h"

static const struct option_entry table[] = {
	{"output", "FILE|DIRECTORY", "where what is gated goes (default standard output)"},
	{"in-place", NULL, "rewrite the file, or every file of the directory that gives GPUs"},
	{"format", "yaml|json", "form of the output (default that of the input)"},
	{NULL, NULL, NULL},
};

/* It gives GPUs, or calls the hook already. */
static bool
is_to_be_gated(const struct cdi_spec *spec, const struct facts *facts)
{
	return exposure_of_spec(facts, spec) || gate_form(&spec->edits, NULL) != GATE_CALL_NONE;
}

static int
write_gated(const struct cdi_spec *spec, const char *target, enum cdi_format format, char **out, struct err *err)
{
	char id[GATE_CALL_ID_SIZE];

	gate_choose_id(spec, target, id);
	return gate_put(spec, id, format, out, err);
}

static int
run(const struct options *options, struct err *err)
{
	static const struct rewrite rewrite = {is_to_be_gated, write_gated, "gated"};

	return rewrite_run(options, &rewrite, err);
}

const struct command command_guard = {"guard", "[FILE|DIRECTORY]",
				      "Put the gate into the specification of another tool", table, run};
