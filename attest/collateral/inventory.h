/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_INVENTORY_H
#define ATTEST_COLLATERAL_INVENTORY_H

#include "attest/collateral/cache.h"
#include "attest/collateral/store.h"
#include "lib/json.h"

/* What collateral is there, in the directories of the configuration and in the cache, and what it is worth now. */

enum inventory_state {
	INVENTORY_UNJUDGED,
	INVENTORY_GOOD,
	INVENTORY_EXPIRED,   /* genuine, but its time is over, or has not come */
	INVENTORY_REVOKED,   /* an answer that says so, or on hold */
	INVENTORY_UNMATCHED, /* an answer about no certificate that is here: a device's, whose chain is not */
	INVENTORY_DAMAGED,   /* whatever else does not hold */
};

struct inventory_entry {
	enum collateral_kind kind;
	bool cached;
	char *name, *path; /* path NULL for what is in the cache */
	struct buf content;
	enum inventory_state state;
	int code;         /* of what does not hold */
	char *detail;
	int64_t until;    /* of good ones */
	struct json *about; /* see attest/collateral/archive.h; NULL = nothing is known */
};

struct inventory {
	struct inventory_entry *entry; /* directories first, each in the order of kinds and names */
	unsigned entries;
};

/* -1 with CODE_COLLATERAL where a directory that is there cannot be read. One that is missing is empty. */
int inventory_directories(const struct store *store, struct inventory *inventory, struct err *err);
void inventory_cache(struct cache *cache, struct inventory *inventory);
/* By the worker. -1 where there is no answer; the entries that do not hold are told in them. */
int inventory_judge(struct inventory *inventory, const struct appraise_worker *worker,
		    const struct archive_trust *trust, struct err *err);
const char *inventory_state_name(enum inventory_state state);
void inventory_free(struct inventory *inventory);

#endif
