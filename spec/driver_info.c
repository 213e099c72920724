/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/driver_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINOR_DIGITS 6

static bool
is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct bytes
trim(struct bytes text)
{
	while (text.size > 0 && is_space(text.data[0]))
		text = bytes_of(text.data + 1, text.size - 1);
	while (text.size > 0 && is_space(text.data[text.size - 1]))
		text.size--;
	return text;
}

/* The next line, without its end; false after the last. */
static bool
next_line(struct bytes *rest, struct bytes *line)
{
	const uint8_t *end;

	if (rest->size == 0)
		return false;
	end = memchr(rest->data, '\n', rest->size);
	*line = bytes_of(rest->data, end != NULL ? (size_t)(end - rest->data) : rest->size);
	*rest = end != NULL ? bytes_of(end + 1, rest->size - line->size - 1) : bytes_of(NULL, 0);
	return true;
}

struct bytes
driver_info_value(struct bytes information, const char *label)
{
	struct bytes line, found = {NULL, 0};
	unsigned times = 0;

	while (next_line(&information, &line)) {
		const uint8_t *colon = memchr(line.data, ':', line.size);

		if (colon == NULL ||
		    !bytes_equal(trim(bytes_of(line.data, (size_t)(colon - line.data))), bytes_of_text(label)))
			continue;
		found = trim(bytes_of(colon + 1, line.size - (size_t)(colon + 1 - line.data)));
		times++;
	}
	return times == 1 && found.size > 0 ? found : bytes_of(NULL, 0);
}

/* Decimal digits and nothing else; -1 for another text. */
static int
number_of(struct bytes text)
{
	int value = 0;

	if (text.size == 0 || text.size > MINOR_DIGITS)
		return -1;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return -1;
		value = value * 10 + (text.data[i] - '0');
	}
	return value;
}

int
driver_info_minor(struct bytes information)
{
	return number_of(driver_info_value(information, "Device Minor"));
}

/* N of "gpuN/gi...". */
static int
gpu_of(struct bytes name)
{
	static const char head[] = "gpu", part[] = "/gi";
	size_t from = strlen(head), digits = 0;

	if (name.size < from || memcmp(name.data, head, from) != 0)
		return -1;
	while (from + digits < name.size && name.data[from + digits] >= '0' && name.data[from + digits] <= '9')
		digits++;
	if (name.size < from + digits + strlen(part) || memcmp(name.data + from + digits, part, strlen(part)) != 0)
		return -1;
	return number_of(bytes_of(name.data + from, digits));
}

int
driver_info_caps_gpu(struct bytes list, int64_t minor)
{
	struct bytes line;
	int found = -1;

	while (next_line(&list, &line)) {
		const uint8_t *space = memchr(line.data, ' ', line.size);

		if (space == NULL || number_of(trim(bytes_of(space, line.size - (size_t)(space - line.data)))) != minor)
			continue;
		if (found >= 0)
			return -1;
		found = gpu_of(bytes_of(line.data, (size_t)(space - line.data)));
		if (found < 0)
			return -1;
	}
	return found;
}
