/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/request.h"

#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

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

void
request_open(struct request *request, const char *format, ...)
{
	va_list args;

	if (!request_may_reach(request))
		return;
	va_start(args, format);
	explain(request->out->reason, format, args);
	va_end(args);
	request->wanted = true;
	request->out->all = true;
	request->out->before_driver |= !request->host->numbers.has_nvidia;
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
	if (minor >= 0 && minor <= DEVICE_GPU_MINOR_MAX)
		add_minor(request->out, (uint32_t)minor);
	else if (minor != DEVICE_MODESET_MINOR && minor != DEVICE_CONTROL_MINOR)
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

/* -- what the container is --------------------------------------------------------------------------------------- */

bool
request_may_reach(const struct request *request)
{
	return request->host->numbers.has_nvidia || request->host->has_gpu(request->host->context);
}

/* In a user namespace no capability counts for devices (mknod(2), capable() of Linux). */
static bool
is_of_host(const struct request *request)
{
	return !request->host->rootless && !request->host->user_namespace && !request->config->user_namespace;
}

bool
request_can(const struct request *request, int capability)
{
	return is_of_host(request) && (request->config->capabilities >> capability & 1) != 0;
}

bool
request_is_root(const struct request *request)
{
	return is_of_host(request) && (request->config->uid == 0 || request_can(request, CAP_DAC_OVERRIDE));
}

/* -- devices ----------------------------------------------------------------------------------------------------- */

/* Without NVIDIA's driver a drm node is another driver's, whatever the GPU; with it one that cannot be told counts. */
static void
judge_drm(struct request *request, int64_t minor, const char *where)
{
	int gpu = -1;
	unsigned vendor = request->host->pci_vendor(request->host->context,
						    makedev(DEVICE_DRM_MAJOR, (unsigned)minor), &gpu);

	if (!request->host->numbers.has_nvidia)
		return;
	if (vendor == DEVICE_NVIDIA_VENDOR && gpu >= 0)
		request_minor(request, gpu, "%s: drm node %lld of GPU %d", where, (long long)minor, gpu);
	else if (vendor == DEVICE_NVIDIA_VENDOR || vendor == 0)
		request_all(request, "%s: drm node %lld", where, (long long)minor);
}

/* Part of a GPU: that one has to be proven whole. */
static void
judge_caps(struct request *request, int64_t number, int64_t minor, const char *where)
{
	int gpu = request->host->caps_gpu(request->host->context, minor);

	if (gpu >= 0)
		request_minor(request, gpu, "%s: c %lld:%lld of GPU %d", where, (long long)number, (long long)minor,
			      gpu);
	else
		request_all(request, "%s: c %lld:%lld", where, (long long)number, (long long)minor);
}

void
request_vfio(struct request *request, int64_t major, int64_t minor, const char *where)
{
	int gpu = -1;
	unsigned vendor = request->host->pci_vendor(request->host->context, makedev((unsigned)major, (unsigned)minor),
						    &gpu);

	if (vendor == DEVICE_NVIDIA_VENDOR || (vendor == 0 && request->host->numbers.has_nvidia))
		request_raw(request, "%s: VFIO c %lld:%lld", where, (long long)major, (long long)minor);
}

/* /dev/mem, kmem and port reach every PCI device; who opens them needs CAP_SYS_RAWIO. */
static void
judge_memory(struct request *request, int64_t minor, const char *where)
{
	if ((minor == 1 || minor == 2 || minor == 4) && request_can(request, CAP_SYS_RAWIO) &&
	    request_may_reach(request))
		request_raw(request, "%s: c %d:%lld (memory)", where, DEVICE_MEM_MAJOR, (long long)minor);
}

void
request_device(struct request *request, int64_t major, int64_t minor, const char *where)
{
	if (request_opens(request, major, minor))
		request_given(request, major, minor, where);
}

void
request_given(struct request *request, int64_t major, int64_t minor, const char *where)
{
	enum device_class class = device_numbers_class(&request->host->numbers, major);

	switch (class) {
	case DEVICE_NODE:
		request_minor(request, minor, "%s: c %lld:%lld", where, (long long)major, (long long)minor);
		break;
	case DEVICE_SHARED:
		request_any(request, "%s: c %lld:%lld", where, (long long)major, (long long)minor);
		break;
	case DEVICE_CAPS:
		judge_caps(request, major, minor, where);
		break;
	case DEVICE_FABRIC:
		request_all(request, "%s: c %lld:%lld", where, (long long)major, (long long)minor);
		break;
	case DEVICE_DRM:
		judge_drm(request, minor, where);
		break;
	case DEVICE_VFIO:
		request_vfio(request, major, minor, where);
		break;
	case DEVICE_OTHER:
		if (major == DEVICE_MEM_MAJOR)
			judge_memory(request, minor, where);
		break;
	}
}
