/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/idmap.h"

#define DEPTH_MAX 33 /* the kernel's limit for namespaces inside each other, and the first */
#define MAP_MAX 16384
#define HAS(set, capability) (((set) >> (capability)&1) != 0)

/* Where a namespace is, seen from another one. */
enum relation { ELSEWHERE, SAME, BELOW };

struct caller {
	const char *proc;
	pid_t pid;
	uid_t uid; /* as this process's user namespace has them */
	gid_t gid;
	uint64_t capabilities;
	struct identity users, processes; /* the container's namespaces */
};

/* -- namespaces -------------------------------------------------------------------------------------------------- */

static int
open_namespace(const struct caller *caller, pid_t pid, const char *link)
{
	char *path = xprintf("%s/%d/%s", caller->proc, (int)pid, link);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	free(path);
	return fd;
}

/* *made_by: who made the namespace that is the first below ours. */
static enum relation
relate(const struct caller *caller, pid_t pid, const char *link, const struct identity *ours, uid_t *made_by)
{
	int fd = open_namespace(caller, pid, link), parent;
	enum relation relation = ELSEWHERE;
	struct stat status;

	for (unsigned depth = 0; fd >= 0 && depth < DEPTH_MAX; depth++) {
		if (fstat(fd, &status) == 0 && status.st_dev == ours->device && status.st_ino == ours->inode) {
			relation = depth == 0 ? SAME : BELOW;
			break;
		}
		if (ioctl(fd, NS_GET_OWNER_UID, made_by) != 0)
			*made_by = (uid_t)-1;
		parent = ioctl(fd, NS_GET_PARENT);
		close(fd);
		fd = parent;
	}
	if (fd >= 0)
		close(fd);
	return relation;
}

/* -- who may attach ---------------------------------------------------------------------------------------------- */

/* Who may take any id has that of every process. */
static bool
has_ids(const struct caller *caller, const struct process_credentials *target)
{
	if (HAS(caller->capabilities, CAP_SETUID) && HAS(caller->capabilities, CAP_SETGID))
		return true;
	for (unsigned i = 0; i < 3; i++)
		if (target->uid[i] != caller->uid || target->gid[i] != caller->gid)
			return false;
	return true;
}

/* The kernel's answer for PTRACE_MODE_ATTACH_REALCREDS, as far as ids, capabilities and namespaces give it. */
static bool
may_attach(const struct caller *caller, pid_t pid)
{
	struct process_credentials target;
	uid_t made_by = (uid_t)-1;

	if (process_read_credentials(caller->proc, pid, &target) != 0)
		return false;
	switch (relate(caller, pid, "ns/user", &caller->users, &made_by)) {
	case SAME:
		return HAS(caller->capabilities, CAP_SYS_PTRACE) ||
		       (has_ids(caller, &target) && (target.permitted & ~caller->capabilities) == 0);
	case BELOW:
		return HAS(caller->capabilities, CAP_SYS_PTRACE) || made_by == caller->uid;
	case ELSEWHERE:
		break;
	}
	return false;
}

/* -- all of them ------------------------------------------------------------------------------------------------- */

/* What an id of the container's is here; the id itself where the map cannot be read. */
static uid_t
id_here(const struct caller *caller, const char *map_name, uid_t id)
{
	char *path = xprintf("%s/%d/%s", caller->proc, (int)caller->pid, map_name);
	struct buf text = {0};
	struct idmap map;
	uid_t out = id;

	if (fs_read_file(path, MAP_MAX, &text, &(struct err)ERR_INIT) == 0 && idmap_parse(buf_bytes(&text), &map) &&
	    !idmap_outside(&map, id, &out))
		out = (uid_t)-1;
	buf_free(&text);
	free(path);
	return out;
}

static void
tell_devices(const struct caller *caller, process_see_device *see, void *seer)
{
	DIR *list = opendir(caller->proc);
	struct dirent *entry;
	uid_t ignored;

	while (list != NULL && (entry = readdir(list)) != NULL) {
		pid_t pid = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? atoi(entry->d_name) : 0;

		if (pid != 0 && pid != caller->pid && may_attach(caller, pid) &&
		    relate(caller, pid, "ns/pid", &caller->processes, &ignored) != ELSEWHERE)
			(void)process_devices(caller->proc, pid, see, seer);
	}
	if (list != NULL)
		closedir(list);
}

bool
processes_shared(const char *root, pid_t pid)
{
	struct process_credentials own;
	char *proc = xprintf("%s/proc", root);
	bool shared = process_read_credentials(proc, pid, &own) == 0 && !own.is_first;

	free(proc);
	return shared;
}

static bool
identify_namespace(const struct caller *caller, const char *link, struct identity *out)
{
	int fd = open_namespace(caller, caller->pid, link);
	struct stat status;
	bool found = fd >= 0 && fstat(fd, &status) == 0;

	if (found)
		*out = (struct identity){status.st_dev, status.st_ino};
	if (fd >= 0)
		close(fd);
	return found;
}

void
processes_devices(const char *root, pid_t pid, const struct processes_caller *who, process_see_device *see, void *seer)
{
	char *proc = xprintf("%s/proc", root);
	struct caller caller = {.proc = proc, .pid = pid, .capabilities = who->capabilities};

	if (processes_shared(root, pid) && identify_namespace(&caller, "ns/user", &caller.users) &&
	    identify_namespace(&caller, "ns/pid", &caller.processes)) {
		caller.uid = id_here(&caller, "uid_map", who->uid);
		caller.gid = id_here(&caller, "gid_map", who->gid);
		tell_devices(&caller, see, seer);
	}
	free(proc);
}
