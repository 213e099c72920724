/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_HOST_H
#define HOOK_HOST_H

#include "hook/decision.h"

/* The answers of the real host: /proc/devices read once here, the rest by O_PATH and sysfs when the decision asks. */

struct host {
	dev_t devtmpfs; /* of /dev, 0 if that is no file system of its own */
};

/* answers->context points to host. Fails with CODE_INTERNAL. */
int host_open(struct host *host, struct decision_host *answers, struct err *err);

#endif
