/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/doctor/doctor.h"
#include "attest/doctor/engine_conf.h"
#include "attest/policy/policy.h"
#include "lib/code.h"
#include "lib/json.h"

/*
 * Whether docker and containerd, which read no hook directories, give CDI devices at all, and where each engine looks
 * for specifications. An engine that knows no CDI refuses gated devices; what it gives in another way is not gated.
 */

#define DAEMON "/etc/docker/daemon.json"
#define CONTAINERD "/etc/containerd/config.toml"
#define KUBELET "/var/lib/kubelet/config.yaml"
#define CRI "io.containerd.grpc.v1.cri" /* since containerd 2.0 (version = 3) it is of another name */
#define CRI3 "io.containerd.cri.v1.runtime"

/*
 * The versions from which on CDI is there, and there without being asked for; podman's, from which on it can look
 * elsewhere.
 */
#define DOCKER_HAS "25"
#define DOCKER_ON "28.2"
#define CONTAINERD_HAS "1.7"
#define CONTAINERD_ON "2.0"
#define PODMAN_DIRS "5.5"
#define NO_KEY "cgpu/none"

static const char *const default_dirs[] = {"/etc/cdi", "/var/run/cdi", NULL};

static bool
is_from(const struct doctor *doctor, enum engine_kind kind, const char *version)
{
	return doctor->version[kind][0] != '\0' && policy_version_compare(doctor->version[kind], version, 10) >= 0;
}

/* What is wrong with it is dockerd's to tell: it does not start. */
static struct json *
read_daemon(const struct doctor *doctor)
{
	char *text = place_read(doctor->root, DAEMON, PLACE_SMALL);
	struct json *json =
		text != NULL ? json_read(bytes_of_text(text), &json_limits_default, &(struct err)ERR_INIT) : NULL;

	free(text);
	return json;
}

/* -- on or off --------------------------------------------------------------------------------------------------- */

static void
tell_off(struct doctor *doctor, const char *check, const char *name, enum engine_kind kind, const char *key)
{
	finding_warn(
		&doctor->findings, check, CODE_CDI_UNGATED,
		"%s %s: CDI is off (%s): it refuses gated devices, and what gets a GPU in another way is not gated",
		name, doctor->version[kind], key);
}

static void
check_docker(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	struct json *daemon = read_daemon(doctor);
	bool known = doctor->version[ENGINE_DOCKER][0] != '\0', on = is_from(doctor, ENGINE_DOCKER, DOCKER_ON);
	bool set = json_bool(json_get(json_get(daemon, "features"), "cdi"), &on);

	if (known && !is_from(doctor, ENGINE_DOCKER, DOCKER_HAS)) {
		finding_warn(findings, "docker-cdi", CODE_CDI_UNGATED,
			     "docker %s knows no CDI devices, as it does from " DOCKER_HAS
			     " on: it gives GPUs without the gate",
			     doctor->version[ENGINE_DOCKER]);
		finding_action_of_code(findings);
	} else if (on) {
		finding_ok(findings, "docker-cdi", "docker gives CDI devices");
	} else if (!set && !known) {
		finding_skip(findings, "docker-cdi",
			     "docker did not tell its version, and features.cdi is not set in " DAEMON);
	} else {
		tell_off(doctor, "docker-cdi", "docker", ENGINE_DOCKER, "features.cdi of " DAEMON);
		finding_action(findings, "%s && systemctl restart docker",
			       daemon != NULL ? "jq '.features.cdi = true' " DAEMON " >" DAEMON ".new && mv " DAEMON
						".new " DAEMON
					      : "echo '{\"features\": {\"cdi\": true}}' >" DAEMON);
	}
	json_free(daemon);
}

static bool
serves_pods(struct doctor *doctor)
{
	static const char *const none[] = {NULL};
	struct engine_list disabled;
	bool serves = place_exists(doctor->root, KUBELET) || place_exists(doctor->root, CONTAINERD);

	engine_conf_list(doctor, &engine_conf_containerd, "containerd-cdi", "disabled_plugins", CODE_CDI_UNGATED, none,
			 &disabled);
	for (unsigned i = 0; i < disabled.items; i++)
		serves = serves && strcmp(disabled.item[i], "cri") != 0 && strcmp(disabled.item[i], CRI) != 0;
	serves = serves && !disabled.broken;
	engine_list_free(&disabled);
	return serves;
}

static void
turn_on(struct doctor *doctor, bool set)
{
	const char *head = is_from(doctor, ENGINE_CONTAINERD, CONTAINERD_ON) ? CRI3 : CRI;
	char *text = place_read(doctor->root, CONTAINERD, PLACE_SMALL), *table = xprintf("[plugins.\"%s\"]", head),
	     *edit;

	if (set)
		edit = xstrdup("sed -i 's/enable_cdi *= *false/enable_cdi = true/' " CONTAINERD);
	else if (text != NULL && strstr(text, table) != NULL)
		edit = xprintf("sed -i '/\\[plugins.\"%s\"\\]/a enable_cdi = true' " CONTAINERD, head);
	else
		edit = xprintf("printf '%s[plugins.\"%s\"]\\nenable_cdi = true\\n' >>" CONTAINERD,
			       text == NULL ? "version = 2\\n" : "", head);
	finding_action(&doctor->findings, "%s && systemctl restart containerd", edit);
	free(edit);
	free(table);
	free(text);
}

static void
check_containerd(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	bool known = doctor->version[ENGINE_CONTAINERD][0] != '\0';
	char *value;

	if (!serves_pods(doctor)) {
		finding_skip(findings, "containerd-cdi", "containerd starts no pods here");
		return;
	}
	value = engine_conf_text(doctor, &engine_conf_containerd, "plugins/" CRI3 "/enable_cdi");
	if (value == NULL)
		value = engine_conf_text(doctor, &engine_conf_containerd, "plugins/" CRI "/enable_cdi");
	if (known && !is_from(doctor, ENGINE_CONTAINERD, CONTAINERD_HAS)) {
		finding_warn(findings, "containerd-cdi", CODE_CDI_UNGATED,
			     "containerd %s knows no CDI devices, as it does from " CONTAINERD_HAS
			     " on: it gives GPUs without the gate",
			     doctor->version[ENGINE_CONTAINERD]);
		finding_action_of_code(findings);
	} else if (value != NULL ? strcmp(value, "true") == 0 : is_from(doctor, ENGINE_CONTAINERD, CONTAINERD_ON)) {
		finding_ok(findings, "containerd-cdi", "containerd gives CDI devices");
	} else if (value == NULL && !known) {
		finding_skip(findings, "containerd-cdi",
			     "containerd did not tell its version, and enable_cdi is not set in " CONTAINERD);
	} else {
		tell_off(doctor, "containerd-cdi", "containerd", ENGINE_CONTAINERD, "enable_cdi of " CONTAINERD);
		turn_on(doctor, value != NULL);
	}
	free(value);
}

void
doctor_cdi_engines(struct doctor *doctor)
{
	if (doctor->engine[ENGINE_DOCKER])
		check_docker(doctor);
	if (doctor->engine[ENGINE_CONTAINERD])
		check_containerd(doctor);
}

/* -- where ------------------------------------------------------------------------------------------------------- */

static void
docker_dirs(const struct doctor *doctor, struct engine_list *out)
{
	struct json *daemon = read_daemon(doctor);
	const struct json *list = json_get(daemon, "cdi-spec-dirs");

	*out = (struct engine_list){.set = list != NULL && json_type(list) == JSON_ARRAY};
	for (size_t i = 0; out->set && i < json_count(list); i++)
		if (json_text(json_at(list, i)) != NULL)
			engine_list_add(out, json_text(json_at(list, i)));
	for (const char *const *dir = default_dirs; !out->set && *dir != NULL; dir++)
		engine_list_add(out, *dir);
	json_free(daemon);
}

/* What is wrong with the files was told by the checks of the engines. */
static void
conf_dirs(struct doctor *doctor, const struct engine_conf *conf, const char *key, struct engine_list *out)
{
	engine_conf_list(doctor, conf, NULL, key, 0, default_dirs, out);
}

char *
doctor_spec_dirs(struct doctor *doctor, enum engine_kind kind)
{
	struct engine_list list = {.items = 0};
	char *joined;

	if (kind == ENGINE_DOCKER)
		docker_dirs(doctor, &list);
	else if (kind == ENGINE_CRIO)
		conf_dirs(doctor, &engine_conf_crio, "crio/runtime/cdi_spec_dirs", &list);
	else if (kind == ENGINE_CONTAINERD)
		conf_dirs(doctor, &engine_conf_containerd, "plugins/" CRI3 "/cdi_spec_dirs", &list);
	else
		conf_dirs(doctor, &engine_conf_podman,
			  is_from(doctor, kind, PODMAN_DIRS) ? "engine/cdi_spec_dirs" : NO_KEY, &list);
	if (kind == ENGINE_CONTAINERD && !list.set) {
		engine_list_free(&list);
		conf_dirs(doctor, &engine_conf_containerd, "plugins/" CRI "/cdi_spec_dirs", &list);
	}
	joined = engine_list_join(&list, ":");
	engine_list_free(&list);
	return joined;
}
