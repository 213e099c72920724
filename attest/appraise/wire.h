/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_WIRE_H
#define ATTEST_APPRAISE_WIRE_H

#include "attest/appraise/appraise.h"

/*
 * Payloads between the run and the appraise worker; order of the frames: lib/frame.h. Readers return false for a
 * payload that is short, long or holds a value that cannot be.
 */

/* Everything of input but the evidence: that follows in frames of its own, input->gpus of them. */
void appraise_put_parameters(struct buf *payload, const struct appraise_input *input);
bool appraise_get_parameters(struct bytes payload, struct appraise_input *out); /* views into payload, but the issuer */
void appraise_free_parameters(struct appraise_input *input);

void appraise_put_evidence(struct buf *payload, const struct evidence_raw *evidence);
bool appraise_get_evidence(struct bytes payload, struct evidence_raw *out); /* views into payload */

/*
 * name and question in new memory: appraise_free_need. Names and questions are there for the kinds that have them
 * alone.
 */
void appraise_put_need(struct buf *payload, const struct collateral *need);
bool appraise_get_need(struct bytes payload, struct collateral *out);
void appraise_free_need(struct collateral *need);

/* Into need->answer, or need->err. */
void appraise_put_collateral(struct buf *payload, const struct collateral *need);
bool appraise_get_collateral(struct bytes payload, struct collateral *need);

/*
 * Adds the step; one of an unknown kind of attester or a GPU from gpus on, with a code that is none, or with a name of
 * other than letters and hyphens is refused.
 */
void appraise_put_step(struct buf *payload, const struct step *step);
bool appraise_get_step(struct bytes payload, unsigned gpus, struct steps *steps);

/* name in new memory. */
void appraise_put_keep(struct buf *payload, const struct keep *keep);
bool appraise_get_keep(struct bytes payload, struct keep *out);

#endif
