/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as TOML: a value is of one type only, whole, and the same each time; an error names its line. */
#include <stdlib.h>
#include <string.h>

#include "lib/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_whole(const struct toml_value *value)
{
	bool text = value->type == TOML_TEXT || value->type == TOML_OTHER;

	if ((value->text != NULL) != text || value->items > TOML_ITEMS_MAX)
		return false;
	if (value->type != TOML_LIST && (value->items > 0 || value->append))
		return false;
	for (unsigned i = 0; i < value->items; i++)
		if (value->item[i] == NULL)
			return false;
	return true;
}

static bool
is_same(const struct toml_value *one, const struct toml_value *other)
{
	if (one->type != other->type || one->items != other->items || one->append != other->append)
		return false;
	for (unsigned i = 0; i < one->items; i++)
		if (strcmp(one->item[i], other->item[i]) != 0)
			return false;
	return one->text == NULL || strcmp(one->text, other->text) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"a", "a/b", "engine/hooks_dir", "crio/runtime/hooks_dir",
					    "plugins/io.containerd.grpc.v1.cri/enable_cdi"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct toml_value value, again;
		struct err err = ERR_INIT, second = ERR_INIT;
		int rc = toml_find(bytes_of(data, size), paths[i], &value, &err);

		if (toml_find(bytes_of(data, size), paths[i], &again, &second) != rc ||
		    strcmp(err.text, second.text) != 0)
			abort();
		if (rc == 0 ? !is_whole(&value) || !is_same(&value, &again) : strstr(err.text, "line ") == NULL)
			abort();
		toml_free(&value);
		toml_free(&again);
	}
	return 0;
}
