/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_TOML_H
#define LIB_TOML_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * One value out of a TOML 1.0 document: what the engines' configuration files are written in (containers.conf,
 * crio.conf, containerd's config.toml). The rest is read by its grammar and passed over. Debian packages no TOML
 * library for C.
 */

#define TOML_ITEMS_MAX 32

enum toml_type {
	TOML_NONE, /* the document has no such key */
	TOML_TEXT,
	TOML_LIST,
	TOML_TABLE,
	TOML_OTHER, /* number, date, true, false: text holds it as it stands */
};

struct toml_value {
	enum toml_type type;
	char *text;                 /* TOML_TEXT, TOML_OTHER */
	char *item[TOML_ITEMS_MAX]; /* the texts in a list */
	unsigned items;
	bool append;                /* the list ends with {append = true}, as containers.conf(5) has it */
};

/*
 * path: the names of tables and key joined by '/', as "crio/runtime/hooks_dir". -1 with code 0 and the line where the
 * document is no TOML, has the key twice, or its list has more than TOML_ITEMS_MAX texts. out is for toml_free in any
 * case.
 */
int toml_find(struct bytes document, const char *path, struct toml_value *out, struct err *err);
void toml_free(struct toml_value *value);

#endif
