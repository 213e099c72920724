/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/doctor/doctor.h"
#include "attest/doctor/engine_conf.h"
#include "attest/doctor/watch.h"
#include "config.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "spec/hook_config.h"

/*
 * Whether each engine that reads hook directories would call the gate: the directories it really reads, every
 * definition in them, and the program behind ours. podman and CRI-O skip a definition whose program is missing without
 * a word.
 */

#define DEFAULT_DIR "/usr/share/containers/oci/hooks.d"
#define ADMIN_DIR "/etc/containers/oci/hooks.d"
#define DEFINITION PATH_HOOKS "/zz-cgpu.json" /* as it is installed */
#define KUBELET "/var/lib/kubelet/config.yaml"
#define KUBELET_TIMEOUT 120 /* seconds; runtimeRequestTimeout where it is not set */
#define CRIO_TIMEOUT 240    /* container_create_timeout where it is not set */

struct engine {
	const char *name, *check;
	const struct engine_conf *conf;
	const char *key;     /* lib/toml.h */
	const char *section; /* of that key */
};

static const struct engine podman = {"podman", "podman-hook", &engine_conf_podman, "engine/hooks_dir", "engine"};
static const struct engine crio = {"CRI-O", "crio-hook", &engine_conf_crio, "crio/runtime/hooks_dir", "crio.runtime"};

/* -- which directories ------------------------------------------------------------------------------------------- */
static void
find_places(struct doctor *doctor, const struct engine *engine, struct engine_list *places)
{
	const char *const defaults[] = {DEFAULT_DIR, NULL};

	engine_conf_list(doctor, engine->conf, engine->check, engine->key, CODE_HOOKS_DEFINITION, defaults, places);
	/* An empty list makes podman of root read both of its old defaults. */
	if (places->items == 0 && engine == &podman) {
		engine_list_add(places, DEFAULT_DIR);
		engine_list_add(places, ADMIN_DIR);
	}
}

/* -- time -------------------------------------------------------------------------------------------------------- */

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
			     "%s: timeout is %d s, want more than the gate's own %d s: the runtime would kill it "
			     "without a word",
			     file, (int)timeout, HOOK_DEADLINE_MS / 1000);
		finding_action(findings, "sed -i 's/\"timeout\": *[0-9]*/\"timeout\": 30/' %s", file);
	} else if (timeout == 0 || timeout >= limit) {
		finding_warn(findings, engine->check, CODE_DEADLINE, "%s: timeout is %d s, want one%s", file,
			     (int)timeout,
			     timeout == 0 ? ""
			     : kubelet == limit ? " below the kubelet's runtimeRequestTimeout"
						: " below CRI-O's own");
		finding_action(findings, timeout == 0 ? "%s" : "sed -i 's/\"timeout\": *[0-9]*/\"timeout\": 30/' %s",
			       timeout == 0 ? doctor_reinstall(doctor) : file);
	}
}

/* -- definitions ------------------------------------------------------------------------------------------------- */

static bool
is_our_hook(const struct hook_config *definition)
{
	return definition->path != NULL && engine_ends_with(definition->path, "/cgpu-hook");
}

/* Owner and mode of a file that decides about the gate; true where both are as they should be. */
static bool
check_hook_owner(struct doctor *doctor, const struct engine *engine, const char *path, const struct stat *status)
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
check_hook_program(struct doctor *doctor, const struct engine *engine, const char *file, const char *program)
{
	struct findings *findings = &doctor->findings;
	struct stat status;

	if (!place_stat(doctor->root, program, &status)) {
		finding_fail(findings, engine->check, CODE_HOOKS_PROGRAM,
			     "%s: its program %s is missing: %s skips it without a word, and containers start ungated",
			     file, program, engine->name);
		finding_action(findings, "%s", doctor_reinstall(doctor));
		return false;
	}
	if ((status.st_mode & 0111) == 0) {
		finding_fail(findings, engine->check, CODE_HOOKS_PROGRAM, "%s: %s is not executable: every start fails",
			     file, program);
		finding_action(findings, "chmod 755 %s", program);
		return false;
	}
	return check_hook_owner(doctor, engine, program, &status);
}

static bool
check_conditions(struct doctor *doctor, const struct engine *engine, const char *file,
		 const struct hook_config *definition)
{
	struct findings *findings = &doctor->findings;

	if (definition->other_stage != NULL)
		finding_fail(findings, engine->check, CODE_STAGE, "%s: stage %s, want createRuntime alone", file,
			     definition->other_stage);
	else if (!definition->create_runtime)
		finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION,
			     "%s: has no stages: the hook is never called", file);
	else if (!definition->always)
		finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION,
			     "%s: when is not \"always\": true alone: the hook is not called for every container",
			     file);
	else
		return true;
	finding_action(findings, "%s", doctor_reinstall(doctor));
	return false;
}

/* podman reads the files at each start. CRI-O has them in memory. */
static void
check_running(struct doctor *doctor, const struct engine *engine, const char *file, const char *program)
{
	struct findings *findings = &doctor->findings;
	pid_t pid = 0;

	switch (watch_look(doctor->root, file, program, &pid)) {
	case WATCH_LOST:
		finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION,
			     "%s: the CRI-O that runs (process %d) does not watch its directory, which is not the one "
			     "that it began with: it does not know the definition",
			     file, (int)pid);
		finding_action(findings, "systemctl restart crio");
		break;
	case WATCH_UNSURE:
		finding_warn(findings, engine->check, CODE_HOOKS_PROGRAM,
			     "%s: %s changed after CRI-O (process %d) read the definition: if it was missing then, "
			     "containers start ungated",
			     file, program, (int)pid);
		finding_action(findings, "systemctl restart crio");
		break;
	case WATCH_HIDDEN:
		finding_skip(findings, engine->check, "%s: what CRI-O (process %d) watches may not be looked at", file,
			     (int)pid);
		finding_action(findings, "sudo cgpu doctor");
		break;
	case WATCH_NO_PROCESS:
	case WATCH_GOOD:
		break;
	}
}

static void
judge_ours(struct doctor *doctor, const struct engine *engine, const char *file, const struct hook_config *definition)
{
	struct findings *findings = &doctor->findings;
	size_t before = findings->count;
	struct stat status;

	if (place_stat(doctor->root, file, &status))
		check_hook_owner(doctor, engine, file, &status);
	check_hook_program(doctor, engine, file, definition->path);
	check_conditions(doctor, engine, file, definition);
	check_timeout(doctor, engine, file, definition->timeout);
	if (strcmp(definition->path, PATH_HOOK) != 0) {
		finding_warn(findings, engine->check, 0, "%s calls %s, which is of another installation than %s", file,
			     definition->path, PATH_HOOK);
		finding_action(findings, "cat %s", file);
	}
	if (findings->count == before && engine == &crio)
		check_running(doctor, engine, file, definition->path);
	if (findings->count == before)
		finding_ok(findings, engine->check, "%s calls %s, timeout %d s", file, definition->path,
			   (int)definition->timeout);
}

/* Whether a later directory has a file of the same name, which then counts. */
static bool
is_shadowed(const struct doctor *doctor, const struct engine_list *places, unsigned dir, const char *name)
{
	bool found = false;

	for (unsigned i = dir + 1; !found && i < places->items; i++) {
		char *path = xprintf("%s/%s", places->item[i], name);

		found = place_exists(doctor->root, path);
		free(path);
	}
	return found;
}

/* One file; true where it is ours. */
static bool
judge_hook_file(struct doctor *doctor, const struct engine *engine, const char *file)
{
	struct findings *findings = &doctor->findings;
	char *text = place_read(doctor->root, file, HOOK_CONFIG_SIZE_MAX);
	struct hook_config definition = {0};
	struct err err = ERR_INIT;
	bool ours = false;

	if (text == NULL) {
		finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION, "%s cannot be read: %s", file,
			     err_errno(errno));
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
	if (is_our_hook(&definition)) {
		ours = true;
		if (err.text[0] == '\0')
			judge_ours(doctor, engine, file, &definition);
	}
	hook_config_free(&definition);
	free(text);
	return ours;
}

static void
tell_none(struct doctor *doctor, const struct engine *engine, const struct engine_list *places)
{
	struct findings *findings = &doctor->findings;
	char *list = engine_list_join(places, ", ");
	bool elsewhere = place_exists(doctor->root, DEFINITION);

	finding_fail(findings, engine->check, CODE_HOOKS_DEFINITION,
		     "%s reads %s, where no definition calls the gate%s%s", engine->name, list,
		     elsewhere ? "; it is in " : "", elsewhere ? DEFINITION : "");
	if (elsewhere)
		finding_action(findings, "printf '[%s]\\nhooks_dir = [\"%s\"%s]\\n' >%s/zz-cgpu.conf", engine->section,
			       DEFAULT_DIR, strcmp(PATH_HOOKS, DEFAULT_DIR) != 0 ? ", \"" PATH_HOOKS "\"" : "",
			       engine->conf->folder);
	else
		finding_action(findings, "%s", doctor_reinstall(doctor));
	free(list);
}

static void
check_engine(struct doctor *doctor, const struct engine *engine)
{
	struct engine_list places = {0};
	bool ours = false;

	find_places(doctor, engine, &places);
	for (unsigned i = 0; i < places.items; i++) {
		size_t count;
		char **names = place_names(doctor->root, places.item[i], &count);

		for (size_t k = 0; k < count; k++) {
			char *file = xprintf("%s/%s", places.item[i], names[k]);

			if (engine_ends_with(names[k], ".json") && !is_shadowed(doctor, &places, i, names[k]))
				ours |= judge_hook_file(doctor, engine, file);
			free(file);
		}
		place_names_free(names, count);
	}
	if (!ours && !places.broken)
		tell_none(doctor, engine, &places);
	engine_list_free(&places);
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
