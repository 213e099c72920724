/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_URL_H
#define LIB_URL_H

#include <stdbool.h>

#include "lib/err.h"

/*
 * A configured address, judged before anything is asked: https with host, optional port and path, no user, query or
 * fragment, no percent escapes, control or non-ASCII characters, no empty, "." or ".." segments; http where plain is
 * true or the host is a loopback address. -1 with CODE_USAGE.
 */
int url_check(const char *url, bool plain, struct err *err);
/* "https://host:port", lower case, with the scheme's port where none is given, in new memory; url passed url_check. */
char *url_origin(const char *url);
bool url_is_plain(const char *url);
/* base and path with exactly one slash between; new memory. */
char *url_join(const char *base, const char *path);

#endif
