/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_CDI_SPEC_H
#define SPEC_CDI_SPEC_H

#include <stdbool.h>

#include "lib/json.h"

/*
 * A specification of the Container Device Interface, up to version 1.1.0, as strict as the engines' own loader and a
 * little more: a member that no version knows, of another type or spelled in other case refuses the file, because an
 * engine may read it in another way than we do. Text that begins with '{' is JSON, other text is YAML (lib/yaml.h).
 */

#define CDI_SIZE_MAX (1 << 20)

enum cdi_format { CDI_YAML, CDI_JSON };

struct cdi_texts {
	const char **at;
	size_t count;
};

struct cdi_node {
	const char *path, *host_path; /* host_path is path where it is absent */
	bool numbered;                /* major and minor are given */
	int64_t major, minor;
};

struct cdi_mount {
	const char *host_path, *container_path, *type; /* type: NULL if absent */
};

struct cdi_hook {
	const char *stage, *path;
	struct cdi_texts args, env;
	int64_t timeout; /* seconds; INT64_MAX if absent */
	const struct json *json;
};

struct cdi_edits {
	struct cdi_texts env;
	struct cdi_node *nodes;
	struct cdi_mount *mounts;
	struct cdi_hook *hooks;
	size_t node_count, mount_count, hook_count;
};

struct cdi_device {
	const char *name;
	struct cdi_edits edits;
};

struct cdi_spec {
	struct json *json; /* everything below points into it */
	enum cdi_format format;
	const char *version; /* as stated */
	const char *lowest;  /* the lowest that has all members used */
	const char *kind;    /* "vendor/class" */
	struct cdi_edits edits;
	struct cdi_device *devices;
	size_t device_count;
};

/* -1 with CODE_CDI_SPEC. cdi_spec_free takes what failed, too. */
int cdi_spec_parse(struct bytes text, struct cdi_spec *out, struct err *err);
void cdi_spec_free(struct cdi_spec *spec);

/* Whether the stated version is below what the members need: newer loaders refuse such a file, older ones take it. */
bool cdi_spec_understated(const struct cdi_spec *spec);

/* Whether the vendor part of a kind is this domain or one below it. */
bool cdi_kind_is_of(const char *kind, const char *domain);
/* "vendor/class", as the loader wants it. */
bool cdi_kind_valid(const char *kind);

/* The text of a whole specification, in new memory. */
char *cdi_spec_print(const struct json *root, enum cdi_format format);

#endif
