/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CAPS_H
#define LIB_CAPS_H

#include <stdbool.h>

#include "lib/err.h"

/*
 * Capabilities (capabilities(7)) of this process. Errors carry CODE_WORKER. A process in whose effective set
 * CAP_SETPCAP is missing cannot change its bounding set and securebits; it keeps them, and what they allow is then
 * barred by no_new_privs alone.
 */

/*
 * Before a change of ids: nothing can be gained any more. Ambient and bounding sets empty; securebits locked: uid 0
 * gives no capabilities at exec, and a change of ids takes none away (caps_drop does).
 */
int caps_seal(struct err *err);

/* Whether a capability is in the effective set. */
bool caps_has(int cap);

/* Effective, permitted, inheritable and ambient sets empty, and seen to be so. */
int caps_drop(struct err *err);

/*
 * Exactly the listed ones (CAP_* of linux/capability.h) stay: in the effective, the permitted and the bounding set, so
 * that a program started by this one has no more either. An error if one of them is not permitted now.
 */
int caps_keep(const int *keep, unsigned count, struct err *err);

#endif
