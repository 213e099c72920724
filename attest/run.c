/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attest/appraise/client.h"
#include "attest/collect/client.h"
#include "attest/node/owner.h"
#include "attest/node/queue.h"
#include "attest/policy/anchors.h"
#include "attest/policy/mode.h"
#include "attest/policy/policy.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/jws.h"
#include "lib/random.h"

#define FETCH_MARGIN 500  /* ms of the deadline that are left to tell which service was slow */

static int
finish_run(struct run *run)
{
	return steps_code(&run->steps);
}

/* An error of the machinery is a step too: the exit code always comes from the list. */
static int
fail_run(struct run *run, const char *step, struct err *err)
{
	return steps_fail(&run->steps, attester_run, step, err);
}

/* The first of the usual places below the driver root; the worker checks owner and mode. */
char *
run_library(const struct conf *conf)
{
	static const char *const places[] = {
		"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib64",
	};
	const char *root = strcmp(conf->driver_root, "/") == 0 ? "" : conf->driver_root;

	if (conf->nvml_library[0] != '\0')
		return xstrdup(conf->nvml_library);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *path = xprintf("%s%s/libnvidia-ml.so.1", root, places[i]);

		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return xprintf("%s%s/libnvidia-ml.so.1", root, places[0]);
}

static int
start_collector(const struct conf *conf, bool ready, int64_t deadline, struct collector *collector, struct err *err)
{
	char *library = run_library(conf);
	int rc = collect_start(PATH_WORKERS "/collect", library, conf->driver_root, ready, deadline, collector, err);

	free(library);
	return rc;
}

int
run_states(const struct conf *conf, int64_t deadline, struct collect_states *states,
	   struct collect_identity identity[GPU_MAX], struct err *err)
{
	struct collector collector;
	int rc = -1;

	if (start_collector(conf, false, deadline, &collector, err) != 0)
		return -1;
	if (collect_states(&collector, states, identity, err) == 0)
		rc = collect_end(&collector, err);
	collect_kill(&collector);
	return rc;
}

int
run_ready_off(const struct conf *conf, int64_t deadline, bool *was_on, struct collect_states *states,
	      struct collect_identity identity[GPU_MAX], struct err *err)
{
	struct collector collector;
	int rc = -1;

	if (start_collector(conf, true, deadline, &collector, err) != 0)
		return -1;
	if (collect_states(&collector, states, identity, err) != 0)
		goto out;
	*was_on = states->ready != 0;
	if (*was_on && collect_ready(&collector, false, states, identity, err) != 0)
		goto out;
	if (states->ready != 0)
		err_set(err, CODE_DRIVER_CALL, "the ready state was switched off and reads %s",
			mode_ready(states->ready));
	else
		rc = collect_end(&collector, err);
out:
	collect_kill(&collector);
	return rc;
}

/*
 * The clock may not be earlier than this program, nor than what a signer bound to a nonce of ours in this boot: a host
 * that sets it back would revive expired certificates.
 */
static int
check_wall_clock(struct cache *cache, struct run *run)
{
	int64_t signed_time = cache_floor(cache) - REVOCATION_SKEW;
	struct err err = ERR_INIT;
	char now[32], floor[32];

	run->at = clock_wall();
	if (run->at >= BUILD_TIME && run->at >= signed_time)
		return 0;
	clock_format(run->at, now);
	clock_format(run->at < BUILD_TIME ? BUILD_TIME : signed_time, floor);
	err_set(&err, CODE_CLOCK, "the clock says %s, earlier than %s at %s", now,
		run->at < BUILD_TIME ? "this program's build" : "what a service signed in this boot", floor);
	return fail_run(run, "clock", &err);
}

static void
open_cache(const struct run_request *request, struct cache *out)
{
	char *disk, *boot;

	cache_places(request->conf->cache_dir, request->by_hook, &disk, &boot);
	if (request->look == RUN_ACT)
		cache_open(disk, boot, (uint64_t)request->conf->cache_size << 20, out);
	else
		cache_look(request->look == RUN_LOOK ? disk : NULL, request->look == RUN_LOOK ? boot : NULL, out);
	free(disk);
	free(boot);
}

/* UUIDs go into the env file and messages. */
static bool
uuid_is_plain(const char *uuid)
{
	return uuid[0] != '\0' && uuid[strspn(uuid, "0123456789abcdefABCDEFGPUMI-")] == '\0';
}

static bool
minor_wanted(const struct run_request *request, uint32_t minor)
{
	for (unsigned i = 0; i < request->minors; i++)
		if (request->minor[i] == minor)
			return true;
	return request->all;
}

/*
 * Puts the GPUs of the request in front, in the collector's order; order[i] is the place of GPU i in the driver's list.
 */
static int
select_gpus(const struct run_request *request, const struct collect_identity *all, unsigned count, struct run *run,
	    unsigned order[GPU_MAX], struct err *err)
{
	for (unsigned i = 0; i < count; i++) {
		if (!uuid_is_plain(all[i].uuid))
			return err_set(err, CODE_DRIVER_CALL, "GPU at %s: UUID '%s' has unexpected characters",
				       all[i].pci, all[i].uuid);
		if (!minor_wanted(request, all[i].minor))
			continue;
		order[run->gpus] = i;
		run->identity[run->gpus++] = all[i];
	}
	return 0;
}

/* Who asks for all gets all of the machine, not those that are left. */
static int
check_selection(const struct run_request *request, const struct run *run, struct err *err)
{
	const struct collect_states *states = &run->states;
	int code = states->lost > 0 ? CODE_DEVICE_LOST : CODE_DEVICE_MISSING;

	if (request->all && states->missing > 0)
		return err_set(err, code, "all GPUs are asked for, and the driver library does not give %s",
			       states->missing_names);
	if (run->gpus > 0 && (request->all || run->gpus == request->minors))
		return 0;
	if (states->missing > 0)
		return err_set(err, code, "%u of the %u GPUs asked for are there; the driver library does not give %s",
			       run->gpus, request->minors, states->missing_names);
	return err_set(err, CODE_DEVICE_MISSING, "%u of the %u GPUs asked for are there; the driver shows %u",
		       run->gpus, request->all ? 1 : request->minors, states->gpus);
}

struct live {
	int place; /* in the queue, or -1 */
	struct cache cache;
	struct anchors anchors;
	struct collateral_store store;
	struct collector collector;
	struct collect_identity all[GPU_MAX];
	unsigned order[GPU_MAX];
	EVP_PKEY *key;
	struct nonce_parts parts;
	uint8_t nonce[NONCE_SIZE];
};

static void
tell_step(const struct run_request *request, const char *step)
{
	if (request->progress != NULL)
		request->progress->tell(request->progress->context, step, NULL);
}

/* Starts come in storms, what a user types does not. A user without a session has no place to wait at. */
static int
wait_turn(const struct run_request *request, int *place, struct err *err)
{
	char *folder = owner_is_root() ? xstrdup(PATH_RUN) : request->by_hook ? owner_session() : NULL;
	char *path = folder != NULL ? xprintf("%s/" QUEUE_FILE, folder) : NULL;
	int rc = 0;

	if (path != NULL) {
		*place = queue_enter(path, queue_places(), request->deadline, err);
		rc = *place < 0 ? -1 : 0;
	}
	free(path);
	free(folder);
	return rc;
}

/* It is one switch for all GPUs. */
static bool
must_set_ready(const struct conf *conf, const struct run *run)
{
	return conf->ready == READY_MANAGE && run->states.ready == 0;
}

static int
begin_run(const struct run_request *request, struct live *live, struct run *run)
{
	struct err err = ERR_INIT;

	open_cache(request, &live->cache);
	if (check_wall_clock(&live->cache, run) != 0)
		return -1;
	tell_step(request, "queue");
	if (request->look == RUN_ACT && wait_turn(request, &live->place, &err) != 0)
		return fail_run(run, "queue", &err);
	tell_step(request, "driver");
	if (start_collector(request->conf, request->look == RUN_ACT && request->conf->ready == READY_MANAGE,
			    request->deadline, &live->collector, &err) != 0 ||
	    collect_states(&live->collector, &run->states, live->all, &err) != 0)
		return fail_run(run, "driver", &err);
	if (mode_judge(&run->states, live->all, request->conf, &run->steps) != 0)
		return -1;
	if (select_gpus(request, live->all, run->states.gpus, run, live->order, &err) != 0 ||
	    check_selection(request, run, &err) != 0)
		return fail_run(run, "device", &err);
	if (must_set_ready(request->conf, run) && run->gpus != run->states.gpus) {
		err_set(&err, CODE_NOT_READY,
			"the GPUs' ready state is not-ready, and %u of %u GPUs are asked for, want all to set it",
			run->gpus, run->states.gpus);
		return fail_run(run, "ready-state", &err);
	}
	return 0;
}

/* The key of the run shall not come into a core file, nor into the hands of another process of the same user. */
static int
keep_key_secret(struct err *err)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set(err, 0, "no core files, undumpable: %s", err_errno(errno));
	return 0;
}

static void
end_run(struct live *live)
{
	collect_kill(&live->collector);
	if (live->place >= 0)
		close(live->place);
	collateral_close(&live->store);
	anchors_free(&live->anchors);
	cache_close(&live->cache);
}

/* R, H, K and C of the nonce; see attest/token/nonce.h. */
static int
make_nonce(const struct run_request *request, struct live *live, struct err *err)
{
	struct buf spki = {0};
	int rc = -1;

	if (keep_key_secret(err) != 0)
		return -1;
	live->key = crypto_p384_generate(err);
	if (live->key == NULL || crypto_spki(live->key, &spki, err) != 0)
		goto out;
	random_bytes(live->parts.random, NONCE_SIZE);
	if (request->challenge.data != NULL)
		crypto_sha256(request->challenge, live->parts.challenge);
	crypto_sha256(buf_bytes(&spki), live->parts.key);
	nonce_container(request->container_id, request->image_id, request->config_digest, live->parts.container);
	nonce_derive(&live->parts, live->nonce);
	rc = 0;
out:
	buf_free(&spki);
	return rc;
}

static int
fetch_reports(const uint8_t nonce[NONCE_SIZE], struct live *live, struct run *run, struct err *err)
{
	struct collected got[GPU_MAX] = {0};
	bool wanted[GPU_MAX] = {false};
	int rc;

	for (unsigned i = 0; i < run->gpus; i++)
		wanted[live->order[i]] = true;
	rc = collect_reports(&live->collector, nonce, wanted, got, err);
	for (unsigned i = 0; rc == 0 && i < run->gpus; i++) {
		struct collected *from = &got[live->order[i]];
		struct gpu_evidence *to = &run->evidence[i];
		const struct gpu_arch_row *row = gpu_arch_row(gpu_arch_of_nvml(run->identity[i].architecture));

		to->arch = xstrdup(row != NULL ? row->service : "UNKNOWN");
		memcpy(to->nonce, nonce, NONCE_SIZE);
		to->report = from->report;
		to->chain_pem = from->chain_pem;
		*from = (struct collected){0};
	}
	for (unsigned i = 0; i < GPU_MAX; i++)
		collected_free(&got[i]);
	return rc;
}

static void
take_claims(struct appraisal *appraisal, struct run *run)
{
	static const struct json_limits limits = {.bytes = 1 << 18, .string = 1 << 16, .depth = 8, .values = 16384};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < appraisal->steps.count; i++)
		steps_add(&run->steps, &appraisal->steps.list[i]);
	for (unsigned i = 0; i < run->gpus; i++)
		if (appraisal->claims[i] != NULL)
			run->claims[i] = json_read(bytes_of_text(appraisal->claims[i]), &limits, &err);
}

static void
take_collateral(struct appraisal *appraisal, struct run *run)
{
	run->collateral = xcalloc(appraisal->keeps + 1, sizeof(*run->collateral));
	memcpy(run->collateral, appraisal->keep, appraisal->keeps * sizeof(*run->collateral));
	run->collaterals = appraisal->keeps;
	appraisal->keeps = 0;
}

/* A pass counts only with the claims of every GPU, and they must speak of the nonce that was asked for. */
static bool
have_all_claims(const struct run *run, const uint8_t nonce[NONCE_SIZE])
{
	char want[2 * NONCE_SIZE + 1];

	hex_encode(want, nonce, NONCE_SIZE);
	for (unsigned i = 0; i < run->gpus; i++) {
		const char *have = json_text(json_get(run->claims[i], "eat_nonce"));

		if (have == NULL || strcmp(have, want) != 0)
			return false;
	}
	return run->gpus > 0;
}

static int
appraise(const struct conf *conf, const struct appraise_input *input, struct collateral_store *store, int64_t deadline,
	 struct run *run)
{
	const struct collateral_source source = {collateral_serve, store};
	const struct appraise_worker worker = {PATH_WORKERS "/appraise", conf->worker_user, deadline};
	struct appraisal *appraisal = xcalloc(1, sizeof(*appraisal));
	struct err err = ERR_INIT;
	int rc;

	store->deadline = deadline - FETCH_MARGIN;
	rc = appraise_remote(&worker, input, &source, appraisal, &err);
	run->hits = store->hits;
	run->requests = collateral_requests(store);
	collateral_keep(store, appraisal->keep, appraisal->keeps);
	take_collateral(appraisal, run);
	take_claims(appraisal, run);
	if (rc != 0 && steps_first_failure(&run->steps) == NULL)
		fail_run(run, "appraise", &err);
	else if (rc == 0 && !have_all_claims(run, input->nonce))
		rc = (err_set(&err, CODE_WORKER, "appraise passed a GPU without claims for this nonce"),
		      fail_run(run, "appraise", &err));
	appraisal_free(appraisal);
	free(appraisal);
	return rc;
}

static struct appraise_input
make_input(const struct conf *conf, const struct run *run, const uint8_t nonce[NONCE_SIZE])
{
	struct appraise_input input = {.at = run->at, .verifier = APPRAISE_LOCAL, .gpus = run->gpus};

	memcpy(input.nonce, nonce, NONCE_SIZE);
	input.revocation = (struct revocation_policy){
		.allow_without_nonce = conf->allow_ocsp_without_nonce > run->at,
		.allow_hold = conf->allow_certificate_hold > run->at,
		.max_age = conf->ocsp_max_age,
		.hash = conf->ocsp_certid == CERTID_SHA384 ? REVOCATION_SHA384 : REVOCATION_SHA1,
	};
	input.verifier = conf->verifier == VERIFIER_LOCAL    ? APPRAISE_LOCAL
			 : conf->verifier == VERIFIER_REMOTE ? APPRAISE_REMOTE
							     : APPRAISE_LOCAL | APPRAISE_REMOTE;
	for (unsigned i = 0; i < run->gpus; i++)
		input.gpu[i] = (struct evidence_raw){buf_bytes(&run->evidence[i].report),
						     buf_bytes(&run->evidence[i].chain_pem)};
	return input;
}

/* The body of the question to the remote verifier. */
static int
ask_remote(const struct conf *conf, struct collateral_store *store, const struct run *run, char **question,
	   struct err *err)
{
	*question = NULL;
	if (conf->verifier == VERIFIER_LOCAL)
		return 0;
	*question = remote_question(run->evidence, run->gpus, err);
	if (*question == NULL)
		return -1;
	store->remote_question = bytes_of_text(*question);
	return 0;
}

/* Where NVIDIA's tokens are the result, a policy file is about them as they came, the overall one too. */
static int
judge_policy(const struct conf *conf, const struct policy_file *policy, const struct collateral_store *store,
	     struct run *run)
{
	bool nvidia = conf->verifier == VERIFIER_REMOTE && policy != NULL;
	int rc = policy_judge(conf, nvidia ? NULL : policy, run->claims, run->gpus, &run->steps);
	struct err err = ERR_INIT;
	struct jws jws = {0};
	char *overall;

	if (!nvidia)
		return rc;
	overall = remote_overall(collateral_last(store, COLLATERAL_TOKENS), &err);
	if (overall == NULL || jws_parse(overall, strlen(overall), &jws, &err) != 0)
		rc = fail_run(run, "policy-file", &err);
	else
		rc |= policy_file_judge(policy, jws.payload, (const struct json *const *)run->claims, run->gpus, true,
					&run->steps);
	jws_free(&jws);
	free(overall);
	return rc;
}

static int
judge_run(const struct conf *conf, const struct policy_file *policy, const struct appraise_input *input,
      struct collateral_store *store, int64_t deadline, struct run *run)
{
	struct err err = ERR_INIT;
	char *question;
	int rc = -1;

	if (ask_remote(conf, store, run, &question, &err) != 0)
		return fail_run(run, "remote", &err);
	if (appraise(conf, input, store, deadline, run) == 0)
		rc = judge_policy(conf, policy, store, run);
	store->remote_question = (struct bytes){NULL, 0};
	free(question);
	return rc;
}

/* Without it a run is slower, and has no floor for the time: no refusal, but worth a word. */
static void
tell_cache(const struct cache *cache, struct run *run)
{
	if (cache->fault.code != CODE_OK)
		steps_skip(&run->steps, attester_run, "cache", "%s", cache->fault.text);
}

static int
judge_live(const struct run_request *request, struct live *live, struct run *run)
{
	const struct conf *conf = request->conf;
	struct appraise_input input = make_input(conf, run, live->nonce);
	struct err err = ERR_INIT;
	int rc;

	tell_step(request, "appraise");
	live->store = (struct collateral_store){
		.rim_dir = conf->rim_dir,
		.ocsp_dir = conf->ocsp_dir,
		.services = conf,
		.cache = &live->cache,
		.stored_answers = input.revocation.allow_without_nonce,
		.max_age = conf->ocsp_max_age,
		.refresh = request->refresh,
		.progress = request->progress,
	};
	if (anchors_read(conf, &live->anchors, &input, &err) != 0)
		return fail_run(run, "trust-anchor", &err);
	rc = judge_run(conf, request->policy, &input, &live->store, request->deadline, run);
	tell_cache(&live->cache, run);
	return rc;
}

/* Ids, modes and ready state again, after the verdict: the GPU that was verified is the one that will be used. */
static int
read_again(const struct conf *conf, struct live *live, struct run *run)
{
	struct collect_identity again[GPU_MAX] = {0};
	struct collect_states states = {0};
	struct err err = ERR_INIT;

	if (collect_recheck(&live->collector, &states, again, &err) != 0)
		return fail_run(run, "second-reading", &err);
	/* Another run may have set it meanwhile, as this one would. */
	if (must_set_ready(conf, run) && states.ready == 1)
		run->states.ready = 1;
	return mode_unchanged(&run->states, live->all, &states, again, "second-reading", &run->steps);
}

/* After the verdict on every GPU; the third reading sees it set and nothing else changed. */
static int
set_gpus_ready(struct live *live, struct run *run)
{
	struct collect_identity again[GPU_MAX] = {0};
	struct collect_states states = {0};
	struct err err = ERR_INIT;

	if (collect_ready(&live->collector, true, &states, again, &err) != 0)
		return fail_run(run, "ready-set", &err);
	if (states.ready != 1) {
		err_set(&err, CODE_DRIVER_CALL, "the ready state was set and reads %s", mode_ready(states.ready));
		return fail_run(run, "ready-set", &err);
	}
	run->states.ready = 1;
	run->ready_set = true;
	steps_ok(&run->steps, attester_run, "ready-set", "set to ready");
	return mode_unchanged(&run->states, live->all, &states, again, "third-reading", &run->steps);
}

static int
end_collector(struct live *live, struct run *run)
{
	struct err err = ERR_INIT;

	return collect_end(&live->collector, &err) == 0 ? 0 : fail_run(run, "driver-end", &err);
}

static int
make_result(const struct run_request *request, const struct live *live, struct run *run)
{
	const struct conf *conf = request->conf;
	const char *uuid[GPU_MAX];
	char digest[65], *loose = conf_loosenings(conf, run->at), *anchor = anchors_remote_text(conf);
	struct result_input input = {
		.key = live->key,
		.parts = &live->parts,
		.container_id = request->container_id,
		.image_id = request->image_id,
		.config_digest = request->config_digest,
		.shared_pid = request->shared_pid,
		.at = run->at,
		.lifetime = conf->token_lifetime,
		.claims = run->claims,
		.uuid = uuid,
		.evidence = run->evidence,
		.gpus = run->gpus,
		.custom_anchor = conf_custom_anchor(conf),
		.policy_digest = digest,
		.loosenings = loose,
		.verifier = conf_verifier_name(conf),
		.remote_tokens = collateral_last(&live->store, COLLATERAL_TOKENS),
		.remote_keys = live->anchors.key_set.data ? buf_bytes(&live->anchors.key_set)
							  : collateral_last(&live->store, COLLATERAL_KEY_SET),
		.remote_anchor = anchor,
	};
	struct err err = ERR_INIT;
	int rc;

	memcpy(input.nonce, live->nonce, NONCE_SIZE);
	policy_digest(conf, request->policy, digest);
	for (unsigned i = 0; i < run->gpus; i++)
		uuid[i] = run->identity[i].uuid;
	rc = result_make(&input, &run->result, &err);
	free(loose);
	free(anchor);
	return rc == 0 ? 0 : fail_run(run, "result", &err);
}

int
run_attest(const struct run_request *request, struct run *run)
{
	struct live live = {.place = -1, .cache = {.disk = -1, .boot = -1}};
	struct err err = ERR_INIT;

	crypto_init();
	if (begin_run(request, &live, run) != 0)
		goto out;
	if (make_nonce(request, &live, &err) != 0) {
		fail_run(run, "nonce", &err);
		goto out;
	}
	if (fetch_reports(live.nonce, &live, run, &err) != 0) {
		fail_run(run, "report", &err);
		goto out;
	}
	if (judge_live(request, &live, run) != 0 || read_again(request->conf, &live, run) != 0)
		goto out;
	if (request->look == RUN_ACT && must_set_ready(request->conf, run) &&
	    steps_first_failure(&run->steps) == NULL && set_gpus_ready(&live, run) != 0)
		goto out;
	if (end_collector(&live, run) != 0)
		goto out;
	if (steps_first_failure(&run->steps) == NULL && make_result(request, &live, run) == 0)
		steps_conclude(&run->steps);
out:
	end_run(&live);
	EVP_PKEY_free(live.key);
	if (finish_run(run) != CODE_OK)
		result_free(&run->result);
	return finish_run(run);
}

int
run_collect(const struct run_request *request, const uint8_t nonce[32], struct run *run)
{
	struct live live = {.place = -1, .cache = {.disk = -1, .boot = -1}};
	struct err err = ERR_INIT;

	crypto_init();
	if (begin_run(request, &live, run) != 0)
		goto out;
	if (fetch_reports(nonce, &live, run, &err) != 0) {
		fail_run(run, "report", &err);
		goto out;
	}
	if (read_again(request->conf, &live, run) == 0 && end_collector(&live, run) == 0)
		steps_conclude(&run->steps);
out:
	end_run(&live);
	return finish_run(run);
}

/* One nonce for all; which one, and whether it proves freshness, is said. */
static int
choose_nonce(const struct verify_request *request, struct run *run, uint8_t nonce[NONCE_SIZE])
{
	struct err err = ERR_INIT;

	memcpy(nonce, request->nonce ? request->nonce : run->evidence[0].nonce, NONCE_SIZE);
	for (unsigned i = 0; i < run->gpus; i++) {
		if (memcmp(run->evidence[i].nonce, nonce, NONCE_SIZE) == 0)
			continue;
		err_set(&err, CODE_NONCE, "evidence item %u was collected for another nonce", i);
		return fail_run(run, "nonce", &err);
	}
	if (request->nonce == NULL)
		steps_skip(&run->steps, attester_run, "freshness",
			   "no --nonce given: the evidence's own nonce proves no freshness");
	return 0;
}

int
run_verify(struct verify_request *request, struct run *run)
{
	struct anchors anchors = {0};
	struct appraise_input input;
	uint8_t nonce[NONCE_SIZE];
	struct err err = ERR_INIT;

	crypto_init();
	run->at = request->at;
	run->gpus = request->gpus;
	memcpy(run->evidence, request->evidence, request->gpus * sizeof(run->evidence[0]));
	memset(request->evidence, 0, request->gpus * sizeof(run->evidence[0]));
	if (choose_nonce(request, run, nonce) != 0)
		return finish_run(run);
	input = make_input(request->conf, run, nonce);
	input.device_root = request->device_root;
	input.rim_root = request->rim_root;
	if (anchors_read_remote(request->conf, &anchors, &input.remote, &err) != 0)
		fail_run(run, "trust-anchor", &err);
	else if (judge_run(request->conf, request->policy, &input, &request->store, request->deadline, run) == 0)
		steps_conclude(&run->steps);
	anchors_free(&anchors);
	collateral_close(&request->store);
	return finish_run(run);
}

void
run_free(struct run *run)
{
	gpu_evidence_free(run->evidence, run->gpus);
	for (unsigned i = 0; i < run->gpus; i++)
		json_free(run->claims[i]);
	for (unsigned i = 0; i < run->collaterals; i++)
		free(run->collateral[i].name);
	free(run->collateral);
	result_free(&run->result);
	steps_free(&run->steps);
	*run = (struct run){0};
}
