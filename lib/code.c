/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/code.h"

const struct code_entry code_table[] = {
#define CODE(number, constant, name, cause, action, nvidia) {number, #constant, name, cause, action, nvidia},
#include "lib/code.def"
#undef CODE
};

const size_t code_count = sizeof(code_table) / sizeof(code_table[0]);

const struct code_entry *
code_find(int number)
{
	for (size_t i = 0; i < code_count; i++)
		if (code_table[i].number == number)
			return &code_table[i];
	return NULL;
}

const char *
code_name(int number)
{
	const struct code_entry *entry = code_find(number);

	return entry ? entry->name : "unknown";
}
