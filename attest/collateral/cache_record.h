/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_CACHE_RECORD_H
#define ATTEST_COLLATERAL_CACHE_RECORD_H

#include "lib/buf.h"
#include "lib/clock.h"

/*
 * What the cache keeps beside a content: the name it was asked for by, when that was, and the question's nonce. A
 * digest sees damage, which could else make an answer younger or move the time floor. It is no protection against those
 * who can write to the cache; nothing is believed for it.
 */
struct record {
	char boot_id[CLOCK_BOOT_ID_SIZE];
	uint8_t nonce[32];
	int64_t kept; /* clock_boot_ms() */
	struct bytes name, content;
};

#define RECORD_EXTRA 120 /* bytes of a record that are neither name nor content */

void cache_record_write(const struct record *record, struct buf *out);
/* False: damaged, or of another version. name and content point into raw. */
bool cache_record_read(struct bytes raw, struct record *out);

#endif
