/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_RUN_H
#define ATTEST_RUN_H

#include "attest/appraise/appraise.h"
#include "attest/collateral/source.h"
#include "attest/collect/wire.h"
#include "attest/policy/conf.h"
#include "attest/policy/policy_file.h"
#include "attest/token/result.h"

/*
 * One run of the verifier: it owns nonce, key, deadline and the order of the workers, and parses nothing but their
 * frames and, of the remote verifier's answer, what appraise vouched for. Everything that happened is in steps; a run
 * that did not come to its end has no verdict.
 */

/* What a run may leave behind. */
enum run_look {
	RUN_ACT,       /* what was fetched is kept, the ready state may be set, and it stands in the queue */
	RUN_LOOK,      /* nothing is changed; what is kept is used */
	RUN_LOOK_ANEW, /* nothing is changed, and nothing that is kept is used: services are asked */
};

struct run_request {
	const struct conf *conf;
	const struct policy_file *policy;    /* besides; NULL = none */
	const char *container_id, *image_id; /* NULL = not known */
	struct bytes config_digest;          /* SHA-256 of config.json of the container; {NULL, 0} = none */
	struct bytes challenge;              /* of the relying party; {NULL, 0} = none */
	bool all;                            /* every GPU, or the minors of /dev/nvidiaN below */
	uint32_t minor[GPU_MAX];
	unsigned minors;
	bool shared_pid;  /* the container joined a PID namespace: others could be there who reach into it */
	bool by_hook;     /* no environment has a say */
	bool refresh;     /* collateral that is past half its time is fetched anew */
	enum run_look look;
	const struct progress *progress; /* NULL = none */
	int64_t deadline; /* lib/clock.h */
};

struct run {
	struct steps steps;
	int64_t at; /* the one clock reading */
	struct collect_states states;
	struct collect_identity identity[GPU_MAX]; /* of the GPUs attested */
	struct gpu_evidence evidence[GPU_MAX];
	struct json *claims[GPU_MAX]; /* NULL where a GPU came to none */
	unsigned gpus;
	struct keep *collateral;               /* what was verified */
	unsigned collaterals;
	unsigned hits, requests; /* collateral that was here, and questions to services */
	bool ready_set;       /* this run set the driver's ready state */
	struct result result; /* files; empty unless steps_code() is CODE_OK */
};

/* Returns steps_code(&run->steps). With ready-state = manage, a pass that verified every GPU sets the ready state. */
int run_attest(const struct run_request *request, struct run *run);

/* Evidence from a file against collateral from the store; no driver, no key, no result files. */
struct verify_request {
	const struct conf *conf; /* policy, worker user */
	const struct policy_file *policy; /* besides; NULL = none */
	struct gpu_evidence *evidence; /* taken over and emptied */
	unsigned gpus;
	const uint8_t *nonce; /* 32 bytes, or NULL: the evidence's own, which proves no freshness */
	struct bytes device_root, rim_root;
	struct collateral_store store; /* the files, directories and services to use */
	int64_t at;
	int64_t deadline;
};

int run_verify(struct verify_request *request, struct run *run);

/* Evidence alone: modes judged, reports fetched for nonce, nothing appraised (`cgpu evidence`). */
int run_collect(const struct run_request *request, const uint8_t nonce[32], struct run *run);

/* The library that the driver is reached through, in new memory; it need not be there. */
char *run_library(const struct conf *conf);

/* States and identities alone (`cgpu status`): 0, or -1 with the driver's code. */
int run_states(const struct conf *conf, int64_t deadline, struct collect_states *states,
	       struct collect_identity identity[GPU_MAX], struct err *err);

/* The ready state off, and seen to be off (`cgpu ready --off`): 0, or -1 with CODE_READY_* or the driver's code. */
int run_ready_off(const struct conf *conf, int64_t deadline, bool *was_on, struct collect_states *states,
		  struct collect_identity identity[GPU_MAX], struct err *err);

void run_free(struct run *run);

#endif
