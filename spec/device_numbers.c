/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/device_numbers.h"

#include <stdio.h>
#include <string.h>

static bool
begins(const char *name, const char *head)
{
	return strncmp(name, head, strlen(head)) == 0;
}

static enum device_class
class_of(const char *name)
{
	if (strcmp(name, "nvidia") == 0 || strcmp(name, "nvidia-frontend") == 0 || strcmp(name, "nvidiactl") == 0 ||
	    strcmp(name, "nvidia-modeset") == 0)
		return DEVICE_NODE;
	if (begins(name, "nvidia-uvm"))
		return DEVICE_SHARED;
	if (strcmp(name, "nvidia-caps") == 0)
		return DEVICE_CAPS;
	if (begins(name, "nvidia") || begins(name, "gdrdrv") || begins(name, "nvhost") || begins(name, "nvmap") ||
	    begins(name, "nvgpu"))
		return DEVICE_FABRIC;
	return begins(name, "vfio") ? DEVICE_VFIO : DEVICE_OTHER;
}

void
device_numbers_add(struct device_numbers *numbers, unsigned major, const char *name)
{
	enum device_class class = class_of(name);

	if (class == DEVICE_OTHER)
		return;
	if (class != DEVICE_VFIO)
		numbers->has_nvidia = true;
	if (numbers->count == DEVICE_NUMBERS_MAX)
		return;
	numbers->majors[numbers->count].number = major;
	snprintf(numbers->majors[numbers->count].name, sizeof(numbers->majors[0].name), "%s", name);
	numbers->majors[numbers->count++].class = class;
}

bool
device_numbers_parse(const char *text, struct device_numbers *numbers)
{
	static const char head[] = "Character devices:\n";
	const char *line = strstr(text, head);

	if (line == NULL)
		return false;
	for (line += strlen(head); *line != '\0' && *line != '\n'; line += *line == '\n') {
		unsigned number = 0;
		char name[64];

		if (sscanf(line, "%9u %63[^\n]", &number, name) != 2)
			return false;
		device_numbers_add(numbers, number, name);
		line += strcspn(line, "\n");
	}
	return true;
}

bool
device_numbers_has_name(const struct device_numbers *numbers, const char *name)
{
	for (unsigned i = 0; i < numbers->count; i++)
		if (strcmp(numbers->majors[i].name, name) == 0)
			return true;
	return false;
}

enum device_class
device_numbers_class(const struct device_numbers *numbers, int64_t major)
{
	if (major == DEVICE_NVIDIA_MAJOR)
		return DEVICE_NODE;
	for (unsigned i = 0; i < numbers->count; i++) {
		if (numbers->majors[i].number == major)
			return numbers->majors[i].class;
	}
	return major == DEVICE_DRM_MAJOR ? DEVICE_DRM : DEVICE_OTHER;
}
