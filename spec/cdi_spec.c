/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/cdi_spec.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/code.h"
#include "lib/yaml.h"

static const struct json_limits limits = {CDI_SIZE_MAX, 64 << 10, 16, 1 << 16};

/* What each version brought; 0.8.0 and 1.0.0 brought nothing, so that no member needs them. */
enum since { V030, V040, V050, V060, V070, V080, V100, V110, VERSIONS };
static const char *const version_names[VERSIONS] = {
	"0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0",
};

/* A table ends with a NULL name. */
struct field {
	const char *name;
	enum json_type type;
	enum since since;
	bool required;
	bool texts;               /* an array of these */
	const struct field *each; /* members of the object, or of each object of the array */
};

static const struct field hook_fields[] = {
	{.name = "hookName", .type = JSON_STRING, .required = true},
	{.name = "path", .type = JSON_STRING, .required = true},
	{.name = "args", .type = JSON_ARRAY, .texts = true},
	{.name = "env", .type = JSON_ARRAY, .texts = true},
	{.name = "timeout", .type = JSON_NUMBER},
	{.name = NULL},
};

static const struct field mount_fields[] = {
	{.name = "hostPath", .type = JSON_STRING, .required = true},
	{.name = "containerPath", .type = JSON_STRING, .required = true},
	{.name = "options", .type = JSON_ARRAY, .texts = true},
	{.name = "type", .type = JSON_STRING, .since = V040},
	{.name = NULL},
};

static const struct field node_fields[] = {
	{.name = "path", .type = JSON_STRING, .required = true},
	{.name = "hostPath", .type = JSON_STRING, .since = V050},
	{.name = "type", .type = JSON_STRING},
	{.name = "major", .type = JSON_NUMBER},
	{.name = "minor", .type = JSON_NUMBER},
	{.name = "fileMode", .type = JSON_NUMBER},
	{.name = "uid", .type = JSON_NUMBER},
	{.name = "gid", .type = JSON_NUMBER},
	{.name = "permissions", .type = JSON_STRING},
	{.name = NULL},
};

static const struct field rdt_fields[] = {
	{.name = "closID", .type = JSON_STRING, .since = V070},
	{.name = "l3CacheSchema", .type = JSON_STRING, .since = V070},
	{.name = "memBwSchema", .type = JSON_STRING, .since = V070},
	{.name = "enableCMT", .type = JSON_BOOL, .since = V070},
	{.name = "enableMBM", .type = JSON_BOOL, .since = V070},
	{.name = "schemata", .type = JSON_ARRAY, .since = V110, .texts = true},
	{.name = "enableMonitoring", .type = JSON_BOOL, .since = V110},
	{.name = NULL},
};

static const struct field net_fields[] = {
	{.name = "hostInterfaceName", .type = JSON_STRING, .since = V110, .required = true},
	{.name = "name", .type = JSON_STRING, .since = V110, .required = true},
	{.name = NULL},
};

static const struct field edits_fields[] = {
	{.name = "env", .type = JSON_ARRAY, .texts = true},
	{.name = "deviceNodes", .type = JSON_ARRAY, .each = node_fields},
	{.name = "mounts", .type = JSON_ARRAY, .each = mount_fields},
	{.name = "hooks", .type = JSON_ARRAY, .each = hook_fields},
	{.name = "additionalGids", .type = JSON_ARRAY, .since = V070},
	{.name = "intelRdt", .type = JSON_OBJECT, .since = V070, .each = rdt_fields},
	{.name = "netDevices", .type = JSON_ARRAY, .since = V110, .each = net_fields},
	{.name = NULL},
};

static const struct field device_fields[] = {
	{.name = "name", .type = JSON_STRING, .required = true},
	{.name = "annotations", .type = JSON_OBJECT, .since = V060},
	{.name = "containerEdits", .type = JSON_OBJECT, .required = true, .each = edits_fields},
	{.name = NULL},
};

static const struct field spec_fields[] = {
	{.name = "cdiVersion", .type = JSON_STRING, .required = true},
	{.name = "kind", .type = JSON_STRING, .required = true},
	{.name = "annotations", .type = JSON_OBJECT, .since = V060},
	{.name = "devices", .type = JSON_ARRAY, .required = true, .each = device_fields},
	{.name = "containerEdits", .type = JSON_OBJECT, .each = edits_fields},
	{.name = NULL},
};

/* -- the shape: members, their types, and the version they need ---------------------------------------------------- */

/* null counts as absent, as Go programs write and read it. */
static const struct json *
member(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);

	return value != NULL && json_type(value) == JSON_NULL ? NULL : value;
}

static void
need(enum since *lowest, enum since since)
{
	if (since > *lowest)
		*lowest = since;
}

static int check_fields(const struct json *object, const struct field *fields, enum since *lowest, struct err *err);

static int
check_texts(const struct json *list, struct err *err)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (json_text(json_at(list, i)) == NULL)
			return err_set(err, 0, "[%zu]: is no text, or contains NUL", i);
	return 0;
}

static int
check_list(const struct json *list, const struct field *field, enum since *lowest, struct err *err)
{
	int64_t gid;

	if (field->texts)
		return check_texts(list, err);
	for (size_t i = 0; i < json_count(list); i++) {
		if (field->each == NULL && !json_integer(json_at(list, i), 0, UINT32_MAX, &gid))
			return err_set(err, 0, "[%zu]: is no group id", i);
		if (field->each != NULL && check_fields(json_at(list, i), field->each, lowest, err) != 0)
			return err_wrap(err, 0, "[%zu]", i);
	}
	return 0;
}

/* Objects without a table are maps of texts: annotations. */
static int
check_value(const struct json *value, const struct field *field, enum since *lowest, struct err *err)
{
	int64_t number;

	if (json_type(value) != field->type)
		return err_set(err, 0, "is of another type");
	switch (field->type) {
	case JSON_STRING:
		return json_text(value) != NULL ? 0 : err_set(err, 0, "contains NUL");
	case JSON_NUMBER:
		return json_integer(value, INT32_MIN, UINT32_MAX, &number)
			       ? 0
			       : err_set(err, 0, "is no integer of 32 bits");
	case JSON_ARRAY:
		return check_list(value, field, lowest, err);
	case JSON_OBJECT:
		return field->each == NULL ? check_texts(value, err) : check_fields(value, field->each, lowest, err);
	default:
		return 0;
	}
}

static const struct field *
find_field(const struct field *fields, struct bytes name)
{
	for (; fields->name != NULL; fields++)
		if (bytes_equal(bytes_of_text(fields->name), name))
			return fields;
	return NULL;
}

static int
check_fields(const struct json *object, const struct field *fields, enum since *lowest, struct err *err)
{
	if (json_type(object) != JSON_OBJECT)
		return err_set(err, 0, "is no object");
	for (size_t i = 0; i < json_count(object); i++) {
		const struct field *field = find_field(fields, json_name(object, i));

		if (field == NULL)
			return err_set(err, 0, "'%.64s': no version of CDI up to %s has such a member",
				       (const char *)json_name(object, i).data, version_names[VERSIONS - 1]);
		if (json_type(json_at(object, i)) == JSON_NULL)
			continue;
		need(lowest, field->since);
		if (check_value(json_at(object, i), field, lowest, err) != 0)
			return err_wrap(err, 0, "%s", field->name);
	}
	for (; fields->name != NULL; fields++)
		if (fields->required && member(object, fields->name) == NULL)
			return err_set(err, 0, "%s: is missing", fields->name);
	return 0;
}

/* -- names --------------------------------------------------------------------------------------------------------- */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_alphanumeric(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

/* Letters, digits and some others between alphanumeric ends. */
static bool
is_name(const char *text, size_t size, const char *others)
{
	if (size == 0 || !is_alphanumeric(text[0]) || !is_alphanumeric(text[size - 1]))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!is_alphanumeric(text[i]) && strchr(others, text[i]) == NULL)
			return false;
	return true;
}

bool
cdi_kind_valid(const char *kind)
{
	const char *slash = strchr(kind, '/');

	return slash != NULL && is_letter(kind[0]) && is_letter(slash[1]) &&
	       is_name(kind, (size_t)(slash - kind), "_-.") && is_name(slash + 1, strlen(slash + 1), "_-.");
}

bool
cdi_kind_is_of(const char *kind, const char *domain)
{
	size_t vendor = strcspn(kind, "/"), size = strlen(domain);

	return vendor >= size && strncasecmp(kind + vendor - size, domain, size) == 0 &&
	       (vendor == size || kind[vendor - size - 1] == '.');
}

/* -- the content --------------------------------------------------------------------------------------------------- */

static const char *
text_or(const struct json *object, const char *name, const char *otherwise)
{
	const struct json *value = member(object, name);

	return value == NULL ? otherwise : json_text(value);
}

static void
read_texts(const struct json *list, struct cdi_texts *out)
{
	out->at = xcalloc(json_count(list), sizeof(*out->at));
	for (size_t i = 0; i < json_count(list); i++)
		out->at[out->count++] = json_text(json_at(list, i));
}

static bool
is_in_list(const char *text, const char *const *list)
{
	while (*list != NULL && strcmp(text, *list) != 0)
		list++;
	return *list != NULL;
}

static int
check_env(const struct cdi_texts *env, struct err *err)
{
	for (size_t i = 0; i < env->count; i++)
		if (strcspn(env->at[i], "=") == 0 || strchr(env->at[i], '=') == NULL)
			return err_set(err, 0, "env[%zu]: is not NAME=value", i);
	return 0;
}

static int
read_node(const struct json *json, struct cdi_node *out, enum since *lowest, struct err *err)
{
	static const char *const types[] = {"", "b", "c", "u", "p", NULL};
	const char *permissions = text_or(json, "permissions", "");

	out->path = text_or(json, "path", "");
	out->host_path = text_or(json, "hostPath", "");
	if (out->host_path[0] == '\0')
		out->host_path = out->path;
	out->numbered = json_integer(member(json, "major"), INT32_MIN, UINT32_MAX, &out->major) &&
			json_integer(member(json, "minor"), INT32_MIN, UINT32_MAX, &out->minor);
	if (out->path[0] == '\0')
		return err_set(err, 0, "path: is empty");
	if (!is_in_list(text_or(json, "type", ""), types))
		return err_set(err, 0, "type: is not b, c, u or p");
	if (strcmp(permissions, "none") == 0)
		need(lowest, V110);
	else if (permissions[strspn(permissions, "rwm")] != '\0')
		return err_set(err, 0, "permissions: are not of r, w and m");
	return 0;
}

static int
read_cdi_mount(const struct json *json, struct cdi_mount *out, struct err *err)
{
	*out = (struct cdi_mount){text_or(json, "hostPath", ""), text_or(json, "containerPath", ""),
				  text_or(json, "type", NULL)};
	return out->host_path[0] != '\0' && out->container_path[0] != '\0' ? 0 : err_set(err, 0, "a path is empty");
}

static int
read_cdi_hook(const struct json *json, struct cdi_hook *out, struct err *err)
{
	static const char *const stages[] = {
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", NULL,
	};

	out->json = json;
	out->stage = text_or(json, "hookName", "");
	out->path = text_or(json, "path", "");
	read_texts(member(json, "args"), &out->args);
	read_texts(member(json, "env"), &out->env);
	out->timeout = INT64_MAX;
	json_integer(member(json, "timeout"), INT64_MIN, INT64_MAX, &out->timeout);
	if (!is_in_list(out->stage, stages))
		return err_set(err, 0, "hookName: there is no stage '%.32s'", out->stage);
	return out->path[0] != '\0' ? check_env(&out->env, err) : err_set(err, 0, "path: is empty");
}

static int
read_lists(const struct json *json, struct cdi_edits *out, enum since *lowest, struct err *err)
{
	const struct json *nodes = member(json, "deviceNodes"), *mounts = member(json, "mounts"),
			  *hooks = member(json, "hooks");

	out->nodes = xcalloc(json_count(nodes), sizeof(*out->nodes));
	while (out->node_count < json_count(nodes))
		if (read_node(json_at(nodes, out->node_count), &out->nodes[out->node_count], lowest, err) != 0)
			return err_wrap(err, 0, "deviceNodes[%zu]", out->node_count);
		else
			out->node_count++;
	out->mounts = xcalloc(json_count(mounts), sizeof(*out->mounts));
	for (; out->mount_count < json_count(mounts); out->mount_count++)
		if (read_cdi_mount(json_at(mounts, out->mount_count), &out->mounts[out->mount_count], err) != 0)
			return err_wrap(err, 0, "mounts[%zu]", out->mount_count);
	out->hooks = xcalloc(json_count(hooks), sizeof(*out->hooks));
	while (out->hook_count < json_count(hooks)) {
		size_t i = out->hook_count++; /* counted first: a hook owns memory */

		if (read_cdi_hook(json_at(hooks, i), &out->hooks[i], err) != 0)
			return err_wrap(err, 0, "hooks[%zu]", i);
	}
	return 0;
}

static int
read_edits(const struct json *json, struct cdi_edits *out, enum since *lowest, struct err *err)
{
	read_texts(member(json, "env"), &out->env);
	if (check_env(&out->env, err) != 0 || read_lists(json, out, lowest, err) != 0)
		return err_wrap(err, 0, "containerEdits");
	return 0;
}

/* Whether a device's edits are none at all, which the loader refuses. */
static bool
has_no_edits(const struct json *edits)
{
	for (size_t i = 0; i < json_count(edits); i++)
		if (json_type(json_at(edits, i)) == JSON_OBJECT || json_count(json_at(edits, i)) > 0)
			return false;
	return true;
}

static int
read_cdi_device(const struct json *json, struct cdi_device *out, enum since *lowest, struct err *err)
{
	const struct json *edits = member(json, "containerEdits");

	out->name = text_or(json, "name", "");
	if (!is_name(out->name, strlen(out->name), "_-.:"))
		return err_set(err, 0, "name: '%.64s' is no name of a device", out->name);
	if (!is_letter(out->name[0]))
		need(lowest, V050);
	if (has_no_edits(edits))
		return err_set(err, 0, "containerEdits: are empty");
	return read_edits(edits, &out->edits, lowest, err);
}

static int
compare_devices(const void *a, const void *b)
{
	return strcmp((*(const struct cdi_device *const *)a)->name, (*(const struct cdi_device *const *)b)->name);
}

static int
check_distinct_devices(const struct cdi_spec *spec, struct err *err)
{
	const struct cdi_device **sorted = xcalloc(spec->device_count, sizeof(*sorted));
	int rc = 0;

	for (size_t i = 0; i < spec->device_count; i++)
		sorted[i] = &spec->devices[i];
	qsort(sorted, spec->device_count, sizeof(*sorted), compare_devices);
	for (size_t i = 1; rc == 0 && i < spec->device_count; i++)
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
			rc = err_set(err, 0, "devices: '%.64s' stands twice", sorted[i]->name);
	free(sorted);
	return rc;
}

static int
read_devices(const struct json *list, struct cdi_spec *out, enum since *lowest, struct err *err)
{
	if (json_count(list) == 0)
		return err_set(err, 0, "devices: there are none");
	out->devices = xcalloc(json_count(list), sizeof(*out->devices));
	while (out->device_count < json_count(list)) {
		size_t i = out->device_count++;

		if (read_cdi_device(json_at(list, i), &out->devices[i], lowest, err) != 0)
			return err_wrap(err, 0, "devices[%zu]", i);
	}
	return check_distinct_devices(out, err);
}

static int
read_head(struct cdi_spec *out, enum since *lowest, struct err *err)
{
	enum since stated = V030;

	out->version = text_or(out->json, "cdiVersion", "");
	out->kind = text_or(out->json, "kind", "");
	while (stated < VERSIONS && strcmp(version_names[stated], out->version) != 0)
		stated++;
	if (stated == VERSIONS)
		return err_set(err, 0, "cdiVersion: '%.32s' is none of %s to %s", out->version, version_names[0],
			       version_names[VERSIONS - 1]);
	if (!cdi_kind_valid(out->kind))
		return err_set(err, 0, "kind: '%.64s' is not vendor/class", out->kind);
	if (strchr(strchr(out->kind, '/'), '.') != NULL)
		need(lowest, V060);
	return 0;
}

static int
read_spec(struct cdi_spec *out, struct err *err)
{
	enum since lowest = V030;

	if (check_fields(out->json, spec_fields, &lowest, err) != 0 || read_head(out, &lowest, err) != 0 ||
	    read_edits(member(out->json, "containerEdits"), &out->edits, &lowest, err) != 0 ||
	    read_devices(member(out->json, "devices"), out, &lowest, err) != 0)
		return -1;
	out->lowest = version_names[lowest];
	return 0;
}

int
cdi_spec_parse(struct bytes text, struct cdi_spec *out, struct err *err)
{
	size_t at = 0;

	*out = (struct cdi_spec){0};
	while (at < text.size && strchr(" \t\r\n", text.data[at]) != NULL && text.data[at] != '\0')
		at++;
	out->format = at < text.size && text.data[at] == '{' ? CDI_JSON : CDI_YAML;
	out->json = out->format == CDI_JSON ? json_read(text, &limits, err) : yaml_read(text, &limits, err);
	if (out->json == NULL || read_spec(out, err) != 0)
		return err_wrap(err, CODE_CDI_SPEC, "CDI specification");
	return 0;
}

static void
free_edits(struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->hook_count; i++) {
		free(edits->hooks[i].args.at);
		free(edits->hooks[i].env.at);
	}
	free(edits->env.at);
	free(edits->nodes);
	free(edits->mounts);
	free(edits->hooks);
}

void
cdi_spec_free(struct cdi_spec *spec)
{
	free_edits(&spec->edits);
	for (size_t i = 0; i < spec->device_count; i++)
		free_edits(&spec->devices[i].edits);
	free(spec->devices);
	json_free(spec->json);
	*spec = (struct cdi_spec){0};
}

/* The names are of equal length and sort as the versions do. */
bool
cdi_spec_understated(const struct cdi_spec *spec)
{
	return strcmp(spec->version, spec->lowest) < 0;
}

char *
cdi_spec_print(const struct json *root, enum cdi_format format)
{
	struct json_out *out;

	if (format == CDI_YAML)
		return yaml_write(root);
	out = json_out_new(true);
	json_out_value(out, root);
	return json_out_finish(out);
}
