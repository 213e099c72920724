/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_GENERATE_H
#define CDI_GENERATE_H

#include "cdi/driver.h"
#include "cdi/facts.h"
#include "spec/cdi_spec.h"

/*
 * A gated specification for the GPUs of this machine. It has no hook but the gate's: nothing runs in the container's
 * namespaces before its process does, where a library of the image could be loaded (the class of CVE-2025-23266).
 */

#define GENERATE_KIND "nvidia.com/gpu"

struct generate_machine {
	const struct json *status; /* what `cgpu status --format json` printed */
	const struct facts *facts;
	const struct driver *driver;
	const char *root; /* of /proc/driver/nvidia/capabilities: "" but in tests */
};

/* What status says of GPUs that are missing, for a person; NULL: none is. */
const char *generate_missing(const struct json *status);
/* Driver version and GPUs of status are usable. -1 with the code that status tells, or with one of driver and device.
 */
int generate_check_status(const struct json *status, const char **version, struct err *err);
/* The text, in new memory. target: where it is going to be written, NULL = not known. */
int generate_spec(const struct generate_machine *machine, const char *kind, const char *target, enum cdi_format format,
		  char **out, struct err *err);

#endif
