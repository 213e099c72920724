/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hook/host_files.h"
#include "hook/host_pci.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/idmap.h"
#include "lib/path.h"
#include "spec/driver_info.h"
#include "spec/mountinfo.h"

#define MOUNTS_MAX (16 << 20)
#define ENTRIES_MAX 200000 /* of a volume or an image: a tenth of a second */

/* -- driver ------------------------------------------------------------------------------------------------------ */

static int
caps_gpu(void *context, int64_t minor)
{
	char *text = host_read("/proc/driver/nvidia-caps/mig-minors", DRIVER_CAPS_MAX);
	int gpu = text == NULL ? -1 : driver_info_caps_gpu(bytes_of_text(text), minor);

	(void)context;
	free(text);
	return gpu;
}

static bool
has_gpu(void *context)
{
	struct host *host = context;

	if (host->has_gpu < 0)
		host->has_gpu = host_pci_has_gpu();
	return host->has_gpu != 0;
}

/* -- mounts ------------------------------------------------------------------------------------------------------ */

typedef void see_row(void *seer, const struct mountinfo *mount);

static void
each_mount(struct host *host, see_row *see, void *seer)
{
	char *copy, *rest, *line;
	struct mountinfo mount;

	if (host->mounts == NULL)
		host->mounts = host_read("/proc/self/mountinfo", MOUNTS_MAX);
	if (host->mounts == NULL)
		host->mounts = xstrdup("");
	copy = rest = xstrdup(host->mounts);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (mountinfo_parse(line, &mount))
			see(seer, &mount);
	}
	free(copy);
}

/* What of a file system a path below one of its mounts is: the one that was mounted last and lies deepest. */
struct place {
	const char *path;
	size_t depth;
	char inner[PATH_MAX];
};

static void
see_place(void *seer, const struct mountinfo *mount)
{
	struct place *place = seer;
	size_t size = strcmp(mount->target, "/") == 0 ? 0 : strlen(mount->target);

	if (!path_below(place->path, mount->target) || size < place->depth)
		return;
	place->depth = size;
	snprintf(place->inner, sizeof(place->inner), "%s%s", strcmp(mount->root, "/") == 0 ? "" : mount->root,
		 place->path + size);
}

/* sysfs and procfs look the same wherever they are mounted. */
static void
rename_object(struct host *host, struct decision_object *object, const char *head)
{
	struct place place = {.path = object->path};

	each_mount(host, see_place, &place);
	snprintf(object->path, sizeof(object->path), "%s%.*s", head, (int)sizeof(object->path) - 8, place.inner);
}

static enum decision_kind
kind_of(mode_t mode)
{
	return S_ISCHR(mode) ? DECISION_CHARACTER : S_ISDIR(mode) ? DECISION_DIRECTORY : DECISION_FILE;
}

/* A file system mounted below /sys in place of a part of it stands for that part. */
static enum decision_system
system_of(const struct host *host, const char *path, dev_t device, unsigned long magic)
{
	if (magic == SYSFS_MAGIC || path_below(path, "/sys/devices"))
		return DECISION_FS_SYS;
	if (magic == PROC_SUPER_MAGIC)
		return DECISION_FS_PROC;
	return host->dev != 0 && device == host->dev ? DECISION_FS_DEV : DECISION_FS_OTHER;
}

static bool
look_up(void *context, const char *path, struct decision_object *out)
{
	struct host *host = context;
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct statfs system = {.f_type = 0};
	char link[64];
	struct stat st;
	ssize_t size;

	*out = (struct decision_object){.path = ""};
	if (fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, out->path, PATH_MAX - 1);
	out->path[size > 0 ? size : 0] = '\0';
	if (fstat(fd, &st) != 0 || fstatfs(fd, &system) != 0) {
		close(fd);
		return false;
	}
	close(fd);
	out->kind = kind_of(st.st_mode);
	out->number = st.st_rdev;
	out->system = system_of(host, out->path, st.st_dev, (unsigned long)system.f_type);
	if (out->system == DECISION_FS_SYS && (unsigned long)system.f_type == SYSFS_MAGIC)
		rename_object(host, out, "/sys");
	else if (out->system == DECISION_FS_PROC)
		rename_object(host, out, "/proc");
	else if (out->system == DECISION_FS_DEV && st.st_ino == host->dev_root)
		snprintf(out->path, sizeof(out->path), "/dev");
	return true;
}

struct below {
	const struct host *host;
	const char *path;
	decision_see_mount *see;
	void *seer;
};

static void
see_below(void *seer, const struct mountinfo *mount)
{
	const struct below *below = seer;
	bool sys = strcmp(mount->type, "sysfs") == 0, proc = strcmp(mount->type, "proc") == 0;
	const char *inner = strcmp(mount->root, "/") == 0 ? "" : mount->root;
	struct decision_object object = {
		.kind = DECISION_DIRECTORY,
		.system = system_of(below->host, mount->target, mount->device,
				    sys    ? SYSFS_MAGIC
				    : proc ? PROC_SUPER_MAGIC
					   : 0),
		.readonly = mountinfo_lists(mount->flags, "ro"),
		.nodev = mountinfo_lists(mount->flags, "nodev"),
	};
	struct statx st;

	if (!path_below(mount->target, below->path) || strcmp(mount->target, below->path) == 0)
		return;
	/* Nothing is asked of who serves the file system. */
	if (statx(AT_FDCWD, mount->target, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE,
		  &st) == 0) {
		object.kind = kind_of(st.stx_mode);
		object.number = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	}
	if (object.system == DECISION_FS_DEV && *inner == '\0')
		snprintf(object.path, sizeof(object.path), "/dev");
	else
		snprintf(object.path, sizeof(object.path), "%s%s", sys ? "/sys" : proc ? "/proc" : "",
			 sys || proc ? inner : mount->target);
	below->see(below->seer, &object);
}

static void
mounts_below(void *context, const char *path, decision_see_mount *see, void *seer)
{
	struct decision_object object;
	struct below below = {context, path, see, seer};

	/* The mount table has paths without links. */
	if (look_up(context, path, &object) && object.system != DECISION_FS_SYS && object.system != DECISION_FS_PROC &&
	    object.path[0] == '/')
		below.path = object.path;
	each_mount(context, see_below, &below);
}

/* -- nodes in directories ---------------------------------------------------------------------------------------- */

struct found {
	decision_see_node *see;
	void *seer;
};

static bool
see_entry(void *seer, int directory, const char *name, unsigned char type)
{
	const struct found *found = seer;
	struct stat st;

	if ((type == DT_CHR || type == DT_UNKNOWN) && fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISCHR(st.st_mode))
		found->see(found->seer, st.st_rdev);
	return true;
}

static bool
nodes_below(void *context, const char *path, decision_see_node *see, void *seer)
{
	struct found found = {see, seer};

	(void)context;
	return host_walk(path, ENTRIES_MAX, see_entry, &found) > 0;
}

static void
held_devices(void *context, const struct processes_caller *caller, process_see_device *see, void *seer)
{
	const struct host *host = context;

	processes_devices("", host->pid, caller, see, seer);
}

/* -- whole ------------------------------------------------------------------------------------------------------- */

static bool
is_elsewhere(pid_t pid)
{
	char *path = xprintf("/proc/%d/ns/user", (int)pid);
	struct stat own, other;
	bool elsewhere = stat("/proc/self/ns/user", &own) == 0 && stat(path, &other) == 0 && own.st_ino != other.st_ino;

	free(path);
	return elsewhere;
}

int
host_open(pid_t pid, struct host *host, struct decision_host *answers, struct err *err)
{
	char *text = host_read("/proc/devices", HOST_SMALL_FILE);
	struct stat root, dev;
	struct idmap map;
	bool ok;

	*host = (struct host){.pid = pid, .has_gpu = -1};
	*answers = (struct decision_host){.look_up = look_up, .mounts_below = mounts_below, .nodes_below = nodes_below,
					  .held_devices = held_devices,
					  .has_function = host_pci_has_function, .has_gpu = has_gpu,
					  .pci_vendor = host_pci_vendor, .caps_gpu = caps_gpu, .context = host};
	ok = text != NULL && device_numbers_parse(text, &answers->numbers);
	free(text);
	if (!ok)
		return err_set(err, CODE_INTERNAL, "/proc/devices cannot be read or has another form");
	if (stat("/", &root) == 0 && stat("/dev", &dev) == 0 && root.st_dev != dev.st_dev) {
		host->dev = dev.st_dev;
		host->dev_root = dev.st_ino;
	}
	answers->rootless = idmap_read(&map, &(struct err)ERR_INIT) == 0 && !idmap_is_initial(&map);
	answers->user_namespace = is_elsewhere(pid);
	return device_rules_read("", pid, &answers->rules, err);
}

void
host_close(struct host *host, struct decision_host *answers)
{
	device_rules_free(&answers->rules);
	free(host->mounts);
	host->mounts = NULL;
}
