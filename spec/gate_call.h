/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_GATE_CALL_H
#define SPEC_GATE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The call of the hook that a gated CDI specification adds to a container: exactly "cgpu-hook", "createRuntime",
 * "--cdi=ID". ID: 128 random bits of the file as 32 lowercase hexadecimal digits. Files that an earlier version gated
 * have "--cdi" alone.
 * cgpu-cdi writes such calls, and the hook finds them in config.json; both must take the same ones for one.
 */

#define GATE_CALL_ID_SIZE 33 /* with the NUL */
#define GATE_CALL_TIMEOUT 30 /* seconds; as in the hook definition */

enum gate_call_form {
	GATE_CALL_NONE, /* another call: nothing may rely on it */
	GATE_CALL_OLD, /* without an ID */
	GATE_CALL_NAMED,
};

/*
 * timeout: seconds, INT64_MAX where none is set; a shorter one than ours could end the hook before it decided. *id
 * points into args for GATE_CALL_NAMED and is NULL otherwise.
 */
enum gate_call_form gate_call_form(const char *const *args, size_t count, int64_t timeout, const char **id);

/* One argument: "--cdi" or "--cdi=TEXT", whatever TEXT is. *id: TEXT, or NULL without one. */
bool gate_call_is_option(const char *argument, const char **id);

#endif
