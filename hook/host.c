/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/fs.h"
#include "lib/idmap.h"
#include "spec/driver_info.h"

#define SMALL_FILE 65536

/* -- small files of proc and sysfs ---------------------------------------------------------------------------------- */

/* NULL if it is not there. proc and sysfs follow links inside themselves, so links are followed here. */
static char *
read_small(const char *path, size_t max)
{
	struct buf content = {0};
	struct err err = ERR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return NULL;
	if (fs_read_fd(fd, max, &content, &err) < 0) {
		close(fd);
		buf_free(&content);
		return NULL;
	}
	close(fd);
	return buf_steal_text(&content);
}

static unsigned
read_vendor(const char *folder)
{
	char *path = xprintf("%s/vendor", folder), *text = read_small(path, SMALL_FILE);
	unsigned long vendor = text == NULL ? 0 : strtoul(text, NULL, 16);

	free(path);
	free(text);
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

static int
gpu_minor(const char *address)
{
	char *path = xprintf("/proc/driver/nvidia/gpus/%s/information", address);
	char *text = read_small(path, DRIVER_INFO_MAX);
	int minor = text == NULL ? -1 : driver_info_minor(bytes_of_text(text));

	free(path);
	free(text);
	return minor;
}

static int
caps_gpu(void *context, int64_t minor)
{
	char *text = read_small("/proc/driver/nvidia-caps/mig-minors", DRIVER_CAPS_MAX);
	int gpu = text == NULL ? -1 : driver_info_caps_gpu(bytes_of_text(text), minor);

	(void)context;
	free(text);
	return gpu;
}

/* -- PCI vendor ----------------------------------------------------------------------------------------------------- */

/* Of the functions in a VFIO group: NVIDIA's if one is. */
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
		vendor = read_vendor(function);
		free(function);
		/* One function that cannot be read could be NVIDIA's. */
		if (vendor == 0)
			break;
	}
	if (folder != NULL)
		closedir(folder);
	free(path);
	return vendor;
}

static unsigned
node_vendor(dev_t number, int *minor_out)
{
	char *node = xprintf("/sys/dev/char/%u:%u", major(number), minor(number)), *device = xprintf("%s/device", node);
	char name[PATH_MAX];
	unsigned vendor = read_vendor(device);

	if (vendor == DEVICE_NVIDIA_VENDOR && link_name(device, name))
		*minor_out = gpu_minor(name);
	if (vendor == 0 && link_name(node, name) && name[strspn(name, "0123456789")] == '\0')
		vendor = group_vendor(name);
	free(device);
	free(node);
	return vendor;
}

/* A sysfs path: the deepest folder above or at it that has a vendor. */
static unsigned
path_vendor(const char *path)
{
	char *folder = xstrdup(path);
	unsigned vendor = 0;

	while (vendor == 0 && strncmp(folder, "/sys/", 5) == 0) {
		vendor = read_vendor(folder);
		*strrchr(folder, '/') = '\0';
	}
	free(folder);
	return vendor;
}

static unsigned
pci_vendor(void *context, dev_t number, const char *path, int *minor_out)
{
	struct stat st;

	(void)context;
	*minor_out = -1;
	if (number == 0 && strncmp(path, "/dev/", 5) == 0 && stat(path, &st) == 0 && S_ISCHR(st.st_mode))
		number = st.st_rdev;
	return number != 0 ? node_vendor(number, minor_out) : path_vendor(path);
}

/* -- sources -------------------------------------------------------------------------------------------------------- */

static enum decision_source
look_up(void *context, const char *path, dev_t *number, char resolved[PATH_MAX])
{
	const struct host *host = context;
	int fd = open(path, O_PATH | O_CLOEXEC);
	char link[64];
	struct stat st;
	ssize_t size;

	resolved[0] = '\0';
	if (fd < 0)
		return DECISION_UNKNOWN;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, resolved, PATH_MAX - 1);
	resolved[size > 0 ? size : 0] = '\0';
	if (fstat(fd, &st) != 0)
		st.st_mode = 0;
	close(fd);
	*number = st.st_rdev;
	if (S_ISCHR(st.st_mode))
		return DECISION_CHARACTER;
	if (S_ISBLK(st.st_mode))
		return DECISION_BLOCK;
	if (!S_ISDIR(st.st_mode))
		return DECISION_UNKNOWN;
	return host->devtmpfs != 0 && st.st_dev == host->devtmpfs ? DECISION_DEVTMPFS : DECISION_DIRECTORY;
}

int
host_open(struct host *host, struct decision_host *answers, struct err *err)
{
	char *text = read_small("/proc/devices", SMALL_FILE);
	struct err unread = ERR_INIT;
	struct stat root, dev;
	struct idmap map;
	bool ok;

	*host = (struct host){0};
	*answers = (struct decision_host){.look_up = look_up, .pci_vendor = pci_vendor, .caps_gpu = caps_gpu,
					  .context = host};
	ok = text != NULL && device_numbers_parse(text, &answers->numbers);
	free(text);
	if (!ok)
		return err_set(err, CODE_INTERNAL, "/proc/devices cannot be read or has another form");
	if (stat("/", &root) == 0 && stat("/dev", &dev) == 0 && root.st_dev != dev.st_dev)
		host->devtmpfs = dev.st_dev;
	answers->rootless = idmap_read(&map, &unread) == 0 && !idmap_is_initial(&map);
	return 0;
}
