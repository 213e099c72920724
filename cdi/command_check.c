/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "cdi/commands.h"
#include "cdi/exposure.h"
#include "config.h"
#include "lib/code.h"

static const struct option_entry table[] = {
	{"spec-dirs", "DIR:DIR...", "the engines' directories, the strongest last (default " INVENTORY_DIRS ")"},
	{"hooks-dirs", "DIR:DIR...", "the hooks directories of podman and CRI-O (default " PATH_HOOKS ")"},
	{"engines", "NAME=VERSION,...", "the engines that are to read the files (default those installed)"},
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

/* What was looked at. */
struct report {
	struct inventory inventory;
	struct definition definition;
	struct facts facts;
	struct engines engines;
	struct findings findings;
};

static size_t
count_gpus(const struct report *report)
{
	const struct inventory *inventory = &report->inventory;
	size_t count = 0;

	for (size_t i = 0; i < inventory->entry_count; i++)
		count += exposure_of_device(&report->facts, &inventory->entries[i].source->spec,
					    inventory->entries[i].device);
	return count;
}

static void
print_findings(const struct report *report, int code, const char *message)
{
	char line[2048];

	for (size_t i = 0; i < report->findings.count; i++) {
		const struct finding *finding = &report->findings.list[i];

		text_escape(line, sizeof(line), finding->detail);
		printf("%s: %s%s%s: %s [code %d]\n", finding->path, finding->device ? finding->device : "",
		       finding->device ? ": " : "", code_name(finding->code), line, finding->code);
		if (finding->advice != NULL)
			printf("  run: %s\n", finding->advice);
	}
	if (code == CODE_OK)
		printf("result: pass: %s\n", message);
	else
		printf("result: refuse, code %d (%s): %s\nhint: %s\n", code, code_name(code), message,
		       code_find(code)->action);
}

static void
put_definition(struct json_out *out, const struct definition *definition)
{
	json_out_name(out, "definition");
	json_out_object(out);
	json_out_member_text(out, "state", definition_word(definition->state));
	json_out_member_text(out, "file", definition->path);
	json_out_member_text(out, "detail", definition->detail);
	json_out_end(out);
}

static void
put_findings(struct json_out *out, const struct findings *findings)
{
	json_out_name(out, "findings");
	json_out_array(out);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		json_out_object(out);
		json_out_member_integer(out, "code", finding->code);
		json_out_member_text(out, "name", code_name(finding->code));
		json_out_member_text(out, "file", finding->path);
		json_out_member_text(out, "device", finding->device);
		json_out_member_text(out, "detail", finding->detail);
		json_out_member_text(out, "advice", finding->advice);
		json_out_end(out);
	}
	json_out_end(out);
}

static void
print_check_json(const struct report *report, int code, const char *message)
{
	struct json_out *out = json_out_new(true);

	json_out_object(out);
	commands_json_verdict(out, code, message);
	put_definition(out, &report->definition);
	commands_json_devices(out, &report->inventory, &report->facts);
	put_findings(out, &report->findings);
	json_out_end(out);
	commands_print_json(out);
}

static int
print_report(struct report *report, bool json)
{
	char message[128];
	int code;

	check_run(&report->inventory, &report->facts, &report->engines, &report->findings);
	check_definition(&report->definition, &report->findings);
	code = check_code(&report->findings);
	snprintf(message, sizeof(message), "%zu findings, %zu devices with a GPU, hook definition: %s",
		 report->findings.count, count_gpus(report), definition_word(report->definition.state));
	(json ? print_check_json : print_findings)(report, code, message);
	return fflush(stdout) != 0 && code == CODE_OK ? CODE_INTERNAL : code;
}

static const char *
directories(const struct options *options, const char *name, const char *usual)
{
	const char *given = options_get(options, name);

	return given != NULL ? given : usual;
}

static int
find_engines(const struct options *options, struct engines *out, struct err *err)
{
	const char *given = options_get(options, "engines");

	if (given != NULL)
		return engines_parse(given, out, err);
	engines_ask(out);
	return 0;
}

static int
run(const struct options *options, struct err *err)
{
	struct report report = {0};
	int code;
	bool json;

	if (options_format(options, &json, err) != 0 || options_operands(options, 0, 0, err) != 0 ||
	    find_engines(options, &report.engines, err) != 0 || facts_read("", &report.facts, err) != 0 ||
	    cdi_inventory_load(directories(options, "spec-dirs", INVENTORY_DIRS), &report.inventory, err) != 0 ||
	    definition_find(directories(options, "hooks-dirs", PATH_HOOKS), &report.definition, err) != 0)
		code = err_code(err);
	else
		code = print_report(&report, json);
	check_free(&report.findings);
	definition_free(&report.definition);
	cdi_inventory_free(&report.inventory);
	return code;
}

const struct command command_check = {"check", "",
				      "Tell which CDI devices give a GPU without the gate, or cannot be used", table,
				      run};
