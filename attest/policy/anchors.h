/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_POLICY_ANCHORS_H
#define ATTEST_POLICY_ANCHORS_H

#include "attest/appraise/appraise.h"
#include "attest/policy/conf.h"

/*
 * What a run's verdict rests on: NVIDIA's roots or those configured, and what the remote verifier is believed on. Read
 * once.
 */
struct anchors {
	char *issuer; /* of the remote verifier's tokens, where the configuration does not name it */
	struct buf device_root, rim_root, key_set, key_root; /* files; empty where built in or not configured */
};

/*
 * Fills the roots and, where the remote verifier has a say, input->remote; the views live as long as anchors.
 * CODE_USAGE.
 */
int anchors_read(const struct conf *conf, struct anchors *anchors, struct appraise_input *input, struct err *err);
/* The latter alone, for roots given otherwise. */
int anchors_read_remote(const struct conf *conf, struct anchors *anchors, struct remote_trust *out, struct err *err);
/*
 * In words of the token: "tls https://host:443, key-root FILE"; new memory, NULL where the remote verifier has no say.
 */
char *anchors_remote_text(const struct conf *conf);
void anchors_free(struct anchors *anchors);

#endif
