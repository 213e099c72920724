/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_OCI_STATE_H
#define SPEC_OCI_STATE_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"

/*
 * The container state that a runtime writes on a hook's standard input (OCI runtime-spec 1.x, "State"), in the form
 * that a createRuntime hook gets it: the container exists and its program does not run.
 */

#define OCI_STATE_SIZE_MAX (4 << 20)
#define OCI_ID_MAX 128

struct oci_pair {
	const char *name, *value;
};

struct oci_annotations {
	struct oci_pair *pairs;
	size_t count;
};

struct oci_state {
	const char *version; /* "1.2.0", "1.0.2-dev"; crun says "1.0" */
	const char *id;      /* 1 to OCI_ID_MAX of A-Z a-z 0-9 _ . + - */
	const char *status;  /* "creating" (runc) or "created" (crun) */
	/* absolute, no dot-dot part, no control character; "/" from crun before 1.27 in user namespaces */
	const char *bundle;
	pid_t pid;           /* 2 to 2^22 (PID_MAX_LIMIT of Linux) */
	struct oci_annotations annotations;
	struct json *json;   /* holds the texts */
};

/* 0, or -1 with CODE_STATE and *state empty. Members of other names are ignored; their case counts. */
int oci_state_parse(struct bytes text, struct oci_state *state, struct err *err);
void oci_state_free(struct oci_state *state);

/* The annotation of that exact name, or NULL. */
const char *oci_annotation(const struct oci_annotations *annotations, const char *name);

/* An object of strings or nothing (NULL, null). Fails with code 0. oci_config shares both. */
int oci_annotations_parse(const struct json *object, struct oci_annotations *out, struct err *err);
/* An id as in struct oci_state: it can be the name of a file. */
bool oci_id_known(const char *id);
/* "1." and digits, then what a version may have after it. */
bool oci_version_known(const char *version);

#endif
