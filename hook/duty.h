/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_DUTY_H
#define HOOK_DUTY_H

#include <stdbool.h>

#include "hook/stage.h"
#include "spec/oci_config.h"

/*
 * Which of a container's calls of the hook attests. The runtime runs every call of config.json, in whatever order, and
 * each call reads the same file, so all of them come to the same answer without a word between them.
 */

/*
 * Whether this call must attest. Well-formed entries: stage createRuntime, our program, arguments and timeout as
 * spec/gate_call.h has them.
 *  - A call of hooks.d need not if a well-formed entry stands: that one attests, or names one that does.
 *  - A call of CDI need not if its ID stands once among the well-formed entries, and a lesser one stands there too.
 */
bool duty_is_ours(const struct oci_config *config, const struct stage *stage);

#endif
