/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_POLICY_POLICY_FILE_H
#define ATTEST_POLICY_POLICY_FILE_H

#include "attest/steps.h"
#include "lib/crypto.h"
#include "lib/json.h"

/*
 * NVIDIA's JSON policies (attestation SDK, "authorization-rules"): every listed claim must be there and be equal,
 * objects member by member; claims that are not listed do not matter. Version 3.0 speaks of claims 2.0, version 4.0 of
 * claims 3.0. What only claims 2.0 say is read out of claims 3.0: a path is validated if its status is valid and its
 * revocation status good.
 */

#define POLICY_FILE_MAX 65536

struct policy_file;

/* NULL with CODE_USAGE: no such policy. name is used in messages. */
struct policy_file *policy_file_parse(struct bytes text, const char *name, struct err *err);
/* A file that decides about trust (lib/fs.h), or one that the caller names by hand (trusted false). */
struct policy_file *policy_file_read(const char *path, bool trusted, struct err *err);
/* SHA-256 of its text. */
void policy_file_digest(const struct policy_file *policy, uint8_t out[SHA256_SIZE]);

/*
 * Steps "policy-file" of the run (overall-claims) and of each GPU (detached-claims): rule, wanted and found value of
 * the first difference, CODE_POLICY. overall NULL: there is no overall token of NVIDIA's, its rules are judged on what
 * the run itself found. nvidia: the claims come out of NVIDIA's tokens; otherwise iss and *-schema-validated are not
 * applicable, which the skipped step "policy-not-applicable" says. Rules for GPUs without the claims of any fail.
 */
int policy_file_judge(const struct policy_file *policy, const struct json *overall, const struct json *const claims[],
		      unsigned gpus, bool nvidia, struct steps *steps);
void policy_file_free(struct policy_file *policy);

#endif
