/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/random.h"

#define STAGE "createRuntime" /* the only one that has the host's namespaces and stops the start */
#define VARIABLE "CGPU_ATTESTATION_ENV_FILE"
#define ENV_FILE VARIABLE "=/run/cgpu/attestation.env"

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static bool
is_our_call(const struct cdi_hook *hook)
{
	return strcmp(base_name(hook->path), base_name(PATH_HOOK)) == 0;
}

enum gate_call_form
gate_form(const struct cdi_edits *edits, const char **id)
{
	enum gate_call_form best = GATE_CALL_NONE;
	const char *best_id = NULL;

	for (size_t i = 0; i < edits->hook_count; i++) {
		const struct cdi_hook *hook = &edits->hooks[i];
		const char *one_id;
		enum gate_call_form form = gate_call_form(hook->args.at, hook->args.count, hook->timeout, &one_id);

		if (form <= best || strcmp(hook->stage, STAGE) != 0 || strcmp(hook->path, PATH_HOOK) != 0 ||
		    hook->env.count == 0)
			continue;
		best = form;
		best_id = one_id;
	}
	if (id != NULL)
		*id = best_id;
	return best;
}

bool
gate_covers(const struct cdi_spec *spec, const struct cdi_device *device)
{
	return gate_form(&spec->edits, NULL) != GATE_CALL_NONE || gate_form(&device->edits, NULL) != GATE_CALL_NONE;
}

/* -- the ID -------------------------------------------------------------------------------------------------------- */

static bool
copy_id(const struct cdi_spec *spec, char id[GATE_CALL_ID_SIZE])
{
	const char *own;

	if (gate_form(&spec->edits, &own) != GATE_CALL_NAMED)
		return false;
	memcpy(id, own, GATE_CALL_ID_SIZE);
	return true;
}

/* A file that cannot be read or understood has none. */
static bool
read_id(const char *path, char id[GATE_CALL_ID_SIZE])
{
	struct cdi_spec spec = {0};
	struct err unread = ERR_INIT;
	struct buf text = {0};
	bool found = fs_read_file(path, CDI_SIZE_MAX, &text, &unread) == 0 &&
		     cdi_spec_parse(buf_bytes(&text), &spec, &unread) == 0 && copy_id(&spec, id);

	cdi_spec_free(&spec);
	buf_free(&text);
	return found;
}

void
gate_choose_id(const struct cdi_spec *spec, const char *target, char id[GATE_CALL_ID_SIZE])
{
	uint8_t bytes[(GATE_CALL_ID_SIZE - 1) / 2];

	if ((target != NULL && read_id(target, id)) || copy_id(spec, id))
		return;
	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

static void
put_texts(struct json_out *out, const char *name, const char *const *list)
{
	json_out_name(out, name);
	json_out_array(out);
	for (; *list != NULL; list++)
		json_out_text(out, *list);
	json_out_end(out);
}

static void
put_call(struct json_out *out, const char *id)
{
	char *option = xprintf("--cdi=%s", id);
	const char *const args[] = {"cgpu-hook", STAGE, option, NULL}, *const env[] = {"LC_ALL=C", NULL};

	json_out_object(out);
	json_out_member_text(out, "hookName", STAGE);
	json_out_member_text(out, "path", PATH_HOOK);
	put_texts(out, "args", args);
	put_texts(out, "env", env);
	json_out_member_integer(out, "timeout", GATE_CALL_TIMEOUT);
	json_out_end(out);
	free(option);
}

static bool
is_variable(const char *text)
{
	return strncmp(text, ENV_FILE, strlen(VARIABLE "=")) == 0;
}

/* In the following, id is NULL where the gate is taken out; lists that are empty then are left out. */
static void
put_hooks(struct json_out *out, const struct cdi_edits *edits, const char *id)
{
	size_t others = 0;

	for (size_t i = 0; i < edits->hook_count; i++)
		others += !is_our_call(&edits->hooks[i]);
	if (id == NULL && others == 0)
		return;
	json_out_name(out, "hooks");
	json_out_array(out);
	if (id != NULL)
		put_call(out, id);
	for (size_t i = 0; i < edits->hook_count; i++)
		if (!is_our_call(&edits->hooks[i]))
			json_out_value(out, edits->hooks[i].json);
	json_out_end(out);
}

static void
put_env(struct json_out *out, const struct cdi_edits *edits, const char *id)
{
	size_t others = 0;

	for (size_t i = 0; i < edits->env.count; i++)
		others += !is_variable(edits->env.at[i]);
	if (id == NULL && others == 0)
		return;
	json_out_name(out, "env");
	json_out_array(out);
	for (size_t i = 0; i < edits->env.count; i++)
		if (!is_variable(edits->env.at[i]))
			json_out_text(out, edits->env.at[i]);
	if (id != NULL)
		json_out_text(out, ENV_FILE);
	json_out_end(out);
}

static bool
is_named(const struct json *object, size_t index, const char *name)
{
	return bytes_equal(json_name(object, index), bytes_of_text(name));
}

/* json: NULL or null where the specification has no edits of its own. */
static void
put_edits(struct json_out *out, const struct json *json, const struct cdi_edits *edits, const char *id)
{
	bool hooks = false, env = false;

	json_out_name(out, "containerEdits");
	json_out_object(out);
	for (size_t i = 0; i < json_count(json); i++) {
		if (is_named(json, i, "hooks")) {
			hooks = true;
			put_hooks(out, edits, id);
		} else if (is_named(json, i, "env")) {
			env = true;
			put_env(out, edits, id);
		} else {
			json_out_bytes(out, json_name(json, i));
			json_out_value(out, json_at(json, i));
		}
	}
	if (!env)
		put_env(out, edits, id);
	if (!hooks)
		put_hooks(out, edits, id);
	json_out_end(out);
}

static void
put_devices(struct json_out *out, const struct cdi_spec *spec)
{
	json_out_name(out, "devices");
	json_out_array(out);
	for (size_t i = 0; i < spec->device_count; i++) {
		const struct json *device = json_at(json_get(spec->json, "devices"), i);

		json_out_object(out);
		for (size_t j = 0; j < json_count(device); j++) {
			if (is_named(device, j, "containerEdits")) {
				put_edits(out, json_at(device, j), &spec->devices[i].edits, NULL);
				continue;
			}
			json_out_bytes(out, json_name(device, j));
			json_out_value(out, json_at(device, j));
		}
		json_out_end(out);
	}
	json_out_end(out);
}

/* Whether nothing but the gate stands in the edits, so that they go with it. */
static bool
is_gate_alone(const struct cdi_spec *spec)
{
	const struct json *edits = json_get(spec->json, "containerEdits");

	for (size_t i = 0; i < json_count(edits); i++)
		if (!is_named(edits, i, "hooks") && !is_named(edits, i, "env"))
			return false;
	for (size_t i = 0; i < spec->edits.hook_count; i++)
		if (!is_our_call(&spec->edits.hooks[i]))
			return false;
	for (size_t i = 0; i < spec->edits.env.count; i++)
		if (!is_variable(spec->edits.env.at[i]))
			return false;
	return true;
}

static char *
put_members(const struct cdi_spec *spec, const char *id)
{
	struct json_out *out = json_out_new(false);
	bool edits = id != NULL || !is_gate_alone(spec);

	json_out_object(out);
	for (size_t i = 0; i < json_count(spec->json); i++) {
		if (is_named(spec->json, i, "containerEdits")) {
			if (edits)
				put_edits(out, json_at(spec->json, i), &spec->edits, id);
		} else if (is_named(spec->json, i, "cdiVersion")) {
			json_out_member_text(out, "cdiVersion", spec->lowest);
		} else if (id == NULL && is_named(spec->json, i, "devices")) {
			put_devices(out, spec);
		} else {
			json_out_bytes(out, json_name(spec->json, i));
			json_out_value(out, json_at(spec->json, i));
		}
	}
	if (edits && json_get(spec->json, "containerEdits") == NULL)
		put_edits(out, NULL, &spec->edits, id);
	json_out_end(out);
	return json_out_finish(out);
}

/* How the text reads: as JSON without spaces, in new memory, and its gate. NULL: it cannot be read. */
static char *
read_written(const char *text, enum gate_call_form *form, struct err *err)
{
	struct cdi_spec spec;
	char *read = NULL;

	if (cdi_spec_parse(bytes_of_text(text), &spec, err) == 0) {
		struct json_out *out = json_out_new(false);

		json_out_value(out, spec.json);
		read = json_out_finish(out);
		*form = gate_form(&spec.edits, NULL);
	}
	cdi_spec_free(&spec);
	return read;
}

int
gate_check_text(const char *text, const char *meant, bool gated, struct err *err)
{
	enum gate_call_form form = GATE_CALL_NONE;
	char *read = read_written(text, &form, err);
	int rc = -1;

	if (read == NULL)
		err_wrap(err, 0, "the text that would be written");
	else if (strcmp(read, meant) != 0 || form != (gated ? GATE_CALL_NAMED : GATE_CALL_NONE))
		err_set(err, CODE_INTERNAL, "the text that would be written differs from what was meant");
	else
		rc = 0;
	free(read);
	return rc;
}

/* The members as text. What was written must read as what was meant, whatever the libraries that write it do. */
static int
write_text(const struct cdi_spec *spec, const char *id, enum cdi_format format, char **out, struct err *err)
{
	struct json_limits limits = {4 * CDI_SIZE_MAX, CDI_SIZE_MAX, 32, 1 << 20};
	char *meant = put_members(spec, id);
	struct json *root = json_read(bytes_of_text(meant), &limits, err);
	int rc = -1;

	if (root != NULL) {
		*out = cdi_spec_print(root, format);
		rc = gate_check_text(*out, meant, id != NULL, err);
	}
	json_free(root);
	free(meant);
	return rc;
}

static int
check_devices(const struct cdi_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->device_count; i++)
		for (size_t j = 0; j < spec->devices[i].edits.hook_count; j++)
			if (is_our_call(&spec->devices[i].edits.hooks[j]))
				return err_set(err, CODE_CDI_SPEC,
					       "devices[%zu]: '%s' calls the hook by itself, want the call in the "
					       "edits of the file alone: cgpu-cdi unguard takes it out",
					       i, spec->devices[i].name);
	return 0;
}

int
gate_put(const struct cdi_spec *spec, const char *id, enum cdi_format format, char **out, struct err *err)
{
	*out = NULL;
	return check_devices(spec, err) == 0 ? write_text(spec, id, format, out, err) : -1;
}

/* A call of the hook in another way than any version of the gate has it is somebody's own: it may gate, or not. */
static int
check_calls(const struct cdi_edits *edits, struct err *err)
{
	for (size_t i = 0; i < edits->hook_count; i++) {
		const struct cdi_hook *hook = &edits->hooks[i];
		const char *id;

		if (is_our_call(hook) &&
		    (strcmp(hook->stage, STAGE) != 0 ||
		     gate_call_form(hook->args.at, hook->args.count, INT64_MAX, &id) == GATE_CALL_NONE))
			return err_set(
				err, CODE_CDI_SPEC,
				"hooks[%zu]: calls the hook as no version of cgpu-cdi does: edit the file by hand", i);
	}
	return 0;
}

int
gate_take(const struct cdi_spec *spec, enum cdi_format format, char **out, struct err *err)
{
	*out = NULL;
	if (check_calls(&spec->edits, err) != 0)
		return -1;
	for (size_t i = 0; i < spec->device_count; i++)
		if (check_calls(&spec->devices[i].edits, err) != 0)
			return err_wrap(err, 0, "devices[%zu]", i);
	return write_text(spec, NULL, format, out, err);
}

bool
gate_is_called(const struct cdi_spec *spec)
{
	for (size_t i = 0; i < spec->edits.hook_count; i++)
		if (is_our_call(&spec->edits.hooks[i]))
			return true;
	return check_devices(spec, &(struct err)ERR_INIT) != 0;
}
