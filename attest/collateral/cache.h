/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_CACHE_H
#define ATTEST_COLLATERAL_CACHE_H

#include "attest/collateral/cache_room.h"
#include "attest/collateral/kind.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/err.h"

/*
 * Collateral that was fetched and verified before, kept for the next run: manifests and key sets on disk, revocation
 * answers and the time floor in a directory that ends with the boot. Nothing in it is believed: whatever comes out is
 * verified as if it had just been downloaded. Every fault of it means "no cache" (told in fault), never a refusal and
 * never a pass. Evidence and verdicts are never kept.
 *
 *   DISK/rim/<id>.xml            DISK/keys/<SHA-256 of the address>.keys
 *   BOOT/ocsp/<name>.answer      BOOT/floor
 *
 * Readers take no lock: a name stands for the old content or for the new one. Writers wait for each other, all of a
 * run's waits together no longer than lock_ms. A directory put back from yesterday brings back nothing but genuine
 * collateral of yesterday: manifests and key sets carry their own validity, and answers and floor name the boot and the
 * boot clock at which they were kept.
 */

/* Who writes below one of the two: nobody else does meanwhile. */
struct cache_writer {
	int lock;   /* -1 = not held */
	int dir[CACHE_PLACES]; /* -1 = not opened */
	bool looked;
	struct room room;
};

struct cache {
	int disk, boot;  /* directories, -1 = cannot be used */
	uint64_t bytes_max;   /* of each */
	unsigned entries_max; /* in each */
	int64_t lock_ms;      /* what waiting for other writers may still take */
	bool read_only;       /* nothing is put, dropped or made */
	char boot_id[CLOCK_BOOT_ID_SIZE]; /* "" = not known: nothing is of this boot */
	struct cache_writer writer[2];    /* of disk, of boot */
	bool held;
	struct err fault;     /* the first; code 0 = none */
};

/*
 * Both directories are made if missing; the caller's, 0700, below trusted ones (lib/fs.h). NULL or "" = none.
 * crypto_init() comes before.
 */
void cache_open(const char *disk, const char *boot, uint64_t bytes_max, struct cache *out);
/* The same for looking: what is missing is none and no fault, and nothing is ever changed. */
void cache_look(const char *disk, const char *boot, struct cache *out);
void cache_close(struct cache *cache);
/*
 * The places of this caller, each NULL or for free(): root's by configuration and PATH_RUN, another's by XDG (or
 * /run/user/UID where by_hook: no environment).
 */
void cache_places(const char *configured, bool by_hook, char **disk, char **boot);

struct cache_entry {
	struct buf content;
	uint8_t nonce[32]; /* of a kind that asks: the question's */
	int64_t age;       /* seconds on the boot clock since; COLLATERAL_OCSP and key sets of this boot, else -1 */
};

/*
 * name: manifest id, question name, address of a key set. False: there is none, and content is empty. A revocation
 * answer of another boot is none. What is damaged or not the caller's alone is none either, and goes away.
 */
bool cache_get(struct cache *cache, enum collateral_kind kind, const char *name, struct cache_entry *out);
/*
 * nonce: 32 bytes for COLLATERAL_OCSP, else NULL. Whole or not at all; the oldest entries make room. Names other than
 * [A-Za-z0-9._-]+ without a leading dot, and what is larger than its kind may be, are not kept.
 */
void cache_put(struct cache *cache, enum collateral_kind kind, const char *name, struct bytes content,
	       const uint8_t *nonce);
/*
 * Until cache_release, what is put goes in under one lock of each directory, which is taken for the first of it, and
 * after one look at what is there.
 */
void cache_hold(struct cache *cache);
void cache_release(struct cache *cache);
void cache_drop(struct cache *cache, enum collateral_kind kind, const char *name);

/*
 * The time floor: the highest time that a signer bound to a nonce of ours in this boot, moved on by the boot clock
 * since; 0 = none. A wall clock earlier than it (by more than the skew of revocation answers) was set back.
 */
int64_t cache_floor(struct cache *cache);
void cache_raise_floor(struct cache *cache, int64_t time);

/*
 * Calls each for every manifest, key set and answer, kind by kind in the order of the files' names; each may drop it.
 */
void cache_list(struct cache *cache, void (*each)(void *context, enum collateral_kind kind, const char *name),
		void *context);

#endif
