/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/request.h"
#include "lib/path.h"

/* Rules about paths, by their text. */

static bool
starts(const char *path, const char *prefix)
{
	return strncmp(path, prefix, strlen(prefix)) == 0;
}

static bool
is_one_of(const char *path, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(path, *list) == 0)
			return true;
	}
	return false;
}

/* Decimal digits and nothing else, small. */
static bool
small_number(const char *text, size_t size, int64_t *out)
{
	*out = 0;
	if (size == 0 || size > 7)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		*out = *out * 10 + (text[i] - '0');
	}
	return true;
}

bool
path_is_nvidia_node(const char *path)
{
	return starts(path, "/dev/nvidia") || starts(path, "/dev/nvhost-") || starts(path, "/dev/nvmap") ||
	       starts(path, "/dev/nvgpu") || starts(path, "/dev/gdrdrv") || strcmp(path, "/dev/dxg") == 0;
}

static void
judge_nvidia_node(struct request *request, const char *path, const char *where)
{
	static const char *const shared[] = {"/dev/nvidiactl", "/dev/nvidia-modeset", "/dev/nvidia-uvm",
					     "/dev/nvidia-uvm-tools", NULL};
	const char *digits = path + strlen("/dev/nvidia");
	int64_t minor;

	if (starts(path, "/dev/nvidia") && small_number(digits, strlen(digits), &minor) && minor <= 253)
		request_minor(request, minor, "%s: %s", where, path);
	else if (is_one_of(path, shared))
		request_any(request, "%s: %s", where, path);
	else
		request_all(request, "%s: %s", where, path);
}

/* /dev/char/MAJOR:MINOR */
static void
judge_char_link(struct request *request, const char *path, const char *where)
{
	const char *name = path + strlen("/dev/char/"), *colon = strchr(name, ':');
	int64_t major, minor;

	if (colon != NULL && small_number(name, (size_t)(colon - name), &major) &&
	    small_number(colon + 1, strlen(colon + 1), &minor))
		request_device(request, major, minor, path, where);
}

static void
judge_drm_path(struct request *request, const char *path, const char *where)
{
	const char *name = path + strlen("/dev/dri/");
	size_t letters = strcspn(name, "0123456789");
	int64_t minor;

	if (small_number(name + letters, strlen(name + letters), &minor))
		request_device(request, 226, minor, path, where);
	else if (request->host->numbers.has_nvidia)
		request_all(request, "%s: %s", where, path);
}

static void
judge_vfio_path(struct request *request, const char *path, const char *where)
{
	int minor = -1;
	unsigned vendor;

	/* The container file: no device comes with it. */
	if (strcmp(path, "/dev/vfio/vfio") == 0)
		return;
	vendor = request->host->pci_vendor(request->host->context, 0, path, &minor);
	if (vendor == DEVICE_NVIDIA_VENDOR || (vendor == 0 && request->host->numbers.has_nvidia))
		request_raw(request, "%s: VFIO %s", where, path);
}

static bool
judge_dev(struct request *request, const char *path, const char *where)
{
	static const char *const memory[] = {"/dev/mem", "/dev/kmem", "/dev/port", NULL};
	static const char *const folders[] = {"/", "/dev", "/dev/dri", "/dev/char", NULL};

	if (path_is_nvidia_node(path))
		judge_nvidia_node(request, path, where);
	else if (starts(path, "/dev/char/"))
		judge_char_link(request, path, where);
	else if (starts(path, "/dev/dri/"))
		judge_drm_path(request, path, where);
	else if (path_below(path, "/dev/vfio"))
		judge_vfio_path(request, path, where);
	else if (is_one_of(path, memory) && request->host->numbers.has_nvidia)
		request_raw(request, "%s: %s", where, path);
	else if (is_one_of(path, folders) && request->host->numbers.has_nvidia)
		request_all(request, "%s: %s holds the GPUs' nodes", where, path);
	else
		return false;
	return true;
}

/* A part of the form 0000:41:00.0 */
static bool
has_pci_address(const char *path)
{
	for (const char *at = strchr(path, ':'); at != NULL; at = strchr(at + 1, ':')) {
		if (at - path >= 4 && isxdigit((unsigned char)at[-1]) && isxdigit((unsigned char)at[1]) &&
		    isxdigit((unsigned char)at[2]) && at[3] == ':' && isxdigit((unsigned char)at[4]) &&
		    isxdigit((unsigned char)at[5]) && at[6] == '.')
			return true;
	}
	return false;
}

static void
judge_sys(struct request *request, const char *path, const char *where)
{
	static const char *const parents[] = {"/sys", "/sys/bus", "/sys/devices", "/sys/class", "/sys/class/drm", NULL};
	int minor = -1;
	unsigned vendor;

	if (has_pci_address(path)) {
		vendor = request->host->pci_vendor(request->host->context, 0, path, &minor);
		if (vendor == DEVICE_NVIDIA_VENDOR || (vendor == 0 && request->host->numbers.has_nvidia))
			request_raw(request, "%s: %s", where, path);
	} else if (request->host->numbers.has_nvidia && (is_one_of(path, parents) || path_below(path, "/sys/bus/pci") ||
						 starts(path, "/sys/devices/pci"))) {
		request_all(request, "%s: %s holds the GPUs' PCI files", where, path);
	}
}

/* Sockets of persistenced, fabricmanager and mps, and the driver's root of the operator. */
static bool
is_nvidia_run(const char *path)
{
	static const char *const prefixes[] = {"/run/nvidia", "/var/run/nvidia", "/tmp/nvidia-mps", NULL};

	for (size_t i = 0; prefixes[i] != NULL; i++) {
		const char *rest = path + strlen(prefixes[i]);

		if (starts(path, prefixes[i]) && (*rest == '\0' || *rest == '/' || *rest == '-'))
			return true;
	}
	return false;
}

/* /proc/PID/root leads to a root directory: that of the host for its processes. */
static const char *
skip_proc_root(const char *path)
{
	static const char *const own[] = {"/proc/self/root", "/proc/thread-self/root", NULL};
	const char *rest;

	for (size_t i = 0; own[i] != NULL; i++) {
		if (path_below(path, own[i]))
			return path + strlen(own[i]);
	}
	if (!starts(path, "/proc/"))
		return path;
	rest = path + 6 + strspn(path + 6, "0123456789");
	return rest > path + 6 && path_below(rest, "/root") ? rest + 5 : path;
}

void
request_path(struct request *request, const char *path, const char *where)
{
	const char *inner = skip_proc_root(path);

	while (inner != path) {
		path = *inner != '\0' ? inner : "/";
		inner = skip_proc_root(path);
	}
	if (judge_dev(request, path, where))
		return;
	if (path_below(path, "/sys"))
		judge_sys(request, path, where);
	else if (path_below(path, "/proc/bus/pci") && request->host->numbers.has_nvidia)
		request_raw(request, "%s: %s", where, path);
	else if (strcmp(path, "/proc/driver") == 0 && request->host->numbers.has_nvidia)
		request_any(request, "%s: %s", where, path);
	else if (starts(path, "/proc/driver/nvidia") || is_nvidia_run(path))
		request_any(request, "%s: %s", where, path);
}
