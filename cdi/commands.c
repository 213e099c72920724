/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdi/exposure.h"
#include "cdi/gate.h"
#include "lib/code.h"
#include "lib/fs.h"

int
commands_format(const struct options *options, enum cdi_format *format, bool *given, struct err *err)
{
	const char *text = options_get(options, "format");

	*given = text != NULL;
	if (text == NULL)
		return 0;
	*format = strcmp(text, "json") == 0 ? CDI_JSON : CDI_YAML;
	if (*format == CDI_JSON || strcmp(text, "yaml") == 0)
		return 0;
	return err_set(err, CODE_USAGE, "--format: '%s' is neither yaml nor json", text);
}

int
commands_deliver(const struct options *options, const char *text, struct err *err)
{
	const char *path = options_get(options, "output");
	int rc = 0;

	if (path != NULL)
		rc = fs_write_atomic(path, bytes_of_text(text), 0644, err);
	else if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
		rc = err_set(err, 0, "standard output: write failed");
	return rc == 0 ? 0 : err_wrap(err, CODE_USAGE, "%s", options->command->name);
}

static const char *
standing_word(enum standing standing)
{
	return standing == SHADOWED ? "shadowed" : standing == CONFLICTS ? "conflict" : "stands";
}

void
commands_json_devices(struct json_out *out, const struct inventory *inventory, const struct facts *facts)
{
	json_out_name(out, "devices");
	json_out_array(out);
	for (size_t i = 0; i < inventory->entry_count; i++) {
		const struct entry *entry = &inventory->entries[i];
		char *name = check_device_name(entry);

		json_out_object(out);
		json_out_member_text(out, "device", name);
		json_out_member_text(out, "file", entry->source->path);
		json_out_member_bool(out, "gpu", exposure_of_device(facts, &entry->source->spec, entry->device));
		json_out_member_bool(out, "gated", gate_covers(&entry->source->spec, entry->device));
		json_out_member_text(out, "standing", standing_word(entry->standing));
		json_out_end(out);
		free(name);
	}
	json_out_end(out);
}

void
commands_print_json(struct json_out *out)
{
	char *text = json_out_finish(out);

	fputs(text, stdout);
	free(text);
}

void
commands_json_verdict(struct json_out *out, int code, const char *message)
{
	const struct code_entry *entry = code_find(code);

	json_out_member_integer(out, "schema", 1);
	json_out_member_text(out, "result", code == CODE_OK ? "pass" : "refuse");
	json_out_member_integer(out, "code", code);
	json_out_member_text(out, "name", code_name(code));
	json_out_member_text(out, "message", message);
	json_out_member_text(out, "hint", entry ? entry->action : "");
}
