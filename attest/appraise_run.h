/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_RUN_H
#define ATTEST_APPRAISE_RUN_H

#include "attest/appraise.h"

/* The inside of appraise_run, for attest/appraise*.c alone: what GPUs share stands here once. */

#define MANIFESTS_MAX (2 * APPRAISE_GPUS_MAX)
#define QUERIES_MAX ((APPRAISE_GPUS_MAX + MANIFESTS_MAX) * (X509_CHAIN_MAX - 1))

/* One certificate's revocation, asked for and judged once. */
struct query {
	struct revocation_question question;
	struct revocation said;
	struct err err; /* why not good */
	bool good;
};

/* Of one chain; query[i] concerns certificate i and is NULL where none was asked. */
struct revocation_path {
	const struct query *query[X509_CHAIN_MAX];
	unsigned asked;
};

/* One reference manifest as some GPUs need it. */
struct manifest {
	unsigned need; /* index among the needs of the first round */
	struct reference_want want;
	char *version, *product; /* behind want */
	struct reference reference;
	struct revocation_path path;
	struct steps steps; /* of reference_verify */
};

struct gpu_run {
	bool named; /* chain and signature vouch for the report's fields: manifests may be named and rows compared */
	struct manifest *driver, *vbios; /* NULL: not named */
	struct revocation_path path;
	struct comparison comparison;
	struct steps steps;
};

struct run {
	const struct appraise_input *input;
	const struct collateral_source *source;
	X509 *device_root, *rim_root;
	struct x509_memo *memo;
	struct evidence evidence[APPRAISE_GPUS_MAX];
	struct gpu_run gpu[APPRAISE_GPUS_MAX];
	struct manifest manifest[MANIFESTS_MAX];
	unsigned manifests;
	struct query query[QUERIES_MAX];
	unsigned queries;
};

/* True if the path up to the anchor is right, whatever the time: what its certificates sign may be looked at. */
bool appraise_chain_holds(enum x509_verdict verdict);

/* Round 2: asks about every chain of the run, and judges; then the steps "*-revocation" of GPU gpu. */
void appraise_revocation(struct run *run);
void appraise_revocation_steps(struct run *run, unsigned gpu);

/* The claims of GPU gpu in new memory. */
char *appraise_claims(const struct run *run, unsigned gpu);

#endif
