/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_POLICY_CONF_H
#define ATTEST_POLICY_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/json.h"

/*
 * cgpu.conf(5): PATH_SYSCONF/cgpu.conf, then cgpu.conf.d/ *.conf in the order of their names, later values win; INI
 * syntax by libinih. Every file must be trusted (lib/fs.h). Defaults are compiled in and strict; an unknown section,
 * key or value is an error with file, line and the nearest known key. No variable of the environment has a say.
 */

enum conf_privileged { PRIVILEGED_GATE, PRIVILEGED_DENY, PRIVILEGED_ALLOW };
enum conf_shared_pid { SHARED_PID_ALLOW, SHARED_PID_DENY };
enum conf_before_driver { BEFORE_DRIVER_REFUSE, BEFORE_DRIVER_ALLOW };
enum conf_ready { READY_REQUIRE, READY_REPORT, READY_MANAGE };
enum conf_audit { AUDIT_BEST_EFFORT, AUDIT_REQUIRED };
enum conf_verifier { VERIFIER_LOCAL, VERIFIER_REMOTE, VERIFIER_BOTH };
enum conf_refresh { REFRESH_REPORT, REFRESH_STOP };
enum conf_mode { MODE_ENFORCE, MODE_OBSERVE };
enum conf_rim_store { RIM_STORE_REMOTE, RIM_STORE_DIR };
enum conf_certid { CERTID_SHA1, CERTID_SHA384 }; /* in the order of enum revocation_hash */

#define CONF_LIST_MAX 32
#define CONF_EXEMPT_MAX 32
#define CONF_KEYS_MAX 64

struct conf_list {
	char *item[CONF_LIST_MAX];
	unsigned count;
};

/* [exempt NAME]: containers that start without attestation. Every value given must match; always audited. */
struct conf_exempt {
	char *name;
	char *namespace;   /* Kubernetes namespace */
	char *image_id;    /* whole image id or digest reference */
	char *bundle_root; /* the bundle must lie below it: only the CRI engine writes there */
	char *origin;      /* "FILE:LINE" of the last key that was set */
};

struct conf {
	char *nvml_library; /* "" = libnvidia-ml.so.1 in the usual directories below driver_root */
	char *driver_root;
	char *device_root, *rim_root; /* PEM or DER file; "" = NVIDIA's */
	char *rim_dir, *ocsp_dir;
	char *chain_dir;                  /* device chains that imported answers are about */
	int64_t rim_store;                /* the enums above, and so below */
	char *rim_url, *ocsp_url;         /* "" = never asked */
	int64_t ocsp_certid;
	char *cache_dir;                  /* "" = no cache on disk */
	int64_t cache_size;               /* MiB */
	char *ca_file, *proxy;
	int64_t connect_timeout, request_timeout; /* seconds */
	int64_t retries;
	char *service_key_file;           /* "" = none */
	struct conf_list service_key_origins; /* none = nras_url's, and NVIDIA's own */
	char *nras_url, *nras_issuer;     /* issuer "" = nras_url */
	char *key_set_file, *key_root;    /* pinned JWKS; anchor of its certificates; "" = none */
	int64_t verifier, mode;
	int64_t observe_until;            /* as the loosenings below */
	char *policy_file;                /* NVIDIA's JSON; "" = none */
	int64_t shared_pid;
	int64_t privileged, before_driver, ready, audit;
	char *min_driver_version, *min_vbios_version; /* "" = none */
	struct conf_list denied_driver_versions, denied_vbios_versions;
	struct conf_list hardware_models;           /* common names of certificate 1 allowed; none = all */
	int64_t gpu_count;                            /* 0 = any */
	int64_t ocsp_max_age;                         /* seconds */
	int64_t allow_ocsp_without_nonce;             /* loosenings: seconds since 1970 at which they end; 0 = off */
	int64_t allow_certificate_hold;
	int64_t deadline;       /* seconds for a whole run */
	int64_t token_lifetime; /* seconds */
	int64_t on_refresh_failure;
	char *worker_user;
	char *origin[CONF_KEYS_MAX]; /* by place in the table of keys: "FILE:LINE"; NULL = the default */
	struct conf_exempt exempt[CONF_EXEMPT_MAX];
	unsigned exempts;
};

/* The files of this installation. -1 with CODE_USAGE. */
int conf_load(struct conf *conf, struct err *err);
/* Defaults, then one text; name is used in messages only. */
int conf_parse(struct conf *conf, const char *name, struct bytes text, struct err *err);
void conf_defaults(struct conf *conf);
void conf_free(struct conf *conf);

/*
 * All keys with the values in force: INI text, or members of the open object. With origins, each line of the text
 * ends with "# FILE:LINE" or "# default", and the object has them as "origin" besides.
 */
char *conf_text(const struct conf *conf, bool origins);
void conf_json(const struct conf *conf, bool origins, struct json_out *out);
/*
 * What decides alone, in new memory: a line "SECTION.KEY = VALUE" for each key of policy or trust whose value is not
 * the default, one "exempt NAME.KEY = VALUE" for each key of an exemption, in the order of their bytes; "" = none.
 * Files are named by their paths.
 */
char *conf_deciding_text(const struct conf *conf);

/* mode = observe, and its end not yet come: what would be refused is started and told. */
bool conf_observes(const struct conf *conf, int64_t at);
/* "local", "remote", "both". */
const char *conf_verifier_name(const struct conf *conf);
/* One key by its section and name, as if it stood in a file (an option of the command line). -1 with CODE_USAGE. */
int conf_set(struct conf *conf, const char *section, const char *name, const char *value, struct err *err);
/* Names of the loosenings in force at a time, separated by commas, in new memory; "" = none. */
char *conf_loosenings(const struct conf *conf, int64_t at);
/*
 * Whether a root, a driver library, or what the remote verifier is believed on, where it has a say, is other than the
 * default.
 */
bool conf_custom_anchor(const struct conf *conf);

#endif
