/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/cmd/collateral.h"
#include "attest/cmd/live.h"
#include "attest/cmd/progress.h"
#include "attest/cmd/report.h"
#include "attest/collateral/gather.h"
#include "attest/run.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/fs.h"
#include "lib/random.h"

#define EVIDENCE_TEXT_MAX (2 << 20)
#define JITTER_MAX 86400
#define MANIFEST_DAYS 7 /* a cached manifest that ends sooner is fetched again; so is whatever no longer holds */

/* -- evidence ------------------------------------------------------------------------------------------------------ */
struct refresh {
	bool answers, manifests;
};

static int
gather_from(struct collateral_call *call, const struct gpu_evidence *evidence, unsigned gpus, struct refresh refresh,
	    struct gathered *out, struct err *err)
{
	const struct gather_request request = {
		.conf = &call->conf,
		.trust = &call->trust,
		.evidence = evidence,
		.gpus = gpus,
		.driver = options_get(call->options, "driver"),
		.vbios = options_get(call->options, "vbios"),
		.cache = &call->cache,
		.refresh_answers = refresh.answers,
		.refresh_manifests = refresh.manifests,
		.progress = progress_begin(),
		.deadline = live_deadline(&call->conf),
	};
	int rc = gather(&request, out, err);

	progress_end();
	return rc;
}

static int
gather_file(struct collateral_call *call, const char *path, struct gathered *out, struct err *err)
{
	struct gpu_evidence evidence[GPU_MAX] = {0};
	struct buf text = {0};
	unsigned gpus = 0;
	int rc = collateral_read(path, EVIDENCE_TEXT_MAX, CODE_EVIDENCE_FORMAT, &text, err);

	if (rc == 0)
		rc = gpu_evidence_parse(buf_bytes(&text), evidence, &gpus, err);
	if (rc == 0 && gpus == 0)
		rc = err_set(err, CODE_EVIDENCE_FORMAT, "%s: no evidence in it", path);
	if (rc == 0)
		rc = gather_from(call, evidence, gpus, (struct refresh){0}, out, err);
	gpu_evidence_free(evidence, gpus);
	buf_free(&text);
	return rc;
}

static int
gather_live(struct collateral_call *call, struct refresh refresh, struct gathered *out, struct err *err)
{
	struct run_request request = {.conf = &call->conf, .all = true, .deadline = live_deadline(&call->conf)};
	struct run run = {0};
	uint8_t nonce[32];
	int rc = 0;

	random_bytes(nonce, sizeof(nonce));
	if (run_collect(&request, nonce, &run) == CODE_OK)
		rc = gather_from(call, run.evidence, run.gpus, refresh, out, err);
	else
		rc = err_set(err, steps_code(&run.steps), "%s",
			     steps_first_failure(&run.steps) ? steps_first_failure(&run.steps)->detail : "no evidence");
	run_free(&run);
	return rc;
}

/* From the files given, or from this machine. */
static int
gather_all(struct collateral_call *call, struct gathered *out, struct err *err)
{
	int rc = 0;

	*out = (struct gathered){.archive = {.created = call->trust.at}};
	if (!options_given(call->options, "gpu-evidence-file"))
		return gather_live(call, (struct refresh){0}, out, err);
	for (unsigned i = 0; rc == 0; i++) {
		const char *path = options_each(call->options, "gpu-evidence-file", i);

		if (path == NULL)
			break;
		rc = gather_file(call, path, out, err);
	}
	return rc;
}

static void
append_steps(struct steps *to, const struct steps *from)
{
	for (size_t i = 0; i < from->count; i++)
		steps_add(to, &from->list[i]);
}

/* What was gathered as an archive that was judged; its steps behind those of the gathering. */
static int
judge_found(const struct collateral_call *call, const struct gathered *gathered, struct archive *out,
	    struct steps *steps, struct err *err)
{
	const struct appraise_worker worker = {call->worker.path, call->worker.user, live_deadline(&call->conf)};
	char *text = archive_print(&gathered->archive);
	struct err refused = ERR_INIT; /* told by the steps */
	struct steps judged;
	int rc = 0;

	archive_judge_remote(&worker, bytes_of_text(text), &call->trust, out, &judged, &refused);
	if (judged.count == 0) {
		*err = refused;
		rc = -1;
	}
	append_steps(steps, &judged);
	steps_free(&judged);
	free(text);
	return rc;
}

/* -- check --------------------------------------------------------------------------------------------------------- */
static void
conclude_check(const struct collateral_call *call, const struct archive *archive, struct steps *steps)
{
	const char *driver = options_get(call->options, "driver"), *vbios = options_get(call->options, "vbios");

	if (steps_first_failure(steps) == NULL) {
		steps_ok(steps, attester_run, "check", "driver %s, VBIOS %s: will attest, as far as collateral goes",
			 driver ? driver : "as it is", vbios ? vbios : "as it is");
		collateral_until(archive, steps);
	}
	steps_conclude(steps);
}

int
collateral_check(struct collateral_call *call, struct err *err)
{
	struct gathered gathered = {0};
	struct archive archive = {0};
	int code;

	if (call->operands != 0) {
		err_set(err, CODE_USAGE, "collateral check: takes no operands");
		return err_code(err);
	}
	if (gather_all(call, &gathered, err) != 0 ||
	    judge_found(call, &gathered, &archive, &gathered.steps, err) != 0) {
		code = err_code(err);
	} else {
		conclude_check(call, &archive, &gathered.steps);
		code = collateral_print(call, &gathered.steps);
	}
	archive_free(&archive);
	gather_free(&gathered);
	return code;
}

/* -- export -------------------------------------------------------------------------------------------------------- */
static int
write_archive(const char *path, const struct archive *archive, struct steps *steps, struct err *err)
{
	char *text = archive_print(archive), hex[2 * SHA256_SIZE + 1];
	uint8_t digest[SHA256_SIZE];
	int rc = fs_write_atomic(path, bytes_of_text(text), 0644, err);

	crypto_sha256(bytes_of_text(text), digest);
	hex_encode(hex, digest, sizeof(digest));
	free(text);
	if (rc != 0) {
		err_wrap(err, CODE_COLLATERAL_STORE, "export");
		return steps_fail(steps, attester_run, "export", err);
	}
	steps_ok(steps, attester_run, "export", "%s: %u items, SHA-256 %s", path, archive->items, hex);
	return 0;
}

/* Revocation steps tell what the policy here makes of the answers; the reader of the archive has its own. */
static void
append_missing(struct steps *to, const struct steps *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (from->list[i].status == STEP_FAIL && strstr(from->list[i].name, "-revocation") == NULL)
			steps_add(to, &from->list[i]);
}

int
collateral_export(struct collateral_call *call, struct err *err)
{
	struct gathered gathered = {0};
	struct archive archive = {0};
	struct steps steps = {0};
	struct err failed = ERR_INIT; /* told by the steps */
	int rc, code;

	if (call->operands != 1) {
		err_set(err, CODE_USAGE, "collateral export: give one file to write");
		return err_code(err);
	}
	rc = gather_all(call, &gathered, err);
	append_missing(&steps, &gathered.steps);
	if (rc != 0 || judge_found(call, &gathered, &archive, &steps, err) != 0) {
		code = err_code(err);
	} else {
		archive.created = call->trust.at;
		if (steps_first_failure(&steps) == NULL &&
		    write_archive(call->operand[0], &archive, &steps, &failed) == 0)
			collateral_until(&archive, &steps);
		steps_conclude(&steps);
		code = collateral_print(call, &steps);
	}
	archive_free(&archive);
	steps_free(&steps);
	gather_free(&gathered);
	return code;
}

/* -- refresh ------------------------------------------------------------------------------------------------------- */
static int
wait_at_random(const struct collateral_call *call, struct err *err)
{
	const char *text = options_get(call->options, "jitter");
	uint64_t random;
	char *end;
	long most;

	if (text == NULL)
		return 0;
	most = strtol(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || most > JITTER_MAX)
		return err_set(err, CODE_USAGE, "--jitter: '%s' is no number of seconds up to %d", text, JITTER_MAX);
	random_bytes(&random, sizeof(random));
	if (most > 0)
		nanosleep(&(struct timespec){.tv_sec = (time_t)(random % (uint64_t)most)}, NULL);
	return 0;
}

/* Whether a manifest in the cache ends within days, or holds no longer. */
static bool
manifest_is_due(struct collateral_call *call)
{
	struct inventory inventory;
	bool due = false;

	if (collateral_inventory(call, &inventory, &(struct err)ERR_INIT) == 0) {
		for (unsigned i = 0; i < inventory.entries; i++) {
			const struct inventory_entry *entry = &inventory.entry[i];

			due |= entry->cached && kind_row(entry->kind)->service == SERVICE_RIM &&
			       (entry->state != INVENTORY_GOOD ||
				entry->until < call->trust.at + MANIFEST_DAYS * 86400);
		}
	}
	inventory_free(&inventory);
	return due;
}

/* For a timer: it says something only if something was fetched, or failed. */
int
collateral_refresh(struct collateral_call *call, struct err *err)
{
	struct gathered gathered = {0};
	struct archive archive = {0};
	struct refresh refresh = {.answers = true};
	int code = CODE_OK;

	if (call->operands != 0)
		err_set(err, CODE_USAGE, "collateral refresh: takes no operands");
	if (call->operands != 0 || wait_at_random(call, err) != 0)
		return err_code(err);
	call->trust.at = gathered.archive.created = clock_wall();
	call->worker.deadline = live_deadline(&call->conf);
	refresh.manifests = manifest_is_due(call);
	if (gather_live(call, refresh, &gathered, err) != 0 ||
	    judge_found(call, &gathered, &archive, &gathered.steps, err) != 0) {
		code = err_code(err);
	} else {
		if (gathered.requests > 0)
			steps_ok(&gathered.steps, attester_run, "fetched", "%u questions to services",
				 gathered.requests);
		steps_conclude(&gathered.steps);
		code = steps_code(&gathered.steps);
		if (code != CODE_OK || gathered.requests > 0)
			code = collateral_print(call, &gathered.steps);
	}
	archive_free(&archive);
	gather_free(&gathered);
	return code;
}
