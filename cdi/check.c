/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cdi/gate.h"
#include "lib/code.h"

#define VENDOR "nvidia.com"

/* -- what gives a GPU ---------------------------------------------------------------------------------------------- */

static bool
is_gpu_node(const struct facts *facts, const char *path)
{
	struct stat status;

	return strncmp(path, "/dev/nvidia", strlen("/dev/nvidia")) == 0 ||
	       (stat(path, &status) == 0 && S_ISCHR(status.st_mode) && facts_has_major(facts, major(status.st_rdev)));
}

/* The folder of the nodes, or one above it, however it is spelled. */
static bool
holds_nodes(const char *path)
{
	static const char *const folders[] = {"/dev", "/"};
	struct stat status, folder;

	if (stat(path, &status) != 0)
		return false;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (stat(folders[i], &folder) == 0 && folder.st_dev == status.st_dev && folder.st_ino == status.st_ino)
			return true;
	return false;
}

static bool
exposes(const struct facts *facts, const struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->node_count; i++) {
		const struct cdi_node *node = &edits->nodes[i];

		if ((node->numbered && node->major >= 0 && facts_has_major(facts, (unsigned)node->major)) ||
		    is_gpu_node(facts, node->host_path) || is_gpu_node(facts, node->path))
			return true;
	}
	for (size_t i = 0; i < edits->mount_count; i++)
		if (is_gpu_node(facts, edits->mounts[i].host_path) || holds_nodes(edits->mounts[i].host_path))
			return true;
	return false;
}

bool
check_is_gpu(const struct facts *facts, const struct cdi_spec *spec, const struct cdi_device *device)
{
	return cdi_kind_is_of(spec->kind, VENDOR) || exposes(facts, &spec->edits) || exposes(facts, &device->edits);
}

bool
check_has_gpu(const struct facts *facts, const struct cdi_spec *spec)
{
	for (size_t i = 0; i < spec->device_count; i++)
		if (check_is_gpu(facts, spec, &spec->devices[i]))
			return true;
	return false;
}

/* -- findings ------------------------------------------------------------------------------------------------------ */

char *
check_device_name(const struct entry *entry)
{
	return xprintf("%s=%s", entry->source->spec.kind, entry->device->name);
}

/* What a search is about: entry is NULL for a whole file. */
struct place {
	struct findings *out;
	const struct facts *facts;
	const struct source *source;
	const struct entry *entry;
};

/* The command that mends most of such findings. */
static char *
advice_of(int code, const char *path)
{
	switch (code) {
	case CODE_CDI_UNGATED:
	case CODE_CDI_GATE_ID: return xprintf("cgpu-cdi guard --in-place %s", path);
	case CODE_CDI_CONFLICT:
	case CODE_CDI_SHADOWED: return xprintf("rm %s", path);
	case CODE_HOOKS_DEFINITION:
	case CODE_HOOKS_PROGRAM: return NULL;
	default: return xprintf("nvidia-ctk cdi generate | cgpu-cdi guard --output %s", path);
	}
}

/* device and detail are taken over. */
static struct finding *
append(struct findings *out, int code, const char *path, char *device, char *detail)
{
	if (out->count == out->room) {
		out->room = out->room * 2 + 16;
		out->list = xrealloc(out->list, out->room * sizeof(*out->list));
	}
	out->list[out->count] = (struct finding){code, path, device, detail, advice_of(code, path)};
	return &out->list[out->count++];
}

static struct finding *
add(const struct place *place, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

static struct finding *
add(const struct place *place, int code, const char *format, ...)
{
	char *detail;
	va_list args;

	va_start(args, format);
	if (vasprintf(&detail, format, args) < 0)
		abort();
	va_end(args);
	return append(place->out, code, place->source->path,
		      place->entry != NULL ? check_device_name(place->entry) : NULL, detail);
}

/* The advice is taken over. */
static void
advise(struct finding *finding, char *advice)
{
	free(finding->advice);
	finding->advice = advice;
}

/* "570.86.10" in ".../libcuda.so.570.86.10" and ".../nvidia/570.86.10/gsp.bin": drivers have three digits in front. */
static const char *
find_version(const char *path, size_t *size)
{
	static const char *const before[] = {".so.", "/nvidia/"};

	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
		const char *at = strstr(path, before[i]);

		if (at == NULL)
			continue;
		at += strlen(before[i]);
		*size = strspn(at, "0123456789.");
		if (strspn(at, "0123456789") >= 3 && memchr(at, '.', *size) != NULL &&
		    (at[*size] == '\0' || at[*size] == '/'))
			return at;
	}
	return NULL;
}

static void
check_path(const struct place *place, const char *what, const char *path, bool program)
{
	size_t size = 0;
	const char *version = find_version(path, &size);

	if (path[0] == '/' && access(path, program ? X_OK : F_OK) != 0)
		add(place, CODE_CDI_MISSING, "%s %s: %s", what, path, err_errno(errno));
	if (version != NULL && place->facts->driver[0] != '\0' &&
	    (size != strlen(place->facts->driver) || strncmp(version, place->facts->driver, size) != 0))
		add(place, CODE_CDI_STALE, "%s %s: the driver %s runs", what, path, place->facts->driver);
}

static void
check_node(const struct place *place, const struct cdi_node *node)
{
	struct stat status;

	check_path(place, "device node", node->host_path, false);
	if (node->numbered && stat(node->host_path, &status) == 0 &&
	    (node->major != major(status.st_rdev) || node->minor != minor(status.st_rdev)))
		add(place, CODE_CDI_STALE, "device node %s: the specification says %lld:%lld, the machine %u:%u",
		    node->host_path, (long long)node->major, (long long)node->minor, major(status.st_rdev),
		    minor(status.st_rdev));
}

/* Mounts of a type other than bind have no file of the host. */
static void
check_edits(const struct place *place, const struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->node_count; i++)
		check_node(place, &edits->nodes[i]);
	for (size_t i = 0; i < edits->mount_count; i++)
		if (edits->mounts[i].type == NULL || strcmp(edits->mounts[i].type, "bind") == 0)
			check_path(place, "mount", edits->mounts[i].host_path, false);
	for (size_t i = 0; i < edits->hook_count; i++)
		check_path(place, "hook", edits->hooks[i].path, true);
}

static void
check_entry(struct findings *out, const struct facts *facts, const struct entry *entry)
{
	struct place place = {out, facts, entry->source, entry};
	bool gated = gate_covers(&entry->source->spec, entry->device);

	if (entry->standing == CONFLICTS)
		add(&place, CODE_CDI_CONFLICT, "%s defines it, too", entry->other->path);
	else if (entry->standing == SHADOWED)
		add(&place, CODE_CDI_SHADOWED, "%s has precedence%s", entry->other->path,
		    gated ? "" : "; without that file this one gives the GPU without the gate");
	else if (!gated)
		add(&place, CODE_CDI_UNGATED, "nothing calls the hook");
	if (entry->standing == STANDS)
		check_edits(&place, &entry->device->edits);
}

/* Another file that gives devices and whose gate has this ID; NULL: there is none. */
static const struct source *
find_id(const struct inventory *inventory, const struct source *except, const char *id)
{
	for (size_t i = 0; i < inventory->entry_count; i++) {
		const struct source *source = inventory->entries[i].source;
		const char *other;

		if (source != except && inventory->entries[i].standing == STANDS &&
		    gate_form(&source->spec.edits, &other) == GATE_CALL_NAMED && strcmp(id, other) == 0)
			return source;
	}
	return NULL;
}

/* A gate without an ID of its own attests by itself, whatever other specifications do for the same container. */
static void
check_gate_id(const struct place *place, const struct inventory *inventory)
{
	const struct source *other;
	const char *id;

	switch (gate_form(&place->source->spec.edits, &id)) {
	case GATE_CALL_NONE: return;
	case GATE_CALL_OLD:
		add(place, CODE_CDI_GATE_ID, "its call of the hook is of an earlier version and has no ID");
		return;
	case GATE_CALL_NAMED:
		other = find_id(inventory, place->source, id);
		if (other != NULL)
			advise(add(place, CODE_CDI_GATE_ID, "%s has the same ID", other->path),
			       xprintf("cgpu-cdi unguard --in-place %s && cgpu-cdi guard --in-place %s",
				       place->source->path, place->source->path));
	}
}

/* The edits of the whole file count where one of its GPUs stands. */
static void
check_source(struct findings *out, const struct inventory *inventory, const struct facts *facts,
	     const struct source *source)
{
	struct place place = {out, facts, source, NULL};
	bool stands = false;

	if (source->err.code != 0)
		add(&place, CODE_CDI_SPEC, "%s", source->err.text);
	else if (cdi_spec_understated(&source->spec))
		add(&place, CODE_CDI_SPEC, "cdiVersion is %s, its members need %s: newer engines refuse the file",
		    source->spec.version, source->spec.lowest);
	for (size_t i = 0; i < inventory->entry_count; i++) {
		const struct entry *entry = &inventory->entries[i];

		if (entry->source != source || !check_is_gpu(facts, &source->spec, entry->device))
			continue;
		check_entry(out, facts, entry);
		stands |= entry->standing == STANDS;
	}
	if (!stands)
		return;
	check_gate_id(&place, inventory);
	check_edits(&place, &source->spec.edits);
}

void
check_run(const struct inventory *inventory, const struct facts *facts, struct findings *out)
{
	*out = (struct findings){0};
	for (size_t i = 0; i < inventory->source_count; i++)
		check_source(out, inventory, facts, &inventory->sources[i]);
}

void
check_definition(const struct definition *definition, struct findings *out)
{
	if (definition->state != DEFINITION_STANDS)
		append(out, definition->state == DEFINITION_PROGRAM ? CODE_HOOKS_PROGRAM : CODE_HOOKS_DEFINITION,
		       definition->path != NULL ? definition->path : definition->directories, NULL,
		       xstrdup(definition->detail));
}

int
check_code(const struct findings *findings)
{
	int code = CODE_OK;

	for (size_t i = 0; i < findings->count; i++)
		if (code == CODE_OK || findings->list[i].code < code)
			code = findings->list[i].code;
	return code;
}

void
check_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].device);
		free(findings->list[i].detail);
		free(findings->list[i].advice);
	}
	free(findings->list);
}
