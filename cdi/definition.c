/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/definition.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "spec/hook_config.h"

#define STAGE "createRuntime"
#define NAME "zz-cgpu.json" /* as it is installed */

const char *
definition_word(enum definition_state state)
{
	static const char *const words[] = {"missing", "disarmed", "program-missing", "stands"};

	return words[state];
}

/* The better of what is known and this; path and detail are taken over. */
static void
prefer(struct definition *out, enum definition_state state, char *path, char *detail)
{
	struct definition other = {state, out->directories, path, detail};

	if (out->path == NULL || state > out->state) {
		struct definition worse = *out;

		*out = other;
		other = worse;
	}
	definition_free(&other);
}

static bool
is_hook_program(const char *program)
{
	const char *slash = strrchr(program, '/'), *name = strrchr(PATH_HOOK, '/');

	return slash != NULL && strcmp(slash, name) == 0;
}

static const char *
disarmed(const struct hook_config *config)
{
	const char *stage = json_text(json_at(config->args, 1));

	if (!config->always)
		return "when: is not always alone";
	if (!config->create_runtime)
		return "stages: lacks " STAGE;
	if (stage == NULL || (strcmp(stage, STAGE) != 0 && strcmp(stage, "prestart") != 0))
		return "hook.args: want cgpu-hook " STAGE;
	return NULL;
}

static void
judge_definition(const struct hook_config *config, char *path, struct definition *out)
{
	const char *why = disarmed(config);

	if (why != NULL)
		prefer(out, DEFINITION_DISARMED, path, xstrdup(why));
	else if (access(config->path, X_OK) != 0)
		prefer(out, DEFINITION_PROGRAM, path, xprintf("program %s: %s", config->path, err_errno(errno)));
	else if (strcmp(config->path, PATH_HOOK) != 0)
		prefer(out, DEFINITION_DISARMED, path, xstrdup("hook.path: is another program than " PATH_HOOK));
	else
		prefer(out, DEFINITION_STANDS, path, NULL);
}

/* A file that cannot be read counts for nothing; engines refuse every container for it, or drop it. */
static void
look_at(const char *path, struct definition *out)
{
	struct hook_config config = {0};
	struct buf text = {0};
	struct err err = ERR_INIT;
	bool named = strcmp(strrchr(path, '/') + 1, NAME) == 0;

	if (fs_read_linked(path, HOOK_CONFIG_SIZE_MAX, &text, &err) != 0 ||
	    hook_config_parse(buf_bytes(&text), &config, &err) != 0) {
		if (named)
			prefer(out, DEFINITION_DISARMED, xstrdup(path), xstrdup(err.text));
	} else if (is_hook_program(config.path)) {
		judge_definition(&config, xstrdup(path), out);
	}
	hook_config_free(&config);
	buf_free(&text);
}

static bool
is_definition_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && strcmp(dot, ".json") == 0;
}

/* Whether a later directory has a file of this name. */
static bool
is_replaced(const char *later, const char *name)
{
	char *list = xstrdup(later), *save = NULL;
	bool found = false;

	for (char *one = strtok_r(list, ":", &save); one != NULL && !found; one = strtok_r(NULL, ":", &save)) {
		char *path = xprintf("%s/%s", one, name);

		found = access(path, F_OK) == 0;
		free(path);
	}
	free(list);
	return found;
}

static int
scan_hooks_directory(const char *directory, const char *later, struct definition *out, struct err *err)
{
	struct dirent **list;
	int count = scandir(directory, &list, NULL, alphasort);

	if (count < 0)
		return errno == ENOENT ? 0 : err_set(err, CODE_HOOKS_DEFINITION, "%s: %s", directory, err_errno(errno));
	for (int i = 0; i < count; i++) {
		char *path = xprintf("%s/%s", directory, list[i]->d_name);

		if (is_definition_name(list[i]->d_name) && !is_replaced(later, list[i]->d_name))
			look_at(path, out);
		free(path);
		free(list[i]);
	}
	free(list);
	return 0;
}

int
definition_find(const char *directories, struct definition *out, struct err *err)
{
	char *list = xstrdup(directories), *rest = list, *one;
	int rc = 0;

	*out = (struct definition){.directories = directories};
	while (rc == 0 && (one = strsep(&rest, ":")) != NULL)
		if (*one != '\0')
			rc = scan_hooks_directory(one, rest != NULL ? rest : "", out, err);
	free(list);
	if (out->path == NULL)
		out->detail = xstrdup("no definition calls the hook");
	return rc;
}

void
definition_free(struct definition *definition)
{
	free(definition->path);
	free(definition->detail);
	*definition = (struct definition){0};
}
