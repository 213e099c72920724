/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/code.h"
#include "spec/elf.h"

#if defined(__aarch64__)
#define TRIPLET "aarch64-linux-gnu"
#else
#define TRIPLET "x86_64-linux-gnu"
#endif

static const char default_folders[] = "/usr/lib/" TRIPLET ":/usr/lib/" TRIPLET
				      "/nvidia/current:/usr/lib64:/usr/lib:/usr/lib64/nvidia:/usr/lib/nvidia";

/* -- files below the root ------------------------------------------------------------------------------------------ */

struct search {
	const char *root; /* as given */
	int fd; /* of it */
	const char *version;
	struct driver *out;
};

/* An O_PATH descriptor of what path leads to, links taken as if root were "/"; -1 if there is nothing. */
static int
open_in_root(const struct search *search, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, search->fd, path, &how, sizeof(how));
}

/* The path of an open file as the host names it, in new memory. */
static char *
host_path(int fd)
{
	char link[32], path[PATH_MAX];
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, sizeof(path));
	return size > 0 && (size_t)size < sizeof(path) ? xprintf("%.*s", (int)size, path) : NULL;
}

/* A path for the container that is there already keeps its first file. */
static void
add_file(struct driver *out, int fd, char *container_path, bool socket)
{
	char *host = host_path(fd);
	bool known = host == NULL;

	for (size_t i = 0; i < out->count; i++)
		known |= strcmp(out->files[i].container_path, container_path) == 0;
	if (known) {
		free(host);
		free(container_path);
		return;
	}
	if (out->count == out->room) {
		out->room = out->room * 2 + 32;
		out->files = xrealloc(out->files, out->room * sizeof(*out->files));
	}
	out->files[out->count++] = (struct driver_file){host, container_path, socket};
}

/* -- libraries ----------------------------------------------------------------------------------------------------- */

static char *
read_soname(int path_fd)
{
	char link[32], *name = NULL;
	struct stat status;
	void *map;
	int fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
		map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			name = elf_soname(bytes_of(map, (size_t)status.st_size));
			munmap(map, (size_t)status.st_size);
		}
	}
	if (fd >= 0)
		close(fd);
	return name;
}

static void
add_library(const struct search *search, const char *folder, const char *name)
{
	char *path = xprintf("%s/%s", folder, name), *soname;
	int fd = open_in_root(search, path);

	free(path);
	if (fd < 0)
		return;
	soname = read_soname(fd);
	if (soname != NULL) {
		add_file(search->out, fd, xprintf("%s/%s", DRIVER_LIBRARIES, soname), false);
		/* Programs that load the driver themselves ask for it without a number. */
		if (strcmp(soname, "libcuda.so.1") == 0)
			add_file(search->out, fd, xprintf("%s/%s", DRIVER_LIBRARIES, "libcuda.so"), false);
	}
	free(soname);
	close(fd);
}

/* lib*.so.VERSION */
static bool
is_library(const char *name, const char *version)
{
	const char *end = strstr(name, ".so.");

	return strncmp(name, "lib", 3) == 0 && end != NULL && strcmp(end + 4, version) == 0;
}

/* gsp*.bin */
static bool
is_firmware(const char *name, const char *version)
{
	size_t size = strlen(name);

	(void)version;
	return strncmp(name, "gsp", 3) == 0 && size > 4 && strcmp(name + size - 4, ".bin") == 0;
}

static void
add_firmware(const struct search *search, const char *folder, const char *name)
{
	char *path = xprintf("%s/%s", folder, name);
	int fd = open_in_root(search, path);

	free(path);
	if (fd < 0)
		return;
	add_file(search->out, fd, xprintf("/lib/firmware/nvidia/%s/%s", search->version, name), false);
	close(fd);
}

/* Every file of the folder that is wanted, in the order of names. */
static void
scan(const struct search *search, const char *folder, bool (*wanted)(const char *, const char *),
     void (*found)(const struct search *, const char *, const char *))
{
	int fd = open_in_root(search, folder), count;
	struct dirent **list;
	char *host = fd < 0 ? NULL : host_path(fd);

	count = host == NULL ? -1 : scandir(host, &list, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (wanted(list[i]->d_name, search->version))
			found(search, folder, list[i]->d_name);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
	free(host);
	if (fd >= 0)
		close(fd);
}

static void
find_libraries(const struct search *search, const char *folders)
{
	char *list = xstrdup(folders), *save = NULL;

	for (char *one = strtok_r(list, ":", &save); one != NULL; one = strtok_r(NULL, ":", &save))
		scan(search, one, is_library, add_library);
	free(list);
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

static void
find_programs(const struct search *search)
{
	static const char *const names[] = {"nvidia-smi", "nvidia-debugdump", "nvidia-persistenced",
					    "nvidia-cuda-mps-control", "nvidia-cuda-mps-server"};
	static const char *const folders[] = {"/usr/bin", "/usr/sbin", "/bin", "/sbin"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		for (size_t j = 0; j < sizeof(folders) / sizeof(*folders); j++) {
			char *path = xprintf("%s/%s", folders[j], names[i]);
			int fd = open_in_root(search, path);

			free(path);
			if (fd < 0)
				continue;
			add_file(search->out, fd, xprintf("/usr/bin/%s", names[i]), false);
			close(fd);
		}
	}
}

static void
find_firmware(const struct search *search)
{
	static const char *const folders[] = {"/lib/firmware/nvidia", "/usr/lib/firmware/nvidia"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		char *folder = xprintf("%s/%s", folders[i], search->version);

		scan(search, folder, is_firmware, add_firmware);
		free(folder);
	}
}

static void
find_sockets(const struct search *search)
{
	static const char *const paths[] = {"/run/nvidia-persistenced/socket", "/run/nvidia-fabricmanager/socket",
					    "/tmp/nvidia-mps"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int fd = open_in_root(search, paths[i]);

		if (fd < 0)
			continue;
		add_file(search->out, fd, xstrdup(paths[i]), true);
		close(fd);
	}
}

static bool
has_file(const struct driver *driver, const char *container_path)
{
	for (size_t i = 0; i < driver->count; i++)
		if (strcmp(driver->files[i].container_path, container_path) == 0)
			return true;
	return false;
}

int
driver_find(const char *root, const char *libraries, const char *version, struct driver *out, struct err *err)
{
	struct search search = {root, open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), version, out};

	*out = (struct driver){0};
	if (search.fd < 0)
		return err_set(err, CODE_DRIVER_MISSING, "%s: %s", root, err_errno(errno));
	find_libraries(&search, libraries != NULL ? libraries : default_folders);
	find_programs(&search);
	find_firmware(&search);
	find_sockets(&search);
	close(search.fd);
	if (has_file(out, DRIVER_LIBRARIES "/libcuda.so.1"))
		return 0;
	return err_set(err, CODE_DRIVER_MISSING, "libcuda.so.%s: not below %s in %s", version, root,
		       libraries != NULL ? libraries : default_folders);
}

void
driver_free(struct driver *driver)
{
	for (size_t i = 0; i < driver->count; i++) {
		free(driver->files[i].host_path);
		free(driver->files[i].container_path);
	}
	free(driver->files);
	*driver = (struct driver){0};
}
