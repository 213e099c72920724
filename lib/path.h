/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PATH_H
#define LIB_PATH_H

#include <stdbool.h>

/* Paths as text; nothing is opened. */

/* Absolute, without empty, dot and dot-dot parts; relative ones start at base. New memory. */
char *path_clean(const char *base, const char *path);
/* A cleaned path is folder or lies below it. */
bool path_below(const char *path, const char *folder);

#endif
