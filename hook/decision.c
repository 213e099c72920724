/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/decision.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/sysmacros.h>

#include "hook/request.h"
#include "lib/code.h"
#include "lib/path.h"

/* -- devices -------------------------------------------------------------------------------------------------------- */

static void
judge_device(struct request *request, const struct oci_device *device, const char *where)
{
	char *path = path_clean("/", device->path);
	bool character = device->type == 'c' || device->type == 'u';

	if (character && request_device(request, device->major, device->minor, path, where))
		goto out;
	/* The path is one of the container: a name of NVIDIA's counts with any number, a VFIO name with an unknown one. */
	if (path_is_nvidia_node(path))
		request_all(request, "%s: %s", where, path);
	else if (character && path_below(path, "/dev/vfio") &&
		 device_numbers_class(&request->host->numbers, device->major) == DEVICE_OTHER)
		request_path(request, path, where);
out:
	free(path);
}

static void
judge_devices(struct request *request, const struct oci_config *config)
{
	char where[64];

	for (size_t i = 0; i < config->device_count; i++) {
		snprintf(where, sizeof(where), "linux.devices[%zu]", i);
		judge_device(request, &config->devices[i], where);
	}
}

/* -- mounts --------------------------------------------------------------------------------------------------------- */

/* A path of the host that the container sees: by what lies there and by its text. */
static void
judge_source(struct request *request, const char *bundle, const char *source, const char *where)
{
	const struct decision_host *host = request->host;
	char *path = path_clean(bundle, source), resolved[PATH_MAX] = "";
	dev_t number = 0;
	enum decision_source kind = host->look_up(host->context, path, &number, resolved);
	enum device_class class = kind == DECISION_CHARACTER ? device_numbers_class(&host->numbers, major(number)) : DEVICE_OTHER;
	bool known = class == DEVICE_DRM || class == DEVICE_CAPS; /* by number better than by name */

	if (kind == DECISION_CHARACTER)
		request_device(request, major(number), minor(number), path, where);
	if (kind == DECISION_DEVTMPFS && host->numbers.has_nvidia && !path_below(resolved[0] ? resolved : path, "/dev"))
		request_all(request, "%s: %s is on the file system of /dev", where, path);
	if (!known)
		request_path(request, path, where);
	if (!known && resolved[0] != '\0' && strcmp(resolved, path) != 0)
		request_path(request, resolved, where);
	free(path);
}

static bool
has_option(const struct oci_mount *mount, const char *option)
{
	for (size_t i = 0; i < mount->options.count; i++) {
		if (strcmp(mount->options.at[i], option) == 0)
			return true;
	}
	return false;
}

static bool
is_bind(const struct oci_mount *mount)
{
	return mount->type == NULL || mount->type[0] == '\0' || strcmp(mount->type, "none") == 0 ||
	       strcmp(mount->type, "bind") == 0 || strcmp(mount->type, "rbind") == 0 || has_option(mount, "bind") ||
	       has_option(mount, "rbind");
}

/* An overlay shows its layers: podman mounts volumes so (option O). */
static void
judge_overlay(struct request *request, const char *bundle, const struct oci_mount *mount, const char *where)
{
	static const char *const names[] = {"lowerdir=", "lowerdir+=", "datadir+=", "upperdir="};

	for (size_t i = 0; i < mount->options.count * 4; i++) {
		const char *option = mount->options.at[i / 4], *name = names[i % 4];
		char *layers, *rest, *layer;

		if (strncmp(option, name, strlen(name)) != 0)
			continue;
		layers = rest = xstrdup(option + strlen(name));
		judge_source(request, bundle, layers, where);
		while ((layer = strsep(&rest, ":")) != NULL) {
			if (layer[0] != '\0')
				judge_source(request, bundle, layer, where);
		}
		free(layers);
	}
}

static void
judge_mount(struct request *request, const char *bundle, const struct oci_mount *mount, const char *where)
{
	char *destination = path_clean("/", mount->destination);

	if (path_below(destination, "/run/nvidia-container-devices") ||
	    path_below(destination, "/var/run/nvidia-container-devices"))
		request_all(request, "%s: legacy volume request %s", where, destination);
	if ((path_below(destination, DECISION_TOKEN_DIRECTORY) || path_below(destination, "/var" DECISION_TOKEN_DIRECTORY)) &&
	    request->conflict[0] == '\0')
		snprintf(request->conflict, sizeof(request->conflict), "%s: %s", where, destination);
	if (is_bind(mount) && mount->source != NULL)
		judge_source(request, bundle, mount->source, where);
	else if (mount->type != NULL && strcmp(mount->type, "devtmpfs") == 0 && request->host->numbers.has_nvidia)
		request_all(request, "%s: devtmpfs", where);
	else if (mount->type != NULL && strcmp(mount->type, "overlay") == 0)
		judge_overlay(request, bundle, mount, where);
	free(destination);
}

static void
judge_mounts(struct request *request, const char *bundle, const struct oci_config *config)
{
	char where[64];

	for (size_t i = 0; i < config->mount_count; i++) {
		snprintf(where, sizeof(where), "mounts[%zu]", i);
		judge_mount(request, bundle, &config->mounts[i], where);
	}
}

/* -- hooks and annotations ------------------------------------------------------------------------------------------ */

static bool
has_prefix(const char *path, const char *const prefixes[2])
{
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;

	return strncmp(name, prefixes[0], strlen(prefixes[0])) == 0 || strncmp(name, prefixes[1], strlen(prefixes[1])) == 0;
}

/* A program of the vendor's, by its path or as an argument of another. */
static bool
runs(const struct oci_hook *hook, const char *const prefixes[2])
{
	bool found = has_prefix(hook->path, prefixes);

	for (size_t i = 0; i < hook->args.count; i++)
		found |= has_prefix(hook->args.at[i], prefixes);
	return found;
}

/* Injectors add devices of their own choice, beside those that are listed; the helpers of CDI specifications add none. */
static void
judge_hooks(struct request *request, const struct oci_config *config)
{
	static const char *const injectors[2] = {"nvidia-container-", "libnvidia-container"};
	static const char *const helpers[2] = {"nvidia-ctk", "nvidia-cdi-hook"};

	for (size_t i = 0; i < config->hook_count; i++) {
		const struct oci_hook *hook = &config->hooks[i];

		if (runs(hook, injectors))
			request_all(request, "hooks: %s", hook->path);
		else if (runs(hook, helpers))
			request_any(request, "hooks: %s", hook->path);
	}
}

/* One of the comma-separated device names VENDOR/CLASS=NAME has a vendor of NVIDIA's. */
static bool
names_nvidia(const char *devices)
{
	static const char vendor[] = "nvidia.com";
	size_t part;

	for (const char *at = devices; *at != '\0'; at += part, at += *at == ',') {
		size_t size;

		part = strcspn(at, ",");
		at += strspn(at, " \t");
		part = strcspn(at, ",");
		size = strcspn(at, "/,");
		if (at[size] == '/' && size >= strlen(vendor) &&
		    strncasecmp(at + size - strlen(vendor), vendor, strlen(vendor)) == 0 &&
		    (size == strlen(vendor) || at[size - strlen(vendor) - 1] == '.'))
			return true;
	}
	return false;
}

static void
judge_annotations(struct request *request, const struct oci_annotations *annotations)
{
	static const char domain[] = "cdi.k8s.io";

	for (size_t i = 0; i < annotations->count; i++) {
		const char *name = annotations->pairs[i].name;
		size_t size = strcspn(name, "/");

		if (name[size] == '/' && size >= strlen(domain) &&
		    strncmp(name + size - strlen(domain), domain, strlen(domain)) == 0 &&
		    (size == strlen(domain) || name[size - strlen(domain) - 1] == '.') &&
		    names_nvidia(annotations->pairs[i].value))
			request_all(request, "annotation %s", name);
	}
}

/* -- whole ---------------------------------------------------------------------------------------------------------- */

/* A root that is the host's, or that shows the host's /dev, is no container. */
static int
check_root(const struct request *request, const char *bundle, const struct oci_config *config, struct err *err)
{
	const struct decision_host *host = request->host;
	char *path, resolved[PATH_MAX] = "";
	dev_t number = 0;
	int rc = 0;

	if (config->root_path == NULL)
		return request->wanted ? err_set(err, CODE_ROOTFS, "config.json: root: is missing") : 0;
	path = path_clean(bundle, config->root_path);
	host->look_up(host->context, path, &number, resolved);
	if ((request->wanted || host->numbers.has_nvidia) &&
	    (strcmp(path, "/") == 0 || path_below(path, "/dev") || strcmp(resolved, "/") == 0))
		rc = err_set(err, CODE_ROOTFS, "config.json: root.path: is '%.256s', want a root of the container's own",
			     config->root_path);
	free(path);
	return rc;
}

static int
check_refusals(const struct request *request, const char *bundle, const struct oci_config *config, struct err *err)
{
	if (config->has_vm && (request->wanted || request->host->numbers.has_nvidia))
		return err_set(err, CODE_VM_RUNTIME, "config.json: has a vm section");
	if (request->raw[0] != '\0' && !request->out->privileged)
		return err_set(err, CODE_RAW_DEVICE, "config.json: %s", request->raw);
	if (check_root(request, bundle, config, err) < 0)
		return -1;
	if (request->wanted && request->conflict[0] != '\0')
		return err_set(err, CODE_ATTACH_TARGET, "config.json: %s is the place of the result", request->conflict);
	return 0;
}

int
decision_make(const struct oci_state *state, const struct oci_config *config, const struct decision_host *host,
	      bool cdi, struct decision *out, struct err *err)
{
	struct request request = {.host = host, .out = out};

	*out = (struct decision){.answer = DECISION_REFUSE};
	if (cdi)
		request_any(&request, "called by CDI");
	judge_devices(&request, config);
	request_rules(&request, config);
	judge_mounts(&request, state->bundle, config);
	judge_hooks(&request, config);
	judge_annotations(&request, &config->annotations);
	judge_annotations(&request, &state->annotations);
	if (config->device_like != NULL && host->numbers.has_nvidia)
		request_all(&request, "linux: unknown member %s", config->device_like);
	/* There a privileged container has no rules; every node that the user can see is mounted into it instead. */
	out->privileged |= host->rootless && config->may_admin && request.wanted;
	if (check_refusals(&request, state->bundle, config, err) < 0) {
		*out = (struct decision){.answer = DECISION_REFUSE};
		return -1;
	}
	out->all = request.wanted && (out->all || out->count == 0);
	out->answer = request.wanted ? DECISION_GPU : DECISION_NO_GPU;
	return 0;
}
