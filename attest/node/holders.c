/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/node/holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attest/node/place.h"
#include "attest/node/records.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/process.h"
#include "spec/device_numbers.h"

#define ANCESTORS_MAX 64
#define CONTAINER_ID 64 /* hex digits, of every engine */

/* A recorded container that runs. */
struct covered {
	const struct container_record *record;
	struct identity mounts, processes; /* its first process' namespaces */
};

/* A process in a container that has a node open. */
struct candidate {
	struct holder holder;
	int64_t started;
};

struct search {
	const char *root;
	char *proc;
	int64_t deadline;
	struct device_numbers numbers;
	struct identity own_root;
	struct candidate *candidates;
	size_t found;
	struct records records;
	struct covered *covered;
	size_t count;
	struct holders *out;
};

/* A process that is gone says nothing; one that is kept from this caller might. */
static void
count_unseen(struct search *search)
{
	if (errno == EACCES || errno == EPERM)
		search->out->unseen++;
}

static bool
is_late(struct search *search)
{
	search->out->late |= clock_left_ms(search->deadline) == 0;
	return search->out->late;
}

/* -- nodes ------------------------------------------------------------------------------------------------------- */

static bool
is_nvidia_device(const struct search *search, dev_t number)
{
	char *path = xprintf("/sys/dev/char/%u:%u/device/vendor", major(number), minor(number));
	char *text = place_read(search->root, path, PLACE_SMALL);
	bool found = text != NULL && strtoul(text, NULL, 16) == DEVICE_NVIDIA_VENDOR;

	free(text);
	free(path);
	return found;
}

static bool
is_held_gpu(const struct search *search, dev_t number)
{
	switch (device_numbers_class(&search->numbers, major(number))) {
	case DEVICE_NODE:
	case DEVICE_SHARED:
	case DEVICE_CAPS:
	case DEVICE_FABRIC:
		return true;
	case DEVICE_DRM:
		return is_nvidia_device(search, number);
	case DEVICE_VFIO:
	case DEVICE_OTHER:
		break;
	}
	return false;
}

struct sought {
	struct search *search;
	dev_t *node;
	bool found;
};

static bool
see_device(void *seer, dev_t number)
{
	struct sought *sought = seer;

	*sought->node = number;
	sought->found = is_held_gpu(sought->search, number);
	return !sought->found && !is_late(sought->search);
}

/* Whether the process has a node of a GPU open: the first found, in *node. */
static bool
holds_node(struct search *search, pid_t pid, dev_t *node)
{
	struct sought sought = {search, node, false};

	if (process_devices(search->proc, pid, see_device, &sought) != 0)
		count_unseen(search);
	return sought.found;
}

/* -- who it is --------------------------------------------------------------------------------------------------- */

static const struct covered *
covered_by_mounts(const struct search *search, pid_t pid)
{
	struct identity mounts;

	if (!identity_of_process(search->proc, pid, "ns/mnt", &mounts))
		return NULL;
	for (size_t i = 0; i < search->count; i++)
		if (identity_equal(&search->covered[i].mounts, &mounts))
			return &search->covered[i];
	return NULL;
}

/* Both: the containers of a pod may share one namespace of processes, and a user without privilege names cgroups. */
static const struct covered *
covered_by_cgroup(const struct search *search, const struct holder *holder)
{
	struct identity processes;

	if (holder->id == NULL || !identity_of_process(search->proc, holder->pid, "ns/pid", &processes))
		return NULL;
	for (size_t i = 0; i < search->count; i++)
		if (identity_equal(&search->covered[i].processes, &processes) &&
		    strcmp(search->covered[i].record->id, holder->id) == 0)
			return &search->covered[i];
	return NULL;
}

/*
 * Has the mounts of a recorded container, as what `podman exec` starts has, or an ancestor has; or, of those that went
 * into a sandbox of their own before anything else, its cgroup.
 */
static const struct covered *
find_covered(const struct search *search, const struct holder *holder)
{
	const struct covered *found = NULL;
	struct process process;
	pid_t pid = holder->pid;

	for (unsigned i = 0; i < ANCESTORS_MAX && found == NULL && pid > 1; i++) {
		found = covered_by_mounts(search, pid);
		pid = process_read(search->proc, pid, &process) == 0 ? process.parent : 0;
	}
	return found != NULL ? found : covered_by_cgroup(search, holder);
}

/* Who made the user namespace that the process is in: 0 for root and for that of the host. */
static uid_t
user_of(const struct search *search, pid_t pid)
{
	char *path = xprintf("%s/%d/ns/user", search->proc, (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uid_t user = 0;

	free(path);
	if (fd < 0)
		return 0;
	if (ioctl(fd, NS_GET_OWNER_UID, &user) != 0)
		user = 0;
	close(fd);
	return user;
}

/* The outermost name of a container in the cgroup's path; a pod's is that of more than one. */
static const char *
find_id(const char *path)
{
	static const char digits[] = "0123456789abcdef", pod[] = "libpod_pod_";
	const size_t head = strlen(pod);

	for (const char *at = path; *at != '\0'; at += strspn(at, digits)) {
		at += strcspn(at, digits);
		if (strspn(at, digits) == CONTAINER_ID &&
		    ((size_t)(at - path) < head || strncmp(at - head, pod, head) != 0))
			return at;
	}
	return NULL;
}

static const char *
find_engine(const char *path)
{
	static const struct {
		const char *part, *engine;
	} parts[] = {{"libpod", "podman"}, {"kubepods", "crictl"}, {"docker", "docker"}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(path, parts[i].part) != NULL)
			return parts[i].engine;
	return NULL;
}

static void
read_cgroup(const struct search *search, struct holder *holder)
{
	char *path = xprintf("%s/%d/cgroup", search->proc, (int)holder->pid), *text = place_read("", path, PLACE_SMALL);
	const char *id = text != NULL ? find_id(text) : NULL;

	if (id != NULL) {
		holder->id = xprintf("%.*s", CONTAINER_ID, id);
		holder->engine = find_engine(text);
	}
	free(text);
	free(path);
}

/* -- all of them ------------------------------------------------------------------------------------------------- */

static void
examine_process(struct search *search, pid_t pid)
{
	struct holder holder = {.decision = HOLDER_NONE, .pid = pid, .processes = 1};
	struct identity root, space;
	struct process process;

	if (!identity_of_process(search->proc, pid, "root", &root)) {
		count_unseen(search);
		return;
	}
	if (identity_equal(&root, &search->own_root) || process_read(search->proc, pid, &process) != 0 ||
	    !holds_node(search, pid, &holder.node) || !identity_of_process(search->proc, pid, "ns/mnt", &space))
		return;
	snprintf(holder.name, sizeof(holder.name), "%s", process.name);
	holder.space = space.inode;
	search->candidates = xrealloc(search->candidates, (search->found + 1) * sizeof(*search->candidates));
	search->candidates[search->found++] = (struct candidate){holder, process.started};
}

static int
walk_processes(struct search *search, struct err *err)
{
	DIR *list = opendir(search->proc);
	struct dirent *entry;

	if (list == NULL)
		return err_set(err, CODE_INTERNAL, "%s: %s", search->proc, err_errno(errno));
	while (!is_late(search) && (entry = readdir(list)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			examine_process(search, atoi(entry->d_name));
	closedir(list);
	return 0;
}

/* The process of the record runs, and was the same before and after its namespaces were read. */
static void
add_covered(struct search *search, const struct container_record *record)
{
	struct covered covered = {.record = record};
	struct process process;

	if (!identity_of_process(search->proc, record->pid, "ns/mnt", &covered.mounts) ||
	    !identity_of_process(search->proc, record->pid, "ns/pid", &covered.processes) ||
	    process_read(search->proc, record->pid, &process) != 0 || process.started != record->started)
		return;
	search->covered = xrealloc(search->covered, (search->count + 1) * sizeof(*search->covered));
	search->covered[search->count++] = covered;
}

/* After the walk: a container is recorded before its process can open anything. */
static int
read_covered(struct search *search, struct err *err)
{
	char *path = place_path(search->root, CONTAINER_RECORDS);
	int result = records_read(path, &search->records, err);

	free(path);
	for (size_t i = 0; i < search->records.count; i++)
		add_covered(search, &search->records.list[i]);
	search->out->fault = search->records.fault;
	return result;
}

static void
judge_process(const struct search *search, struct holder *holder)
{
	const struct covered *covered;

	read_cgroup(search, holder);
	covered = find_covered(search, holder);
	if (covered != NULL) {
		free(holder->id);
		holder->decision = (enum holder_decision)covered->record->decision;
		holder->id = xstrdup(covered->record->id);
		holder->space = covered->mounts.inode;
		return;
	}
	holder->user = user_of(search, holder->pid);
	holder->decision = holder->user == 0 ? HOLDER_NONE : HOLDER_UNKNOWN;
}

static void
add_holder(struct holders *out, struct holder *holder)
{
	for (size_t i = 0; i < out->count; i++) {
		if (out->list[i].space == holder->space && out->list[i].decision == holder->decision) {
			out->list[i].processes++;
			free(holder->id);
			return;
		}
	}
	out->list = xrealloc(out->list, (out->count + 1) * sizeof(*holder));
	out->list[out->count++] = *holder;
	out->of[holder->decision]++;
}

/* A process that ended while it was looked at, or whose number is another's by now, is none. */
static void
judge_all(struct search *search)
{
	struct process process;

	for (size_t i = 0; i < search->found && !is_late(search); i++) {
		struct candidate *candidate = &search->candidates[i];

		judge_process(search, &candidate->holder);
		if (process_read(search->proc, candidate->holder.pid, &process) == 0 &&
		    process.started == candidate->started)
			add_holder(search->out, &candidate->holder);
		else
			free(candidate->holder.id);
	}
}

static int
find_holders(struct search *search, struct err *err)
{
	char *root = place_path(search->root, "/"), *text = place_read(search->root, "/proc/devices", PLACE_SMALL);
	int result = 0;

	if (text == NULL || !device_numbers_parse(text, &search->numbers))
		result = err_set(err, CODE_INTERNAL, "/proc/devices cannot be read or has another form");
	else if (!identity_read(root, &search->own_root))
		result = err_set(err, CODE_INTERNAL, "%s: %s", root, err_errno(errno));
	if (result == 0 && walk_processes(search, err) == 0 && read_covered(search, err) == 0)
		judge_all(search);
	else
		result = -1;
	free(text);
	free(root);
	return result;
}

int
holders_find(const char *root, int64_t deadline, struct holders *out, struct err *err)
{
	struct search search = {.root = root, .proc = place_path(root, "/proc"), .deadline = deadline, .out = out};
	int result;

	*out = (struct holders){.fault = ERR_INIT};
	result = find_holders(&search, err);
	records_free(&search.records);
	free(search.candidates);
	free(search.covered);
	free(search.proc);
	return result;
}

void
holders_free(struct holders *holders)
{
	for (size_t i = 0; i < holders->count; i++)
		free(holders->list[i].id);
	free(holders->list);
	*holders = (struct holders){.fault = ERR_INIT};
}

const char *
holder_decision_name(enum holder_decision decision)
{
	return decision == HOLDER_NONE      ? "none"
	       : decision == HOLDER_UNKNOWN ? "unknown"
					    : container_decision_name((enum container_decision)decision);
}
