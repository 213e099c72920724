/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "cdi/commands.h"
#include "lib/code.h"

static const struct option_entry table[] = {
	{"spec-dirs", "DIR:DIR...", "the engines' directories, the strongest last (default " INVENTORY_DIRS ")"},
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

static size_t
count_gpus(const struct inventory *inventory, const struct facts *facts)
{
	size_t count = 0;

	for (size_t i = 0; i < inventory->entry_count; i++)
		count += check_is_gpu(facts, &inventory->entries[i].source->spec, inventory->entries[i].device);
	return count;
}

static void
print_text(const struct findings *findings, const char *message)
{
	int code = check_code(findings);
	char line[2048];

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		text_escape(line, sizeof(line), finding->detail);
		printf("%s: %s%s%s: %s [code %d]\n", finding->path, finding->device ? finding->device : "",
		       finding->device ? ": " : "", code_name(finding->code), line, finding->code);
	}
	if (code == CODE_OK)
		printf("result: pass: %s\n", message);
	else
		printf("result: refuse, code %d (%s): %s\nhint: %s\n", code, code_name(code), message,
		       code_find(code)->action);
}

static void
print_json(const struct inventory *inventory, const struct facts *facts, const struct findings *findings,
	   const char *message)
{
	struct json_out *out = json_out_new(true);

	json_out_object(out);
	commands_json_verdict(out, check_code(findings), message);
	commands_json_devices(out, inventory, facts);
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
		json_out_end(out);
	}
	json_out_end(out);
	json_out_end(out);
	commands_print_json(out);
}

static int
check(const struct inventory *inventory, const struct facts *facts, bool json)
{
	struct findings findings;
	char message[128];
	int code;

	check_run(inventory, facts, &findings);
	snprintf(message, sizeof(message), "%zu findings, %zu devices with a GPU", findings.count,
		 count_gpus(inventory, facts));
	code = check_code(&findings);
	if (json)
		print_json(inventory, facts, &findings, message);
	else
		print_text(&findings, message);
	check_free(&findings);
	return fflush(stdout) != 0 && code == CODE_OK ? CODE_INTERNAL : code;
}

static int
run(const struct options *options, struct err *err)
{
	const char *directories = options_get(options, "spec-dirs");
	struct inventory inventory = {0};
	struct facts facts;
	int code;
	bool json;

	if (options_format(options, &json, err) != 0 || options_operands(options, 0, 0, err) != 0 ||
	    facts_read("", &facts, err) != 0 ||
	    inventory_load(directories != NULL ? directories : INVENTORY_DIRS, &inventory, err) != 0)
		code = err_code(err);
	else
		code = check(&inventory, &facts, json);
	inventory_free(&inventory);
	return code;
}

const struct command command_check = {
	"check", "", "Tell which CDI devices give a GPU without the gate, or cannot be used", table, run};
