/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_HOOK_CONFIG_H
#define SPEC_HOOK_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"

/*
 * A definition in a hooks directory of podman and CRI-O, schema 1.0.0 (oci-hooks(5)), as far as it tells whether a
 * program is called for every container. Members that are not named here are passed over, as the engines do.
 */

#define HOOK_CONFIG_SIZE_MAX (64 << 10)

/*
 * How long our hook takes at most. It ends by itself before the timeout of its definition: at that the runtime kills
 * it, and nobody learns why.
 */
#define HOOK_DEADLINE_MS 25000

struct hook_config {
	const char *path;        /* of the program, absolute or not */
	const struct json *args; /* array of texts; NULL if absent */
	int64_t timeout;         /* seconds, 0 = none */
	bool always;             /* for every container: no condition besides */
	bool create_runtime;     /* at createRuntime, or at prestart, which engines take for the same */
	const char *other_stage; /* the last one besides; NULL = none */
	struct json *json;       /* holds the texts */
};

/* -1 with code 0; the caller names the file. hook_config_free takes what failed, too. */
int hook_config_parse(struct bytes text, struct hook_config *out, struct err *err);
void hook_config_free(struct hook_config *config);

#endif
