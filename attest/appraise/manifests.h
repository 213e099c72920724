/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_MANIFESTS_H
#define ATTEST_APPRAISE_MANIFESTS_H

#include "attest/appraise/evidence.h"
#include "attest/appraise/queries.h"
#include "attest/appraise/reference.h"
#include "attest/appraise/round.h"

/* The reference manifests that the reports of a run name: each is asked for and verified once, whoever shares it. */

#define MANIFESTS_MAX (2 * GPU_MAX)

/* One manifest as some GPUs need it. */
struct manifest {
	const struct collateral *need; /* of the round that asks for it */
	struct reference_want want;
	char *version, *product; /* behind want */
	struct reference reference;
	struct query_path path; /* of its signer */
	struct steps steps;     /* of reference_verify */
};

struct manifests {
	const X509 *root;
	int64_t at;
	struct x509_memo *memo;
	struct manifest list[MANIFESTS_MAX];
	unsigned count;
};

/*
 * The manifest of a kind that signed evidence names, asked for in this round; NULL: the
 * architecture is not known. It stands in manifests.
 */
struct manifest *manifests_ask(struct manifests *manifests, struct round *round, enum reference_kind kind,
			       const struct evidence *evidence);
/* Asks about the certificates of their signers, as far as their chains hold. */
void manifests_ask_signers(struct manifests *manifests, struct round *round, struct queries *queries);
void manifests_free(struct manifests *manifests);

#endif
