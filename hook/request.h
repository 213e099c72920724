/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_REQUEST_H
#define HOOK_REQUEST_H

#include "hook/decision.h"

/* What a container was found to reach so far; the parts of the decision fill it, each for one kind of way. */

struct request {
	const struct decision_host *host;
	const struct oci_config *config;
	const char *bundle;
	struct decision *out;
	bool wanted;
	bool guessed; /* the node that is judged was not seen: drm nodes, which other vendors have, do not count */
	char raw[256];      /* first VFIO device or memory, or empty: nobody can vouch for a GPU below them */
	char conflict[256]; /* first mount over the token directory, or empty */
};

/* Reached: something that names no GPU (uvm, control nodes), GPU number minor, or what may be any GPU. */
void request_any(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
void request_minor(struct request *request, int64_t minor, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void request_all(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whatever GPU is there, or will be once the driver has come; nothing where there is none. */
void request_open(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
void request_raw(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The driver is there, or it could come for a GPU that is there. What an open rule or directory brings rests on it. */
bool request_may_reach(const struct request *request);
/* The process has a capability that counts on the host: not in a user namespace. */
bool request_can(const struct request *request, int capability);
/* The process can write what root alone may, or become a user who can. */
bool request_is_root(const struct request *request);

/*
 * A character device that is there for the container to open: if the rules let it; in any case; and as a VFIO device.
 */
void request_device(struct request *request, int64_t major, int64_t minor, const char *where);
void request_given(struct request *request, int64_t major, int64_t minor, const char *where);
void request_vfio(struct request *request, int64_t major, int64_t minor, const char *where);

/*
 * By device rules (request_rules.c): whether they let the container open a device; everything that they let it open,
 * for who finds or makes any node; whether that is more than was found already.
 */
bool request_opens(const struct request *request, int64_t major, int64_t minor);
void request_opened(struct request *request, const char *where);
bool request_opens_more(const struct request *request);

/* By mounts and the image (request_mounts.c), and by what hooks will add (request_hooks.c). */
void request_mounts(struct request *request);
void request_image(struct request *request);
void request_hooks(struct request *request);

#endif
