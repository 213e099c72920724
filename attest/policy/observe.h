/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_POLICY_OBSERVE_H
#define ATTEST_POLICY_OBSERVE_H

#include "attest/policy/conf.h"

/*
 * mode = observe, for staged roll-outs: until its date a container whose GPUs are refused starts all the same, with a
 * file that says so in place of a token. It covers what attestation says about GPUs, collateral, policy and workers,
 * and nothing else: no configuration or container that is not understood, no fault inside, and no clock that is wrong,
 * since the date rests on it.
 */
bool observe_applies(const struct conf *conf, int64_t at, int code);

/* attestation.env of such a container, in new memory. */
char *observe_env(int code);

/* For a person: what the mode means for a run that came to code, in new memory; NULL where the gate enforces. */
char *observe_note(const struct conf *conf, int64_t at, int code);

#endif
