/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/collateral/cache_record.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/fs.h"

#define ENTRIES_MAX 1024
#define LOCK_MS 2000
#define LOCK_FILE "lock"      /* without a leading dot: temporary files have one */
#define NO_WRITER {.lock = -1, .dir = {-1, -1, -1, -1, -1}}
#define NAME_SIZE_MAX 200     /* of a name that becomes a file's */
#define ADDRESS_SIZE_MAX 2048
#define TIME_MAX 253402300799 /* the last second of the year 9999 */

static const struct {
	const char *folder, *suffix;
	bool boot;
	bool record; /* attest/collateral/cache_record.h, else the content alone */
	bool digest; /* the file is called by the SHA-256 of the name, which stands in its record */
} places[CACHE_PLACES] = {
	[CACHE_RIMS] = {"rim", ".xml", false, false, false},
	[CACHE_KEY_SETS] = {"keys", ".keys", false, true, true},
	[CACHE_ANSWERS] = {"ocsp", ".answer", true, true, false},
	[CACHE_FLOOR] = {".", "", true, true, false},
};

/* The most that the content of a file there may have. */
static size_t
content_max(enum cache_place place)
{
	size_t max = sizeof(int64_t); /* the floor's */

	for (enum collateral_kind i = 1; i < COLLATERAL_KINDS; i++)
		if (kind_row(i)->cache == place && kind_row(i)->max > max)
			max = kind_row(i)->max;
	return max;
}

/* The file's name in new memory, NULL: name cannot have one. */
static char *
file_of(enum cache_place place, const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t size = strlen(name);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	if (!places[place].digest) {
		bool fits = size > 0 && size <= NAME_SIZE_MAX && name[0] != '.' && strspn(name, plain) == size;

		return fits ? xprintf("%s%s", name, places[place].suffix) : NULL;
	}
	if (size == 0 || size > ADDRESS_SIZE_MAX)
		return NULL;
	crypto_sha256(bytes_of_text(name), digest);
	hex_encode(hex, digest, sizeof(digest));
	return xprintf("%s%s", hex, places[place].suffix);
}

/* The first fault is the one that is told: others mostly follow from it. */
static void
note_fault(struct cache *cache, const struct err *err)
{
	if (cache->fault.code != CODE_OK)
		return;
	cache->fault = *err;
	err_wrap(&cache->fault, CODE_COLLATERAL, "cache");
}

static int
top_of(const struct cache *cache, enum cache_place place)
{
	return places[place].boot ? cache->boot : cache->disk;
}

/* -1: there is none, or it cannot be used. */
static int
open_folder(struct cache *cache, enum cache_place place, bool make)
{
	struct err err = ERR_INIT;
	int top = top_of(cache, place), dir;

	if (top < 0)
		return -1;
	dir = fs_open_own_dir(top, places[place].folder, make, &err);
	if (dir < 0 && (make || errno != ENOENT))
		note_fault(cache, &err);
	return dir;
}

static void
close_folder(int dir)
{
	if (dir >= 0)
		close(dir);
}

/* -- open and close ------------------------------------------------------------------------------------------------ */

static void
read_boot_id(struct cache *cache)
{
	struct err err = ERR_INIT;

	if (clock_boot_id(cache->boot_id, &err) != 0)
		note_fault(cache, &err);
}

static int
open_top(struct cache *cache, const char *path)
{
	struct err err = ERR_INIT;
	int dir;

	if (path == NULL || path[0] == '\0')
		return -1;
	dir = fs_make_own_dir(path, &err);
	if (dir < 0)
		note_fault(cache, &err);
	return dir;
}

void
cache_open(const char *disk, const char *boot, uint64_t bytes_max, struct cache *out)
{
	*out = (struct cache){.bytes_max = bytes_max, .entries_max = ENTRIES_MAX, .lock_ms = LOCK_MS,
			      .writer = {NO_WRITER, NO_WRITER}};
	read_boot_id(out);
	out->disk = open_top(out, disk);
	out->boot = open_top(out, boot);
}

static int
look_top(struct cache *cache, const char *path)
{
	struct stat status;

	return path == NULL || path[0] == '\0' || lstat(path, &status) != 0 ? -1 : open_top(cache, path);
}

void
cache_look(const char *disk, const char *boot, struct cache *out)
{
	*out = (struct cache){.read_only = true, .writer = {NO_WRITER, NO_WRITER}};
	read_boot_id(out);
	out->disk = look_top(out, disk);
	out->boot = look_top(out, boot);
}

void
cache_close(struct cache *cache)
{
	close_folder(cache->disk);
	close_folder(cache->boot);
	cache->disk = cache->boot = -1;
}

/* -- out of the cache ---------------------------------------------------------------------------------------------- */

/* Seconds since then on the boot clock; -1: not in this boot, or not yet. */
static int64_t
age_of(const struct cache *cache, const struct record *record)
{
	int64_t now = clock_boot_ms();

	if (cache->boot_id[0] == '\0' || strcmp(record->boot_id, cache->boot_id) != 0)
		return -1;
	return record->kept < 0 || record->kept > now ? -1 : (now - record->kept) / 1000;
}

/* The whole file. What is there and not the caller's alone goes away. */
static bool
read_entry(struct cache *cache, enum cache_place place, int dir, const char *file, struct buf *out)
{
	struct err err = ERR_INIT;
	size_t extra = places[place].record ? RECORD_EXTRA + ADDRESS_SIZE_MAX : 0;

	if (fs_read_own(dir, file, content_max(place) + extra, out, &err) == 0)
		return true;
	if ((errno == EPERM || errno == ELOOP) && !cache->read_only)
		unlinkat(dir, file, 0);
	if (errno != ENOENT)
		note_fault(cache, &err);
	return false;
}

static bool
take_record(const struct cache *cache, enum cache_place place, const char *name, struct bytes raw,
	    struct cache_entry *out)
{
	struct record record;

	if (!cache_record_read(raw, &record) || !bytes_equal(record.name, bytes_of_text(name)))
		return false;
	out->age = age_of(cache, &record);
	memcpy(out->nonce, record.nonce, sizeof(out->nonce));
	buf_add(&out->content, record.content.data, record.content.size);
	return out->age >= 0 || !places[place].boot;
}

static bool
take_kept_content(struct buf *raw, struct cache_entry *out)
{
	out->content = *raw;
	*raw = (struct buf){0};
	return out->content.size > 0;
}

static bool
take_entry(struct cache *cache, enum cache_place place, const char *name, int dir, const char *file,
	   struct cache_entry *out)
{
	struct buf raw = {0};
	bool found = false;

	if (read_entry(cache, place, dir, file, &raw)) {
		if (places[place].record)
			found = take_record(cache, place, name, buf_bytes(&raw), out);
		else
			found = take_kept_content(&raw, out);
		if (!found && !cache->read_only)
			unlinkat(dir, file, 0);
	}
	buf_free(&raw);
	return found;
}

static bool
get(struct cache *cache, enum cache_place place, const char *name, struct cache_entry *out)
{
	char *file = file_of(place, name);
	int dir = file != NULL ? open_folder(cache, place, false) : -1;
	bool found = dir >= 0 && take_entry(cache, place, name, dir, file, out);

	if (!found)
		buf_free(&out->content);
	close_folder(dir);
	free(file);
	return found;
}

bool
cache_get(struct cache *cache, enum collateral_kind kind, const char *name, struct cache_entry *out)
{
	enum cache_place place = kind_row(kind)->cache;

	*out = (struct cache_entry){.age = -1};
	return place != CACHE_NONE && get(cache, place, name, out);
}

/* -- into the cache, under the lock -------------------------------------------------------------------------------- */

static struct cache_writer *
writer_of(struct cache *cache, enum cache_place place)
{
	return &cache->writer[places[place].boot];
}

static bool
begin_writing(struct cache *cache, enum cache_place place)
{
	struct cache_writer *writer = writer_of(cache, place);
	struct err err = ERR_INIT;
	int64_t start = clock_boot_ms();

	if (writer->lock >= 0)
		return true;
	writer->lock = fs_lock(top_of(cache, place), LOCK_FILE, 1, start + cache->lock_ms, &err);
	cache->lock_ms -= clock_boot_ms() - start;
	if (cache->lock_ms < 0)
		cache->lock_ms = 0;
	if (writer->lock < 0)
		note_fault(cache, &err);
	return writer->lock >= 0;
}

static void
end_writing(struct cache_writer *writer)
{
	for (enum cache_place i = CACHE_RIMS; i < CACHE_PLACES; i++)
		close_folder(writer->dir[i]);
	room_close(&writer->room);
	close_folder(writer->lock);
	*writer = (struct cache_writer)NO_WRITER;
}

void
cache_hold(struct cache *cache)
{
	cache->held = true;
}

void
cache_release(struct cache *cache)
{
	cache->held = false;
	end_writing(&cache->writer[false]);
	end_writing(&cache->writer[true]);
}

/* Both folders of the disk count together. */
static void
survey_folders(struct cache *cache, struct cache_writer *writer)
{
	writer->room = (struct room){.bytes_max = cache->bytes_max, .entries_max = cache->entries_max};
	for (enum cache_place i = CACHE_RIMS; i < CACHE_FLOOR; i++) {
		if (writer_of(cache, i) != writer)
			continue;
		writer->dir[i] = open_folder(cache, i, false);
		if (writer->dir[i] >= 0)
			room_add(&writer->room, writer->dir[i]);
	}
	writer->looked = true;
}

static int
enter_folder(struct cache *cache, enum cache_place place)
{
	struct cache_writer *writer = writer_of(cache, place);

	if (place != CACHE_FLOOR && !writer->looked)
		survey_folders(cache, writer);
	if (writer->dir[place] >= 0)
		return writer->dir[place];
	writer->dir[place] = open_folder(cache, place, true);
	if (place == CACHE_FLOOR && writer->dir[place] >= 0)
		room_add(NULL, writer->dir[place]);
	return writer->dir[place];
}

static void
write_entry(struct cache *cache, enum cache_place place, const char *file, struct bytes content)
{
	struct err err = ERR_INIT;
	int dir = enter_folder(cache, place);

	if (dir < 0)
		return;
	if (place != CACHE_FLOOR)
		room_make(&writer_of(cache, place)->room, dir, file, content.size);
	if (fs_write_atomic_at(dir, file, content, 0600, &err) != 0) {
		err_wrap(&err, 0, "%s", file);
		note_fault(cache, &err);
	}
}

static void
write_record(struct cache *cache, enum cache_place place, const char *file, struct record *record)
{
	struct buf raw = {0};

	memcpy(record->boot_id, cache->boot_id, sizeof(record->boot_id));
	record->kept = clock_boot_ms();
	cache_record_write(record, &raw);
	if (raw.size <= cache->bytes_max)
		write_entry(cache, place, file, buf_bytes(&raw));
	buf_free(&raw);
}

static void
put_entry(struct cache *cache, enum cache_place place, const char *name, struct bytes content, const uint8_t *nonce)
{
	struct record record = {.name = bytes_of_text(name), .content = content};
	char *file = file_of(place, name);

	if (nonce != NULL)
		memcpy(record.nonce, nonce, sizeof(record.nonce));
	if (file != NULL && places[place].record)
		write_record(cache, place, file, &record);
	else if (file != NULL && content.size <= cache->bytes_max)
		write_entry(cache, place, file, content);
	free(file);
}

void
cache_put(struct cache *cache, enum collateral_kind kind, const char *name, struct bytes content, const uint8_t *nonce)
{
	enum cache_place place = kind_row(kind)->cache;

	if (place == CACHE_NONE || top_of(cache, place) < 0 || cache->read_only)
		return;
	if (content.size == 0 || content.size > kind_row(kind)->max)
		return;
	if (!begin_writing(cache, place))
		return;
	put_entry(cache, place, name, content, nonce);
	if (!cache->held)
		end_writing(writer_of(cache, place));
}

void
cache_drop(struct cache *cache, enum collateral_kind kind, const char *name)
{
	enum cache_place place = kind_row(kind)->cache;
	struct err err = ERR_INIT;
	char *file = place != CACHE_NONE && !cache->read_only ? file_of(place, name) : NULL;
	int dir = file != NULL ? open_folder(cache, place, false) : -1;

	if (dir >= 0 && unlinkat(dir, file, 0) != 0 && errno != ENOENT) {
		err_set(&err, 0, "%s: unlink: %s", file, err_errno(errno));
		note_fault(cache, &err);
	}
	close_folder(dir);
	free(file);
}

/* -- the time floor ------------------------------------------------------------------------------------------------ */

int64_t
cache_floor(struct cache *cache)
{
	struct cache_entry entry = {0};
	int64_t time = 0;

	if (get(cache, CACHE_FLOOR, "floor", &entry) && entry.content.size == sizeof(time))
		memcpy(&time, entry.content.data, sizeof(time));
	buf_free(&entry.content);
	return time > 0 && time <= TIME_MAX ? time + entry.age : 0;
}

void
cache_raise_floor(struct cache *cache, int64_t time)
{
	if (cache->boot < 0 || cache->read_only || time <= 0 || time > TIME_MAX || !begin_writing(cache, CACHE_FLOOR))
		return;
	if (time > cache_floor(cache))
		put_entry(cache, CACHE_FLOOR, "floor", bytes_of(&time, sizeof(time)), NULL);
	if (!cache->held)
		end_writing(writer_of(cache, CACHE_FLOOR));
}

/* -- list ---------------------------------------------------------------------------------------------------------- */

/* The name that file was kept under, in new memory: a key set's stands in its record only. */
static char *
name_of(struct cache *cache, enum cache_place place, int dir, const char *file)
{
	size_t size = strlen(file), suffix = strlen(places[place].suffix);
	struct buf raw = {0};
	struct record record;
	char *name;

	if (!places[place].digest)
		return xprintf("%.*s", size > suffix ? (int)(size - suffix) : 0, file);
	if (!read_entry(cache, place, dir, file, &raw) || !cache_record_read(buf_bytes(&raw), &record))
		record.name = bytes_of_text("");
	name = xprintf("%.*s", (int)record.name.size, (const char *)record.name.data);
	buf_free(&raw);
	return name;
}

/* A file whose name no kind has counts as one of the first kind that lies there. */
static enum collateral_kind
listed_kind(enum cache_place place, const char *name)
{
	enum collateral_kind first = COLLATERAL_KINDS;

	for (enum collateral_kind i = COLLATERAL_KINDS - 1; i > 0; i--) {
		const struct kind_row *kind = kind_row(i);

		if (kind->cache != place)
			continue;
		if (kind->fits == NULL || kind->fits(name))
			return i;
		first = i;
	}
	return first;
}

/* Calls each for every file that the cache made under the name. */
static void
list_folder(struct cache *cache, enum cache_place place, int dir,
	    void (*each)(void *context, enum collateral_kind kind, const char *name), void *context)
{
	struct dirent **files;
	int count = room_names(dir, &files);

	for (int i = 0; i < count; i++) {
		char *name = name_of(cache, place, dir, files[i]->d_name), *file = file_of(place, name);

		if (file != NULL && strcmp(file, files[i]->d_name) == 0)
			each(context, listed_kind(place, name), name);
		free(file);
		free(name);
	}
	room_free(files, count);
}

void
cache_list(struct cache *cache, void (*each)(void *context, enum collateral_kind kind, const char *name), void *context)
{
	for (enum cache_place place = CACHE_RIMS; place < CACHE_FLOOR; place++) {
		int dir = open_folder(cache, place, false);

		if (dir >= 0)
			list_folder(cache, place, dir, each, context);
		close_folder(dir);
	}
}
