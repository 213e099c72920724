/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_POLICY_H
#define ATTEST_POLICY_H

#include "attest/conf.h"
#include "attest/steps.h"
#include "lib/json.h"

/*
 * The appraisal policy of cgpu.conf applied to the verified claims of each GPU: steps "policy-gpu-count" of the run,
 * "policy-model", "policy-driver-version" and "policy-vbios-version" of each GPU; keys that are not set leave no step.
 * claims[i] is the JSON object of GPU i. 0 only if all passed.
 */
int policy_judge(const struct conf *conf, struct json *const *claims, unsigned gpus, struct steps *steps);

/* Versions compare by their parts as numbers of that base: driver versions decimal, VBIOS versions hexadecimal. */
int policy_version_compare(const char *a, const char *b, int base);

#endif
