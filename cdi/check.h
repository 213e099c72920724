/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_CHECK_H
#define CDI_CHECK_H

#include "cdi/definition.h"
#include "cdi/engine.h"
#include "cdi/facts.h"
#include "cdi/inventory.h"

struct finding {
	int code; /* enum code, 118 to 125, 240 to 249 */
	const char *path; /* of the specification, or of the hook definition */
	char *device; /* "nvidia.com/gpu=0"; NULL: of the whole file */
	char *detail;
	char *advice; /* the command that mends it; NULL: none does */
};

struct findings {
	struct finding *list; /* in the order of files, then devices */
	size_t count, room;
};

/* The findings point into inventory and definition. */
void check_run(const struct inventory *inventory, const struct facts *facts, const struct engines *engines,
	       struct findings *out);
/* One more if the definition does not stand. */
void check_definition(const struct definition *definition, struct findings *out);
/* CODE_OK, or the code of the worst. */
int check_code(const struct findings *findings);
void check_free(struct findings *findings);

char *check_device_name(const struct entry *entry);

#endif
