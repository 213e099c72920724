/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CACHE_H
#define ATTEST_CACHE_H

#include "attest/appraise.h"

/*
 * Collateral that was fetched and verified before, kept for the next run: manifests and key sets on disk, revocation answers and
 * the time floor in a directory that ends with the boot. Nothing in it is believed: whatever comes out is verified as if it had
 * just been downloaded. Every fault of it means "no cache" (told in fault), never a refusal and never a pass. Evidence and verdicts
 * are never kept.
 *
 *   DISK/rim/<id>.xml            DISK/keys/<SHA-256 of the address>.json
 *   BOOT/ocsp/<name>.answer      BOOT/floor
 */

struct cache {
	int disk, boot;  /* directories, -1 = cannot be used */
	uint64_t bytes_max;
	unsigned entries_max;
	int64_t lock_deadline;
	struct err fault; /* the first */
};

/* Both directories are made if missing; root-owned (or the caller's), 0700, not a symlink. NULL or "" = none. */
void cache_open(const char *disk, const char *boot, uint64_t bytes_max, struct cache *out);
void cache_close(struct cache *cache);
/* The places of this caller: root's by configuration and PATH_RUN, another's by XDG (or /run/user/UID where by_hook: no environment). */
void cache_places(const char *configured, bool by_hook, char **disk, char **boot);

struct cache_entry {
	struct buf content;
	uint8_t nonce[32]; /* COLLATERAL_OCSP: the question's */
	int64_t age;       /* seconds on the boot clock since it was kept; COLLATERAL_OCSP and key sets of this boot, else -1 */
};

/* name: manifest id, question name, address of a key set. False: there is none. A revocation answer of another boot is none. */
bool cache_get(struct cache *cache, enum collateral_kind kind, const char *name, struct cache_entry *out);
/* nonce: 32 bytes for COLLATERAL_OCSP, else NULL. Whole or not at all; the oldest entries make room. */
void cache_put(struct cache *cache, enum collateral_kind kind, const char *name, struct bytes content, const uint8_t *nonce);
void cache_drop(struct cache *cache, enum collateral_kind kind, const char *name);

/*
 * The time floor: the highest time that a signer bound to a nonce of ours in this boot, moved on by the boot clock since; 0 = none.
 * A wall clock earlier than it (by more than the skew of revocation answers) was set back.
 */
int64_t cache_floor(struct cache *cache);
void cache_raise_floor(struct cache *cache, int64_t time);

/* Calls each for every manifest, key set and answer, in the order of their names. */
void cache_list(struct cache *cache, void (*each)(void *context, enum collateral_kind kind, const char *name), void *context);

#endif
