/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_GATE_H
#define CDI_GATE_H

#include "spec/cdi_spec.h"
#include "spec/gate_call.h"

/*
 * The gate in a CDI specification: the call of our hook in the edits of the whole file, which engines apply for each of
 * its devices, and the variable that tells a program where its result is. A call is ours if its program is named like
 * the hook, wherever it lies. It gates if the hook of this installation takes it for a well-formed one
 * (spec/gate_call.h) and it has an environment: an empty one may get lost on the way, and then means the caller's.
 *
 * The ID tells the calls of several specifications in one container apart, so that only one of them attests.
 */

/* The best of these hooks: GATE_CALL_NONE means that none gates. *id: points into the edits; id may be NULL. */
enum gate_call_form gate_form(const struct cdi_edits *edits, const char **id);
/* Whether this device of the specification is gated. */
bool gate_covers(const struct cdi_spec *spec, const struct cdi_device *device);

/*
 * The ID for a specification that is to be written to target (NULL = not known): that of the file which is there, else
 * the specification's own, else a new one.
 */
void gate_choose_id(const struct cdi_spec *spec, const char *target, char id[GATE_CALL_ID_SIZE]);

/*
 * The text of the specification with the gate as the first of its hooks, calls of ours that stood there replaced, at
 * the lowest version that has all members used; everything else as it was. Its own output comes out unchanged. id: 32
 * hexadecimal digits. -1 with CODE_CDI_SPEC if a device calls the hook by itself: both calls would run.
 */
int gate_put(const struct cdi_spec *spec, const char *id, enum cdi_format format, char **out, struct err *err);

/*
 * The text without any call of the hook and without its variable; everything else as gate_put leaves it. -1 with
 * CODE_CDI_SPEC if one of the calls is none that a version of cgpu-cdi wrote.
 */
int gate_take(const struct cdi_spec *spec, enum cdi_format format, char **out, struct err *err);
/* Whether any hook of the specification is ours, gating or not. */
bool gate_is_called(const struct cdi_spec *spec);

/*
 * Whether text, a specification in either form, reads as meant, JSON without spaces, and is gated as its file should
 * be. -1 with CODE_INTERNAL, or CODE_CDI_SPEC if it cannot be read.
 */
int gate_check_text(const char *text, const char *meant, bool gated, struct err *err);

#endif
