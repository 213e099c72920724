/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_DEFINITION_H
#define CDI_DEFINITION_H

#include "lib/err.h"

/*
 * The other layer: the definition in the hooks directories of podman and CRI-O that makes them call the hook. Files
 * named
 * *.json count; one of a later directory replaces that of the same name in an earlier one; a definition whose program
 * is missing is skipped by the engines in silence.
 */

enum definition_state {
	DEFINITION_MISSING, /* the zero value: nothing calls the hook */
	DEFINITION_DISARMED, /* not for every container, at another stage, with other arguments, or another program */
	DEFINITION_PROGRAM, /* the program that it names cannot be run */
	DEFINITION_STANDS,
};

struct definition {
	enum definition_state state;
	const char *directories; /* as they were given */
	char *path; /* of the definition; NULL: there is none */
	char *detail; /* why it does not stand; NULL: it does */
};

/* directories: "DIR:DIR...", must outlive out; those that are missing are empty. -1 with CODE_HOOKS_DEFINITION: one
 * cannot be read. */
int definition_find(const char *directories, struct definition *out, struct err *err);
void definition_free(struct definition *definition);
const char *definition_word(enum definition_state state);

#endif
