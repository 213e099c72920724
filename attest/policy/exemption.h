/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_POLICY_EXEMPTION_H
#define ATTEST_POLICY_EXEMPTION_H

#include "attest/policy/conf.h"

/*
 * Which containers the policy lets start without attestation: [exempt] entries of the configuration (every value given
 * must match, and the bundle must lie below bundle-root, where only the CRI engine writes: anybody can set a namespace
 * annotation on a container of their own), privileged ones where privileged = allow, and those that start before the
 * driver where before-driver = allow. Annotations never exempt.
 */
struct exemption_request {
	const char *namespace, *image_id, *bundle; /* NULL = not known */
	bool privileged;
	bool before_driver; /* there is no driver yet that could attest what the container will reach */
	bool observing;     /* mode = observe is in force */
};

enum exemption { EXEMPTION_NONE, EXEMPTION_GATE, EXEMPTION_ALLOW, EXEMPTION_DENY };

/* ALLOW sets *why (owned, for log and audit); DENY sets err. */
enum exemption
exemption_find(const struct conf *conf, const struct exemption_request *request, char **why, struct err *err);

#endif
