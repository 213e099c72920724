/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CODE_H
#define LIB_CODE_H

#include <stdbool.h>
#include <stddef.h>

#define CODE_MAX 254 /* the highest number that a cause may have */

/* One number per cause; CODE_OK is the only one that reads as success. */
enum code {
#define CODE(number, constant, name, class, observable, cause, action, nvattest, cc_admin) CODE_##constant = number,
#include "lib/code.def"
#undef CODE
};

/* What a cause is about. */
enum code_class {
	CODE_CLASS_GENERAL,
	CODE_CLASS_DEVICE,
	CODE_CLASS_MODE,
	CODE_CLASS_EVIDENCE,
	CODE_CLASS_MANIFEST,
	CODE_CLASS_READY,
	CODE_CLASS_REVOCATION,
	CODE_CLASS_NETWORK,
	CODE_CLASS_POLICY,
	CODE_CLASS_REMOTE,
	CODE_CLASS_RUNTIME,
	CODE_CLASS_CDI,
};

struct code_entry {
	int number;
	const char *constant; /* the C constant without CODE_ */
	const char *name;     /* stable kebab-case name, as in JSON output */
	enum code_class class;
	bool observable;      /* mode = observe starts the container for this cause */
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

/* CODE_CLASS_GENERAL for a number that stands for no cause. */
enum code_class code_class(int number);

/* One word: "mode", "network"; never NULL. */
const char *code_class_name(enum code_class class);

/* False for a number that stands for no cause. */
bool code_is_observable(int number);

#endif
