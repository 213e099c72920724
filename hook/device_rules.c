/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/device_rules.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/fs.h"
#include "lib/idmap.h"
#include "spec/mountinfo.h"

#define CGROUP_MAX 65536
#define MOUNTS_MAX (16 << 20)
#define LIST_MAX (1 << 20)
#define PROGRAMS_MAX 64 /* the kernel's limit for one cgroup; more of all above is no answer */

/* One hierarchy: the controller of version 1, NULL for version 2. */
struct hierarchy {
	const char *root;   /* of the files, "" but in tests */
	const char *mounts; /* text of this process's mountinfo */
	const char *controller;
};

/* -- where the process is ---------------------------------------------------------------------------------------- */

/*
 * The path of a process's cgroup in the hierarchy, from lines ID:CONTROLLERS:PATH (proc_pid_cgroup(5)). NULL if in
 * none.
 */
static char *
cgroup_path(const struct hierarchy *hierarchy, const char *process)
{
	char *name = xprintf("%s/proc/%s/cgroup", hierarchy->root, process), *line, *rest, *found = NULL;
	struct buf text = {0};

	if (fs_read_file(name, CGROUP_MAX, &text, &(struct err)ERR_INIT) == 0) {
		rest = (char *)text.data;
		while (found == NULL && (line = strsep(&rest, "\n")) != NULL) {
			const char *id = strsep(&line, ":"), *controllers = line != NULL ? strsep(&line, ":") : NULL;

			if (line != NULL &&
			    (hierarchy->controller != NULL ? mountinfo_lists(controllers, hierarchy->controller)
							   : strcmp(id, "0") == 0 && *controllers == '\0'))
				found = xstrdup(line);
		}
	}
	buf_free(&text);
	free(name);
	return found;
}

/* A part ".." leads out of this process's cgroup namespace. */
static bool
leads_out(const char *path)
{
	for (const char *at = strstr(path, "/.."); at != NULL; at = strstr(at + 1, "/.."))
		if (at[3] == '/' || at[3] == '\0')
			return true;
	return path[0] != '/';
}

/* What is left of path below the directory that is mounted; NULL if it is elsewhere. */
static const char *
below_mount(const char *path, const char *mounted)
{
	size_t size = strcmp(mounted, "/") == 0 ? 0 : strlen(mounted);

	return strncmp(path, mounted, size) == 0 && (path[size] == '/' || path[size] == '\0') ? path + size : NULL;
}

static bool
is_of(const struct hierarchy *hierarchy, const struct mountinfo *mount)
{
	if (hierarchy->controller == NULL)
		return strcmp(mount->type, "cgroup2") == 0;
	return strcmp(mount->type, "cgroup") == 0 && mountinfo_lists(mount->options, hierarchy->controller);
}

/* The cgroup's directory at a mount, unless something else is mounted over it. */
static int
open_at(const struct hierarchy *hierarchy, const struct mountinfo *mount, const char *path)
{
	char *name = xprintf("%s%s%s", hierarchy->root, mount->target, path);
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	free(name);
	if (fd < 0 || (fstat(fd, &status) == 0 && status.st_dev == mount->device))
		return fd;
	close(fd);
	return -1;
}

/* The directory of the process's cgroup; -1 if it cannot be seen from here. */
static int
open_cgroup(const struct hierarchy *hierarchy, const char *process)
{
	char *path = cgroup_path(hierarchy, process), *mounts = xstrdup(hierarchy->mounts), *rest = mounts, *line;
	int fd = -1;

	while (path != NULL && !leads_out(path) && fd < 0 && (line = strsep(&rest, "\n")) != NULL) {
		struct mountinfo mount;
		const char *part;

		if (!mountinfo_parse(line, &mount) || !is_of(hierarchy, &mount))
			continue;
		part = below_mount(path, mount.root);
		if (part != NULL)
			fd = open_at(hierarchy, &mount, part);
	}
	free(mounts);
	free(path);
	return fd;
}

/* -- version 1 --------------------------------------------------------------------------------------------------- */

static bool
parse_number(const char *text, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");

	*out = OCI_ANY;
	if (strcmp(text, "*") == 0)
		return true;
	*out = strtoll(text, NULL, 10);
	return digits > 0 && digits < 12 && text[digits] == '\0';
}

/* "c 1:3 rwm": the letters in this order, at least one of them. */
static bool
parse_rule(char *line, struct oci_rule *out)
{
	const char *type = strsep(&line, " "), *major = strsep(&line, ":"), *minor = strsep(&line, " "), *access = line;

	if (access == NULL || strlen(type) != 1 || strchr("abc", type[0]) == NULL || access[0] == '\0')
		return false;
	*out = (struct oci_rule){.allow = true, .type = type[0]};
	out->read = *access == 'r';
	access += out->read;
	out->write = *access == 'w';
	access += out->write;
	out->mknod = *access == 'm';
	access += out->mknod;
	return *access == '\0' && parse_number(major, &out->major) && parse_number(minor, &out->minor);
}

/* False unless every line is understood. */
static bool
parse_list(char *text, struct device_rules *out)
{
	char *line, *rest = text;
	size_t lines = 0;

	for (const char *at = text; *at != '\0'; at++)
		lines += *at == '\n';
	out->at = xcalloc(lines + 1, sizeof(*out->at));
	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL)
		if (!parse_rule(line, &out->at[out->count++]))
			return false;
	return line == NULL || *line == '\0';
}

static bool
read_kernel_list(const struct hierarchy *hierarchy, const char *process, struct device_rules *out)
{
	int cgroup = open_cgroup(hierarchy, process),
	    fd = cgroup >= 0 ? openat(cgroup, "devices.list", O_RDONLY | O_CLOEXEC) : -1;
	struct buf text = {0};
	bool read = fd >= 0 && fs_read_fd(fd, LIST_MAX, &text, &(struct err)ERR_INIT) == 0 &&
		    strlen((char *)text.data) == text.size;

	if (read && parse_list((char *)text.data, out))
		out->source = DEVICE_RULES_LISTED;
	else
		device_rules_free(out);
	buf_free(&text);
	if (fd >= 0)
		close(fd);
	if (cgroup >= 0)
		close(cgroup);
	return out->source == DEVICE_RULES_LISTED;
}

/* -- version 2 --------------------------------------------------------------------------------------------------- */

/* The programs that decide about devices there, its ancestors' among them. -1 if the kernel does not say. */
static int
query_programs(const struct hierarchy *hierarchy, const char *process, uint32_t ids[PROGRAMS_MAX])
{
	int cgroup = open_cgroup(hierarchy, process), found = -1;
	union bpf_attr attr = {.query = {.target_fd = (uint32_t)cgroup,
					 .attach_type = BPF_CGROUP_DEVICE,
					 .query_flags = BPF_F_QUERY_EFFECTIVE,
					 .prog_ids = (uintptr_t)ids,
					 .prog_cnt = PROGRAMS_MAX}};

	if (cgroup < 0)
		return -1;
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) == 0 && attr.query.prog_cnt <= PROGRAMS_MAX)
		found = (int)attr.query.prog_cnt;
	close(cgroup);
	return found;
}

/* What decides about this process too came with the engine's service or its slice, not with the container. */
static bool
has_program(const struct hierarchy *hierarchy, const char *process)
{
	uint32_t theirs[PROGRAMS_MAX], ours[PROGRAMS_MAX];
	int count = query_programs(hierarchy, process, theirs),
	    known = count > 0 ? query_programs(hierarchy, "self", ours) : -1;

	for (int i = 0; i < count && known >= 0; i++) {
		int k = 0;

		while (k < known && ours[k] != theirs[i])
			k++;
		if (k == known)
			return true;
	}
	return false;
}

/* -- whole ------------------------------------------------------------------------------------------------------- */

int
device_rules_read(const char *root, pid_t pid, struct device_rules *out, struct err *err)
{
	char *name = xprintf("%s/proc/self/mountinfo", root), process[16];
	struct buf mounts = {0};
	struct idmap map;
	int result = -1;

	*out = (struct device_rules){DEVICE_RULES_NONE, NULL, 0};
	snprintf(process, sizeof(process), "%d", (int)pid);
	if (idmap_read(&map, err) != 0 || !idmap_is_initial(&map)) {
		result = 0;
		goto out;
	}
	result = fs_read_linked(name, MOUNTS_MAX, &mounts, err);
	if (result != 0)
		err_wrap(err, CODE_INTERNAL, "device rules");
	else if (!read_kernel_list(&(struct hierarchy){root, (char *)mounts.data, "devices"}, process, out) &&
	    has_program(&(struct hierarchy){root, (char *)mounts.data, NULL}, process))
		out->source = DEVICE_RULES_CONFIGURED;
out:
	buf_free(&mounts);
	free(name);
	return result;
}

void
device_rules_free(struct device_rules *rules)
{
	free(rules->at);
	*rules = (struct device_rules){DEVICE_RULES_NONE, NULL, 0};
}
