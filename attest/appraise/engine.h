/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_ENGINE_H
#define ATTEST_APPRAISE_ENGINE_H

#include "attest/appraise/appraise.h"

/* The inside of appraise_run, for attest/appraise*.c alone: what GPUs share stands here once. */

#define MANIFESTS_MAX (2 * APPRAISE_GPUS_MAX)
#define QUERIES_MAX ((APPRAISE_GPUS_MAX + MANIFESTS_MAX) * (X509_CHAIN_MAX - 1))
#define NEEDS_MAX (MANIFESTS_MAX + QUERIES_MAX + 2)

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

/* What is asked for at once: need[i] with what is known about it. */
struct round {
	struct collateral need[NEEDS_MAX];
	struct need_state {
		struct query *query; /* of a revocation answer */
		bool came;           /* to be judged */
		bool holds;
	} state[NEEDS_MAX];
	unsigned count;
};

struct remote_run {
	const struct collateral *tokens, *key_set; /* of the first round; key_set NULL: pinned */
	enum remote_verdict verdict;
	struct steps steps;
	char *claims[APPRAISE_GPUS_MAX];
	int64_t issued;
};

struct run {
	const struct appraise_input *input;
	const struct collateral_source *source;
	struct appraisal *out;
	X509 *device_root, *rim_root;
	struct x509_memo *memo;
	struct evidence evidence[APPRAISE_GPUS_MAX];
	struct gpu_run gpu[APPRAISE_GPUS_MAX];
	struct manifest manifest[MANIFESTS_MAX];
	unsigned manifests;
	struct query query[QUERIES_MAX];
	unsigned queries;
	struct remote_run remote;
	struct round round;
};

/* True if the path up to the anchor is right, whatever the time: what its certificates sign may be looked at. */
bool appraise_chain_holds(enum x509_verdict verdict);

/* Copies the steps, as those of GPU gpu. */
void appraise_copy_steps(struct steps *to, const struct steps *from, int gpu);

/* The round's need of that kind and name, which is taken over: two of the same are one. Its index. */
unsigned appraise_need(struct run *run, enum collateral_kind kind, char *name);
/* Asks for the needs of the round, judges what came, asks once more for what does not hold; then there are no needs. */
void appraise_round(struct run *run);

/* Names what the reports are to be compared with. */
void appraise_name_manifests(struct run *run);
/* Judges the answer to need index of the round, again where it did not hold. True if it holds for all who need it. */
bool appraise_judge_manifests(struct run *run, unsigned index);
/* End of the signer's validity. */
int64_t appraise_manifests_until(const struct run *run, unsigned index);
void appraise_manifest_steps(struct run *run, unsigned gpu);

/* Asks about the certificates of the devices, or of the manifests' signers; then the steps "*-revocation" of a GPU. */
void appraise_ask_devices(struct run *run);
void appraise_ask_signers(struct run *run);
/* What an answer to query must have echoed. */
const uint8_t *appraise_nonce(const struct query *query, const struct collateral *need);
bool appraise_judge_query(struct run *run, struct query *query, const struct collateral *need);
void appraise_revocation_steps(struct run *run, unsigned gpu);

/*
 * The remote verifier: what of it is needed; its judgement, from the beginning wherever tokens or key set are others.
 */
void appraise_name_remote(struct run *run);
void appraise_judge_remote(struct run *run);
/* False if the tokens cannot be judged by this key set. */
bool appraise_key_set_holds(const struct run *run);

/* The claims of GPU gpu in new memory. */
char *appraise_claims(const struct run *run, unsigned gpu);

#endif
