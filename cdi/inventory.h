/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_INVENTORY_H
#define CDI_INVENTORY_H

#include "spec/cdi_spec.h"

/*
 * The CDI devices of this machine as engines see them: files named *.json and *.yaml of the directories, hidden ones
 * included, no subdirectories, links followed; a device of a later directory replaces that of an earlier one; one that
 * two files of a directory define is given to nobody; a file that cannot be understood does not count.
 */

#define INVENTORY_DIRS "/etc/cdi:/var/run/cdi"

struct source {
	char *path;
	unsigned directory; /* its place in the list: later is stronger */
	struct cdi_spec spec;
	struct err err; /* why the file does not count; code 0 if it does */
};

enum standing { STANDS, SHADOWED, CONFLICTS };

struct entry {
	const struct source *source;
	const struct cdi_device *device;
	const struct source *other; /* what shadows it, or conflicts with it */
	enum standing standing;
};

struct inventory {
	struct source *sources;
	size_t source_count;
	struct entry *entries; /* by kind, name, directory, path */
	size_t entry_count;
};

/* directories: as in INVENTORY_DIRS; those that are missing are empty. -1 with CODE_CDI_SPEC: one cannot be read. */
int cdi_inventory_load(const char *directories, struct inventory *out, struct err *err);
void cdi_inventory_free(struct inventory *inventory);

/* Whether engines take a file of this name in a directory for a specification. */
bool cdi_inventory_is_spec_name(const char *name);

#endif
