/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_COLLATERAL_H
#define ATTEST_CMD_COLLATERAL_H

#include "attest/cmd/options.h"
#include "attest/collateral/cache.h"
#include "attest/collateral/inventory.h"
#include "attest/policy/anchors.h"

/* What the verbs of `cgpu collateral` share; the configuration is read, the roots too. */
struct collateral_call {
	const struct options *options;
	char *const *operand; /* without the verb */
	int operands;
	bool json;
	struct conf conf;
	struct anchors anchors;
	struct archive_trust trust;
	struct appraise_worker worker;
	struct store store;
	struct cache cache;
};

/* Configuration, roots and cache for a call with .cache closed; collateral_end in any case. */
int collateral_begin(struct collateral_call *call, struct err *err);
void collateral_end(struct collateral_call *call);

/* Each returns the exit code; err is set where nothing was printed. */
int collateral_list(struct collateral_call *call, struct err *err);
int collateral_show(struct collateral_call *call, struct err *err);
int collateral_check(struct collateral_call *call, struct err *err);
int collateral_export(struct collateral_call *call, struct err *err);
int collateral_refresh(struct collateral_call *call, struct err *err);

/* A file that the caller names. -1 with code; CODE_USAGE if it cannot be opened. */
int collateral_read(const char *path, size_t max, int code, struct buf *out, struct err *err);
/* Prints the steps; the exit code. */
int collateral_print(const struct collateral_call *call, const struct steps *steps);

/* Everything in the directories and the cache, judged. */
int collateral_inventory(struct collateral_call *call, struct inventory *inventory, struct err *err);

/* A step that says until when all of an archive counts, and what ends first. */
void collateral_until(const struct archive *archive, struct steps *steps);

#endif
