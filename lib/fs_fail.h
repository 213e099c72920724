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

#endif
