/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/cache_record.h"

#include <string.h>

#include "lib/crypto.h"

/* In the machine's order: a record never leaves it. Behind it the name, then the content. */
struct header {
	char magic[8];
	uint8_t digest[SHA256_SIZE]; /* of everything behind it */
	char boot_id[36];
	uint8_t nonce[32];
	uint32_t name_size;
	int64_t kept;
};

#define MAGIC "cgpu\0\0\1" /* the last byte but one is the version */
#define DIGESTED (offsetof(struct header, digest) + SHA256_SIZE)

_Static_assert(sizeof(struct header) == RECORD_EXTRA, "padding would be undefined bytes");

static void
digest_of(struct bytes raw, uint8_t out[SHA256_SIZE])
{
	crypto_sha256(bytes_of(raw.data + DIGESTED, raw.size - DIGESTED), out);
}

void
cache_record_write(const struct record *record, struct buf *out)
{
	struct header header = {.magic = MAGIC, .name_size = (uint32_t)record->name.size, .kept = record->kept};

	memcpy(header.boot_id, record->boot_id, sizeof(header.boot_id));
	memcpy(header.nonce, record->nonce, sizeof(header.nonce));
	buf_add(out, &header, sizeof(header));
	buf_add(out, record->name.data, record->name.size);
	buf_add(out, record->content.data, record->content.size);
	digest_of(buf_bytes(out), out->data + offsetof(struct header, digest));
}

bool
cache_record_read(struct bytes raw, struct record *out)
{
	struct cursor at = cursor_of(raw);
	struct header header;
	struct bytes start;
	uint8_t digest[SHA256_SIZE];

	*out = (struct record){0};
	if (!cursor_take(&at, sizeof(header), &start))
		return false;
	memcpy(&header, start.data, sizeof(header));
	digest_of(raw, digest);
	if (memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0)
		return false;
	if (memcmp(header.digest, digest, sizeof(digest)) != 0)
		return false;
	memcpy(out->boot_id, header.boot_id, sizeof(header.boot_id));
	memcpy(out->nonce, header.nonce, sizeof(out->nonce));
	out->kept = header.kept;
	return cursor_take(&at, header.name_size, &out->name) && cursor_take(&at, at.left, &out->content);
}
