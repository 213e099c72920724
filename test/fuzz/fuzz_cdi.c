/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a CDI specification in either form: what is taken gets the gate, once, and comes out the same again. */
/* Seeds: oci oci/detect json */
#include <stdlib.h>
#include <string.h>

#include "cdi/gate.h"
#include "lib/code.h"
#include "lib/yaml.h"
#include "spec/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
compact(const struct json *value)
{
	struct json_out *out = json_out_new(false);

	json_out_value(out, value);
	return json_out_finish(out);
}

/* YAML of any content: written, it reads as it was. */
static void
check_yaml(struct bytes text)
{
	struct json_limits wide = {64 << 20, 1 << 20, 32, 1 << 20};
	struct err err = ERR_INIT;
	struct json *root = yaml_read(text, &json_limits_default, &err), *again;
	char *written, *left, *right;

	if (root == NULL) {
		if (err.text[0] == '\0')
			abort();
		return;
	}
	written = yaml_write(root);
	again = yaml_read(bytes_of_text(written), &wide, &err);
	if (again == NULL)
		abort();
	left = compact(root);
	right = compact(again);
	if (strcmp(left, right) != 0)
		abort();
	free(left);
	free(right);
	free(written);
	json_free(root);
	json_free(again);
}

/* The same text, again and again. */
static void
check_again(const char *text, enum cdi_format format)
{
	struct cdi_spec spec;
	struct err err = ERR_INIT;
	char id[GATE_CALL_ID_SIZE], *twice;

	if (cdi_spec_parse(bytes_of_text(text), &spec, &err) != 0 || gate_form(&spec.edits, NULL) != GATE_CALL_NAMED ||
	    cdi_spec_understated(&spec))
		abort();
	gate_choose_id(&spec, NULL, id);
	if (gate_put(&spec, id, format, &twice, &err) != 0 || strcmp(twice, text) != 0)
		abort();
	free(twice);
	cdi_spec_free(&spec);
}

static void
check_gate(const struct cdi_spec *spec, enum cdi_format format)
{
	struct err err = ERR_INIT;
	char *text;

	if (gate_put(spec, "0123456789abcdef0123456789abcdef", format, &text, &err) == 0)
		check_again(text, format);
	else if (err_code(&err) != CODE_CDI_SPEC)
		abort();
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cdi_spec spec;
	struct err err = ERR_INIT;

	free(elf_soname(bytes_of(data, size)));
	check_yaml(bytes_of(data, size));
	if (cdi_spec_parse(bytes_of(data, size), &spec, &err) == 0) {
		for (size_t i = 0; i < spec.device_count; i++)
			gate_covers(&spec, &spec.devices[i]);
		check_gate(&spec, CDI_YAML);
		check_gate(&spec, CDI_JSON);
	} else if (err.code != CODE_CDI_SPEC || err.text[0] == '\0') {
		abort();
	}
	cdi_spec_free(&spec);
	return 0;
}
