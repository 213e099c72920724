/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/device_path.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "lib/path.h"
#include "spec/device_numbers.h"

#define DIGITS_MAX 7 /* a minor has 20 bits */

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

/* Decimal digits and nothing else. */
static bool
read_digits(const char *text, size_t size, int64_t *out)
{
	int64_t value = 0;

	if (size == 0 || size > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*out = value;
	return true;
}

/* -- below /dev -------------------------------------------------------------------------------------------------- */

static struct device_path
nvidia_node(const char *path)
{
	static const char *const shared[] = {"/dev/nvidiactl", "/dev/nvidia-modeset", "/dev/nvidia-uvm",
					     "/dev/nvidia-uvm-tools", NULL};
	static const char *const others[] = {"/dev/nvidia", "/dev/nvhost-", "/dev/nvmap", "/dev/nvgpu", "/dev/gdrdrv",
					     "/dev/dxg", NULL};
	struct device_path out = {DEVICE_PATH_OTHER, -1, -1};
	const char *digits = path + strlen("/dev/nvidia");

	if (starts(path, "/dev/nvidia") && read_digits(digits, strlen(digits), &out.minor) &&
	    out.minor <= DEVICE_GPU_MINOR_MAX) {
		out.kind = DEVICE_PATH_GPU;
		return out;
	}
	out.minor = -1;
	if (is_one_of(path, shared))
		out.kind = DEVICE_PATH_SHARED;
	else if (strcmp(path, "/dev/nvidia-caps") == 0)
		out.kind = DEVICE_PATH_NODES;
	for (size_t i = 0; out.kind == DEVICE_PATH_OTHER && others[i] != NULL; i++)
		out.kind = starts(path, others[i]) ? DEVICE_PATH_NVIDIA : DEVICE_PATH_OTHER;
	return out;
}

static struct device_path
numbered_node(const char *name)
{
	const char *colon = strchr(name, ':');
	struct device_path out = {DEVICE_PATH_OTHER, -1, -1};

	if (colon != NULL && read_digits(name, (size_t)(colon - name), &out.major) &&
	    read_digits(colon + 1, strlen(colon + 1), &out.minor))
		out.kind = DEVICE_PATH_NUMBER;
	return out;
}

static struct device_path
drm_node(const char *name)
{
	struct device_path out = {DEVICE_PATH_DRM, DEVICE_DRM_MAJOR, -1};
	const char *digits = name + strcspn(name, "0123456789");

	(void)read_digits(digits, strlen(digits), &out.minor);
	return out;
}

static struct device_path
of_dev(const char *path)
{
	static const char *const memory[] = {"/dev/mem", "/dev/kmem", "/dev/port", NULL};
	static const char *const folders[] = {"/", "/dev", "/dev/dri", "/dev/char", NULL};
	struct device_path out = nvidia_node(path);

	if (out.kind != DEVICE_PATH_OTHER)
		return out;
	if (starts(path, "/dev/char/"))
		return numbered_node(path + strlen("/dev/char/"));
	if (starts(path, "/dev/dri/"))
		return drm_node(path + strlen("/dev/dri/"));
	if (path_below(path, "/dev/vfio"))
		out.kind = strcmp(path, "/dev/vfio/vfio") != 0 ? DEVICE_PATH_VFIO : DEVICE_PATH_OTHER;
	else if (is_one_of(path, memory))
		out.kind = DEVICE_PATH_MEMORY;
	else if (is_one_of(path, folders))
		out.kind = DEVICE_PATH_NODES;
	return out;
}

/* -- below /sys -------------------------------------------------------------------------------------------------- */

bool
device_path_is_function(const char *name)
{
	static const char shape[] = "xxxx:xx:xx.x";
	size_t i;

	for (i = 0; shape[i] != '\0'; i++) {
		if (shape[i] == 'x' ? !isxdigit((unsigned char)name[i]) : name[i] != shape[i])
			return false;
	}
	return name[i] == '\0' || name[i] == '/';
}

static struct device_path
of_sys(const char *path)
{
	static const char *const parents[] = {"/sys", "/sys/bus", "/sys/devices", NULL};
	struct device_path out = {DEVICE_PATH_OTHER, -1, -1};

	for (const char *part = strchr(path, '/'); part != NULL; part = strchr(part + 1, '/')) {
		if (device_path_is_function(part + 1))
			out.kind = DEVICE_PATH_FUNCTION;
	}
	/* The GPU's functions lie below host bridges, which firmware or a hypervisor's bus may hold anywhere. */
	if (out.kind == DEVICE_PATH_OTHER &&
	    (is_one_of(path, parents) || path_below(path, "/sys/bus/pci") || starts(path, "/sys/devices/pci")))
		out.kind = DEVICE_PATH_FUNCTIONS;
	return out;
}

/* -- whole ------------------------------------------------------------------------------------------------------- */

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
	rest = path + strlen("/proc/");
	rest += strspn(rest, "0123456789");
	return path_below(rest, "/root") ? rest + strlen("/root") : path;
}

struct device_path
device_path_of(const char *path)
{
	const char *inner = skip_proc_root(path);

	while (inner != path) {
		path = *inner != '\0' ? inner : "/";
		inner = skip_proc_root(path);
	}
	if (path_below(path, "/sys"))
		return of_sys(path);
	if (path_below(path, "/proc/bus/pci"))
		return (struct device_path){DEVICE_PATH_PROC_PCI, -1, -1};
	return of_dev(path);
}
