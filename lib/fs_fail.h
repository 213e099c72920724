/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_FS_FAIL_H
#define LIB_FS_FAIL_H

#include <errno.h>

#include "lib/buf.h"
#include "lib/err.h"

/* For lib/fs*.c: sets err, leaves errno at number, is -1. */
#define fail(err, number, ...)                                                                                         \
	({                                                                                                             \
		int number_ = (number);                                                                                \
		err_set(err, 0, __VA_ARGS__);                                                                          \
		errno = number_;                                                                                       \
		-1;                                                                                                    \
	})

/* The whole of an open file (lib/fs.h), which is closed. */
int fs_read_named(int fd, const char *name, size_t max, struct buf *out, struct err *err);
/* A file that is the caller's alone, for locks: whoever else can open it could take them all. Made if missing. */
int fs_open_lock(int dir, const char *name, struct err *err);

#endif
