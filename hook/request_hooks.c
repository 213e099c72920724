/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "hook/request.h"
#include "lib/path.h"

/*
 * Hooks of the vendor's that add GPUs beside those that are listed. The legacy hook stands in every container of a node
 * whose definition says always, and acts on what the container asks it for: NVIDIA_VISIBLE_DEVICES, which images of
 * CUDA before version 9 mean without saying, or mounts below a directory of its own (nvidia-container-toolkit,
 * "container config").
 */

static bool
is_program(const char *path, const char *prefix)
{
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;

	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* By its path or as an argument of another program. */
static bool
runs(const struct oci_hook *hook, const char *prefix)
{
	bool found = is_program(hook->path, prefix);

	for (size_t i = 0; i < hook->args.count; i++)
		found |= is_program(hook->args.at[i], prefix);
	return found;
}

static bool
is_armed(const char *devices)
{
	return devices[0] != '\0' && strcmp(devices, "void") != 0 && strcmp(devices, "none") != 0;
}

/* Of a variable that stands there more than once, each value counts. */
static bool
asks_by_variable(const struct oci_config *config)
{
	static const char devices[] = "NVIDIA_VISIBLE_DEVICES=", version[] = "CUDA_VERSION=",
			  require[] = "NVIDIA_REQUIRE_CUDA=";
	bool said = false, armed = false, cuda = false, required = false;

	for (size_t i = 0; i < config->env.count; i++) {
		const char *entry = config->env.at[i];

		if (strncmp(entry, devices, strlen(devices)) == 0) {
			said = true;
			armed |= is_armed(entry + strlen(devices));
		}
		cuda |= strncmp(entry, version, strlen(version)) == 0;
		required |= strncmp(entry, require, strlen(require)) == 0;
	}
	return said ? armed : cuda && !required;
}

static bool
asks_by_mount(const struct oci_config *config)
{
	static const char place[] = "/run/nvidia-container-devices";
	bool found = false;

	for (size_t i = 0; i < config->mount_count && !found; i++) {
		char *path = path_clean("/", config->mounts[i].destination);

		found = path_below(strncmp(path, "/var/", 5) == 0 ? path + 4 : path, place);
		free(path);
	}
	return found;
}

void
request_hooks(struct request *request)
{
	const struct oci_config *config = request->config;

	for (size_t i = 0; i < config->hook_count; i++) {
		const struct oci_hook *hook = &config->hooks[i];
		bool told = runs(hook, "nvidia-container-cli") || runs(hook, "libnvidia-container");
		bool acts = told || (runs(hook, "nvidia-container-") &&
				     (asks_by_variable(config) || asks_by_mount(config)));

		if (acts)
			request_open(request, "hooks: %s", hook->path);
	}
}
