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
is_ours(const struct cdi_hook *hook)
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
put_hooks(struct json_out *out, const struct cdi_edits *edits, const char *id)
{
	char *option = xprintf("--cdi=%s", id);
	const char *const args[] = {"cgpu-hook", STAGE, option, NULL}, *const env[] = {"LC_ALL=C", NULL};

	json_out_name(out, "hooks");
	json_out_array(out);
	json_out_object(out);
	json_out_member_text(out, "hookName", STAGE);
	json_out_member_text(out, "path", PATH_HOOK);
	put_texts(out, "args", args);
	put_texts(out, "env", env);
	json_out_member_integer(out, "timeout", GATE_CALL_TIMEOUT);
	json_out_end(out);
	free(option);
	for (size_t i = 0; i < edits->hook_count; i++)
		if (!is_ours(&edits->hooks[i]))
			json_out_value(out, edits->hooks[i].json);
	json_out_end(out);
}

static void
put_env(struct json_out *out, const struct cdi_edits *edits)
{
	json_out_name(out, "env");
	json_out_array(out);
	for (size_t i = 0; i < edits->env.count; i++)
		if (strncmp(edits->env.at[i], ENV_FILE, strlen(VARIABLE "=")) != 0)
			json_out_text(out, edits->env.at[i]);
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
			put_env(out, edits);
		} else {
			json_out_bytes(out, json_name(json, i));
			json_out_value(out, json_at(json, i));
		}
	}
	if (!env)
		put_env(out, edits);
	if (!hooks)
		put_hooks(out, edits, id);
	json_out_end(out);
}

static char *
put_gated(const struct cdi_spec *spec, const char *id)
{
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	for (size_t i = 0; i < json_count(spec->json); i++) {
		if (is_named(spec->json, i, "containerEdits")) {
			put_edits(out, json_at(spec->json, i), &spec->edits, id);
		} else if (is_named(spec->json, i, "cdiVersion")) {
			json_out_member_text(out, "cdiVersion", spec->lowest);
		} else {
			json_out_bytes(out, json_name(spec->json, i));
			json_out_value(out, json_at(spec->json, i));
		}
	}
	if (json_get(spec->json, "containerEdits") == NULL)
		put_edits(out, NULL, &spec->edits, id);
	json_out_end(out);
	return json_out_finish(out);
}

/* What was written must read as what was meant, whatever the libraries that write it do. */
static int
check_text(const char *text, const char *meant, struct err *err)
{
	struct json_out *out = json_out_new(false);
	struct cdi_spec again;
	char *read = NULL;
	int rc = -1;

	if (cdi_spec_parse(bytes_of_text(text), &again, err) == 0) {
		json_out_value(out, again.json);
		read = json_out_finish(out);
		rc = strcmp(read, meant) == 0 && gate_form(&again.edits, NULL) == GATE_CALL_NAMED
			     ? 0
			     : err_set(err, CODE_INTERNAL, "differs from what was meant");
	} else {
		json_out_drop(out);
	}
	free(read);
	cdi_spec_free(&again);
	return rc == 0 ? 0 : err_wrap(err, 0, "with the gate in it");
}

static int
check_devices(const struct cdi_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->device_count; i++)
		for (size_t j = 0; j < spec->devices[i].edits.hook_count; j++)
			if (is_ours(&spec->devices[i].edits.hooks[j]))
				return err_set(err, CODE_CDI_SPEC,
					       "devices[%zu]: '%s' calls the hook by itself, want the call in the "
					       "edits of the file alone",
					       i, spec->devices[i].name);
	return 0;
}

int
gate_put(const struct cdi_spec *spec, const char *id, enum cdi_format format, char **out, struct err *err)
{
	struct json_limits limits = {4 * CDI_SIZE_MAX, CDI_SIZE_MAX, 32, 1 << 20};
	struct json *root;
	char *meant;
	int rc = -1;

	*out = NULL;
	if (check_devices(spec, err) != 0)
		return -1;
	meant = put_gated(spec, id);
	root = json_read(bytes_of_text(meant), &limits, err);
	if (root != NULL) {
		*out = cdi_spec_print(root, format);
		rc = check_text(*out, meant, err);
	}
	json_free(root);
	free(meant);
	return rc;
}
