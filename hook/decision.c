/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/decision.h"

#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "hook/request.h"
#include "lib/code.h"
#include "lib/path.h"

/* -- devices ----------------------------------------------------------------------------------------------------- */

/* A runtime that gives the node by a program of the kernel's opens it, too, whatever the list says. */
static bool
is_opened(const struct request *request, const struct oci_device *device)
{
	return request->host->rules.source == DEVICE_RULES_CONFIGURED ||
	       request_opens(request, device->major, device->minor);
}

static void
judge_device(struct request *request, const struct oci_device *device, const char *where)
{
	char *path = path_clean("/", device->path);
	bool character = device->type == 'c' || device->type == 'u';

	if (character && is_opened(request, device)) {
		request_given(request, device->major, device->minor, where);
		if (path_below(path, "/dev/vfio") &&
		    device_numbers_class(&request->host->numbers, device->major) == DEVICE_OTHER)
			request_vfio(request, device->major, device->minor, where);
	}
	free(path);
}

static void
judge_devices(struct request *request)
{
	char where[64];

	for (size_t i = 0; i < request->config->device_count; i++) {
		snprintf(where, sizeof(where), "linux.devices[%zu]", i);
		judge_device(request, &request->config->devices[i], where);
	}
}

/* -- the container's own power ----------------------------------------------------------------------------------- */

/*
 * Who may make nodes opens what the rules let it open. CAP_SYS_ADMIN lifts the rules: version 1 of the cgroup mounts
 * its devices hierarchy, version 2 detaches the program; and it mounts a devtmpfs.
 */
static void
judge_capabilities(struct request *request)
{
	if (request_can(request, CAP_SYS_ADMIN) && request_may_reach(request)) {
		request_open(request, "process: CAP_SYS_ADMIN");
		request->out->privileged = true;
	}
	if (request_can(request, CAP_MKNOD))
		request_opened(request, "process: CAP_MKNOD");
}

/* -- other processes --------------------------------------------------------------------------------------------- */

/* A node of NVIDIA's that such a process has open: no device rule is asked when a descriptor is taken. */
static bool
see_held(void *seer, dev_t number)
{
	struct request *request = seer;
	enum device_class class = device_numbers_class(&request->host->numbers, major(number));

	if (class != DEVICE_OTHER && class != DEVICE_VFIO)
		request_given(request, major(number), minor(number), "a process of the joined PID namespace");
	return true;
}

static void
judge_processes(struct request *request)
{
	const struct oci_config *config = request->config;
	const struct processes_caller caller = {config->uid, config->gid, config->capabilities};

	if (request->host->numbers.has_nvidia)
		request->host->held_devices(request->host->context, &caller, see_held, request);
}

/* -- whole ------------------------------------------------------------------------------------------------------- */

/* A root that is the host's, or that shows the host's /dev, is no container. */
static int
check_root(const struct request *request, struct err *err)
{
	const struct oci_config *config = request->config;
	const struct decision_host *host = request->host;
	struct decision_object object = {.path = ""};
	char *path;
	int rc = 0;

	if (config->root_path == NULL)
		return request->wanted ? err_set(err, CODE_ROOTFS, "config.json: root: is missing") : 0;
	path = path_clean(request->bundle, config->root_path);
	host->look_up(host->context, path, &object);
	if ((strcmp(path, "/") == 0 || path_below(path, "/dev") || strcmp(object.path, "/") == 0) &&
	    (request->wanted || request_may_reach(request)))
		rc = err_set(err, CODE_ROOTFS,
			     "config.json: root.path: is '%.256s', want a root of the container's own",
			     config->root_path);
	free(path);
	return rc;
}

/* A container that holds CAP_SYS_ADMIN reaches all of this anyway: it is the policy's, not refused here. */
static bool
may_all(const struct request *request)
{
	bool named = (request->config->capabilities >> CAP_SYS_ADMIN & 1) != 0;

	return request_can(request, CAP_SYS_ADMIN) || (request->host->rootless && named);
}

static int
check_refusals(const struct request *request, struct err *err)
{
	const struct oci_config *config = request->config;

	if (config->has_vm && (request->wanted || request->host->numbers.has_nvidia))
		return err_set(err, CODE_VM_RUNTIME, "config.json: has a vm section");
	if (request->raw[0] != '\0' && !may_all(request))
		return err_set(err, CODE_RAW_DEVICE, "config.json: %s", request->raw);
	if (check_root(request, err) < 0)
		return -1;
	if (request->wanted && !config->mount_namespace)
		return err_set(err, CODE_NO_MOUNT_NAMESPACE, "config.json: linux.namespaces: has no mount namespace");
	if (request->wanted && request->conflict[0] != '\0')
		return err_set(err, CODE_ATTACH_TARGET, "config.json: %s is the place of the result",
			       request->conflict);
	return 0;
}

int
decision_make(const struct oci_state *state, const struct oci_config *config, const struct decision_host *host,
	      struct decision *out, struct err *err)
{
	struct request request = {.host = host, .config = config, .bundle = state->bundle, .out = out};

	*out = (struct decision){.answer = DECISION_REFUSE};
	judge_devices(&request);
	judge_capabilities(&request);
	judge_processes(&request);
	request_mounts(&request);
	request_image(&request);
	request_hooks(&request);
	if (config->device_like != NULL)
		request_open(&request, "linux: unknown member %s", config->device_like);
	/* There a privileged container has no rules; every node that the user can see is mounted into it instead. */
	out->privileged |= host->rootless && may_all(&request) && request.wanted;
	if (check_refusals(&request, err) < 0) {
		*out = (struct decision){.answer = DECISION_REFUSE};
		return -1;
	}
	out->all = request.wanted && (out->all || out->count == 0);
	out->answer = request.wanted ? DECISION_GPU : DECISION_NO_GPU;
	return 0;
}
