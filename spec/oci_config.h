/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_OCI_CONFIG_H
#define SPEC_OCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "spec/oci_state.h"

/*
 * The container's config.json (OCI runtime-spec 1.x) as far as the gate judges it. Members that are absent or null are
 * absent here; any other type than the specification's is an error.
 */

#define OCI_CONFIG_SIZE_MAX (16 << 20)
#define OCI_ANY (-1) /* of a rule's major or minor: absent, or -1 as Go programs write it */

enum oci_stage {
	OCI_PRESTART,
	OCI_CREATE_RUNTIME,
	OCI_CREATE_CONTAINER,
	OCI_START_CONTAINER,
	OCI_POSTSTART,
	OCI_POSTSTOP,
};

struct oci_texts {
	const char **at;
	size_t count;
};

struct oci_hook {
	enum oci_stage stage;
	const char *path;
	struct oci_texts args, env;
	int64_t timeout; /* seconds; INT64_MAX if absent */
};

struct oci_mount {
	const char *destination;
	const char *type, *source; /* NULL if absent */
	struct oci_texts options;
};

/* linux.devices: type c, u (both character), b or p. Numbers as Linux has them: major 12 bits, minor 20; 0 for p. */
struct oci_device {
	char type;
	const char *path;
	int64_t major, minor;
};

/* linux.resources.devices, in order: type a (also if absent), b, c. Access absent = rwm. */
struct oci_rule {
	bool allow;
	char type;
	int64_t major, minor; /* or OCI_ANY */
	bool read, write, mknod;
};

struct oci_mapping {
	uint32_t container, host, size;
};

struct oci_mappings {
	struct oci_mapping *at;
	size_t count;
};

struct oci_config {
	const char *version;
	const char *root_path;      /* NULL without root; relative = to the bundle */
	uint32_t uid, gid;          /* of the process */
	uint64_t capabilities;      /* of any set, bit N is capability N of capabilities(7); all if nothing is said */
	struct oci_texts env;       /* NAME=VALUE of the process; anybody's who made the image */
	struct oci_mount *mounts;
	size_t mount_count;
	struct oci_hook *hooks;     /* by stage, in order */
	size_t hook_count;
	struct oci_annotations annotations;
	struct oci_device *devices;
	size_t device_count;
	struct oci_rule *rules;     /* NULL if the list is absent */
	size_t rule_count;
	bool mount_namespace;       /* listed in linux.namespaces, new or by path */
	bool user_namespace;        /* a new one; one by path may be the host's and does not count */
	const char *user_namespace_path; /* NULL if new or none */
	struct oci_mappings uid_mappings, gid_mappings;
	const char *mount_label;        /* NULL if absent */
	struct oci_texts covered;       /* linux.maskedPaths and readonlyPaths */
	bool has_vm;
	const char *device_like;    /* unknown member below linux that looks as if it grants devices, or NULL */
	struct json *json;          /* holds the texts */
};

/* 0, or -1 with CODE_CONFIG and *config empty. */
int oci_config_parse(struct bytes text, struct oci_config *config, struct err *err);
void oci_config_free(struct oci_config *config);

#endif
