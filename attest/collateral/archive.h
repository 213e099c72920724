/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_ARCHIVE_H
#define ATTEST_COLLATERAL_ARCHIVE_H

#include "attest/appraise/client.h"

/*
 * Collateral for a node without network, in one JSON file:
 *
 *   {"schema": 1, "created": TIME,
 *    "rims":   [{"id": ID, "until": TIME, "xml": BASE64}],
 *    "chains": [PEM],                                           device chains that answers are about
 *    "ocsp":   [{"name": NAME, "until": TIME, "der": BASE64}]}
 *
 * Judged whole before anything of it is stored: every manifest by profile, signature, chain, and id against content;
 * every chain to the pinned root; every answer against its certificate in one of these chains (without our nonce: the
 * policy of the node that uses it decides on that). Project and SKUs in the id of a VBIOS manifest are in nothing that
 * is signed: they say where it is looked for, and which GPU it is good for is judged at each start.
 */

#define ARCHIVE_MAX ((4 << 20) - 4096) /* with its name in one frame */
#define ARCHIVE_ITEMS_MAX 512
#define ARCHIVE_ABOUT_MAX (192 << 10) /* all rows of a manifest with all their alternatives: 110 KiB */

struct archive_item {
	enum collateral_kind kind;
	char *name;         /* manifest id, question name; of a chain its SHA-256 */
	struct buf content; /* XML, DER, PEM */
	int64_t until;      /* as the archive says; judged: as the signatures say; of a chain 0 until judged */
	bool good;          /* judged, and it holds */
	char *about;        /* judged: what it is and says, a JSON object; else NULL */
};

struct archive {
	int64_t created;
	struct archive_item *item;
	unsigned items;
};

/* Strict; -1 with CODE_ARCHIVE. */
int archive_parse(struct bytes text, struct archive *out, struct err *err);
char *archive_print(const struct archive *archive);
/* item's bytes are copied. name NULL: a chain's. */
void archive_add(struct archive *archive, enum collateral_kind kind, const char *name, struct bytes content,
		 int64_t until);
/* By name, which no two items share; NULL: there is none. */
struct archive_item *archive_find(const struct archive *archive, const char *name);
void archive_free(struct archive *archive);

/*
 * Judges every item at a time: one step each, named "rim", "chain" or "ocsp", its detail beginning with the item's
 * name, after one named "archive"; until is corrected to what the signatures say. 0 only if all hold. Runs in the
 * appraise worker: archive_judge_remote asks it, and out has content only where all hold; good and about it has also if
 * not.
 */
struct archive_trust {
	struct bytes device_root, rim_root;
	int64_t at;
	struct revocation_policy revocation; /* answers without nonce count in any case */
};

int archive_judge(struct archive *archive, const struct archive_trust *trust, struct steps *steps);
int archive_judge_remote(const struct appraise_worker *worker, struct bytes text, const struct archive_trust *trust,
			 struct archive *out, struct steps *steps, struct err *err);

/*
 * The worker's side: what FRAME_PARAMETERS and FRAME_FILE brought is judged, and the answer goes to the run. -1 with
 * CODE_WORKER.
 */
struct caller;
int archive_serve(struct caller *caller, struct bytes parameters, struct bytes file, struct err *err);
/* Views into payload. */
void archive_put_trust(struct buf *payload, const struct archive_trust *trust);
bool archive_get_trust(struct bytes payload, struct archive_trust *out);

#endif
