/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_DEVICE_NUMBERS_H
#define SPEC_DEVICE_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What character devices are to us by their major number: proc_devices(5) tells names and numbers, NVIDIA's driver has
 * 195 for its nodes and takes the others as they come.
 */

#define DEVICE_NUMBERS_MAX 64
#define DEVICE_NVIDIA_MAJOR 195
#define DEVICE_DRM_MAJOR 226
#define DEVICE_MEM_MAJOR 1 /* minors 1, 2, 4: /dev/mem, kmem, port */
#define DEVICE_GPU_MINOR_MAX 253 /* of major 195 */
#define DEVICE_MODESET_MINOR 254
#define DEVICE_CONTROL_MINOR 255
#define DEVICE_NVIDIA_VENDOR 0x10de /* PCI */
#define DEVICE_DISPLAY_CLASS 0x03   /* PCI: the first byte of a display controller's class */

enum device_class {
	DEVICE_OTHER,
	DEVICE_NODE,   /* 195: /dev/nvidiaN, nvidiactl (255), nvidia-modeset (254) */
	DEVICE_SHARED, /* uvm: no GPU of its own */
	DEVICE_CAPS,   /* nvidia-caps: a part of one GPU (MIG), or a right over all */
	DEVICE_FABRIC, /* nvswitch, imex, ...: the GPU behind cannot be told */
	DEVICE_DRM,
	DEVICE_VFIO,
};

struct device_numbers {
	struct {
		unsigned number;
		enum device_class class;
		char name[32];
	} majors[DEVICE_NUMBERS_MAX];
	unsigned count;
	bool has_nvidia; /* an NVIDIA major is registered */
};

/* One line of the list; names that mean nothing here are dropped. */
void device_numbers_add(struct device_numbers *numbers, unsigned major, const char *name);
/* The text of /proc/devices: its character devices are added. False if it has another form. */
bool device_numbers_parse(const char *text, struct device_numbers *numbers);
/* Whether a driver of NVIDIA's or VFIO's is registered under exactly this name. */
bool device_numbers_has_name(const struct device_numbers *numbers, const char *name);
enum device_class device_numbers_class(const struct device_numbers *numbers, int64_t major);

#endif
