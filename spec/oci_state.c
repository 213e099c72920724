/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/oci_state.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/code.h"

#define PID_LIMIT (1 << 22)
#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* Pod annotations alone may have 256 KiB, and CRI-O repeats them as one string. */
static const struct json_limits limits = {OCI_STATE_SIZE_MAX, 1 << 20, 32, 16384};

const char *
oci_annotation(const struct oci_annotations *annotations, const char *name)
{
	for (size_t i = 0; i < annotations->count; i++) {
		if (strcmp(annotations->pairs[i].name, name) == 0)
			return annotations->pairs[i].value;
	}
	return NULL;
}

int
oci_annotations_parse(const struct json *object, struct oci_annotations *out, struct err *err)
{
	size_t count = json_count(object);

	if (object == NULL || json_type(object) == JSON_NULL)
		return 0;
	if (json_type(object) != JSON_OBJECT)
		return err_set(err, 0, "annotations: is no object");
	out->pairs = xcalloc(count, sizeof(*out->pairs));
	for (size_t i = 0; i < count; i++) {
		struct bytes name = json_name(object, i);
		const char *value = json_text(json_at(object, i));

		if (memchr(name.data, '\0', name.size) != NULL || value == NULL)
			return err_set(err, 0, "annotations[%zu]: is no text, or contains NUL", i);
		out->pairs[out->count++] = (struct oci_pair){(const char *)name.data, value};
	}
	return 0;
}

bool
oci_version_known(const char *version)
{
	size_t minor;

	if (strncmp(version, "1.", 2) != 0)
		return false;
	minor = strspn(version + 2, DIGITS);
	version += 2 + minor;
	return minor > 0 && (*version == '\0' || strchr(".-+", *version) != NULL) && strlen(version) < 64 &&
	       version[strspn(version, DIGITS LETTERS ".-+")] == '\0';
}

bool
oci_id_known(const char *id)
{
	size_t size = strlen(id);

	return size > 0 && size <= OCI_ID_MAX && strspn(id, DIGITS LETTERS "_.+-") == size && strcmp(id, ".") != 0 &&
	       strcmp(id, "..") != 0;
}

static bool
is_bundle(const char *path)
{
	size_t part;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return false;
	for (const char *at = path; *at != '\0'; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return false;
	}
	for (const char *at = path; *at != '\0'; at += part) {
		at += strspn(at, "/");
		part = strcspn(at, "/");
		if (part == 2 && at[0] == '.' && at[1] == '.')
			return false;
	}
	return true;
}

static int
take_text(const struct json *root, const char *name, const char **out, struct err *err)
{
	*out = json_text(json_get(root, name));
	return *out != NULL ? 0 : err_set(err, 0, "%s: is missing, no text, or contains NUL", name);
}

static int
read_state(struct oci_state *state, struct err *err)
{
	const struct json *root = state->json;
	int64_t pid;

	if (json_type(root) != JSON_OBJECT)
		return err_set(err, 0, "is no object");
	if (take_text(root, "ociVersion", &state->version, err) < 0 || take_text(root, "id", &state->id, err) < 0 ||
	    take_text(root, "status", &state->status, err) < 0 || take_text(root, "bundle", &state->bundle, err) < 0)
		return -1;
	if (!oci_version_known(state->version))
		return err_set(err, 0, "ociVersion: is '%.64s', known is 1.x", state->version);
	if (!oci_id_known(state->id))
		return err_set(err, 0, "id: is '%.128s', want 1 to %d of A-Z a-z 0-9 _ . + -", state->id, OCI_ID_MAX);
	if (strcmp(state->status, "creating") != 0 && strcmp(state->status, "created") != 0)
		return err_set(err, 0, "status: is '%.64s', want creating or created", state->status);
	if (!is_bundle(state->bundle))
		return err_set(err, 0,
			       "bundle: is '%.256s', want an absolute path without dot-dot or control character",
			       state->bundle);
	if (!json_integer(json_get(root, "pid"), 2, PID_LIMIT, &pid))
		return err_set(err, 0, "pid: is missing or no integer from 2 to %d", PID_LIMIT);
	state->pid = (pid_t)pid;
	return oci_annotations_parse(json_get(root, "annotations"), &state->annotations, err);
}

int
oci_state_parse(struct bytes text, struct oci_state *state, struct err *err)
{
	*state = (struct oci_state){0};
	state->json = json_read(text, &limits, err);
	if (state->json == NULL || read_state(state, err) < 0) {
		oci_state_free(state);
		return err_wrap(err, CODE_STATE, "container state");
	}
	return 0;
}

void
oci_state_free(struct oci_state *state)
{
	free(state->annotations.pairs);
	json_free(state->json);
	*state = (struct oci_state){0};
}
