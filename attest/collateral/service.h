/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_SERVICE_H
#define ATTEST_COLLATERAL_SERVICE_H

#include "attest/fetch/client.h"
#include "attest/policy/conf.h"

/* The services that the configuration names: where a thing is asked for, and who gets the service key. */

/*
 * The address of one thing in new memory: a manifest by its id, the responder, NRAS and its keys; NULL: no service is
 * configured.
 */
char *service_url(const struct conf *conf, enum collateral_kind kind, const char *name);
/* Whether this address gets the key: https, and an origin that the configuration names for it. */
bool service_takes_key(const struct conf *conf, const char *url);
/* Reads CA file and key and starts the worker. NULL with CODE_USAGE (a file that cannot be used) or CODE_WORKER. */
struct fetcher *service_start(const struct conf *conf, int64_t deadline, struct err *err);

#endif
