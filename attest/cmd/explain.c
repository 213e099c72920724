/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/report.h"
#include "lib/code.h"
#include "lib/json.h"

static const struct option_entry table[] = {
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

/* By number or by name. */
static const struct code_entry *
find_code(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && number < 256)
		return code_find((int)number);
	for (size_t i = 0; i < code_count; i++)
		if (strcmp(code_table[i].name, text) == 0)
			return &code_table[i];
	return NULL;
}

static void
print_code_text(const struct code_entry *entry)
{
	printf("%3d  %s: %s.\n     What to do: %s.\n", entry->number, entry->name, entry->cause, entry->action);
	if (entry->nvattest[0] != '\0')
		printf("     nvattest: %s\n", entry->nvattest);
	if (entry->cc_admin[0] != '\0')
		printf("     cc_admin: %s\n", entry->cc_admin);
}

static void
print_codes_json(const struct code_entry *const *entries, size_t count)
{
	struct json_out *out = json_out_new(true);

	json_out_array(out);
	for (size_t i = 0; i < count; i++) {
		const char *const member[][2] = {
			{"name", entries[i]->name}, {"cause", entries[i]->cause}, {"hint", entries[i]->action},
			{"nvattest", entries[i]->nvattest}, {"cc_admin", entries[i]->cc_admin},
		};

		json_out_object(out);
		json_out_member_integer(out, "code", entries[i]->number);
		for (size_t k = 0; k < sizeof(member) / sizeof(member[0]); k++) {
			json_out_member_text(out, member[k][0], member[k][1]);
		}
		json_out_end(out);
	}
	json_out_end(out);
	report_json(out);
}

static int
run(const struct options *options, struct err *err)
{
	const struct code_entry *entries[256];
	size_t count = 0;
	bool json;

	if (options_format(options, &json, err) != 0 || options_operands(options, 0, 1, err) != 0)
		return err_code(err);
	if (options->operands == 1) {
		entries[0] = find_code(options->operand[0]);
		count = 1;
		if (entries[0] == NULL)
			return err_set(err, CODE_USAGE, "explain: '%s' is no exit code of this program",
				       options->operand[0]),
			       err_code(err);
	}
	for (size_t i = 0; options->operands == 0 && i < code_count; i++)
		entries[count++] = &code_table[i];
	for (size_t i = 0; !json && i < count; i++)
		print_code_text(entries[i]);
	if (json)
		print_codes_json(entries, count);
	return CODE_OK;
}

const struct command command_explain = {"explain", "[CODE]", "Explain an exit code, by number or name; all without one",
					table, run};
