/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_DEVICE_PATH_H
#define SPEC_DEVICE_PATH_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a path of the host means by its name alone: the nodes of NVIDIA's driver, of drm and VFIO below /dev, and the
 * PCI files of sysfs and procfs. A name is a hint for whoever cannot ask the object; what lies there is told by its
 * number (spec/device_numbers.h) and its file system. Source: the driver's nvidia-modprobe, devices.txt and sysfs-pci
 * of Linux.
 */

enum device_path_kind {
	DEVICE_PATH_OTHER,
	DEVICE_PATH_GPU, /* /dev/nvidiaN: minor */
	DEVICE_PATH_SHARED, /* nvidiactl, nvidia-modeset, nvidia-uvm: of no GPU of its own */
	DEVICE_PATH_NVIDIA, /* another name of NVIDIA's below /dev: the GPU cannot be told */
	DEVICE_PATH_NUMBER, /* /dev/char/MAJOR:MINOR: major, minor */
	DEVICE_PATH_DRM, /* /dev/dri/NAME: minor, or -1 where the name has none */
	DEVICE_PATH_VFIO, /* below /dev/vfio, without the container node /dev/vfio/vfio */
	DEVICE_PATH_MEMORY, /* /dev/mem, /dev/kmem, /dev/port */
	DEVICE_PATH_NODES, /* /, /dev, /dev/char, /dev/dri, /dev/nvidia-caps: holds nodes */
	DEVICE_PATH_FUNCTION, /* names a PCI function of sysfs, or a file of one */
	/* holds PCI functions, or what binds drivers to them: /sys, /sys/bus/pci, /sys/devices, ... */
	DEVICE_PATH_FUNCTIONS,
	DEVICE_PATH_PROC_PCI, /* /proc/bus/pci or below */
};

struct device_path {
	enum device_path_kind kind;
	int64_t major, minor; /* -1 where the kind has none */
};

/* path: absolute and cleaned (lib/path.h). /proc/PID/root is skipped: it leads to a root directory of the host. */
struct device_path device_path_of(const char *path);
/* name is one of a PCI function: DDDD:BB:SS.F in hexadecimal digits. */
bool device_path_is_function(const char *name);

#endif
