/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/exposure.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/path.h"
#include "spec/device_path.h"

#define VENDOR "nvidia.com"
#define VENDOR_TEXT_MAX 64

/* Whether the PCI function behind a folder of sysfs is NVIDIA's, or cannot be told. */
static bool
is_nvidia_function(const struct facts *facts, const char *folder)
{
	char *path = xprintf("%s%s/vendor", facts->root, folder), *text = fs_read_text(path, VENDOR_TEXT_MAX);
	bool other = text != NULL && strtoul(text, NULL, 16) != DEVICE_NVIDIA_VENDOR;

	free(text);
	free(path);
	return !other;
}

static bool
is_gpu_number(const struct facts *facts, int64_t major, int64_t minor)
{
	char *folder;
	bool found;

	switch (device_numbers_class(&facts->numbers, major)) {
	case DEVICE_OTHER: return false;
	case DEVICE_DRM:
		folder = xprintf("/sys/dev/char/%lld:%lld/device", (long long)major, (long long)minor);
		found = is_nvidia_function(facts, folder);
		free(folder);
		return found;
	default: return true;
	}
}

/* By its name alone; path is cleaned. */
static bool
is_gpu_name(const struct facts *facts, const char *path)
{
	struct device_path named = device_path_of(path);

	switch (named.kind) {
	case DEVICE_PATH_OTHER: return false;
	case DEVICE_PATH_NUMBER:
	case DEVICE_PATH_DRM: return is_gpu_number(facts, named.major, named.minor);
	case DEVICE_PATH_FUNCTION: return is_nvidia_function(facts, path);
	default: return true;
	}
}

/* A directory that is /dev or the root of the host, or lies on the file system of /dev, however it is spelled. */
static bool
holds_nodes(const struct stat *status)
{
	struct stat root, dev;

	if (!S_ISDIR(status->st_mode) || stat("/", &root) != 0 || stat("/dev", &dev) != 0)
		return false;
	return (status->st_dev == root.st_dev && status->st_ino == root.st_ino) ||
	       (status->st_dev == dev.st_dev && (dev.st_dev != root.st_dev || status->st_ino == dev.st_ino));
}

/* What lies there, and what it and its target are called. */
static bool
is_gpu_path(const struct facts *facts, const char *path)
{
	char *clean = path_clean("/", path), *target = realpath(clean, NULL);
	bool found = is_gpu_name(facts, clean) || (target != NULL && is_gpu_name(facts, target));
	struct stat status;

	if (!found && stat(clean, &status) == 0)
		found = S_ISCHR(status.st_mode) ? is_gpu_number(facts, major(status.st_rdev), minor(status.st_rdev))
						: holds_nodes(&status);
	free(target);
	free(clean);
	return found;
}

static bool
is_gpu_node(const struct facts *facts, const struct cdi_node *node)
{
	return (node->numbered && is_gpu_number(facts, node->major, node->minor)) ||
	       is_gpu_path(facts, node->host_path) || is_gpu_path(facts, node->path);
}

static bool
is_gpu_mount(const struct facts *facts, const struct cdi_mount *mount)
{
	return (mount->type != NULL && strcmp(mount->type, "devtmpfs") == 0) || is_gpu_path(facts, mount->host_path);
}

static bool
exposes(const struct facts *facts, const struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->node_count; i++)
		if (is_gpu_node(facts, &edits->nodes[i]))
			return true;
	for (size_t i = 0; i < edits->mount_count; i++)
		if (is_gpu_mount(facts, &edits->mounts[i]))
			return true;
	return false;
}

bool
exposure_of_device(const struct facts *facts, const struct cdi_spec *spec, const struct cdi_device *device)
{
	return cdi_kind_is_of(spec->kind, VENDOR) || exposes(facts, &spec->edits) || exposes(facts, &device->edits);
}

bool
exposure_of_spec(const struct facts *facts, const struct cdi_spec *spec)
{
	for (size_t i = 0; i < spec->device_count; i++)
		if (exposure_of_device(facts, spec, &spec->devices[i]))
			return true;
	return false;
}
