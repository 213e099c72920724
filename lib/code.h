/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CODE_H
#define LIB_CODE_H

#include <stddef.h>

/* One number per cause; CODE_OK is the only one that reads as success. */
enum code {
#define CODE(number, constant, name, cause, action, nvattest, cc_admin) CODE_##constant = number,
#include "lib/code.def"
#undef CODE
};

struct code_entry {
	int number;
	const char *constant; /* the C constant without CODE_ */
	const char *name;     /* stable kebab-case name, as in JSON output */
	const char *cause;    /* one sentence, no full stop */
	const char *action;   /* what to look at and do */
	const char *nvattest; /* its return codes with the same meaning, or "" */
	const char *cc_admin; /* what the older tool of nvtrust says or does, or "" */
};

extern const struct code_entry code_table[];
extern const size_t code_count;

/* NULL for a number that stands for no cause. */
const struct code_entry *code_find(int number);

/* The name, or "unknown"; never NULL. */
const char *code_name(int number);

/* The group that a number belongs to, one word: "mode", "network"; never NULL. */
const char *code_class(int number);

#endif
