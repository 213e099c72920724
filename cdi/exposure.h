/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_EXPOSURE_H
#define CDI_EXPOSURE_H

#include "cdi/facts.h"
#include "spec/cdi_spec.h"

/*
 * Whether a CDI device can give a container NVIDIA's GPUs: by its vendor, by the numbers of its nodes, by what its
 * paths are and by what they are called. What cannot be told counts as a GPU: a gate too many refuses nobody, the hook
 * asks the kernel.
 */

bool exposure_of_device(const struct facts *facts, const struct cdi_spec *spec, const struct cdi_device *device);
/* Whether one of the devices does. */
bool exposure_of_spec(const struct facts *facts, const struct cdi_spec *spec);

#endif
