/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_GATE_H
#define CDI_GATE_H

#include "spec/cdi_spec.h"

/*
 * The gate in a CDI specification: the call of our hook in the edits of the whole file, which engines apply for each of
 * its devices, and the variable that tells a program where its result is. A call is ours if its program is named like
 * the hook, wherever it lies; it gates if it is exactly the call that the hook of this installation takes for one.
 */

/* Whether one of these hooks gates. */
bool gate_in(const struct cdi_edits *edits);
/* Whether this device of the specification is gated. */
bool gate_covers(const struct cdi_spec *spec, const struct cdi_device *device);

/*
 * The text of the specification with the gate as the first of its hooks, calls of ours that stood there replaced, at
 * the lowest version that has all members used; everything else as it was. Its own output comes out unchanged. -1 with
 * CODE_CDI_SPEC if a device calls the hook by itself: both calls would run.
 */
int gate_put(const struct cdi_spec *spec, enum cdi_format format, char **out, struct err *err);

#endif
