/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/code.h"

const struct code_entry code_table[] = {
#define CODE(number, constant, name, cause, action, nvattest, cc_admin) \
	{number, #constant, name, cause, action, nvattest, cc_admin},
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

/* By the titles of lib/code.def. */
const char *
code_class(int number)
{
	static const struct {
		int from;
		const char *name;
	} groups[] = {{0, "general"},	  {10, "device"},  {20, "mode"},	{30, "evidence"}, {40, "manifest"},
		      {51, "ready"},	  {55, "revocation"}, {65, "network"}, {75, "policy"},   {85, "remote"},
		      {95, "runtime"}, {110, "vm"},	  {115, "runtime"},	{118, "cdi"}};
	size_t i = sizeof(groups) / sizeof(groups[0]) - 1;

	while (i > 0 && number < groups[i].from)
		i--;
	return groups[i].name;
}
