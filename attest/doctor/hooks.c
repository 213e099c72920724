/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/doctor/doctor.h"
#include "config.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/toml.h"
#include "spec/hook_config.h"

/*
 * Whether each engine that reads hook directories would call the gate: the directories it really reads, every definition in them,
 * and the program behind ours. podman and CRI-O skip a definition whose program is missing without a word.
 */

#define CONF_MAX (1 << 20)
#define DIRS_MAX 32
#define DEFAULT_DIR "/usr/share/containers/oci/hooks.d"
#define ADMIN_DIR "/etc/containers/oci/hooks.d"
#define DEFINITION PATH_HOOKS "/zz-cgpu.json" /* as it is installed */
#define KUBELET "/var/lib/kubelet/config.yaml"
#define KUBELET_TIMEOUT 120 /* seconds; runtimeRequestTimeout where it is not set */
#define CRIO_TIMEOUT 240    /* container_create_timeout where it is not set */

struct engine {
	const char *name, *check;
	const char *files[2]; /* of its configuration, the last wins; NULL = none */
	const char *folder;   /* *.conf of it come after them, in the order of their names */
	const char *key;      /* lib/toml.h */
	const char *section;  /* of that key */
};

static const struct engine podman = {"podman", "podman-hook",
				     {"/usr/share/containers/containers.conf", "/etc/containers/containers.conf"},
				     "/etc/containers/containers.conf.d", "engine/hooks_dir", "engine"};
static const struct engine crio = {"CRI-O", "crio-hook", {"/etc/crio/crio.conf", NULL}, "/etc/crio/crio.conf.d",
				   "crio/runtime/hooks_dir", "crio.runtime"};

struct places {
	char *dir[DIRS_MAX];
	unsigned dirs;
	bool set, broken;
};

/* -- which directories ------------------------------------------------------------------------------------------------ */
static void
clear(struct places *places)
{
	for (unsigned i = 0; i < places->dirs; i++)
		free(places->dir[i]);
	places->dirs = 0;
}

static void
add_dir(struct places *places, const char *dir)
{
	if (places->dirs < DIRS_MAX)
		places->dir[places->dirs++] = xstrdup(dir);
}

/* A list takes the place of earlier ones, unless it says that it is to be appended. */
static void
take_list(struct places *places, const struct toml_value *value)
{
	if (value->type != TOML_LIST)
		return;
	if (!value->append)
		clear(places);
	else if (!places->set)
		add_dir(places, DEFAULT_DIR);
	places->set = true;
	for (unsigned i = 0; i < value->items; i++)
		add_dir(places, value->item[i]);
}

static void
read_conf(struct doctor *doctor, const struct engine *engine, const char *path, struct places *places)
{
	char *text = place_read(doctor->root, path, CONF_MAX);
	struct toml_value value = {0};
	struct err err = ERR_INIT;

	if (text == NULL && errno != ENOENT && errno != ENOTDIR) {
		finding_skip(&doctor->findings, engine->check, "%s cannot be read: %s", path, err_errno(errno));
		return;
	}
	if (text != NULL && toml_find(bytes_of_text(text), engine->key, &value, &err) != 0) {
		finding_fail(&doctor->findings, engine->check, CODE_HOOKS_DEFINITION, "%s: %s: %s refuses it", path, err.text,
			     engine->name);
		finding_action(&doctor->findings, "nl -ba %s | less", path);
		places->broken = true;
	} else if (text != NULL) {
		take_list(places, &value);
	}
	toml_free(&value);
	free(text);
}

static bool
ends_with(const char *name, const char *ending)
{
	size_t size = strlen(name), length = strlen(ending);

	return size > length && strcmp(name + size - length, ending) == 0;
}

static void
find_places(struct doctor *doctor, const struct engine *engine, struct places *places)
{
	size_t count;
	char **names = place_names(doctor->root, engine->folder, &count);

	for (unsigned i = 0; i < 2; i++)
		if (engine->files[i] != NULL)
			read_conf(doctor, engine, engine->files[i], places);
	for (size_t i = 0; i < count; i++) {
		char *path = xprintf("%s/%s", engine->folder, names[i]);

		if (ends_with(names[i], ".conf"))
			read_conf(doctor, engine, path, places);
		free(path);
	}
	place_names_free(names, count);
	if (!places->set)
		add_dir(places, DEFAULT_DIR);
	/* An empty list makes podman of root read both of its old defaults. */
	if (places->dirs == 0 && engine == &podman) {
		add_dir(places, DEFAULT_DIR);
		add_dir(places, ADMIN_DIR);
	}
}

static char *
list_of(const struct places *places)
{
	struct buf out = {0};

	buf_add_text(&out, "");
	for (unsigned i = 0; i < places->dirs; i++)
		buf_printf(&out, "%s%s", i > 0 ? ", " : "", places->dir[i]);
	return buf_steal_text(&out);
}

/* -- time ------------------------------------------------------------------------------------------------------------- */

/* A duration as Go writes it: 2m0s, 90s, 1h. -1: it is none. */
static int64_t
duration(const char *text)
{
	int64_t seconds = 0;

	while (*text != '\0') {
		char *end;
		long number = strtol(text, &end, 10);

		if (end == text || number < 0 || number > 1000000)
			return -1;
		if (strncmp(end, "ms", 2) == 0)
			end += 2;
		else if (*end == 'h' || *end == 'm' || *end == 's')
			seconds += number * (*end == 'h' ? 3600 : *end == 'm' ? 60 : 1), end++;
		else
			return -1;
		text = end;
	}
	return seconds;
}

/* kubeadm writes the key on a line of its own. 0 means the default there, too. */
static int64_t
kubelet_limit(const struct doctor *doctor)
{
	char *text = place_read(doctor->root, KUBELET, PLACE_SMALL), value[32];
	int64_t limit = 0;

	if (text != NULL && place_field(text, "runtimeRequestTimeout:", value, sizeof(value)))
		limit = duration(value + (value[0] == '"' ? 1 : 0));
	free(text);
	return limit > 0 ? limit : KUBELET_TIMEOUT;
}

static void
check_timeout(struct doctor *doctor, const struct engine *engine, const char *file, int64_t timeout)
{
	struct findings *findings = &doctor->findings;
	int64_t limit = engine == &crio ? CRIO_TIMEOUT : INT32_MAX;
	int64_t kubelet = engine == &crio && place_exists(doctor->root, KUBELET) ? kubelet_limit(doctor) : INT32_MAX;

	limit = kubelet < limit ? kubelet : limit;
	if (timeout != 0 && timeout * 1000 <= HOOK_DEADLINE_MS) {
		finding_fail(findings, engine->check, CODE_DEADLINE,
			     "%s: timeout is %d s, want more than the gate's own %d s: the runtime would kill it without a word", file,
			     (int)timeout, HOOK_DEADLINE_MS / 1000);
		finding_action(findings, "sed -i 's/\"timeout\": *[0-9]*/\"timeout\": 30/' %s", file);
	} else if (timeout == 0 || timeout >= limit) {
		finding_warn(findings, engine->check, CODE_DEADLINE, "%s: timeout is %d s, want one%s", file, (int)timeout,
			     timeout == 0 ? "" : kubelet == limit ? " below the kubelet's runtimeRequestTimeout" : " below CRI-O's own");
		finding_action(findings, timeout == 0 ? "%s" : "sed -i 's/\"timeout\": *[0-9]*/\"timeout\": 30/' %s",
			       timeout == 0 ? doctor_reinstall(doctor) : file);
	}
}

/* -- definitions ------------------------------------------------------------------------------------------------------ */

static bool
is_ours(const struct hook_config *definition)
{
	return definition->path != NULL && ends_with(definition->path, "/cgpu-hook");
}

/* Owner and mode of a file that decides about the gate; true where both are as they should be. */
static bool
check_owner(struct doctor *doctor, const struct engine *engine, const char *path, const struct stat *status)
{
	if (fs_owner_trusted(status->st_uid) && (status->st_mode & 022) == 0)
		return true;
	finding_fail(&doctor->findings, engine->check, CODE_HOOKS_DEFINITION,
		     "%s can be changed by others than root: owner %u, mode %04o", path, status->st_uid,
		     (unsigned)status->st_mode & 07777);
	finding_action(&doctor->findings, "chown root:root %s && chmod go-w %s", path, path);
	return false;
}

static bool
check_program(struct doctor *doctor, const struct engine *engine, const char *file, const char *program)
{
	struct findings *findings = &doctor->findings;
	struct stat status;

	if (!place_stat(doctor->root, program, &status)) {
		finding_fail(findings, engine->check, CODE_HOOKS_PROGRAM,
			     "%s: its program %s is missing: %s skips it without a word, and containers start ungated", file, program,
			     engine->name);
		finding_action(findings, "%s", doctor_reinstall(doctor));
		return false;
	}
	if ((status.st_mode & 0111) == 0) {
		finding_fail(findings, engine->check, CODE_HOOKS_PROGRAM, "%s: %s is not executable: every start fails", file, program);
		finding_action(findings, "chmod 755 %s", program);
		return false;
	}
	return check_owner(doctor, engine, program, &status);
}

static bool
check_conditions(struct doctor *doctor, const struct engine *engine, const char *file, const struct hook_config *definition)
{
	struct findings *findings = &doctor->findings;

	if (definition->other_stage != NULL)
		finding_fail(findings, engine->check, CODE_STAGE, "%s: stage %s, want createRuntime alone", file,
			     definition->other_stage);
	else if (!definition->create_runtime)
		finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION, "%s: has no stages: the hook is never called", file);
	else if (!definition->always)
		finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION,
			     "%s: when is not \"always\": true alone: the hook is not called for every container", file);
	else
		return true;
	finding_action(findings, "%s", doctor_reinstall(doctor));
	return false;
}

static void
judge_ours(struct doctor *doctor, const struct engine *engine, const char *file, const struct hook_config *definition)
{
	struct findings *findings = &doctor->findings;
	size_t before = findings->count;
	struct stat status;

	if (place_stat(doctor->root, file, &status))
		check_owner(doctor, engine, file, &status);
	check_program(doctor, engine, file, definition->path);
	check_conditions(doctor, engine, file, definition);
	check_timeout(doctor, engine, file, definition->timeout);
	if (strcmp(definition->path, PATH_HOOK) != 0) {
		finding_warn(findings, engine->check, 0, "%s calls %s, which is of another installation than %s", file, definition->path,
			     PATH_HOOK);
		finding_action(findings, "cat %s", file);
	}
	if (findings->count == before)
		finding_ok(findings, engine->check, "%s calls %s, timeout %d s", file, definition->path, (int)definition->timeout);
}

/* Whether a later directory has a file of the same name, which then counts. */
static bool
is_shadowed(const struct doctor *doctor, const struct places *places, unsigned dir, const char *name)
{
	bool found = false;

	for (unsigned i = dir + 1; !found && i < places->dirs; i++) {
		char *path = xprintf("%s/%s", places->dir[i], name);

		found = place_exists(doctor->root, path);
		free(path);
	}
	return found;
}

/* One file; true where it is ours. */
static bool
judge_file(struct doctor *doctor, const struct engine *engine, const char *file)
{
	struct findings *findings = &doctor->findings;
	char *text = place_read(doctor->root, file, HOOK_CONFIG_SIZE_MAX);
	struct hook_config definition = {0};
	struct err err = ERR_INIT;
	bool ours = false;

	if (text == NULL) {
		finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION, "%s cannot be read: %s", file, err_errno(errno));
		finding_action(findings, "ls -l %s", file);
		return false;
	}
	if (hook_config_parse(bytes_of_text(text), &definition, &err) != 0) {
		finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION, "%s: %s: %s", file, err.text,
			     engine == &podman ? "podman refuses every container"
					       : "CRI-O does not start with it, and while it runs it drops the hook");
		if (strcmp(file, DEFINITION) == 0)
			finding_action(findings, "%s", doctor_reinstall(doctor));
		else
			finding_action(findings, "mv %s /root/", file);
	}
	if (is_ours(&definition)) {
		ours = true;
		if (err.text[0] == '\0')
			judge_ours(doctor, engine, file, &definition);
	}
	hook_config_free(&definition);
	free(text);
	return ours;
}

static void
tell_none(struct doctor *doctor, const struct engine *engine, const struct places *places)
{
	struct findings *findings = &doctor->findings;
	char *list = list_of(places);
	bool elsewhere = place_exists(doctor->root, DEFINITION);

	finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION, "%s reads %s, where no definition calls the gate%s%s", engine->name,
		     list, elsewhere ? "; it is in " : "", elsewhere ? DEFINITION : "");
	if (elsewhere)
		finding_action(findings, "printf '[%s]\\nhooks_dir = [\"%s\", \"%s\"]\\n' >%s/zz-cgpu.conf", engine->section,
			       DEFAULT_DIR, PATH_HOOKS, engine->folder);
	else
		finding_action(findings, "%s", doctor_reinstall(doctor));
	free(list);
}

static void
check_engine(struct doctor *doctor, const struct engine *engine)
{
	struct places places = {0};
	bool ours = false;

	find_places(doctor, engine, &places);
	for (unsigned i = 0; i < places.dirs; i++) {
		size_t count;
		char **names = place_names(doctor->root, places.dir[i], &count);

		for (size_t k = 0; k < count; k++) {
			char *file = xprintf("%s/%s", places.dir[i], names[k]);

			if (ends_with(names[k], ".json") && !is_shadowed(doctor, &places, i, names[k]))
				ours |= judge_file(doctor, engine, file);
			free(file);
		}
		place_names_free(names, count);
	}
	if (!ours && !places.broken)
		tell_none(doctor, engine, &places);
	clear(&places);
}

void
doctor_hooks(struct doctor *doctor)
{
	if (doctor->engine[ENGINE_PODMAN])
		check_engine(doctor, &podman);
	if (doctor->engine[ENGINE_CRIO])
		check_engine(doctor, &crio);
	if (!doctor->engine[ENGINE_PODMAN] && !doctor->engine[ENGINE_CRIO])
		finding_skip(&doctor->findings, "hook-definitions", "no engine here reads hook directories");
}
