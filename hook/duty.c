/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/duty.h"

#include <string.h>

#include "config.h"
#include "spec/gate_call.h"

bool
duty_is_ours(const struct oci_config *config, const struct stage *stage)
{
	const char *least = NULL;
	unsigned same = 0;
	bool stands = false;

	for (size_t i = 0; i < config->hook_count; i++) {
		const struct oci_hook *hook = &config->hooks[i];
		const char *id;
		enum gate_call_form form = gate_call_form(hook->args.at, hook->args.count, hook->timeout, &id);

		if (form == GATE_CALL_NONE || hook->stage != OCI_CREATE_RUNTIME || strcmp(hook->path, PATH_HOOK) != 0)
			continue;
		stands = true;
		if (form == GATE_CALL_OLD)
			continue;
		if (least == NULL || strcmp(id, least) < 0)
			least = id;
		same += stage->gate_id != NULL && strcmp(id, stage->gate_id) == 0;
	}
	if (!stage->cdi)
		return !stands;
	return same != 1 || strcmp(stage->gate_id, least) == 0;
}
