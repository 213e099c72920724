/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_CONTAINERS_H
#define ATTEST_CMD_CONTAINERS_H

#include "attest/node/holders.h"
#include "lib/json.h"

/* The containers that use a GPU now, for `cgpu status`. */
struct containers {
	bool known;
	struct holders holders;
	struct err err; /* why they are not known */
};

void containers_look(struct containers *containers);
void containers_print_text(const struct containers *containers);
/* The member "containers": null where they are not known. */
void containers_print_json(const struct containers *containers, struct json_out *out);
void containers_free(struct containers *containers);

#endif
