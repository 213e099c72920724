/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#define GPU_MINOR_MAX 253 /* 254 is nvidia-modeset, 255 nvidiactl */
#define MEM_MAJOR 1

static void
explain(char out[256], const char *format, va_list args)
{
	char text[256];

	if (out[0] != '\0')
		return;
	vsnprintf(text, sizeof(text), format, args);
	text_escape(out, 256, text);
}

void
request_any(struct request *request, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	explain(request->out->reason, format, args);
	va_end(args);
	request->wanted = true;
}

void
request_all(struct request *request, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	explain(request->out->reason, format, args);
	va_end(args);
	request->wanted = true;
	request->out->all = true;
}

static void
add_minor(struct decision *out, uint32_t minor)
{
	unsigned at = 0;

	while (at < out->count && out->minors[at] < minor)
		at++;
	if (at < out->count && out->minors[at] == minor)
		return;
	if (out->count == DECISION_MINORS_MAX) {
		out->all = true;
		return;
	}
	memmove(out->minors + at + 1, out->minors + at, (out->count - at) * sizeof(*out->minors));
	out->minors[at] = minor;
	out->count++;
}

void
request_minor(struct request *request, int64_t minor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	explain(request->out->reason, format, args);
	va_end(args);
	request->wanted = true;
	if (minor >= 0 && minor <= GPU_MINOR_MAX)
		add_minor(request->out, (uint32_t)minor);
	else if (minor != 254 && minor != 255)
		request->out->all = true;
}

void
request_raw(struct request *request, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	explain(request->raw, format, args);
	va_end(args);
}

/* A drm node of a driver that cannot be told counts where NVIDIA's driver is loaded. */
static void
judge_drm(struct request *request, dev_t number, const char *path, const char *where)
{
	int minor = -1;
	unsigned vendor = request->host->pci_vendor(request->host->context, number, path, &minor);

	if (vendor == DEVICE_NVIDIA_VENDOR && minor >= 0)
		request_minor(request, minor, "%s: drm node %s of GPU %d", where, path, minor);
	else if (vendor == DEVICE_NVIDIA_VENDOR || (vendor == 0 && request->host->numbers.has_nvidia))
		request_all(request, "%s: drm node %s", where, path);
}

/* Part of a GPU: that one has to be proven whole. */
static void
judge_caps(struct request *request, int64_t number, int64_t minor, const char *where)
{
	int gpu = request->host->caps_gpu(request->host->context, minor);

	if (gpu >= 0)
		request_minor(request, gpu, "%s: c %lld:%lld of GPU %d", where, (long long)number, (long long)minor, gpu);
	else
		request_all(request, "%s: c %lld:%lld", where, (long long)number, (long long)minor);
}

static void
judge_vfio(struct request *request, dev_t number, const char *path, const char *where)
{
	int minor = -1;
	unsigned vendor = request->host->pci_vendor(request->host->context, number, path, &minor);

	if (vendor == DEVICE_NVIDIA_VENDOR || (vendor == 0 && request->host->numbers.has_nvidia))
		request_raw(request, "%s: VFIO %s", where, path);
}

bool
request_device(struct request *request, int64_t major, int64_t minor, const char *path, const char *where)
{
	switch (device_numbers_class(&request->host->numbers, major)) {
	case DEVICE_NODE:
		request_minor(request, minor, "%s: c %lld:%lld", where, (long long)major, (long long)minor);
		return true;
	case DEVICE_SHARED:
		request_any(request, "%s: c %lld:%lld", where, (long long)major, (long long)minor);
		return true;
	case DEVICE_CAPS:
		judge_caps(request, major, minor, where);
		return true;
	case DEVICE_FABRIC:
		request_all(request, "%s: c %lld:%lld", where, (long long)major, (long long)minor);
		return true;
	case DEVICE_DRM:
		judge_drm(request, makedev((unsigned)major, (unsigned)minor), path, where);
		break;
	case DEVICE_VFIO:
		judge_vfio(request, makedev((unsigned)major, (unsigned)minor), path, where);
		break;
	case DEVICE_OTHER:
		/* /dev/mem, kmem and port reach every PCI device. */
		if (major == MEM_MAJOR && (minor == 1 || minor == 2 || minor == 4) && request->host->numbers.has_nvidia)
			request_raw(request, "%s: c %lld:%lld (memory)", where, (long long)major, (long long)minor);
		break;
	}
	return false;
}
