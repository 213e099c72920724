/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_ARCHIVE_H
#define ATTEST_ARCHIVE_H

#include "attest/appraise.h"

/*
 * Collateral for a node without network, in one JSON file:
 *
 *   {"schema": 1, "created": TIME,
 *    "rims":   [{"id": ID, "until": TIME, "xml": BASE64}],
 *    "chains": [PEM],                                           device chains that answers are about
 *    "ocsp":   [{"name": NAME, "until": TIME, "der": BASE64}]}
 *
 * Judged whole before anything of it is stored: every manifest by profile, signature, chain, and id against content; every chain
 * to the pinned root; every answer against its certificate in one of these chains (without our nonce: the policy of the node that
 * uses it decides on that).
 */

#define ARCHIVE_MAX (4 << 20)
#define ARCHIVE_CHAIN 0u

struct archive_item {
	unsigned kind;      /* enum collateral_kind, or ARCHIVE_CHAIN */
	char *name;                /* manifest id, question name; of a chain its SHA-256 */
	struct buf content;        /* XML, DER, PEM */
	int64_t until;             /* as the archive says; judged: as the signatures say */
};

struct archive {
	int64_t created;
	struct archive_item *item;
	unsigned items;
};

/* Strict; -1 with CODE_ARCHIVE. */
int archive_parse(struct bytes text, struct archive *out, struct err *err);
char *archive_print(const struct archive *archive);
/* item's bytes are copied. */
void archive_add(struct archive *archive, unsigned kind, const char *name, struct bytes content, int64_t until);
void archive_free(struct archive *archive);

/*
 * Judges every item at a time: one step each, named "rim", "chain" or "ocsp", its detail beginning with the item's name; until is
 * corrected to what the signatures say. 0 only if all hold. Runs in the appraise worker: archive_judge_remote asks it.
 */
struct archive_trust {
	struct bytes device_root, rim_root;
	int64_t at;
};

int archive_judge(struct archive *archive, const struct archive_trust *trust, struct steps *steps);
int archive_judge_remote(const char *path, const char *user, int64_t deadline, struct bytes text, const struct archive_trust *trust,
			 struct archive *out, struct steps *steps, struct err *err);

#endif
