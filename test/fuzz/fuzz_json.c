/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as JSON. What is accepted is written, read again and written again, to the same text; I-JSON is a part of
 * JSON.
 */
/* Seeds: json/own json/nst */
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
write_value(const struct json *value)
{
	struct json_out *out = json_out_new(false);

	json_out_value(out, value);
	return json_out_finish(out);
}

/* Every typed read of every value, whatever its type. */
static void
visit(const struct json *value)
{
	int64_t integer;
	bool flag;

	json_bool(value, &flag);
	if (json_integer(value, -100, 100, &integer) && (integer < -100 || integer > 100))
		abort();
	if (json_text(value) != NULL && strlen(json_text(value)) != json_bytes(value).size)
		abort();
	json_number_text(value);
	if (json_type(value) != JSON_ARRAY && json_type(value) != JSON_OBJECT)
		return;
	for (size_t i = 0; i < json_count(value); i++) {
		if (json_type(value) == JSON_OBJECT)
			json_name(value, i);
		visit(json_at(value, i));
	}
	if (json_at(value, json_count(value)) != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct json *strict = json_read(bytes_of(data, size), &json_limits_default, &err);
	struct json *root = json_parse(bytes_of(data, size), &json_limits_default, &err), *again;
	struct json_limits wide = json_limits_default;
	char *first, *second;

	if (strict != NULL && root == NULL)
		abort();
	json_free(strict);
	if (root == NULL)
		return 0;
	visit(root);
	first = write_value(root);
	wide.bytes = 16u << 20; /* escapes make a text longer */
	again = json_parse(bytes_of_text(first), &wide, &err);
	if (again == NULL)
		abort();
	second = write_value(again);
	if (strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
	json_free(root);
	json_free(again);
	return 0;
}
