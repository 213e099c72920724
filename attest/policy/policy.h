/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_POLICY_POLICY_H
#define ATTEST_POLICY_POLICY_H

#include "attest/policy/conf.h"
#include "attest/policy/policy_file.h"
#include "attest/steps.h"
#include "lib/json.h"

/*
 * The appraisal policy of cgpu.conf applied to the verified claims of each GPU: steps "policy-gpu-count" of the run,
 * "policy-model", "policy-driver-version" and "policy-vbios-version" of each GPU; keys that are not set leave no step.
 * Then that of a file, if there is one, on claims of our own. claims[i] is the JSON object of GPU i. 0 only if all
 * passed.
 */
int policy_judge(const struct conf *conf, const struct policy_file *file, struct json *const *claims, unsigned gpus,
		 struct steps *steps);

/*
 * The policy file in force: the one that the caller names by hand, else conf's, which must be a trusted file. *out is
 * NULL if there is none. -1 with CODE_USAGE.
 */
int policy_choose(const struct conf *conf, const char *by_hand, struct policy_file **out, struct err *err);

/*
 * What token and audit line call the policy: SHA-256, in lower-case hex, of conf_deciding_text and, where there is a
 * policy file, of a line with its SHA-256 after it. The policy file counts by its bytes and not by its path. Roots and
 * key sets count by their paths: a refusal that comes before they are read is audited with the digest as well.
 */
void policy_digest(const struct conf *conf, const struct policy_file *file, char out[65]);

/* Versions compare by their parts as numbers of that base: driver versions decimal, VBIOS versions hexadecimal. */
int policy_version_compare(const char *a, const char *b, int base);

#endif
