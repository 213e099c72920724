/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_START_H
#define HOOK_START_H

#include "lib/err.h"

/*
 * Makes the process independent of whoever started it: fds 0 to 2 open, the rest closed, no environment, "/" as working
 * directory, umask 077, empty signal mask and default dispositions (crun starts hooks with every signal blocked), no
 * core file, no tracing, no gain of privilege by exec. Only SIGPIPE stays ignored, so that a closed stderr cannot
 * replace the exit code. -1 with CODE_START. Has to be the first call of main.
 */
int start_clean(struct err *err);

#endif
