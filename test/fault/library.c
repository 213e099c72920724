/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into the programs under test in front of the C library: lets the n-th call of one kind fail. Needs glibc,
 * whose allocator has second names.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "test/fault/control.h"

#pragma GCC visibility push(default)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
int open64(const char *path, int flags, ...);
int openat64(int folder, const char *path, int flags, ...);

static struct fault_control *control;

/* The calls below are made without the C library's functions, which would be counted. */
__attribute__((constructor)) static void
find_control(void)
{
	struct fault_control *map;
	char path[4096];
	Dl_info self;
	int fd;

	if (dladdr(__extension__(void *) find_control, &self) == 0)
		return;
	snprintf(path, sizeof(path), "%s.control", self.dli_fname);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED && strcmp(map->program, program_invocation_short_name) == 0)
		control = map;
}

static bool
fails(enum fault_kind kind)
{
	if (control == NULL || control->kind != kind || ++control->count != control->fail_at)
		return false;
	errno = control->number;
	return true;
}

void *
malloc(size_t size)
{
	return fails(FAULT_ALLOC) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails(FAULT_ALLOC) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return fails(FAULT_ALLOC) ? NULL : __libc_realloc(old, size);
}

#define MODE(flags)                                                                                                    \
	({                                                                                                             \
		va_list args_;                                                                                         \
		int mode_ = 0;                                                                                         \
		if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                               \
			va_start(args_, flags);                                                                        \
			mode_ = va_arg(args_, int);                                                                    \
			va_end(args_);                                                                                 \
		}                                                                                                      \
		mode_;                                                                                                 \
	})

int
open(const char *path, int flags, ...)
{
	return fails(FAULT_OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, MODE(flags));
}

int
open64(const char *path, int flags, ...)
{
	return fails(FAULT_OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, MODE(flags));
}

int
openat(int folder, const char *path, int flags, ...)
{
	return fails(FAULT_OPEN) ? -1 : (int)syscall(SYS_openat, folder, path, flags, MODE(flags));
}

int
openat64(int folder, const char *path, int flags, ...)
{
	return fails(FAULT_OPEN) ? -1 : (int)syscall(SYS_openat, folder, path, flags, MODE(flags));
}

ssize_t
read(int fd, void *data, size_t size)
{
	return fails(FAULT_READ) ? -1 : syscall(SYS_read, fd, data, size);
}

ssize_t
pread(int fd, void *data, size_t size, off_t offset)
{
	return fails(FAULT_READ) ? -1 : syscall(SYS_pread64, fd, data, size, offset);
}

ssize_t
write(int fd, const void *data, size_t size)
{
	return fails(FAULT_WRITE) ? -1 : syscall(SYS_write, fd, data, size);
}

int
poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return fails(FAULT_POLL) ? -1 : (int)syscall(SYS_poll, fds, count, timeout);
}

ssize_t
getrandom(void *data, size_t size, unsigned flags)
{
	return fails(FAULT_RANDOM) ? -1 : syscall(SYS_getrandom, data, size, flags);
}

pid_t
fork(void)
{
	static pid_t (*next)(void);

	if (fails(FAULT_FORK))
		return -1;
	if (next == NULL)
		next = __extension__(pid_t(*)(void)) dlsym(RTLD_NEXT, "fork");
	return next();
}

/* A wrapper must not return from the real one, whose child would return from it too. */
pid_t
vfork(void)
{
	return fork();
}
