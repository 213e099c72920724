/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/inventory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/fs.h"

#define ABOUT_DEPTH 8

const char *
inventory_state_name(enum inventory_state state)
{
	static const char *const names[] = {
		[INVENTORY_UNJUDGED] = "unjudged", [INVENTORY_GOOD] = "good",	       [INVENTORY_EXPIRED] = "expired",
		[INVENTORY_REVOKED] = "revoked",   [INVENTORY_UNMATCHED] = "unmatched", [INVENTORY_DAMAGED] = "damaged",
	};

	return names[state];
}

void
inventory_free(struct inventory *inventory)
{
	for (unsigned i = 0; i < inventory->entries; i++) {
		struct inventory_entry *entry = &inventory->entry[i];

		free(entry->name);
		free(entry->path);
		free(entry->detail);
		buf_free(&entry->content);
		json_free(entry->about);
	}
	free(inventory->entry);
	*inventory = (struct inventory){0};
}

/* -- finding ------------------------------------------------------------------------------------------------------- */
static struct inventory_entry *
add_inventory_entry(struct inventory *inventory, enum collateral_kind kind, const char *name)
{
	inventory->entry = xrealloc(inventory->entry, (inventory->entries + 1) * sizeof(*inventory->entry));
	inventory->entry[inventory->entries] = (struct inventory_entry){.kind = kind, .name = xstrdup(name)};
	return &inventory->entry[inventory->entries++];
}

static void
spoil(struct inventory_entry *entry, enum inventory_state state, int code, const char *detail)
{
	entry->state = state;
	entry->code = code;
	free(entry->detail);
	entry->detail = xstrdup(detail);
}

static bool
name_fits(struct inventory_entry *entry)
{
	enum collateral_kind kind = kind_of_name(kind_row(entry->kind)->service, entry->name);

	if (kind == COLLATERAL_KINDS)
		return false;
	entry->kind = kind;
	return true;
}

/* PEM is plain text, and goes into the question as such. */
static bool
is_plain_text(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((text.data[i] < ' ' && text.data[i] != '\n' && text.data[i] != '\r') || text.data[i] > '~')
			return false;
	return true;
}

static bool
is_named_by_content(const struct inventory_entry *entry)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	crypto_sha256(buf_bytes(&entry->content), digest);
	hex_encode(hex, digest, sizeof(digest));
	return strcmp(hex, entry->name) == 0;
}

/* What the worker would refuse to read at all would take everything beside it along. */
static void
check_readable(struct inventory_entry *entry)
{
	char why[64] = "";

	if (!name_fits(entry))
		snprintf(why, sizeof(why), "nothing of this kind has such a name");
	else if (entry->content.size == 0 || entry->content.size > kind_row(entry->kind)->max)
		snprintf(why, sizeof(why), "%zu bytes, want 1 to %zu", entry->content.size,
			 kind_row(entry->kind)->max);
	else if (entry->kind == COLLATERAL_CHAIN && !is_plain_text(buf_bytes(&entry->content)))
		snprintf(why, sizeof(why), "no PEM");
	else if (entry->kind == COLLATERAL_CHAIN && !is_named_by_content(entry))
		snprintf(why, sizeof(why), "its SHA-256 is another one than its name");
	if (why[0] != '\0')
		spoil(entry, INVENTORY_DAMAGED, CODE_COLLATERAL, why);
}

static void
read_stored_entry(struct inventory *inventory, enum collateral_kind kind, const char *directory, const char *file)
{
	char *name = xstrdup(file);
	struct inventory_entry *entry;
	struct err err = ERR_INIT;

	name[strlen(file) - strlen(kind_row(kind)->ending) - 1] = '\0';
	entry = add_inventory_entry(inventory, kind, name);
	entry->path = xprintf("%s/%s", directory, file);
	if (fs_read_file(entry->path, kind_row(COLLATERAL_DRIVER_RIM)->max + 1, &entry->content, &err) != 0)
		spoil(entry, INVENTORY_DAMAGED, CODE_COLLATERAL, err.text);
	else
		check_readable(entry);
	free(name);
}

static bool
has_ending(const char *file, const char *ending)
{
	const char *dot = strrchr(file, '.');

	return dot != NULL && dot != file && strcmp(dot + 1, ending) == 0 && file[0] != '.';
}

static int
read_directory(struct inventory *inventory, enum collateral_kind kind, const char *directory, struct err *err)
{
	struct dirent **list;
	int count;

	if (directory == NULL || directory[0] == '\0')
		return 0;
	count = scandir(directory, &list, NULL, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0 : err_set(err, CODE_COLLATERAL, "%s: %s", directory, err_errno(errno));
	for (int i = 0; i < count; i++) {
		if (has_ending(list[i]->d_name, kind_row(kind)->ending))
			read_stored_entry(inventory, kind, directory, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return 0;
}

int
inventory_directories(const struct store *store, struct inventory *inventory, struct err *err)
{
	for (enum collateral_kind i = 1; i < COLLATERAL_KINDS; i++)
		if (kind_row(i)->ending != NULL && kind_first(i) == i &&
		    read_directory(inventory, i, store_directory(store, i), err) != 0)
			return -1;
	return 0;
}

struct listing {
	struct cache *cache;
	struct inventory *inventory;
};

static void
add_cached(void *context, enum collateral_kind kind, const char *name)
{
	struct listing *listing = context;
	struct cache_entry content;
	struct inventory_entry *entry;

	if (kind_row(kind)->ending == NULL || !cache_get(listing->cache, kind, name, &content))
		return;
	entry = add_inventory_entry(listing->inventory, kind, name);
	entry->cached = true;
	entry->content = content.content;
	check_readable(entry);
}

void
inventory_cache(struct cache *cache, struct inventory *inventory)
{
	cache_list(cache, add_cached, &(struct listing){cache, inventory});
}

/* -- judging ------------------------------------------------------------------------------------------------------- */

/* One question to the worker: items and whose they are; NULL = only there for the answers. */
struct batch {
	struct archive archive;
	struct inventory_entry *owner[ARCHIVE_ITEMS_MAX];
	size_t bytes;
};

/* In the archive's text: base64, or PEM with its line ends escaped, and the members around it. */
static size_t
text_size(const struct inventory_entry *entry)
{
	return entry->content.size * 7 / 5 + 512;
}

static bool
fits(const struct batch *batch, const struct inventory_entry *entry)
{
	return batch->archive.items < ARCHIVE_ITEMS_MAX && batch->bytes + text_size(entry) < ARCHIVE_MAX;
}

static void
add_to_batch(struct batch *batch, struct inventory_entry *entry, bool own)
{
	if (archive_find(&batch->archive, entry->name) != NULL)
		return;
	batch->owner[batch->archive.items] = own ? entry : NULL;
	batch->bytes += text_size(entry);
	archive_add(&batch->archive, entry->kind, entry->name, buf_bytes(&entry->content), 0);
}

/* One whose name is no id has no kind of its own, and counts as a driver's. */
static bool
is_rim_entry(const struct inventory_entry *entry)
{
	return kind_row(entry->kind)->service == SERVICE_RIM;
}

static enum inventory_state
entry_state(const struct inventory_entry *entry)
{
	switch (entry->code) {
	case CODE_OK:
		return INVENTORY_GOOD;
	case CODE_RIM_EXPIRED:
	case CODE_DEVICE_CHAIN_EXPIRED:
	case CODE_OCSP_STALE:
		return INVENTORY_EXPIRED;
	case CODE_OCSP_REVOKED:
	case CODE_OCSP_HOLD:
		return INVENTORY_REVOKED;
	case CODE_OCSP_OTHER:
		return json_get(entry->about, "certificate") == NULL ? INVENTORY_UNMATCHED : INVENTORY_DAMAGED;
	default:
		return INVENTORY_DAMAGED;
	}
}

/* An answer is asked about once for each batch of manifests: that it matches nothing counts only if it never does. */
static void
settle(struct inventory_entry *entry, const struct archive_item *item, const struct step *step)
{
	const struct json_limits limits = {ARCHIVE_ABOUT_MAX, 4096, ABOUT_DEPTH, 8192};

	if (entry->state != INVENTORY_UNJUDGED && entry->state != INVENTORY_UNMATCHED)
		return;
	json_free(entry->about);
	entry->about = item->about ? json_read(bytes_of_text(item->about), &limits, &(struct err)ERR_INIT) : NULL;
	free(entry->detail);
	entry->detail = xstrdup(step->detail);
	entry->code = step->code;
	entry->until = item->until;
	entry->state = entry_state(entry);
}

static int
ask_appraiser(struct batch *batch, const struct appraise_worker *worker, const struct archive_trust *trust,
	      struct err *err)
{
	char *text = archive_print(&batch->archive);
	struct archive judged;
	struct steps steps;
	struct err refused = ERR_INIT; /* an item that does not hold is no failure here */
	int rc = 0;

	archive_judge_remote(worker, bytes_of_text(text), trust, &judged, &steps, &refused);
	if (judged.items != batch->archive.items || steps.count != judged.items + 1) {
		*err = refused;
		rc = err_wrap(err, 0, "the collateral that is here");
	}
	for (unsigned i = 0; rc == 0 && i < judged.items; i++)
		if (batch->owner[i] != NULL)
			settle(batch->owner[i], &judged.item[i], &steps.list[i + 1]);
	archive_free(&judged);
	steps_free(&steps);
	free(text);
	return rc;
}

static bool
is_open(const struct inventory_entry *entry)
{
	return entry->state == INVENTORY_UNJUDGED || entry->state == INVENTORY_UNMATCHED;
}

/* Of a kind other than manifests, what is still to be judged. */
static void
take_kind(struct batch *batch, struct inventory *inventory, bool cached, enum collateral_kind kind)
{
	for (unsigned i = 0; i < inventory->entries; i++) {
		struct inventory_entry *entry = &inventory->entry[i];

		if (entry->kind == kind && entry->cached == cached && is_open(entry) && fits(batch, entry))
			add_to_batch(batch, entry, true);
	}
}

/* What cached answers may be about stands in the directories too. */
static void
take_beside(struct batch *batch, struct inventory *inventory, bool manifests)
{
	for (unsigned i = 0; i < inventory->entries; i++) {
		struct inventory_entry *entry = &inventory->entry[i];

		if (!entry->cached && entry->kind != COLLATERAL_OCSP && is_rim_entry(entry) == manifests &&
		    (entry->state == INVENTORY_GOOD || entry->state == INVENTORY_EXPIRED) && fits(batch, entry))
			add_to_batch(batch, entry, false);
	}
}

/* Room for manifests: what chains and answers leave, but never less than half. */
static size_t
room_for_manifests(const struct inventory *inventory)
{
	size_t used = 0;

	for (unsigned i = 0; i < inventory->entries; i++)
		if (!is_rim_entry(&inventory->entry[i]))
			used += text_size(&inventory->entry[i]);
	return used < ARCHIVE_MAX / 2 ? ARCHIVE_MAX - used : ARCHIVE_MAX / 2;
}

/* From *next on. One that is too large even alone is left out. */
static void
take_manifests(struct batch *batch, struct inventory *inventory, bool cached, unsigned *next)
{
	size_t room = room_for_manifests(inventory);

	for (; *next < inventory->entries; ++*next) {
		struct inventory_entry *entry = &inventory->entry[*next];

		if (!is_rim_entry(entry) || entry->cached != cached || entry->state != INVENTORY_UNJUDGED ||
		    text_size(entry) > room)
			continue;
		if (batch->bytes + text_size(entry) > room || batch->archive.items == ARCHIVE_ITEMS_MAX / 2)
			return;
		add_to_batch(batch, entry, true);
	}
}

/* In the order in which an archive is read: manifests, chains, answers. */
static int
judge_place(struct inventory *inventory, bool cached, const struct appraise_worker *worker,
	    const struct archive_trust *trust, struct err *err)
{
	struct batch *batch = xcalloc(1, sizeof(*batch));
	unsigned next = 0;
	int rc = 0;

	do {
		*batch = (struct batch){.archive = {.created = trust->at}};
		take_manifests(batch, inventory, cached, &next);
		if (cached)
			take_beside(batch, inventory, true);
		take_kind(batch, inventory, cached, COLLATERAL_CHAIN);
		if (cached)
			take_beside(batch, inventory, false);
		take_kind(batch, inventory, cached, COLLATERAL_OCSP);
		if (batch->archive.items > 0)
			rc = ask_appraiser(batch, worker, trust, err);
		archive_free(&batch->archive);
	} while (rc == 0 && next < inventory->entries);
	free(batch);
	return rc;
}

int
inventory_judge(struct inventory *inventory, const struct appraise_worker *worker, const struct archive_trust *trust,
		struct err *err)
{
	if (judge_place(inventory, false, worker, trust, err) != 0)
		return -1;
	return judge_place(inventory, true, worker, trust, err);
}
