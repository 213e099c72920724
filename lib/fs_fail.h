/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_FS_FAIL_H
#define LIB_FS_FAIL_H

#include <errno.h>

#include "lib/err.h"

/* For lib/fs*.c: sets err, leaves errno at number, is -1. */
#define fail(err, number, ...)                                                                                         \
	({                                                                                                             \
		int number_ = (number);                                                                                \
		err_set(err, 0, __VA_ARGS__);                                                                          \
		errno = number_;                                                                                       \
		-1;                                                                                                    \
	})

#endif
