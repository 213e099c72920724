/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_PRIVILEGE_H
#define HOOK_PRIVILEGE_H

#include <stdbool.h>

#include "lib/err.h"

/*
 * What the hook may do. At the start it gives up the capabilities that neither it nor `cgpu attest` needs; no_new_privs
 * keeps the latter from getting them back by exec. Once that runs, its answer is read, the result attached and the log
 * written with what attaching takes, under a seccomp allow-list that kills.
 */

/* decides: what the kernel's device rules are asked with (hook/device_rules.h) is kept too. -1 with CODE_START. */
int privilege_reduce(bool decides, struct err *err);
/* may_kill: of any user, which attaching does not take. -1 with CODE_INTERNAL. */
int privilege_confine(bool may_kill, struct err *err);

#endif
