/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_IDMAP_H
#define LIB_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

/* Which user ids of the namespace above the user namespace of this process has, and as what: /proc/self/uid_map. */

#define IDMAP_ROWS_MAX 340 /* user_namespaces(7) */

struct idmap {
	struct {
		uid_t inside, outside, count;
	} row[IDMAP_ROWS_MAX];
	unsigned rows;
};

/* False unless text is one to IDMAP_ROWS_MAX lines of three numbers. */
bool idmap_parse(struct bytes text, struct idmap *out);
/* Of this process. -1 with code 0. */
int idmap_read(struct idmap *out, struct err *err);

/* Every id is there as itself: the initial namespace, or one that cannot be told from it. */
bool idmap_is_initial(const struct idmap *map);
/* What an id is above; false if it is not mapped. */
bool idmap_outside(const struct idmap *map, uid_t inside, uid_t *out);
/* Whether files of the root above show the overflow id here, among those of everybody else who is not mapped. */
bool idmap_hides_root(const struct idmap *map);

#endif
