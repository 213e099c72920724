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

#include "cdi/exposure.h"
#include "cdi/gate.h"
#include "lib/code.h"
#include "lib/path.h"
#include "spec/device_path.h"

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
	const struct engines *engines;
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
	case CODE_CDI_VERSION: return xprintf("cgpu-cdi generate --output %s", path);
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
report_finding(const struct place *place, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

static struct finding *
report_finding(const struct place *place, int code, const char *format, ...)
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
check_driver_version(const struct place *place, const char *what, const char *path)
{
	size_t size = 0;
	const char *version = find_version(path, &size);

	if (version != NULL && place->facts->driver[0] != '\0' &&
	    (size != strlen(place->facts->driver) || strncmp(version, place->facts->driver, size) != 0))
		report_finding(place, CODE_CDI_STALE, "%s %s: the driver %s runs", what, path, place->facts->driver);
}

static void
check_path(const struct place *place, const char *what, const char *path, bool program)
{
	if (path[0] == '/' && access(path, program ? X_OK : F_OK) != 0)
		report_finding(place, CODE_CDI_MISSING, "%s %s: %s", what, path, err_errno(errno));
	check_driver_version(place, what, path);
}

/* The command that makes a missing node of a driver that is registered, in new memory; NULL: there is none such. */
static char *
node_command(const struct facts *facts, const char *path)
{
	char *clean = path_clean("/", path), *out = NULL;
	struct device_path named = device_path_of(clean);
	bool driver = device_numbers_has_name(&facts->numbers, "nvidia") ||
		      device_numbers_has_name(&facts->numbers, "nvidia-frontend");

	if (named.kind == DEVICE_PATH_GPU && driver)
		out = xprintf("nvidia-modprobe -c %lld", (long long)named.minor);
	else if (strncmp(clean, "/dev/nvidia-uvm", strlen("/dev/nvidia-uvm")) == 0 &&
		 device_numbers_has_name(&facts->numbers, "nvidia-uvm"))
		out = xstrdup("nvidia-modprobe -u -c 0");
	else if (strcmp(clean, "/dev/nvidiactl") == 0 && driver)
		out = xprintf("nvidia-modprobe -c %d", DEVICE_CONTROL_MINOR);
	else if (strcmp(clean, "/dev/nvidia-modeset") == 0 &&
		 device_numbers_has_name(&facts->numbers, "nvidia-modeset"))
		out = xstrdup("nvidia-modprobe -m");
	free(clean);
	return out;
}

static void
check_node(const struct place *place, const struct cdi_node *node)
{
	const char *path = node->host_path;
	char *command = NULL;
	struct stat status;

	if (stat(path, &status) == 0) {
		if (node->numbered && (node->major != major(status.st_rdev) || node->minor != minor(status.st_rdev)))
			report_finding(place, CODE_CDI_STALE,
			    "device node %s: the specification says %lld:%lld, the machine %u:%u", path,
			    (long long)node->major, (long long)node->minor, major(status.st_rdev),
			    minor(status.st_rdev));
	} else {
		int number = errno;

		command = number == ENOENT ? node_command(place->facts, path) : NULL;
		if (command != NULL)
			advise(report_finding(place, CODE_CDI_MISSING,
					      "device node %s: is missing, its driver is registered", path),
			       command);
		else
			report_finding(place, CODE_CDI_MISSING, "device node %s: %s", path, err_errno(number));
	}
	check_driver_version(place, "device node", path);
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
check_entry(const struct place *file, const struct entry *entry)
{
	struct place place = {file->out, file->facts, file->engines, entry->source, entry};
	bool gated = gate_covers(&entry->source->spec, entry->device);

	if (entry->standing == CONFLICTS)
		report_finding(&place, CODE_CDI_CONFLICT, "%s defines it, too", entry->other->path);
	else if (entry->standing == SHADOWED)
		report_finding(&place, CODE_CDI_SHADOWED, "%s has precedence%s", entry->other->path,
		    gated ? "" : "; without that file this one gives the GPU without the gate");
	else if (!gated)
		report_finding(&place, CODE_CDI_UNGATED, "nothing calls the hook");
	if (entry->standing == STANDS)
		check_edits(&place, &entry->device->edits);
}

/* Another file that gives devices and whose gate has this ID; NULL: there is none. */
static const struct source *
find_same_id(const struct inventory *inventory, const struct source *except, const char *id)
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
		report_finding(place, CODE_CDI_GATE_ID, "its call of the hook is of an earlier version and has no ID");
		return;
	case GATE_CALL_NAMED:
		other = find_same_id(inventory, place->source, id);
		if (other != NULL)
			advise(report_finding(place, CODE_CDI_GATE_ID, "%s has the same ID", other->path),
			       xprintf("cgpu-cdi unguard --in-place %s && cgpu-cdi guard --in-place %s",
				       place->source->path, place->source->path));
	}
}

/* The names of versions are of equal length and sort as the versions do. */
static void
check_engines(const struct place *place)
{
	const struct cdi_spec *spec = &place->source->spec;

	for (size_t i = 0; i < place->engines->count; i++) {
		const struct engine *engine = &place->engines->list[i];
		struct finding *finding;

		if (engine->reads == NULL || strcmp(spec->version, engine->reads) <= 0)
			continue;
		finding = report_finding(
			place, CODE_CDI_VERSION,
			"cdiVersion is %s, its members need %s: %s %s reads up to %s and knows no device of the file",
			spec->version, spec->lowest, engine->name, engine->version, engine->reads);
		if (strcmp(spec->lowest, engine->reads) <= 0)
			advise(finding, xprintf("cgpu-cdi guard --in-place %s", place->source->path));
	}
}

/* The edits of the whole file count where one of its GPUs stands. */
static void
check_source(const struct place *file, const struct inventory *inventory)
{
	const struct source *source = file->source;
	bool stands = false;

	if (source->err.code != 0)
		report_finding(file, CODE_CDI_SPEC, "%s", source->err.text);
	else if (cdi_spec_understated(&source->spec))
		report_finding(file, CODE_CDI_SPEC,
			       "cdiVersion is %s, its members need %s: newer engines refuse the file",
			       source->spec.version, source->spec.lowest);
	for (size_t i = 0; i < inventory->entry_count; i++) {
		const struct entry *entry = &inventory->entries[i];

		if (entry->source != source || !exposure_of_device(file->facts, &source->spec, entry->device))
			continue;
		check_entry(file, entry);
		stands |= entry->standing == STANDS;
	}
	if (!stands)
		return;
	check_gate_id(file, inventory);
	check_engines(file);
	check_edits(file, &source->spec.edits);
}

void
check_run(const struct inventory *inventory, const struct facts *facts, const struct engines *engines,
	  struct findings *out)
{
	*out = (struct findings){0};
	for (size_t i = 0; i < inventory->source_count; i++)
		check_source(&(struct place){out, facts, engines, &inventory->sources[i], NULL}, inventory);
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
