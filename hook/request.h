/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_REQUEST_H
#define HOOK_REQUEST_H

#include "hook/decision.h"

/* What a configuration asked for so far; the parts of the decision fill it, each from one section. */

struct request {
	const struct decision_host *host;
	struct decision *out;
	bool wanted;
	char raw[256];      /* first raw access to a PCI device or memory, or empty */
	char conflict[256]; /* first mount over the token directory, or empty */
};

/* Asked for: something that names no GPU (uvm, control nodes), GPU number minor, or what may be any GPU. */
void request_any(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
void request_minor(struct request *request, int64_t minor, const char *format, ...) __attribute__((format(printf, 3, 4)));
void request_all(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
void request_raw(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A character device by number; path as the configuration has it. False if the number is none of NVIDIA's. */
bool request_device(struct request *request, int64_t major, int64_t minor, const char *path, const char *where);
/* A path of the host that becomes visible in the container; cleaned. */
void request_path(struct request *request, const char *path, const char *where);
/* linux.resources.devices. */
void request_rules(struct request *request, const struct oci_config *config);

/* Names that NVIDIA's nodes have below /dev. */
bool path_is_nvidia_node(const char *path);

#endif
