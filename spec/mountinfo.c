/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/mountinfo.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

/* The kernel writes space, tab, newline, backslash and number sign as a backslash and three octal digits. */
static void
unescape(char *text)
{
	char *to = text;
	unsigned value;

	for (const char *from = text; *from != '\0';) {
		if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3 && sscanf(from + 1, "%3o", &value) == 1 &&
		    value <= 0xff) {
			*to++ = (char)value;
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

static bool
parse_numbers(const char *id, const char *parent, const char *device, struct mountinfo *out)
{
	unsigned long long numbers[2];
	unsigned part[2];
	char rest;

	if (sscanf(id, "%20llu%c", &numbers[0], &rest) != 1 || sscanf(parent, "%20llu%c", &numbers[1], &rest) != 1 ||
	    sscanf(device, "%10u:%10u%c", &part[0], &part[1], &rest) != 2)
		return false;
	out->id = numbers[0];
	out->parent = numbers[1];
	out->device = makedev(part[0], part[1]);
	return true;
}

/* ID PARENT MAJ:MIN ROOT TARGET OPTIONS [TAG[:N]]... - TYPE SOURCE OPTIONS */
bool
mountinfo_parse(char *line, struct mountinfo *out)
{
	char *rest = line, *field[6], *tag;

	line[strcspn(line, "\n")] = '\0';
	for (unsigned i = 0; i < 6; i++)
		if ((field[i] = strsep(&rest, " ")) == NULL || *field[i] == '\0')
			return false;
	*out = (struct mountinfo){.root = field[3], .target = field[4], .flags = field[5]};
	while ((tag = strsep(&rest, " ")) != NULL && strcmp(tag, "-") != 0)
		out->shared |= strncmp(tag, "shared:", 7) == 0;
	out->type = strsep(&rest, " ");
	if (out->type == NULL || strsep(&rest, " ") == NULL || rest == NULL)
		return false;
	out->options = rest;
	unescape(field[3]);
	unescape(field[4]);
	return parse_numbers(field[0], field[1], field[2], out);
}

bool
mountinfo_lists(const char *list, const char *member)
{
	size_t size = strlen(member), part;

	for (const char *at = list; *at != '\0'; at += part, at += *at == ',') {
		part = strcspn(at, ",");
		if (part == size && strncmp(at, member, size) == 0)
			return true;
	}
	return false;
}
