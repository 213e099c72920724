/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generate.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdi/gate.h"
#include "lib/code.h"
#include "lib/fs.h"

#define NAMES_MAX 128 /* instances of one GPU, many times over */

/* -- what status says ---------------------------------------------------------------------------------------------- */

static int
check_gpu(const struct json *gpu, struct err *err)
{
	const char *uuid = json_text(json_get(gpu, "uuid"));
	int64_t minor;

	if (uuid == NULL || uuid[0] == '\0' || !json_integer(json_get(gpu, "minor"), 0, 0xffff, &minor))
		return err_set(err, CODE_DEVICE_MAPPING, "cgpu status: a GPU without UUID or minor number");
	return 0;
}

int
generate_check_status(const struct json *status, const char **version, struct err *err)
{
	const struct json *gpus = json_get(status, "gpus");
	const char *message = json_text(json_get(status, "message"));
	int64_t code;

	*version = json_text(json_get(status, "driver_version"));
	if (gpus == NULL && json_integer(json_get(status, "code"), 1, CODE_MAX, &code))
		return err_set(err, (int)code, "cgpu status: %s", message != NULL ? message : "");
	if (*version == NULL || (*version)[0] == '\0' || strchr(*version, '/') != NULL)
		return err_set(err, CODE_DRIVER_NOT_LOADED, "cgpu status: no version of the driver");
	if (json_count(gpus) == 0)
		return err_set(err, CODE_DEVICE_MISSING, "cgpu status: no GPU");
	for (size_t i = 0; i < json_count(gpus); i++)
		if (check_gpu(json_at(gpus, i), err) != 0)
			return -1;
	return 0;
}

/* -- MIG instances, as the driver lists them in /proc/driver/nvidia/capabilities ----------------------------------- */

struct instance {
	unsigned gpu, compute;
	int gpu_node, compute_node; /* minors of nvidia-caps */
};

struct instances {
	struct instance list[NAMES_MAX];
	size_t count;
};

/* The numbers N of the entries named PREFIX N, sorted. */
static size_t
list_numbers(const char *folder, const char *prefix, unsigned out[NAMES_MAX])
{
	struct dirent **list;
	int found = scandir(folder, &list, NULL, versionsort);
	size_t count = 0;

	for (int i = 0; i < found; i++) {
		const char *digits = list[i]->d_name + strlen(prefix);

		if (count < NAMES_MAX && strncmp(list[i]->d_name, prefix, strlen(prefix)) == 0 && digits[0] != '\0' &&
		    strlen(digits) <= 4 && digits[strspn(digits, "0123456789")] == '\0')
			out[count++] = (unsigned)strtoul(digits, NULL, 10);
		free(list[i]);
	}
	if (found >= 0)
		free(list);
	return count;
}

/* "DeviceFileMinor: 12" of FOLDER/access. */
static int
read_minor(const char *folder, int *out, struct err *err)
{
	static const char key[] = "DeviceFileMinor:";
	char *path = xprintf("%s/access", folder);
	struct buf text = {0};
	const char *line;
	int rc = fs_read_file(path, 4096, &text, err);

	line = rc == 0 && text.size > 0 ? strstr((const char *)text.data, key) : NULL;
	if (line == NULL || sscanf(line + strlen(key), " %9d", out) != 1 || *out < 0)
		rc = err_set(err, CODE_DEVICE_MAPPING, "%s: has no %s", path, key);
	buf_free(&text);
	free(path);
	return rc;
}

static int
read_instances(const char *folder, unsigned gpu, struct instances *out, struct err *err)
{
	unsigned computes[NAMES_MAX];
	size_t count = list_numbers(folder, "ci", computes);
	struct instance instance = {.gpu = gpu};
	int rc = count > 0 ? read_minor(folder, &instance.gpu_node, err) : 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		char *inner = xprintf("%s/ci%u", folder, computes[i]);

		instance.compute = computes[i];
		rc = read_minor(inner, &instance.compute_node, err);
		if (rc == 0 && out->count == NAMES_MAX)
			rc = err_set(err, CODE_DEVICE_MAPPING, "%s: more than %d MIG instances", folder, NAMES_MAX);
		if (rc == 0)
			out->list[out->count++] = instance;
		free(inner);
	}
	return rc;
}

static int
find_instances(const char *root, int64_t minor, struct instances *out, struct err *err)
{
	char *folder = xprintf("%s/proc/driver/nvidia/capabilities/gpu%lld/mig", root, (long long)minor);
	unsigned gpus[NAMES_MAX];
	size_t count = list_numbers(folder, "gi", gpus);
	int rc = 0;

	out->count = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		char *inner = xprintf("%s/gi%u", folder, gpus[i]);

		rc = read_instances(inner, gpus[i], out, err);
		free(inner);
	}
	free(folder);
	return rc;
}

/* -- devices ------------------------------------------------------------------------------------------------------- */

static void
put_node(struct json_out *out, char *path)
{
	json_out_object(out);
	json_out_member_text(out, "path", path);
	json_out_end(out);
	free(path);
}

static void
open_device(struct json_out *out, const char *name)
{
	json_out_object(out);
	json_out_member_text(out, "name", name);
	json_out_name(out, "containerEdits");
	json_out_object(out);
	json_out_name(out, "deviceNodes");
	json_out_array(out);
}

static void
close_device(struct json_out *out)
{
	json_out_end(out);
	json_out_end(out);
	json_out_end(out);
}

static void
put_capability(struct json_out *out, int minor)
{
	put_node(out, xprintf("/dev/nvidia-caps/nvidia-cap%d", minor));
}

static void
put_whole(struct json_out *out, const char *name, int64_t minor)
{
	open_device(out, name);
	put_node(out, xprintf("/dev/nvidia%lld", (long long)minor));
	close_device(out);
}

/* A GPU that is split has no device of its own: without an instance there is nothing to compute with. */
static void
put_gpu(struct json_out *out, size_t index, const char *uuid, int64_t minor, const struct instances *instances)
{
	char *name = xprintf("%zu", index);

	if (instances->count == 0) {
		put_whole(out, name, minor);
		put_whole(out, uuid, minor);
	}
	free(name);
	for (size_t i = 0; i < instances->count; i++) {
		const struct instance *instance = &instances->list[i];

		name = xprintf("%zu:gi%u:ci%u", index, instance->gpu, instance->compute);
		open_device(out, name);
		put_node(out, xprintf("/dev/nvidia%lld", (long long)minor));
		put_capability(out, instance->gpu_node);
		put_capability(out, instance->compute_node);
		close_device(out);
		free(name);
	}
}

/* How many GPUs the driver lists and cannot reach, or the kernel shows and the driver does not. */
static int64_t
count_missing(const struct json *status)
{
	int64_t missing = 0;

	(void)json_integer(json_get(status, "gpus_missing"), 0, INT32_MAX, &missing);
	return missing;
}

const char *
generate_missing(const struct json *status)
{
	const char *names = json_text(json_get(status, "missing"));

	return count_missing(status) == 0 ? NULL : names != NULL ? names : "unnamed";
}

/* all: whether the nodes go into the one device that is all of them. */
static int
put_gpus(struct json_out *out, const struct generate_machine *machine, bool all, struct err *err)
{
	const struct json *gpus = json_get(machine->status, "gpus");
	bool whole = count_missing(machine->status) == 0;
	struct instances instances;

	for (size_t i = 0; i < json_count(gpus); i++) {
		const struct json *gpu = json_at(gpus, i);
		int64_t minor = 0;

		json_integer(json_get(gpu, "minor"), 0, 0xffff, &minor);
		if (find_instances(machine->root, minor, &instances, err) != 0)
			return -1;
		if (!all) {
			/* The place in the list is another one while a GPU is missing; the minor stays. */
			put_gpu(out, whole ? i : (size_t)minor, json_text(json_get(gpu, "uuid")), minor, &instances);
			continue;
		}
		put_node(out, xprintf("/dev/nvidia%lld", (long long)minor));
		for (size_t j = 0; j < instances.count; j++) {
			if (j == 0 || instances.list[j].gpu != instances.list[j - 1].gpu)
				put_capability(out, instances.list[j].gpu_node);
			put_capability(out, instances.list[j].compute_node);
		}
	}
	return 0;
}

/* Without all of them there is no device "all": who asks for it would get fewer GPUs and not know. */
static int
put_gpu_devices(struct json_out *out, const struct generate_machine *machine, struct err *err)
{
	json_out_name(out, "devices");
	json_out_array(out);
	if (put_gpus(out, machine, false, err) != 0)
		return -1;
	if (count_missing(machine->status) == 0) {
		open_device(out, "all");
		if (put_gpus(out, machine, true, err) != 0)
			return -1;
		close_device(out);
	}
	json_out_end(out);
	return 0;
}

/* -- what every device needs --------------------------------------------------------------------------------------- */

static void
put_driver_mount(struct json_out *out, const struct driver_file *file)
{
	static const char *const options[] = {"ro", "nosuid", "nodev", "rbind", "rprivate"};

	json_out_object(out);
	json_out_member_text(out, "hostPath", file->host_path);
	json_out_member_text(out, "containerPath", file->container_path);
	json_out_name(out, "options");
	json_out_array(out);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		json_out_text(out, options[i]);
	if (file->socket)
		json_out_text(out, "noexec");
	json_out_end(out);
	json_out_end(out);
}

static void
put_common_nodes(struct json_out *out, const struct facts *facts)
{
	json_out_name(out, "deviceNodes");
	json_out_array(out);
	put_node(out, xstrdup("/dev/nvidiactl"));
	if (device_numbers_has_name(&facts->numbers, "nvidia-modeset"))
		put_node(out, xstrdup("/dev/nvidia-modeset"));
	put_node(out, xstrdup("/dev/nvidia-uvm"));
	put_node(out, xstrdup("/dev/nvidia-uvm-tools"));
	json_out_end(out);
}

/* void keeps the hook of the older way of giving GPUs from doing it again. */
static void
put_common(struct json_out *out, const struct generate_machine *machine)
{
	json_out_name(out, "containerEdits");
	json_out_object(out);
	json_out_name(out, "env");
	json_out_array(out);
	json_out_text(out, "NVIDIA_VISIBLE_DEVICES=void");
	json_out_text(out, "LD_LIBRARY_PATH=" DRIVER_LIBRARIES);
	json_out_end(out);
	put_common_nodes(out, machine->facts);
	json_out_name(out, "mounts");
	json_out_array(out);
	for (size_t i = 0; i < machine->driver->count; i++)
		put_driver_mount(out, &machine->driver->files[i]);
	json_out_end(out);
	json_out_end(out);
}

static char *
put_generated(const struct generate_machine *machine, const char *kind, struct err *err)
{
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	json_out_member_text(out, "cdiVersion", "1.1.0"); /* until gate_put finds the lowest that will do */
	json_out_member_text(out, "kind", kind);
	put_common(out, machine);
	if (put_gpu_devices(out, machine, err) != 0) {
		json_out_drop(out);
		return NULL;
	}
	json_out_end(out);
	return json_out_finish(out);
}

int
generate_spec(const struct generate_machine *machine, const char *kind, const char *target, enum cdi_format format,
	      char **out, struct err *err)
{
	char id[GATE_CALL_ID_SIZE];
	struct cdi_spec spec;
	char *text;
	int rc;

	*out = NULL;
	if (!device_numbers_has_name(&machine->facts->numbers, "nvidia-uvm"))
		return err_set(err, CODE_DRIVER_NOT_LOADED,
			       "/proc/devices: nvidia-uvm is not registered: modprobe nvidia-uvm");
	text = put_generated(machine, kind, err);
	if (text == NULL)
		return -1;
	rc = cdi_spec_parse(bytes_of_text(text), &spec, err);
	if (rc == 0) {
		gate_choose_id(&spec, target, id);
		rc = gate_put(&spec, id, format, out, err);
	}
	cdi_spec_free(&spec);
	free(text);
	return rc;
}
