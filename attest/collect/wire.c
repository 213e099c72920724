/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collect/wire.h"

#include <string.h>

#include "lib/frame.h"

void
collect_put_states(struct buf *payload, const struct collect_states *states)
{
	frame_put_u32(payload, states->cpu_caps);
	frame_put_u32(payload, states->gpu_caps);
	frame_put_u32(payload, states->environment);
	frame_put_u32(payload, states->cc_feature);
	frame_put_u32(payload, states->devtools);
	frame_put_u32(payload, states->multi_gpu);
	frame_put_u32(payload, states->ready);
	frame_put_u32(payload, states->gpus);
	frame_put_u32(payload, states->lost);
	frame_put_u32(payload, states->missing);
	frame_put_text(payload, states->driver_version);
	frame_put_text(payload, states->missing_names);
}

/* Into an array of size bytes, NUL included. */
static bool
get_text(struct cursor *payload, char *out, size_t size)
{
	struct bytes text;

	if (!frame_get_field(payload, &text) || text.size >= size)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return false;
	}
	if (text.size > 0)
		memcpy(out, text.data, text.size);
	out[text.size] = '\0';
	return true;
}

int
collect_get_states(struct bytes payload, struct collect_states *states, struct err *err)
{
	struct cursor at = cursor_of(payload);

	if (!frame_get_u32(&at, &states->cpu_caps) || !frame_get_u32(&at, &states->gpu_caps) ||
	    !frame_get_u32(&at, &states->environment) || !frame_get_u32(&at, &states->cc_feature) ||
	    !frame_get_u32(&at, &states->devtools) || !frame_get_u32(&at, &states->multi_gpu) ||
	    !frame_get_u32(&at, &states->ready) || !frame_get_u32(&at, &states->gpus) ||
	    !frame_get_u32(&at, &states->lost) || !frame_get_u32(&at, &states->missing) ||
	    !get_text(&at, states->driver_version, sizeof(states->driver_version)) ||
	    !get_text(&at, states->missing_names, sizeof(states->missing_names)) || at.left != 0)
		return err_set(err, 0, "states: %zu bytes do not have their form", payload.size);
	if (states->gpus == 0 || states->gpus > GPU_MAX)
		return err_set(err, 0, "states: %u GPUs, want 1 to %d", states->gpus, GPU_MAX);
	if (states->lost > states->missing || (states->missing > 0) != (states->missing_names[0] != '\0'))
		return err_set(err, 0, "states: %u GPUs lost, %u missing, named '%s'", states->lost, states->missing,
			       states->missing_names);
	return 0;
}

void
collect_put_identity(struct buf *payload, const struct collect_identity *identity)
{
	frame_put_text(payload, identity->uuid);
	frame_put_text(payload, identity->pci);
	frame_put_u32(payload, identity->minor);
	frame_put_u32(payload, identity->architecture);
	frame_put_u32(payload, identity->persistence);
	frame_put_text(payload, identity->vbios_version);
}

int
collect_get_identity(struct bytes payload, struct collect_identity *identity, struct err *err)
{
	struct cursor at = cursor_of(payload);

	if (!get_text(&at, identity->uuid, sizeof(identity->uuid)) ||
	    !get_text(&at, identity->pci, sizeof(identity->pci)) || !frame_get_u32(&at, &identity->minor) ||
	    !frame_get_u32(&at, &identity->architecture) || !frame_get_u32(&at, &identity->persistence) ||
	    !get_text(&at, identity->vbios_version, sizeof(identity->vbios_version)) || at.left != 0)
		return err_set(err, 0, "identity: %zu bytes do not have their form", payload.size);
	return 0;
}
