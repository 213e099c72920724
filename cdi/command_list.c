/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "cdi/commands.h"
#include "cdi/exposure.h"
#include "cdi/gate.h"
#include "lib/code.h"

static const struct option_entry table[] = {
	{"spec-dirs", "DIR:DIR...", "the engines' directories, the strongest last (default " INVENTORY_DIRS ")"},
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

static const char *
state(const struct facts *facts, const struct entry *entry)
{
	if (entry->standing == CONFLICTS)
		return "conflict";
	if (entry->standing == SHADOWED)
		return "shadowed";
	if (!exposure_of_device(facts, &entry->source->spec, entry->device))
		return "no GPU";
	return gate_covers(&entry->source->spec, entry->device) ? "gated" : "NOT GATED";
}

static void
print_devices(const struct inventory *inventory, const struct facts *facts)
{
	for (size_t i = 0; i < inventory->entry_count; i++) {
		const struct entry *entry = &inventory->entries[i];
		char *name = check_device_name(entry);

		printf("%-9s  %-40s  %s\n", state(facts, entry), name, entry->source->path);
		free(name);
	}
	for (size_t i = 0; i < inventory->source_count; i++)
		if (inventory->sources[i].err.code != 0)
			printf("%-9s  %-40s  %s\n", "unclear", "-", inventory->sources[i].path);
}

static void
print_list_json(const struct inventory *inventory, const struct facts *facts)
{
	struct json_out *out = json_out_new(true);

	json_out_object(out);
	json_out_member_integer(out, "schema", 1);
	commands_json_devices(out, inventory, facts);
	json_out_name(out, "unclear");
	json_out_array(out);
	for (size_t i = 0; i < inventory->source_count; i++)
		if (inventory->sources[i].err.code != 0)
			json_out_text(out, inventory->sources[i].path);
	json_out_end(out);
	json_out_end(out);
	commands_print_json(out);
}

static int
run(const struct options *options, struct err *err)
{
	const char *directories = options_get(options, "spec-dirs");
	struct inventory inventory = {0};
	struct facts facts;
	int code = CODE_OK;
	bool json;

	if (options_format(options, &json, err) != 0 || options_operands(options, 0, 0, err) != 0 ||
	    facts_read("", &facts, err) != 0 ||
	    cdi_inventory_load(directories != NULL ? directories : INVENTORY_DIRS, &inventory, err) != 0)
		code = err_code(err);
	else if (json)
		print_list_json(&inventory, &facts);
	else
		print_devices(&inventory, &facts);
	cdi_inventory_free(&inventory);
	return code;
}

const struct command command_list = {"list", "", "Show the CDI devices, their files, and which of them are gated",
				     table, run};
