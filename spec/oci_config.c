/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/oci_config.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/code.h"

#define MAJOR_MAX 0xfff   /* new_decode_dev of Linux: a larger number is cut and would alias another device */
#define MINOR_MAX 0xfffff

static const struct json_limits limits = {OCI_CONFIG_SIZE_MAX, 1 << 20, 64, 1 << 18};

/* -- typed members: null counts as absent, as Go programs write and read it -------------------------------------- */

static const struct json *
get_member(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);

	return value != NULL && json_type(value) == JSON_NULL ? NULL : value;
}

static int
typed(const struct json *object, const char *name, enum json_type type, const struct json **out, struct err *err)
{
	*out = get_member(object, name);
	if (*out == NULL || json_type(*out) == type)
		return 0;
	return err_set(err, 0, "%s: is of another type", name);
}

static int
text(const struct json *object, const char *name, const char **out, struct err *err)
{
	const struct json *value = get_member(object, name);

	*out = json_text(value);
	return value == NULL || *out != NULL ? 0 : err_set(err, 0, "%s: is no text, or contains NUL", name);
}

static int
text_required(const struct json *object, const char *name, const char **out, struct err *err)
{
	if (text(object, name, out, err) < 0)
		return -1;
	return *out != NULL && **out != '\0' ? 0 : err_set(err, 0, "%s: is missing or empty", name);
}

static int
texts(const struct json *object, const char *name, struct oci_texts *out, struct err *err)
{
	const struct json *list;

	if (typed(object, name, JSON_ARRAY, &list, err) < 0)
		return -1;
	out->at = xcalloc(json_count(list), sizeof(*out->at));
	for (size_t i = 0; i < json_count(list); i++) {
		out->at[out->count++] = json_text(json_at(list, i));
		if (out->at[i] == NULL)
			return err_set(err, 0, "%s[%zu]: is no text, or contains NUL", name, i);
	}
	return 0;
}

/* Behind those that *out has. */
static int
more_texts(const struct json *object, const char *name, struct oci_texts *out, struct err *err)
{
	struct oci_texts list = {0};
	int rc = texts(object, name, &list, err);

	if (rc == 0 && list.count > 0) {
		out->at = xrealloc(out->at, (out->count + list.count) * sizeof(*out->at));
		memcpy(out->at + out->count, list.at, list.count * sizeof(*out->at));
		out->count += list.count;
	}
	free(list.at);
	return rc;
}

static int
flag(const struct json *object, const char *name, bool *out, struct err *err)
{
	const struct json *value = get_member(object, name);

	return value == NULL || json_bool(value, out) ? 0 : err_set(err, 0, "%s: is neither true nor false", name);
}

/* Leaves *out if absent. */
static int
read_integer_member(const struct json *object, const char *name, int64_t min, int64_t max, int64_t *out,
		    struct err *err)
{
	const struct json *value = get_member(object, name);

	if (value == NULL || json_integer(value, min, max, out))
		return 0;
	return err_set(err, 0, "%s: is no integer from %lld to %lld", name, (long long)min, (long long)max);
}

static int
id32(const struct json *object, const char *name, uint32_t *out, struct err *err)
{
	int64_t value = 0;

	if (read_integer_member(object, name, 0, UINT32_MAX, &value, err) < 0)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

/* The elements of a list, each an object, into an array of the caller's; *out stays NULL only if the list is absent. */
typedef int read_element(const struct json *element, void *slot, struct err *err);

static int
list(const struct json *object, const char *name, size_t size, read_element *read, void *out_list, size_t *count,
     struct err *err)
{
	const struct json *array;
	uint8_t *slots;

	if (typed(object, name, JSON_ARRAY, &array, err) < 0)
		return -1;
	if (array == NULL)
		return 0;
	slots = xcalloc(json_count(array), size);
	memcpy(out_list, &slots, sizeof(slots));
	for (size_t i = 0; i < json_count(array); i++) {
		const struct json *element = json_at(array, i);

		*count = i + 1;
		if (json_type(element) != JSON_OBJECT)
			return err_set(err, 0, "%s[%zu]: is no object", name, i);
		if (read(element, slots + i * size, err) < 0)
			return err_wrap(err, 0, "%s[%zu]", name, i);
	}
	return 0;
}

/* -- process and mounts ------------------------------------------------------------------------------------------ */

/* Names with CAP_ in front, in any case; crun (libcap) takes numbers as well. -1: none of Linux 6. */
static int
capability_number(const char *name)
{
	/* In the order of their numbers. */
	static const char *const known[] = {
		"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
		"SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
		"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
		"SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
		"AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM",
		"BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
	};
	static const char prefix[] = "CAP_";

	if (name[0] >= '0' && name[0] <= '9') {
		unsigned long number = strtoul(name, NULL, 0);

		return number < 64 ? (int)number : -1;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strncasecmp(name, prefix, strlen(prefix)) == 0 && strcasecmp(name + strlen(prefix), known[i]) == 0)
			return (int)i;
	}
	return -1;
}

static int
read_capabilities(const struct json *process, struct oci_config *config, struct err *err)
{
	static const char *const sets[] = {"bounding", "effective", "permitted", "inheritable", "ambient"};
	const struct json *capabilities;

	if (typed(process, "capabilities", JSON_OBJECT, &capabilities, err) < 0)
		return -1;
	if (capabilities == NULL)
		return 0;
	config->capabilities = 0;
	for (size_t set = 0; set < sizeof(sets) / sizeof(*sets); set++) {
		struct oci_texts names = {0};
		int rc = texts(capabilities, sets[set], &names, err);

		for (size_t i = 0; rc == 0 && i < names.count; i++) {
			int number = capability_number(names.at[i]);

			config->capabilities |= number >= 0 ? UINT64_C(1) << number : 0;
		}
		free(names.at);
		if (rc < 0)
			return err_wrap(err, 0, "capabilities");
	}
	return 0;
}

static int
read_process(const struct json *root, struct oci_config *config, struct err *err)
{
	const struct json *process, *user;

	config->capabilities = UINT64_MAX;
	if (typed(root, "process", JSON_OBJECT, &process, err) < 0)
		return -1;
	if (typed(process, "user", JSON_OBJECT, &user, err) < 0 || id32(user, "uid", &config->uid, err) < 0 ||
	    id32(user, "gid", &config->gid, err) < 0 || texts(process, "env", &config->env, err) < 0 ||
	    read_capabilities(process, config, err) < 0)
		return err_wrap(err, 0, "process");
	return 0;
}

static int
read_mount(const struct json *element, void *slot, struct err *err)
{
	struct oci_mount *mount = slot;

	if (text_required(element, "destination", &mount->destination, err) < 0 ||
	    text(element, "type", &mount->type, err) < 0 || text(element, "source", &mount->source, err) < 0)
		return -1;
	return texts(element, "options", &mount->options, err);
}

static int
read_root(const struct json *root, struct oci_config *config, struct err *err)
{
	const struct json *object;
	bool readonly = false;

	if (typed(root, "root", JSON_OBJECT, &object, err) < 0)
		return -1;
	if (object == NULL)
		return 0;
	if (text_required(object, "path", &config->root_path, err) < 0 || flag(object, "readonly", &readonly, err) < 0)
		return err_wrap(err, 0, "root");
	return 0;
}

/* -- hooks ------------------------------------------------------------------------------------------------------- */

static int
read_hook(const struct json *element, void *slot, struct err *err)
{
	struct oci_hook *hook = slot;

	hook->timeout = INT64_MAX;
	if (text_required(element, "path", &hook->path, err) < 0 || texts(element, "args", &hook->args, err) < 0 ||
	    read_integer_member(element, "timeout", INT64_MIN, INT64_MAX, &hook->timeout, err) < 0)
		return -1;
	return texts(element, "env", &hook->env, err);
}

static int
read_hooks(const struct json *root, struct oci_config *config, struct err *err)
{
	static const char *const names[] = {
		[OCI_PRESTART] = "prestart", [OCI_CREATE_RUNTIME] = "createRuntime",
		[OCI_CREATE_CONTAINER] = "createContainer", [OCI_START_CONTAINER] = "startContainer",
		[OCI_POSTSTART] = "poststart", [OCI_POSTSTOP] = "poststop",
	};
	const struct json *object;

	if (typed(root, "hooks", JSON_OBJECT, &object, err) < 0)
		return -1;
	for (size_t stage = 0; stage < sizeof(names) / sizeof(*names); stage++) {
		struct oci_hook *hooks = NULL;
		size_t count = 0;
		int rc = list(object, names[stage], sizeof(*hooks), read_hook, &hooks, &count, err);

		config->hooks = xrealloc(config->hooks, (config->hook_count + count) * sizeof(*hooks));
		for (size_t i = 0; i < count; i++) {
			hooks[i].stage = (enum oci_stage)stage;
			config->hooks[config->hook_count++] = hooks[i];
		}
		free(hooks);
		if (rc < 0)
			return err_wrap(err, 0, "hooks");
	}
	return 0;
}

/* -- linux ------------------------------------------------------------------------------------------------------- */

static int
read_type(const struct json *element, const char *allowed, char fallback, char *out, struct err *err)
{
	const char *type;

	if (text(element, "type", &type, err) < 0)
		return -1;
	*out = type == NULL || *type == '\0' ? fallback : *type;
	if (*out == '\0')
		return err_set(err, 0, "type: is missing");
	if (strchr(allowed, *out) == NULL || (type != NULL && strlen(type) > 1))
		return err_set(err, 0, "type: is '%.16s', want one of %s", type, allowed);
	return 0;
}

static int
read_device(const struct json *element, void *slot, struct err *err)
{
	struct oci_device *device = slot;

	if (text_required(element, "path", &device->path, err) < 0 ||
	    read_type(element, "cubp", '\0', &device->type, err) < 0)
		return -1;
	if (device->type == 'p')
		return 0;
	device->major = device->minor = OCI_ANY;
	if (read_integer_member(element, "major", 0, MAJOR_MAX, &device->major, err) < 0 ||
	    read_integer_member(element, "minor", 0, MINOR_MAX, &device->minor, err) < 0)
		return -1;
	if (device->major == OCI_ANY || device->minor == OCI_ANY)
		return err_set(err, 0, "major or minor is missing");
	return 0;
}

static int
read_rule(const struct json *element, void *slot, struct err *err)
{
	struct oci_rule *rule = slot;
	const char *access;

	rule->major = rule->minor = OCI_ANY;
	if (flag(element, "allow", &rule->allow, err) < 0 || read_type(element, "abcu", 'a', &rule->type, err) < 0 ||
	    read_integer_member(element, "major", OCI_ANY, MAJOR_MAX, &rule->major, err) < 0 ||
	    read_integer_member(element, "minor", OCI_ANY, MINOR_MAX, &rule->minor, err) < 0 ||
	    text(element, "access", &access, err) < 0)
		return -1;
	if (rule->type == 'u')
		rule->type = 'c';
	if (access == NULL || *access == '\0')
		access = "rwm";
	if (access[strspn(access, "rwm")] != '\0')
		return err_set(err, 0, "access: is '%.16s', want letters of rwm", access);
	rule->read = strchr(access, 'r') != NULL;
	rule->write = strchr(access, 'w') != NULL;
	rule->mknod = strchr(access, 'm') != NULL;
	return 0;
}

static int
read_mapping(const struct json *element, void *slot, struct err *err)
{
	struct oci_mapping *mapping = slot;

	if (id32(element, "containerID", &mapping->container, err) < 0 ||
	    id32(element, "hostID", &mapping->host, err) < 0)
		return -1;
	return id32(element, "size", &mapping->size, err);
}

struct namespace {
	const char *type, *path;
};

static int
read_namespace(const struct json *element, void *slot, struct err *err)
{
	struct namespace *namespace = slot;

	if (text_required(element, "type", &namespace->type, err) < 0)
		return -1;
	return text(element, "path", &namespace->path, err);
}

static int
read_namespaces(const struct json *linux_object, struct oci_config *config, struct err *err)
{
	struct namespace *namespaces = NULL;
	size_t count = 0;
	int rc = list(linux_object, "namespaces", sizeof(*namespaces), read_namespace, &namespaces, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		bool by_path = namespaces[i].path != NULL && namespaces[i].path[0] != '\0';

		if (strcmp(namespaces[i].type, "mount") == 0)
			config->mount_namespace = true;
		if (strcmp(namespaces[i].type, "user") == 0) {
			config->user_namespace = !by_path;
			config->user_namespace_path = by_path ? namespaces[i].path : NULL;
		}
	}
	free(namespaces);
	return rc;
}

/* A major, a path below /dev or a name of NVIDIA's anywhere inside. Depth is bounded by the parser. */
static bool
looks_like_device(const struct json *value)
{
	const char *content = json_text(value);

	if (content != NULL)
		return strncmp(content, "/dev/", 5) == 0 || strcasestr(content, "nvidia") != NULL;
	if (get_member(value, "major") != NULL)
		return true;
	for (size_t i = 0; i < json_count(value); i++) {
		if (looks_like_device(json_at(value, i)))
			return true;
	}
	return false;
}

static bool
is_empty(const struct json *value)
{
	bool truth = true;

	return json_type(value) == JSON_NULL || (json_bool(value, &truth) && !truth) ||
	       ((json_type(value) == JSON_ARRAY || json_type(value) == JSON_OBJECT) && json_count(value) == 0);
}

static void
find_device_like(const struct json *object, const char *const *known, struct oci_config *config)
{
	for (size_t i = 0; i < json_count(object); i++) {
		struct bytes name = json_name(object, i);
		size_t k = 0;

		while (known[k] != NULL && !bytes_equal(name, bytes_of_text(known[k])))
			k++;
		if (known[k] != NULL || is_empty(json_at(object, i)))
			continue;
		if (strcasestr((const char *)name.data, "device") != NULL || looks_like_device(json_at(object, i)))
			config->device_like = (const char *)name.data;
	}
}

static int
read_resources(const struct json *linux_object, struct oci_config *config, struct err *err)
{
	static const char *const known[] = {"devices", "memory", "cpu", "pids", "blockIO", "hugepageLimits", "network",
					    "rdma", "unified", NULL};
	const struct json *resources;

	if (typed(linux_object, "resources", JSON_OBJECT, &resources, err) < 0)
		return -1;
	find_device_like(resources, known, config);
	if (list(resources, "devices", sizeof(*config->rules), read_rule, &config->rules, &config->rule_count, err) < 0)
		return err_wrap(err, 0, "resources");
	return 0;
}

static int
read_linux(const struct json *root, struct oci_config *config, struct err *err)
{
	static const char *const known[] = {
		"uidMappings", "gidMappings", "sysctl",       "resources",         "cgroupsPath", "namespaces",
		"devices",     "netDevices",  "seccomp",      "rootfsPropagation", "maskedPaths", "readonlyPaths",
		"mountLabel",  "intelRdt",    "memoryPolicy", "personality",       "timeOffsets", NULL,
	};
	const struct json *object;

	if (typed(root, "linux", JSON_OBJECT, &object, err) < 0)
		return -1;
	find_device_like(object, known, config);
	if (list(object, "devices", sizeof(*config->devices), read_device, &config->devices, &config->device_count,
		 err) < 0 ||
	    list(object, "uidMappings", sizeof(struct oci_mapping), read_mapping, &config->uid_mappings.at,
		 &config->uid_mappings.count, err) < 0 ||
	    list(object, "gidMappings", sizeof(struct oci_mapping), read_mapping, &config->gid_mappings.at,
		 &config->gid_mappings.count, err) < 0 ||
	    read_resources(object, config, err) < 0 || read_namespaces(object, config, err) < 0 ||
	    text(object, "mountLabel", &config->mount_label, err) < 0 ||
	    more_texts(object, "maskedPaths", &config->covered, err) < 0 ||
	    more_texts(object, "readonlyPaths", &config->covered, err) < 0)
		return err_wrap(err, 0, "linux");
	return 0;
}

/* -- whole ------------------------------------------------------------------------------------------------------- */

static int
read_config(struct oci_config *config, struct err *err)
{
	const struct json *root = config->json;

	if (json_type(root) != JSON_OBJECT)
		return err_set(err, 0, "is no object");
	if (text_required(root, "ociVersion", &config->version, err) < 0)
		return -1;
	if (!oci_version_known(config->version))
		return err_set(err, 0, "ociVersion: is '%.64s', known is 1.x", config->version);
	config->has_vm = get_member(root, "vm") != NULL;
	if (read_root(root, config, err) < 0 || read_process(root, config, err) < 0 ||
	    read_hooks(root, config, err) < 0 ||
	    list(root, "mounts", sizeof(*config->mounts), read_mount, &config->mounts, &config->mount_count, err) < 0 ||
	    oci_annotations_parse(get_member(root, "annotations"), &config->annotations, err) < 0)
		return -1;
	return read_linux(root, config, err);
}

int
oci_config_parse(struct bytes content, struct oci_config *config, struct err *err)
{
	*config = (struct oci_config){0};
	config->json = json_read(content, &limits, err);
	if (config->json == NULL || read_config(config, err) < 0) {
		oci_config_free(config);
		return err_wrap(err, CODE_CONFIG, "config.json");
	}
	return 0;
}

void
oci_config_free(struct oci_config *config)
{
	for (size_t i = 0; i < config->mount_count; i++)
		free(config->mounts[i].options.at);
	for (size_t i = 0; i < config->hook_count; i++) {
		free(config->hooks[i].args.at);
		free(config->hooks[i].env.at);
	}
	free(config->env.at);
	free(config->covered.at);
	free(config->mounts);
	free(config->hooks);
	free(config->annotations.pairs);
	free(config->devices);
	free(config->rules);
	free(config->uid_mappings.at);
	free(config->gid_mappings.at);
	json_free(config->json);
	*config = (struct oci_config){0};
}
