/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "hook/request.h"
#include "lib/path.h"
#include "spec/device_path.h"

/*
 * What mounts and the image show of the host, judged by the object that lies there: a node by its number, a directory
 * by its file system, and one that may hold nodes by what is found in it. Text counts where nothing can be asked.
 */

/* One mount of the configuration, and what of it holds for the mounts below its source. */
struct look {
	struct request *request;
	const char *where;
	bool readonly, nodev;
};

/* -- PCI files --------------------------------------------------------------------------------------------------- */

/*
 * Who can write the PCI files of a GPU can drive, reset and rebind it without the driver: privileged access, whether a
 * mount shows the function itself, a bridge above it or all of sysfs. A mount that is read-only gives none.
 */
static void
reach_function(const struct look *look, const char *path)
{
	if (!request_may_reach(look->request))
		return;
	request_open(look->request, "%s: PCI files of a GPU below %s", look->where, path);
	look->request->out->privileged = true;
}

static void
judge_sys(const struct look *look, bool readonly, const char *path)
{
	struct request *request = look->request;
	enum device_path_kind kind = device_path_of(path).kind;
	bool part =
		kind == DEVICE_PATH_FUNCTION || (path_below(path, "/sys/devices") && strcmp(path, "/sys/devices") != 0);

	if (readonly || !request_is_root(request))
		return;
	if (part ? request->host->has_function(request->host->context, path) : kind == DEVICE_PATH_FUNCTIONS)
		reach_function(look, path);
}

/* Functions of /proc/bus/pci are mapped with CAP_SYS_RAWIO; each procfs shows all of them, a container's own too. */
static void
judge_proc(const struct look *look, bool readonly, const char *path)
{
	struct request *request = look->request;
	bool holds = path_below(path, "/proc/bus/pci") || strcmp(path, "/proc") == 0 || strcmp(path, "/proc/bus") == 0;

	if (holds && !readonly && request_can(request, CAP_SYS_RAWIO))
		reach_function(look, path);
}

/* -- objects ----------------------------------------------------------------------------------------------------- */

static void
see_node(void *seer, dev_t number)
{
	const struct look *look = seer;

	request_device(look->request, major(number), minor(number), look->where);
}

/*
 * A directory that is no /dev: its nodes, as far as one opens more than was found. Too many files to look at may hold
 * any.
 */
static void
search(struct look *look, const char *path)
{
	const struct decision_host *host = look->request->host;

	if (!request_opens_more(look->request) || host->nodes_below(host->context, path, see_node, look))
		return;
	look->request->guessed = true;
	request_opened(look->request, look->where);
	look->request->guessed = false;
}

static void
judge_object(struct look *look, const struct decision_object *object)
{
	if (object->kind == DECISION_CHARACTER && !look->nodev)
		see_node(look, object->number);
	if (object->system == DECISION_FS_SYS)
		judge_sys(look, look->readonly, object->path);
	else if (object->system == DECISION_FS_PROC)
		judge_proc(look, look->readonly, object->path);
	else if (object->kind != DECISION_DIRECTORY || look->nodev)
		return;
	/* The whole of /dev shows nodes that are made later, too. */
	else if (object->system == DECISION_FS_DEV && strcmp(object->path, "/dev") == 0)
		request_opened(look->request, look->where);
	else
		search(look, object->path);
}

/* A read-only bind mount leaves those below it writable; with no capability at all that is not taken for a way. */
static void
see_mount(void *seer, const struct decision_object *object)
{
	const struct look *look = seer;
	bool bare = look->request->config->capabilities == 0;
	struct look below = {look->request, look->where, object->readonly || (look->readonly && bare), object->nodev};

	judge_object(&below, object);
}

/* Nothing can be asked: a name is all there is. */
static void
judge_text(struct look *look, const char *path)
{
	struct request *request = look->request;
	struct device_path named = device_path_of(path);

	switch (named.kind) {
	case DEVICE_PATH_GPU:
		request_device(request, DEVICE_NVIDIA_MAJOR, named.minor, look->where);
		break;
	case DEVICE_PATH_SHARED:
		request_device(request, DEVICE_NVIDIA_MAJOR, DEVICE_CONTROL_MINOR, look->where);
		break;
	case DEVICE_PATH_NVIDIA:
		if (request_opens(request, DEVICE_NVIDIA_MAJOR, OCI_ANY))
			request_all(request, "%s: %s", look->where, path);
		break;
	case DEVICE_PATH_NUMBER:
		request_device(request, named.major, named.minor, look->where);
		break;
	case DEVICE_PATH_DRM:
		if (named.minor >= 0)
			request_device(request, named.major, named.minor, look->where);
		break;
	case DEVICE_PATH_VFIO:
		if (request->host->numbers.has_nvidia)
			request_raw(request, "%s: VFIO %s", look->where, path);
		break;
	case DEVICE_PATH_MEMORY:
		request_device(request, DEVICE_MEM_MAJOR, 1, look->where);
		break;
	case DEVICE_PATH_NODES:
		request_opened(request, look->where);
		break;
	case DEVICE_PATH_FUNCTION:
	case DEVICE_PATH_FUNCTIONS:
		judge_sys(look, look->readonly, path);
		break;
	case DEVICE_PATH_PROC_PCI:
		judge_proc(look, look->readonly, path);
		break;
	case DEVICE_PATH_OTHER:
		break;
	}
}

/* A path of the host that the container sees. */
static void
judge_source(struct look *look, const char *source, bool recursive)
{
	const struct request *request = look->request;
	char *path = path_clean(request->bundle, source);
	struct decision_object object;

	if (!request->host->look_up(request->host->context, path, &object)) {
		judge_text(look, path);
	} else {
		if (recursive && object.kind == DECISION_DIRECTORY)
			request->host->mounts_below(request->host->context, path, see_mount, look);
		judge_object(look, &object);
	}
	free(path);
}

/* -- mounts ------------------------------------------------------------------------------------------------------ */

static bool
has_option(const struct oci_mount *mount, const char *option)
{
	for (size_t i = 0; i < mount->options.count; i++) {
		if (strcmp(mount->options.at[i], option) == 0)
			return true;
	}
	return false;
}

/* Of two options that undo each other the last one holds. */
static bool
last_option(const struct oci_mount *mount, const char *on, const char *off)
{
	bool holds = false;

	for (size_t i = 0; i < mount->options.count; i++) {
		if (strcmp(mount->options.at[i], on) == 0 || strcmp(mount->options.at[i], off) == 0)
			holds = strcmp(mount->options.at[i], on) == 0;
	}
	return holds;
}

static bool
is_of_type(const struct oci_mount *mount, const char *type)
{
	return mount->type != NULL && strcmp(mount->type, type) == 0;
}

static bool
is_bind(const struct oci_mount *mount)
{
	return mount->type == NULL || mount->type[0] == '\0' || is_of_type(mount, "none") ||
	       is_of_type(mount, "bind") || is_of_type(mount, "rbind") || has_option(mount, "bind") ||
	       has_option(mount, "rbind");
}

/* An overlay shows its layers: podman mounts volumes so (option O). What is written there goes elsewhere. */
static void
judge_layers(struct look *look, const char *option)
{
	static const char *const names[] = {"lowerdir=", "lowerdir+=", "datadir+=", "upperdir="};
	struct look below = {look->request, look->where, true, look->nodev};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *layers, *rest, *layer;

		if (strncmp(option, names[i], strlen(names[i])) != 0)
			continue;
		layers = rest = xstrdup(option + strlen(names[i]));
		judge_source(&below, layers, false);
		while ((layer = strsep(&rest, ":")) != NULL) {
			if (layer[0] != '\0')
				judge_source(&below, layer, false);
		}
		free(layers);
	}
}

/* The container's own procfs: what is masked or made read-only of it later is known by name. */
static bool
covers_pci(const struct oci_config *config)
{
	static const char *const above[] = {"/proc", "/proc/bus", "/proc/bus/pci"};

	for (size_t i = 0; i < config->covered.count; i++) {
		for (size_t k = 0; k < sizeof(above) / sizeof(*above); k++) {
			if (strcmp(config->covered.at[i], above[k]) == 0)
				return true;
		}
	}
	return false;
}

/* File systems that the container gets as mounts of its own and that show the host's devices all the same. */
static void
judge_type(struct look *look, const struct oci_mount *mount)
{
	struct request *request = look->request;

	if (is_of_type(mount, "devtmpfs") && !look->nodev) {
		request_opened(request, look->where);
	} else if (is_of_type(mount, "sysfs")) {
		judge_sys(look, look->readonly, "/sys");
	} else if (is_of_type(mount, "proc")) {
		judge_proc(look, look->readonly || covers_pci(request->config), "/proc");
	} else if (is_of_type(mount, "overlay")) {
		for (size_t i = 0; i < mount->options.count; i++)
			judge_layers(look, mount->options.at[i]);
	}
}

static void
judge_mount(struct request *request, const struct oci_mount *mount, const char *where)
{
	char *destination = path_clean("/", mount->destination);
	struct look look = {request, where, last_option(mount, "ro", "rw") || has_option(mount, "rro"),
			    last_option(mount, "nodev", "dev")};

	if ((path_below(destination, DECISION_TOKEN_DIRECTORY) ||
	     path_below(destination, "/var" DECISION_TOKEN_DIRECTORY)) &&
	    request->conflict[0] == '\0')
		snprintf(request->conflict, sizeof(request->conflict), "%s: %s", where, destination);
	judge_type(&look, mount);
	if (is_bind(mount) && mount->source != NULL)
		judge_source(&look, mount->source, !has_option(mount, "bind") || has_option(mount, "rbind"));
	free(destination);
}

void
request_mounts(struct request *request)
{
	char where[64];

	for (size_t i = 0; i < request->config->mount_count; i++) {
		snprintf(where, sizeof(where), "mounts[%zu]", i);
		judge_mount(request, &request->config->mounts[i], where);
	}
}

/* An image may hold a node: who unpacked it was root, unless the engine lives in a user namespace. */
void
request_image(struct request *request)
{
	struct look look = {request, "root.path", false, false};
	char *path;

	if (request->config->root_path == NULL || request->host->rootless)
		return;
	path = path_clean(request->bundle, request->config->root_path);
	search(&look, path);
	free(path);
}
