/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/hook_config.h"

#include <string.h>

static bool
says_text(const struct json *value, const char *text)
{
	return bytes_equal(json_bytes(value), bytes_of_text(text));
}

/* All conditions must hold: one besides makes it less than always. */
static bool
is_always(const struct json *when)
{
	bool always = false;

	return json_bool(json_get(when, "always"), &always) && always && json_count(when) == 1;
}

/* precreate is podman's own. */
static bool
is_stage(const char *name)
{
	static const char *const names[] = {"prestart",	 "createRuntime", "createContainer", "startContainer",
					    "poststart", "poststop",	  "precreate"};
	bool found = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		found |= strcmp(name, names[i]) == 0;
	return found;
}

static int
read_stages(struct hook_config *out, const struct json *stages, struct err *err)
{
	if (stages == NULL || json_type(stages) != JSON_ARRAY)
		return err_set(err, 0, "stages: is missing or no array");
	for (size_t i = 0; i < json_count(stages); i++) {
		const char *stage = json_text(json_at(stages, i));

		if (stage == NULL || !is_stage(stage))
			return err_set(err, 0, "stages: '%s' is none", stage != NULL ? stage : "?");
		if (strcmp(stage, "createRuntime") == 0 || strcmp(stage, "prestart") == 0)
			out->create_runtime = true;
		else
			out->other_stage = stage;
	}
	return 0;
}

static int
read_definition(struct hook_config *out, struct err *err)
{
	const struct json *root = out->json, *hook = json_get(root, "hook");

	if (!says_text(json_get(root, "version"), "1.0.0"))
		return err_set(err, 0, "version: want \"1.0.0\"");
	out->path = json_text(json_get(hook, "path"));
	if (out->path == NULL)
		return err_set(err, 0, "hook.path: is missing, no text, or contains NUL");
	out->args = json_get(hook, "args");
	if (out->args != NULL && json_type(out->args) != JSON_ARRAY)
		return err_set(err, 0, "hook.args: is no array");
	if (json_get(hook, "timeout") != NULL && !json_integer(json_get(hook, "timeout"), 1, INT32_MAX, &out->timeout))
		return err_set(err, 0, "hook.timeout: is no number of seconds from 1 on");
	out->always = is_always(json_get(root, "when"));
	return read_stages(out, json_get(root, "stages"), err);
}

int
hook_config_parse(struct bytes text, struct hook_config *out, struct err *err)
{
	*out = (struct hook_config){.json = json_read(text, &json_limits_default, err)};
	return out->json != NULL && read_definition(out, err) == 0 ? 0 : -1;
}

void
hook_config_free(struct hook_config *config)
{
	json_free(config->json);
	*config = (struct hook_config){0};
}
