/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "attest/doctor/advisory.h"
#include "attest/doctor/doctor.h"
#include "lib/output.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"

/* Which engines and runtimes there are, and what goes around the gate with them. */

#define VERSIONS_MS 1500
#define VERSION_OUTPUT_MAX 16384

static struct program {
	char *name;
	int engine;       /* enum engine_kind; -1: no engine */
	/* what the program would make even for --version: it is asked only where that is there; NULL = nothing */
	const char *made;
} programs[] = {
	{"podman", ENGINE_PODMAN, NULL},
	{"crio", ENGINE_CRIO, NULL},
	{"dockerd", ENGINE_DOCKER, NULL},
	{"containerd", ENGINE_CONTAINERD, NULL},
	{"runc", -1, NULL},
	{"crun", -1, "/run/crun"},
	{"nvidia-ctk", -1, NULL},
};

#define PROGRAMS (sizeof(programs) / sizeof(*programs))

struct seen {
	char *path; /* NULL: not here */
	struct output output;
	char version[48]; /* "": it did not tell */
};

/* All at once: each takes some of a second on a busy machine. */
static void
look_for_programs(const char *root, struct seen seen[PROGRAMS])
{
	int64_t deadline = clock_boot_ms() + VERSIONS_MS;

	for (size_t i = 0; i < PROGRAMS; i++) {
		char *argv[] = {programs[i].name, "--version", NULL};

		seen[i] = (struct seen){.path = output_find_program(root, programs[i].name)};
		if (seen[i].path != NULL && (programs[i].made == NULL || place_exists(root, programs[i].made)))
			output_start(seen[i].path, argv, &seen[i].output, &(struct err)ERR_INIT);
	}
	for (size_t i = 0; i < PROGRAMS; i++) {
		struct buf text = {0};

		if (seen[i].output.child.pid > 0 &&
		    output_read(&seen[i].output, VERSION_OUTPUT_MAX, deadline, &text, &(struct err)ERR_INIT) == 0 &&
		    text.size > 0)
			output_find_version((const char *)text.data, seen[i].version, sizeof(seen[i].version));
		buf_free(&text);
	}
}

static void
tell_engines(struct doctor *doctor, const struct seen seen[PROGRAMS])
{
	struct findings *findings = &doctor->findings;
	struct buf list = {0};
	bool any = false;

	buf_add_text(&list, "");
	for (size_t i = 0; i < PROGRAMS; i++) {
		if (seen[i].path == NULL)
			continue;
		buf_printf(&list, "%s%s %s", list.size > 0 ? ", " : "", programs[i].name,
			   seen[i].version[0] ? seen[i].version : "(version not told)");
		if (programs[i].engine < 0)
			continue;
		any = doctor->engine[programs[i].engine] = true;
		snprintf(doctor->version[programs[i].engine], sizeof(doctor->version[0]), "%s", seen[i].version);
	}
	if (any) {
		finding_ok(findings, "engines", "%s", list.data);
	} else {
		finding_warn(findings, "engines", 0, "no container engine is in " OUTPUT_FOLDERS);
		finding_action(findings, "apt-get install podman");
	}
	buf_free(&list);
}

static void
check_toolkit(struct doctor *doctor, const struct seen *toolkit)
{
	const struct advisory *advisory =
		toolkit->version[0] != '\0' ? advisory_find(ADVISORY_TOOLKIT, toolkit->version) : NULL;

	if (advisory == NULL)
		return;
	finding_warn(&doctor->findings, "container-toolkit", 0,
		     "NVIDIA Container Toolkit %s is older than %s: %s (list of %s)", toolkit->version, advisory->below,
		     advisory->why, advisory_date);
	finding_action(&doctor->findings, "apt-get install --only-upgrade nvidia-container-toolkit");
}

/* docker run --gpus and containerd's ctr --gpus call it, or the library behind it, and read no hooks directory. */
static void
check_legacy(struct doctor *doctor)
{
	char *legacy = output_find_program(doctor->root, "nvidia-container-runtime-hook");

	if (legacy != NULL && (doctor->engine[ENGINE_DOCKER] || doctor->engine[ENGINE_CONTAINERD])) {
		finding_warn(&doctor->findings, "legacy-hook", CODE_CDI_UNGATED,
			     "%s gives GPUs to docker's --gpus without a CDI device, and so without the gate", legacy);
		finding_action(&doctor->findings, "dpkg-divert --rename --add %s", legacy + strlen(doctor->root));
	}
	free(legacy);
}

/* -- what hooks cannot bound ------------------------------------------------------------------------------------- */
static void
check_rootless(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	char *text = place_read(doctor->root, "/etc/subuid", PLACE_SMALL);
	bool users = text != NULL && strchr(text, ':') != NULL;

	free(text);
	if (!doctor->engine[ENGINE_PODMAN])
		return;
	if (users && doctor->nodes_open) {
		finding_warn(findings, "rootless", 0,
			     "users of /etc/subuid can run podman with hooks of their own, and the GPUs' nodes are "
			     "open to them");
		finding_action(findings, "echo 'options nvidia NVreg_ModifyDeviceFiles=1 NVreg_DeviceFileMode=0660' "
					 ">/etc/modprobe.d/nvidia-nodes.conf && systemctl reboot");
	} else {
		finding_ok(findings, "rootless", "%s",
			   users ? "users of /etc/subuid can run podman with hooks of their own; the GPUs' nodes are "
				   "not open to them"
				 : "no user is in /etc/subuid");
	}
}

static void
check_selinux(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	char *text = place_read(doctor->root, "/sys/fs/selinux/enforce", PLACE_SMALL), label[256] = "";
	char *hook = place_path(doctor->root, PATH_HOOK);
	ssize_t size = getxattr(hook, "security.selinux", label, sizeof(label) - 1);
	bool enforcing = text != NULL && text[0] == '1';

	label[size > 0 ? size : 0] = '\0';
	if (text == NULL) {
		finding_ok(findings, "selinux", "not in use");
	} else if (enforcing && strstr(label, ":bin_t:") == NULL &&
		   strstr(label, ":container_runtime_exec_t:") == NULL) {
		finding_warn(findings, "selinux", 0, "enforcing, and %s is labelled '%s', want bin_t", PATH_HOOK,
			     label);
		finding_action(findings, "restorecon -v %s", PATH_HOOK);
	} else {
		finding_ok(findings, "selinux", "%s; containers need the boolean container_use_devices for GPU nodes",
			   enforcing ? "enforcing" : "permissive");
	}
	free(hook);
	free(text);
}

static void
check_apparmor(struct doctor *doctor)
{
	char *text = place_read(doctor->root, "/sys/module/apparmor/parameters/enabled", PLACE_SMALL);

	finding_ok(&doctor->findings, "apparmor", "%s",
		   text != NULL && text[0] == 'Y' ? "in use; engines' profiles are about containers, not hooks"
						  : "not in use");
	free(text);
}

void
doctor_engines(struct doctor *doctor)
{
	struct seen seen[PROGRAMS];

	look_for_programs(doctor->root, seen);
	tell_engines(doctor, seen);
	check_toolkit(doctor, &seen[PROGRAMS - 1]);
	check_legacy(doctor);
	check_rootless(doctor);
	check_selinux(doctor);
	check_apparmor(doctor);
	for (size_t i = 0; i < PROGRAMS; i++)
		free(seen[i].path);
}
