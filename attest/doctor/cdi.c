/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "attest/doctor/doctor.h"
#include "lib/output.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/json.h"

/* What `cgpu-cdi check` says about the CDI devices; it alone reads such files. */

#define CHECK_MS 2000
#define ANSWER_MAX (1 << 20)
#define TOLD_MAX 16

/*
 * An ungated device is the second layer's loss where every engine reads hook directories; docker and containerd have no
 * other.
 */
static enum finding_status
status_of(const struct doctor *doctor, int code)
{
	bool cdi_only = doctor->engine[ENGINE_DOCKER] || doctor->engine[ENGINE_CONTAINERD];

	if (code == CODE_CDI_SHADOWED || code == CODE_CDI_GATE_ID || code == CODE_CDI_VERSION ||
	    (code == CODE_CDI_UNGATED && !cdi_only))
		return FINDING_WARN;
	return FINDING_FAIL;
}

static void
add_finding(struct doctor *doctor, const struct json *item)
{
	struct findings *findings = &doctor->findings;
	const char *file = json_text(json_get(item, "file")), *device = json_text(json_get(item, "device"));
	const char *detail = json_text(json_get(item, "detail")), *advice = json_text(json_get(item, "advice"));
	int64_t code = CODE_CDI_SPEC;

	json_integer(json_get(item, "code"), 1, CODE_MAX, &code);
	/* Which directories each engine really reads is known here, and not there. */
	if (code == CODE_HOOKS_DEFINITION || code == CODE_HOOKS_PROGRAM)
		return;
	file = file ? file : "?";
	finding_add(findings, "cdi", status_of(doctor, (int)code), (int)code, "%s: %s%s%s", file, device ? device : "",
		    device ? ": " : "", detail ? detail : "");
	finding_action(findings, "%s", advice ? advice : "cgpu-cdi check");
}

static void
take_cdi_answer(struct doctor *doctor, const char *dirs, struct bytes text)
{
	static const struct json_limits limits = {.bytes = ANSWER_MAX, .string = 65536, .depth = 16, .values = 1 << 16};
	struct findings *findings = &doctor->findings;
	size_t before = findings->count;
	struct err err = ERR_INIT;
	struct json *answer = json_read(text, &limits, &err);
	const struct json *list = json_get(answer, "findings");
	const char *message = json_text(json_get(answer, "message"));
	int64_t code = CODE_WORKER;

	if (answer == NULL || !json_integer(json_get(answer, "code"), 0, CODE_MAX, &code)) {
		finding_fail(findings, "cdi", CODE_WORKER, PATH_CDI " check: the answer is not understood");
		finding_action(findings, "cgpu-cdi check");
	}
	for (size_t i = 0; list != NULL && i < json_count(list) && i < TOLD_MAX; i++)
		add_finding(doctor, json_at(list, i));
	if (list != NULL && json_count(list) > TOLD_MAX) {
		finding_warn(findings, "cdi", (int)code, "%zu more", json_count(list) - TOLD_MAX);
		finding_action(findings, "cgpu-cdi check");
	}
	if (answer != NULL && list == NULL) {
		finding_fail(findings, "cdi", (int)code, "%s", message ? message : "");
		finding_action(findings, "cgpu-cdi check");
	} else if (findings->count == before) {
		finding_ok(findings, "cdi", "%zu devices in %s, each gives no GPU or calls the gate",
			   json_count(json_get(answer, "devices")), dirs);
	}
	json_free(answer);
}

/* As `cgpu-cdi check --engines` takes it, so that the engines are not asked again; in new memory. */
static char *
list_engines(const struct doctor *doctor)
{
	static const char *const names[ENGINE_KINDS] = {"podman", "crio", "dockerd", "containerd"};
	struct buf list = {0};

	buf_add_text(&list, "");
	for (int kind = 0; kind < ENGINE_KINDS; kind++)
		if (doctor->engine[kind] && doctor->version[kind][0] != '\0')
			buf_printf(&list, "%s%s=%s", list.size > 0 ? "," : "", names[kind], doctor->version[kind]);
	return buf_steal_text(&list);
}

static void
check_dirs(struct doctor *doctor, char *dirs)
{
	char *engines = list_engines(doctor);
	char *argv[] = {"cgpu-cdi", "check", "--format", "json", "--spec-dirs", dirs, "--engines", engines, NULL};
	struct findings *findings = &doctor->findings;
	struct output output;
	struct buf text = {0};
	struct err err = ERR_INIT;

	if (output_start(PATH_CDI, argv, &output, &err) == 0 &&
	    output_read(&output, ANSWER_MAX, clock_boot_ms() + CHECK_MS, &text, &err) == 0) {
		take_cdi_answer(doctor, dirs, buf_bytes(&text));
	} else {
		finding_fail(findings, "cdi", CODE_WORKER, "%s", err.text);
		finding_action(findings, "%s", doctor_reinstall(doctor));
	}
	buf_free(&text);
	free(engines);
}

/* Once for each set of directories that an engine here reads. */
void
doctor_cdi(struct doctor *doctor)
{
	char *dirs[ENGINE_KINDS];
	unsigned count = 0;

	for (int kind = 0; kind < ENGINE_KINDS; kind++) {
		unsigned same = 0;

		if (!doctor->engine[kind] && (kind + 1 < ENGINE_KINDS || count > 0))
			continue;
		dirs[count] = doctor_spec_dirs(doctor, kind);
		while (strcmp(dirs[same], dirs[count]) != 0)
			same++;
		if (same < count)
			free(dirs[count]);
		else
			count++;
	}
	for (unsigned i = 0; i < count; i++) {
		check_dirs(doctor, dirs[i]);
		free(dirs[i]);
	}
}
