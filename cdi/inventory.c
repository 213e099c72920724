/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/inventory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/code.h"
#include "lib/fs.h"

#define SOURCES_MAX 1024

bool
cdi_inventory_is_spec_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && (strcmp(dot, ".json") == 0 || strcmp(dot, ".yaml") == 0);
}

static void
read_source(struct source *source)
{
	struct buf text = {0};

	if (fs_read_linked(source->path, CDI_SIZE_MAX, &text, &source->err) != 0)
		err_wrap(&source->err, CODE_CDI_SPEC, "CDI specification");
	else
		cdi_spec_parse(buf_bytes(&text), &source->spec, &source->err);
	buf_free(&text);
}

static int
add_source(struct inventory *out, const char *directory, const char *name, unsigned place, struct err *err)
{
	char *path = xprintf("%s/%s", directory, name);
	struct stat status;

	if (lstat(path, &status) != 0 || S_ISDIR(status.st_mode)) {
		free(path);
		return 0;
	}
	if (out->source_count == SOURCES_MAX) {
		free(path);
		return err_set(err, CODE_CDI_SPEC, "%s: more than %d files", directory, SOURCES_MAX);
	}
	out->sources[out->source_count] = (struct source){.path = path, .directory = place, .err = ERR_INIT};
	read_source(&out->sources[out->source_count++]);
	return 0;
}

/* In the order of names, as a walk of Go's does. */
static int
scan_spec_directory(struct inventory *out, const char *directory, unsigned place, struct err *err)
{
	struct dirent **list;
	int count = scandir(directory, &list, NULL, alphasort), rc = 0;

	if (count < 0)
		return errno == ENOENT ? 0 : err_set(err, CODE_CDI_SPEC, "%s: %s", directory, err_errno(errno));
	for (int i = 0; i < count; i++) {
		if (rc == 0 && cdi_inventory_is_spec_name(list[i]->d_name))
			rc = add_source(out, directory, list[i]->d_name, place, err);
		free(list[i]);
	}
	free(list);
	return rc;
}

static int
compare_names(const struct entry *left, const struct entry *right)
{
	int order = strcmp(left->source->spec.kind, right->source->spec.kind);

	return order != 0 ? order : strcmp(left->device->name, right->device->name);
}

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int order = compare_names(left, right);

	if (order == 0)
		order = (left->source->directory > right->source->directory) -
			(left->source->directory < right->source->directory);
	return order != 0 ? order : strcmp(left->source->path, right->source->path);
}

/* Entries of one name, sorted. A conflict below a directory that would settle it takes the device away as well. */
static void
judge_group(struct entry *group, size_t count)
{
	bool conflict = false;

	for (size_t i = 1; i < count; i++)
		conflict |= group[i].source->directory == group[i - 1].source->directory;
	for (size_t i = 0; i < count; i++) {
		size_t other = i + 1 < count ? count - 1 : i - 1;

		group[i].standing = conflict ? CONFLICTS : i + 1 < count ? SHADOWED : STANDS;
		group[i].other = group[i].standing == STANDS ? NULL : group[other].source;
	}
}

static void
settle_devices(struct inventory *out)
{
	size_t count = 0, end;

	for (size_t i = 0; i < out->source_count; i++)
		count += out->sources[i].err.code == 0 ? out->sources[i].spec.device_count : 0;
	out->entries = xcalloc(count, sizeof(*out->entries));
	for (size_t i = 0; i < out->source_count; i++)
		for (size_t j = 0; out->sources[i].err.code == 0 && j < out->sources[i].spec.device_count; j++)
			out->entries[out->entry_count++] =
				(struct entry){&out->sources[i], &out->sources[i].spec.devices[j], NULL, STANDS};
	qsort(out->entries, count, sizeof(*out->entries), compare_entries);
	for (size_t start = 0; start < count; start = end) {
		for (end = start + 1; end < count && compare_names(&out->entries[start], &out->entries[end]) == 0;)
			end++;
		judge_group(out->entries + start, end - start);
	}
}

int
cdi_inventory_load(const char *directories, struct inventory *out, struct err *err)
{
	char *list = xstrdup(directories), *save = NULL;
	unsigned place = 0;
	int rc = 0;

	*out = (struct inventory){.sources = xcalloc(SOURCES_MAX, sizeof(*out->sources))};
	for (char *one = strtok_r(list, ":", &save); one != NULL && rc == 0; one = strtok_r(NULL, ":", &save))
		rc = scan_spec_directory(out, one, place++, err);
	free(list);
	if (rc == 0)
		settle_devices(out);
	return rc;
}

void
cdi_inventory_free(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->source_count; i++) {
		cdi_spec_free(&inventory->sources[i].spec);
		free(inventory->sources[i].path);
	}
	free(inventory->sources);
	free(inventory->entries);
}
