/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/idmap.h"

#include <stdio.h>
#include <string.h>

#include "lib/fs.h"

#define TEXT_MAX 16384
#define WHOLE 4294967295u /* 2^32 - 1: the last number stands for "no id" */

bool
idmap_parse(struct bytes text, struct idmap *out)
{
	const char *at = (const char *)text.data, *end = at + text.size;

	out->rows = 0;
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		char line[64], rest;

		if (stop == NULL || stop - at >= (ptrdiff_t)sizeof(line) || out->rows == IDMAP_ROWS_MAX)
			return false;
		snprintf(line, sizeof(line), "%.*s", (int)(stop - at), at);
		if (sscanf(line, "%u %u %u %c", &out->row[out->rows].inside, &out->row[out->rows].outside,
			   &out->row[out->rows].count, &rest) != 3)
			return false;
		out->rows++;
		at = stop + 1;
	}
	return out->rows > 0;
}

int
idmap_read(struct idmap *out, struct err *err)
{
	struct buf text = {0};
	int rc = fs_read_file("/proc/self/uid_map", TEXT_MAX, &text, err);

	if (rc == 0 && !idmap_parse(buf_bytes(&text), out))
		rc = err_set(err, 0, "/proc/self/uid_map has another form");
	buf_free(&text);
	return rc;
}

bool
idmap_is_initial(const struct idmap *map)
{
	return map->rows == 1 && map->row[0].inside == 0 && map->row[0].outside == 0 && map->row[0].count == WHOLE;
}

bool
idmap_outside(const struct idmap *map, uid_t inside, uid_t *out)
{
	for (unsigned i = 0; i < map->rows; i++) {
		if (inside < map->row[i].inside || inside - map->row[i].inside >= map->row[i].count)
			continue;
		*out = map->row[i].outside + (inside - map->row[i].inside);
		return true;
	}
	return false;
}

bool
idmap_hides_root(const struct idmap *map)
{
	for (unsigned i = 0; i < map->rows; i++)
		if (map->row[i].outside == 0 && map->row[i].count > 0)
			return false;
	return map->rows > 0;
}
