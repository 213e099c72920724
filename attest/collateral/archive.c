/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/archive.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/frame.h"
#include "lib/json.h"


static const struct json_limits limits = {.bytes = ARCHIVE_MAX, .string = 3 << 19, .depth = 4, .values = 8192};

/* -- building ------------------------------------------------------------------------------------------------------ */
struct archive_item *
archive_find(const struct archive *archive, const char *name)
{
	for (unsigned i = 0; i < archive->items; i++)
		if (strcmp(archive->item[i].name, name) == 0)
			return &archive->item[i];
	return NULL;
}

static char *
chain_name(struct bytes pem)
{
	uint8_t digest[SHA256_SIZE];

	crypto_sha256(pem, digest);
	return hex_text(bytes_of(digest, sizeof(digest)));
}

void
archive_add(struct archive *archive, enum collateral_kind kind, const char *name, struct bytes content, int64_t until)
{
	struct archive_item *item;

	archive->item = xrealloc(archive->item, (archive->items + 1) * sizeof(*archive->item));
	item = &archive->item[archive->items++];
	*item = (struct archive_item){.kind = kind, .until = until};
	item->name = name != NULL ? xstrdup(name) : chain_name(content);
	buf_add(&item->content, content.data, content.size);
}

void
archive_free(struct archive *archive)
{
	for (unsigned i = 0; i < archive->items; i++) {
		free(archive->item[i].name);
		free(archive->item[i].about);
		buf_free(&archive->item[i].content);
	}
	free(archive->item);
	*archive = (struct archive){0};
}

/* -- reading ------------------------------------------------------------------------------------------------------- */
static int
bad(struct err *err, const char *what)
{
	return err_set(err, CODE_ARCHIVE, "%s", what);
}

/* Exactly these members: no name occurs twice, so the number and the names are enough. */
static bool
has_members(const struct json *object, const char *const *names, size_t count)
{
	if (object == NULL || json_type(object) != JSON_OBJECT || json_count(object) != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (json_get(object, names[i]) == NULL)
			return false;
	return true;
}

static bool
read_time_text(const struct json *value, int64_t *out)
{
	const char *text = json_text(value);

	return text != NULL && clock_parse(text, out);
}

static int
add_once(struct archive *out, enum collateral_kind kind, const char *name, struct bytes content, int64_t until,
	 struct err *err)
{
	if (out->items == ARCHIVE_ITEMS_MAX)
		return err_set(err, CODE_ARCHIVE, "more than %d items", ARCHIVE_ITEMS_MAX);
	archive_add(out, kind, name, content, until);
	name = out->item[out->items - 1].name;
	if (archive_find(out, name) != &out->item[out->items - 1])
		return err_set(err, CODE_ARCHIVE, "%s is there twice", name);
	return 0;
}

struct section {
	enum collateral_service service;
	const char *name, *id, *content;
};

static const struct section rims = {SERVICE_RIM, "rims", "id", "xml"}, answers = {SERVICE_OCSP, "ocsp", "name", "der"};

static int
read_item(const struct json *value, const struct section *section, struct archive *out, struct err *err)
{
	const char *names[] = {section->id, "until", section->content};
	struct buf content = {0};
	const char *name, *text;
	int64_t until;
	enum collateral_kind kind = COLLATERAL_KINDS;
	int rc = -1;

	if (!has_members(value, names, 3))
		return bad(err, "other members than id, until and content");
	name = json_text(json_get(value, section->id));
	text = json_text(json_get(value, section->content));
	if (name != NULL)
		kind = kind_of_name(section->service, name);
	if (kind == COLLATERAL_KINDS)
		bad(err, "the name is none of this kind");
	else if (!read_time_text(json_get(value, "until"), &until))
		err_set(err, CODE_ARCHIVE, "%s: until is no time", name);
	else if (text == NULL || !base64_decode(&content, text, strlen(text)) || content.size == 0)
		err_set(err, CODE_ARCHIVE, "%s: %s is not base64", name, section->content);
	else if (content.size > kind_row(kind)->max)
		err_set(err, CODE_ARCHIVE, "%s: %zu bytes, at most %zu", name, content.size, kind_row(kind)->max);
	else
		rc = add_once(out, kind, name, buf_bytes(&content), until, err);
	buf_free(&content);
	return rc;
}

static int
read_archived_chain(const struct json *value, struct archive *out, struct err *err)
{
	struct bytes pem = json_bytes(value);

	if (pem.size == 0 || pem.size > kind_row(COLLATERAL_CHAIN)->max)
		return bad(err, "no text, or too large");
	return add_once(out, COLLATERAL_CHAIN, NULL, pem, 0, err);
}

/* section NULL: the chains. */
static int
read_section(const struct json *root, const char *name, const struct section *section, struct archive *out,
	     struct err *err)
{
	const struct json *list = json_get(root, name);

	if (json_type(list) != JSON_ARRAY)
		return err_set(err, CODE_ARCHIVE, "%s is no array", name);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *value = json_at(list, i);

		if ((section != NULL ? read_item(value, section, out, err) : read_archived_chain(value, out, err)) != 0)
			return err_wrap(err, CODE_ARCHIVE, "%s, item %zu", name, i);
	}
	return 0;
}

static int
read_archive_root(const struct json *root, struct archive *out, struct err *err)
{
	static const char *const names[] = {"schema", "created", "rims", "chains", "ocsp"};
	int64_t schema;

	if (!has_members(root, names, sizeof(names) / sizeof(*names)))
		return bad(err, "other members than schema, created, rims, chains and ocsp");
	if (!json_integer(json_get(root, "schema"), 1, 1, &schema))
		return bad(err, "schema is not 1: made by a newer version?");
	if (!read_time_text(json_get(root, "created"), &out->created))
		return bad(err, "created is no time");
	if (read_section(root, "rims", &rims, out, err) != 0 || read_section(root, "chains", NULL, out, err) != 0 ||
	    read_section(root, "ocsp", &answers, out, err) != 0)
		return -1;
	return out->items > 0 ? 0 : bad(err, "there is nothing in it");
}

int
archive_parse(struct bytes text, struct archive *out, struct err *err)
{
	struct json *root = json_read(text, &limits, err);
	int rc = root != NULL ? 0 : -1;

	*out = (struct archive){0};
	if (rc == 0)
		rc = read_archive_root(root, out, err);
	json_free(root);
	if (rc != 0) {
		archive_free(out);
		err_wrap(err, CODE_ARCHIVE, "archive");
	}
	return rc;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */
static void
print_item(struct json_out *out, const struct archive_item *item, const struct section *section)
{
	char until[32];
	struct buf text = {0};

	clock_format(item->until, until);
	base64_encode(&text, buf_bytes(&item->content));
	json_out_object(out);
	json_out_member_text(out, section->id, item->name);
	json_out_member_text(out, "until", until);
	json_out_member_text(out, section->content, (const char *)text.data);
	json_out_end(out);
	buf_free(&text);
}

static void
print_section(struct json_out *out, const struct archive *archive, const struct section *section)
{
	json_out_name(out, section->name);
	json_out_array(out);
	for (unsigned i = 0; i < archive->items; i++) {
		const struct archive_item *item = &archive->item[i];

		if (kind_row(item->kind)->service == section->service)
			print_item(out, item, section);
	}
	json_out_end(out);
}

static void
print_chains(struct json_out *out, const struct archive *archive)
{
	json_out_name(out, "chains");
	json_out_array(out);
	for (unsigned i = 0; i < archive->items; i++)
		if (archive->item[i].kind == COLLATERAL_CHAIN)
			json_out_bytes(out, buf_bytes(&archive->item[i].content));
	json_out_end(out);
}

char *
archive_print(const struct archive *archive)
{
	struct json_out *out = json_out_new(true);
	char created[32];

	clock_format(archive->created, created);
	json_out_object(out);
	json_out_member_integer(out, "schema", 1);
	json_out_member_text(out, "created", created);
	print_section(out, archive, &rims);
	print_chains(out, archive);
	print_section(out, archive, &answers);
	json_out_end(out);
	return json_out_finish(out);
}

/* -- between the processes ----------------------------------------------------------------------------------------- */
void
archive_put_trust(struct buf *payload, const struct archive_trust *trust)
{
	frame_put_i64(payload, trust->at);
	frame_put_field(payload, trust->device_root);
	frame_put_field(payload, trust->rim_root);
	frame_put_u32(payload, trust->revocation.allow_hold);
	frame_put_i64(payload, trust->revocation.max_age);
}

bool
archive_get_trust(struct bytes payload, struct archive_trust *out)
{
	struct cursor cursor = cursor_of(payload);
	uint32_t hold;

	*out = (struct archive_trust){0};
	if (!frame_get_i64(&cursor, &out->at) || !frame_get_field(&cursor, &out->device_root) ||
	    !frame_get_field(&cursor, &out->rim_root) || !frame_get_u32(&cursor, &hold) || hold > 1 ||
	    !frame_get_i64(&cursor, &out->revocation.max_age) || cursor.left != 0)
		return false;
	out->revocation.allow_hold = hold == 1;
	out->revocation.allow_without_nonce = true;
	return true;
}
