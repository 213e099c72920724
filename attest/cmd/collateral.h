/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_COLLATERAL_H
#define ATTEST_CMD_COLLATERAL_H

#include "attest/anchors.h"
#include "attest/cmd/options.h"
#include "attest/inventory.h"

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
};

/* Each returns the exit code; err is set where nothing was printed. */
int collateral_list(struct collateral_call *call, struct err *err);
int collateral_show(struct collateral_call *call, struct err *err);

/* Everything in the directories and the cache, judged. */
int collateral_inventory(const struct collateral_call *call, struct inventory *inventory, struct err *err);

/* A step that says until when all of an archive counts, and what ends first. */
void collateral_until(const struct archive *archive, struct steps *steps);

#endif
