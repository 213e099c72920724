/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/host_pci.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hook/host_files.h"
#include "lib/buf.h"
#include "spec/device_numbers.h"
#include "spec/device_path.h"
#include "spec/driver_info.h"

#define FUNCTIONS "/sys/bus/pci/devices"
#define ENTRIES_MAX 20000 /* of a part of sysfs; below a host bridge there are a few thousand */

/* A number in hexadecimal digits; 0 if it is not there. */
static unsigned long
read_pci_number(const char *folder, const char *name)
{
	char *path = xprintf("%s/%s", folder, name), *text = host_read(path, HOST_SMALL_FILE);
	unsigned long number = text == NULL ? 0 : strtoul(text, NULL, 16);

	free(path);
	free(text);
	return number;
}

static unsigned
vendor_of(const char *folder)
{
	unsigned long vendor = read_pci_number(folder, "vendor");

	return vendor <= 0xffff ? (unsigned)vendor : 0;
}

/* The last part of what a link leads to. */
static bool
link_name(const char *path, char out[PATH_MAX])
{
	char target[PATH_MAX];
	ssize_t size = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	if (size <= 0)
		return false;
	target[size] = '\0';
	slash = strrchr(target, '/');
	snprintf(out, PATH_MAX, "%s", slash == NULL ? target : slash + 1);
	return true;
}

/* -- nodes ------------------------------------------------------------------------------------------------------- */

static int
gpu_minor(const char *address)
{
	char *path = xprintf("/proc/driver/nvidia/gpus/%s/information", address);
	char *text = host_read(path, DRIVER_INFO_MAX);
	int minor = text == NULL ? -1 : driver_info_minor(bytes_of_text(text));

	free(path);
	free(text);
	return minor;
}

/* Of the functions in a VFIO group: NVIDIA's if one is. One that cannot be read could be NVIDIA's. */
static unsigned
group_vendor(const char *group)
{
	char *path = xprintf("/sys/kernel/iommu_groups/%s/devices", group);
	DIR *folder = opendir(path);
	const struct dirent *entry;
	unsigned vendor = 0;

	while (folder != NULL && vendor != DEVICE_NVIDIA_VENDOR && (entry = readdir(folder)) != NULL) {
		char *function;

		if (entry->d_name[0] == '.')
			continue;
		function = xprintf("%s/%s", path, entry->d_name);
		vendor = vendor_of(function);
		free(function);
		if (vendor == 0)
			break;
	}
	if (folder != NULL)
		closedir(folder);
	free(path);
	return vendor;
}

unsigned
host_pci_vendor(void *context, dev_t number, int *minor_out)
{
	char *node = xprintf("/sys/dev/char/%u:%u", major(number), minor(number)), *device = xprintf("%s/device", node);
	unsigned vendor = vendor_of(device);
	char name[PATH_MAX];

	(void)context;
	*minor_out = -1;
	if (vendor == DEVICE_NVIDIA_VENDOR && link_name(device, name))
		*minor_out = gpu_minor(name);
	if (vendor == 0 && link_name(node, name) && name[strspn(name, "0123456789")] == '\0')
		vendor = group_vendor(name);
	free(device);
	free(node);
	return vendor;
}

/* -- functions --------------------------------------------------------------------------------------------------- */

/* At a path of sysfs or above it. */
static bool
is_inside(const char *path)
{
	char *folder = xstrdup(path);
	bool found = false;

	while (!found && strncmp(folder, "/sys/", 5) == 0) {
		const char *slash = strrchr(folder, '/');

		found = device_path_is_function(slash + 1) && vendor_of(folder) == DEVICE_NVIDIA_VENDOR;
		folder[slash - folder] = '\0';
	}
	free(folder);
	return found;
}

static bool
see_other(void *seer, int directory, const char *name, unsigned char type)
{
	char link[PATH_MAX];

	(void)seer, (void)type;
	if (!device_path_is_function(name))
		return true;
	snprintf(link, sizeof(link), "/proc/self/fd/%d/%s", directory, name);
	return vendor_of(link) != DEVICE_NVIDIA_VENDOR;
}

bool
host_pci_has_function(void *context, const char *path)
{
	(void)context;
	return is_inside(path) || host_walk(path, ENTRIES_MAX, see_other, NULL) != 1;
}

/* Another driver than NVIDIA's has it: NVIDIA's does not come to it. */
static bool
is_taken(const char *function)
{
	char *path = xprintf("%s/driver", function), name[PATH_MAX];
	bool taken = link_name(path, name) && strcmp(name, "nvidia") != 0;

	free(path);
	return taken;
}

static bool
is_gpu(const char *function)
{
	return vendor_of(function) == DEVICE_NVIDIA_VENDOR &&
	       read_pci_number(function, "class") >> 16 == DEVICE_DISPLAY_CLASS && !is_taken(function);
}

bool
host_pci_has_gpu(void)
{
	DIR *folder = opendir(FUNCTIONS);
	const struct dirent *entry;
	bool found = false;

	if (folder == NULL)
		return errno != ENOENT;
	while (!found && (entry = readdir(folder)) != NULL) {
		char *function;

		if (entry->d_name[0] == '.')
			continue;
		function = xprintf(FUNCTIONS "/%s", entry->d_name);
		found = is_gpu(function);
		free(function);
	}
	closedir(folder);
	return found;
}
