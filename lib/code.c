/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/code.h"

enum { ENFORCED, OBSERVABLE };

const struct code_entry code_table[] = {
#define CODE(number, constant, name, class, observable, cause, action, nvattest, cc_admin) \
	{number, #constant, name, CODE_CLASS_##class, observable, cause, action, nvattest, cc_admin},
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

enum code_class
code_class(int number)
{
	const struct code_entry *entry = code_find(number);

	return entry ? entry->class : CODE_CLASS_GENERAL;
}

const char *
code_class_name(enum code_class class)
{
	static const char *const names[] = {
		[CODE_CLASS_GENERAL] = "general",
		[CODE_CLASS_DEVICE] = "device",
		[CODE_CLASS_MODE] = "mode",
		[CODE_CLASS_EVIDENCE] = "evidence",
		[CODE_CLASS_MANIFEST] = "manifest",
		[CODE_CLASS_READY] = "ready",
		[CODE_CLASS_REVOCATION] = "revocation",
		[CODE_CLASS_NETWORK] = "network",
		[CODE_CLASS_POLICY] = "policy",
		[CODE_CLASS_REMOTE] = "remote",
		[CODE_CLASS_RUNTIME] = "runtime",
		[CODE_CLASS_CDI] = "cdi",
	};

	return names[class];
}

bool
code_is_observable(int number)
{
	const struct code_entry *entry = code_find(number);

	return entry != NULL && entry->observable;
}
