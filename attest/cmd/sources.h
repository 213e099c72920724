/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_SOURCES_H
#define ATTEST_CMD_SOURCES_H

#include "attest/cmd/options.h"
#include "attest/policy/conf.h"

/*
 * Options that name verifier and sources of collateral as nvattest does: each stands for the key of the same name in
 * cgpu.conf.
 */
#define SOURCE_OPTIONS                                                                                                 \
	{"verifier", "local|remote|both", "who appraises"},                                                            \
	{"rim-store", "remote|dir", "reference manifests from the service too, or from --rim-dir alone"},              \
	{"rim-dir", "DIR", "reference manifests as DIR/<id>.xml"},                                                     \
	{"rim-url", "URL", "reference manifest service or its mirror"},                                                \
	{"ocsp-dir", "DIR", "revocation answers as DIR/<key hash>-<serial>.der"},                                      \
	{"ocsp-url", "URL", "revocation service or its mirror"},                                                       \
	{"nras-url", "URL", "remote verifier"}

/* -1 with CODE_USAGE. */
int sources_apply(const struct options *options, struct conf *conf, struct err *err);
/* Whether one of the options asks for a service. */
bool sources_name_service(const struct options *options);

#endif
