/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/container_record.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "spec/oci_state.h"

#define SCHEMA 1

static const struct json_limits limits = {CONTAINER_RECORD_SIZE_MAX, 8192, 4, 256};

/* -- members that are numbers ------------------------------------------------------------------------------------ */

#define MEMBER(name, member, max) {name, offsetof(struct container_record, member), max}

static const struct {
	const char *name;
	size_t offset;
	int64_t max;
} numbers[] = {
	MEMBER("started", started, INT64_MAX), MEMBER("device", device, INT64_MAX), MEMBER("inode", inode, INT64_MAX),
	MEMBER("issued", issued, INT64_C(253402300799)), MEMBER("expires", expires, INT64_C(253402300799)),
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const char *const decisions[CONTAINER_DECISIONS] = {"allowed", "exempt", "observed"};

const char *
container_decision_name(enum container_decision decision)
{
	return decisions[decision];
}

static int64_t *
number_of_member(const struct container_record *record, size_t index)
{
	return (int64_t *)((char *)record + numbers[index].offset);
}

/* -- writing ----------------------------------------------------------------------------------------------------- */

static void
print_gpus(struct json_out *out, const struct container_record *record)
{
	unsigned i;

	json_out_member_bool(out, "all", record->all);
	json_out_name(out, "minors");
	json_out_array(out);
	for (i = 0; i < record->count; i++)
		json_out_integer(out, record->minors[i]);
	json_out_end(out);
}

char *
container_record_print(const struct container_record *record)
{
	struct json_out *out = json_out_new(true);
	size_t i;

	json_out_object(out);
	json_out_member_integer(out, "schema", SCHEMA);
	json_out_member_text(out, "decision", decisions[record->decision]);
	json_out_member_text(out, "id", record->id);
	json_out_member_text(out, "bundle", record->bundle);
	json_out_member_integer(out, "pid", record->pid);
	print_gpus(out, record);
	json_out_member_bool(out, "privileged", record->privileged);
	json_out_member_text(out, "image_id", record->image_id);
	json_out_member_text(out, "namespace", record->name_space);
	json_out_member_text(out, "challenge", record->challenge);
	json_out_member_hex(out, "config_digest", bytes_of(record->config_digest, sizeof(record->config_digest)));
	json_out_member_hex(out, "file_system", bytes_of(&record->file_system, sizeof(record->file_system)));
	json_out_member_bool(out, "mapped", record->mapped);
	json_out_member_integer(out, "uid", record->uid);
	json_out_member_integer(out, "gid", record->gid);
	for (i = 0; i < NUMBERS; i++)
		json_out_member_integer(out, numbers[i].name, *number_of_member(record, i));
	json_out_end(out);
	return json_out_finish(out);
}

/* -- reading ----------------------------------------------------------------------------------------------------- */

static bool
read_hex(const struct json *value, void *out, size_t size)
{
	const char *text = json_text(value);

	return text != NULL && hex_decode(out, size, text, strlen(text));
}

/* A text, or null where that is allowed. */
static bool
read_record_text(const struct json *root, const char *name, bool required, char **out)
{
	const struct json *value = json_get(root, name);
	const char *text = json_text(value);

	if (text != NULL)
		*out = xstrdup(text);
	return text != NULL || (!required && value != NULL && json_type(value) == JSON_NULL);
}

static bool
read_decision(const struct json *root, enum container_decision *out)
{
	const char *text = json_text(json_get(root, "decision"));
	unsigned i = 0;

	while (text != NULL && i < CONTAINER_DECISIONS && strcmp(text, decisions[i]) != 0)
		i++;
	*out = (enum container_decision)i;
	return text != NULL && i < CONTAINER_DECISIONS;
}

static bool
read_u32(const struct json *value, uint32_t *out)
{
	int64_t number;

	if (!json_integer(value, 0, UINT32_MAX, &number))
		return false;
	*out = (uint32_t)number;
	return true;
}

static bool
read_gpus(const struct json *root, struct container_record *record)
{
	const struct json *minors = json_get(root, "minors");

	if (!json_bool(json_get(root, "all"), &record->all) || minors == NULL || json_type(minors) != JSON_ARRAY ||
	    json_count(minors) > CONTAINER_RECORD_MINORS_MAX)
		return false;
	for (; record->count < json_count(minors); record->count++)
		if (!read_u32(json_at(minors, record->count), &record->minors[record->count]))
			return false;
	return record->all || record->count > 0;
}

static bool
read_record(const struct json *root, struct container_record *record)
{
	int64_t schema, pid;
	size_t i;

	if (!json_integer(json_get(root, "schema"), SCHEMA, SCHEMA, &schema) ||
	    !read_decision(root, &record->decision) || !json_integer(json_get(root, "pid"), 2, INT32_MAX, &pid) ||
	    !read_record_text(root, "id", true, &record->id) || !oci_id_known(record->id) ||
	    !read_record_text(root, "bundle", true, &record->bundle) || record->bundle[0] != '/')
		return false;
	record->pid = (pid_t)pid;
	for (i = 0; i < NUMBERS; i++)
		if (!json_integer(json_get(root, numbers[i].name), 0, numbers[i].max, number_of_member(record, i)))
			return false;
	return read_gpus(root, record) && json_bool(json_get(root, "privileged"), &record->privileged) &&
	       read_record_text(root, "image_id", false, &record->image_id) &&
	       read_record_text(root, "namespace", false, &record->name_space) &&
	       read_record_text(root, "challenge", false, &record->challenge) &&
	       read_hex(json_get(root, "config_digest"), record->config_digest, sizeof(record->config_digest)) &&
	       read_hex(json_get(root, "file_system"), &record->file_system, sizeof(record->file_system)) &&
	       json_bool(json_get(root, "mapped"), &record->mapped) && read_u32(json_get(root, "uid"), &record->uid) &&
	       read_u32(json_get(root, "gid"), &record->gid);
}

int
container_record_parse(struct bytes text, struct container_record *record, struct err *err)
{
	struct json *root = json_read(text, &limits, err);
	bool whole;

	*record = (struct container_record){0};
	if (root == NULL)
		return -1;
	whole = read_record(root, record);
	json_free(root);
	if (whole)
		return 0;
	container_record_free(record);
	return err_set(err, 0, "a member is missing or of another form");
}

void
container_record_free(struct container_record *record)
{
	free(record->id);
	free(record->bundle);
	free(record->image_id);
	free(record->name_space);
	free(record->challenge);
	*record = (struct container_record){0};
}
