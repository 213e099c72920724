/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/collateral.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/live.h"
#include "attest/cmd/report.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/fs.h"

static const struct option_entry table[] = {
	{"gpu-evidence-file", "FILE...", "check, export: evidence of other machines' GPUs, as cgpu evidence writes it"},
	{"driver", "VERSION", "check: the driver version to come (default the present one)"},
	{"vbios", "VERSION", "check: the VBIOS version to come (default the present one)"},
	{"jitter", "SECONDS", "refresh: wait at random, at most so long, before anything is asked for"},
	{"format", "text|json", "output form (default text)"},
	{NULL, NULL, NULL},
};

/* -- shared -------------------------------------------------------------------------------------------------------- */
int
collateral_read(const char *path, size_t max, int code, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;

	if (fd < 0)
		return err_set(err, CODE_USAGE, "%s: %s", path, err_errno(errno));
	rc = fs_read_fd(fd, max, out, err);
	close(fd);
	if (rc == 0)
		return 0;
	buf_free(out);
	return err_wrap(err, code, "%s", path);
}

int
collateral_inventory(struct collateral_call *call, struct inventory *inventory, struct err *err)
{
	*inventory = (struct inventory){0};
	if (inventory_directories(&call->store, inventory, err) != 0)
		return -1;
	inventory_cache(&call->cache, inventory);
	return inventory_judge(inventory, &call->worker, &call->trust, err);
}

void
collateral_until(const struct archive *archive, struct steps *steps)
{
	const struct archive_item *first = NULL;
	char text[32];

	for (unsigned i = 0; i < archive->items; i++)
		if (first == NULL || archive->item[i].until < first->until)
			first = &archive->item[i];
	if (first == NULL)
		return;
	clock_format(first->until, text);
	steps_ok(steps, attester_run, "until", "%s: then %s %s ends", text, kind_row(first->kind)->name, first->name);
}

/* Judges the archive in a file: its steps, and what is in it where all of it holds. -1: there was no answer. */
static int
judge_carried(const struct collateral_call *call, const char *path, struct archive *out, struct steps *steps,
	   struct err *err)
{
	struct err refused = ERR_INIT; /* told by the steps */
	struct buf text = {0};

	*out = (struct archive){0};
	*steps = (struct steps){0};
	if (collateral_read(path, ARCHIVE_MAX, CODE_ARCHIVE, &text, err) != 0)
		return -1;
	archive_judge_remote(&call->worker, buf_bytes(&text), &call->trust, out, steps, &refused);
	buf_free(&text);
	if (steps->count > 0)
		return 0;
	*err = refused;
	return -1;
}

int
collateral_print(const struct collateral_call *call, const struct steps *steps)
{
	const struct report report = {steps, NULL, 0, NULL};

	return report_print(&report, call->json);
}

/* -- verify -------------------------------------------------------------------------------------------------------- */
static void
step_of(const struct inventory_entry *entry, struct steps *steps)
{
	const char *name = kind_row(entry->kind)->step;
	struct err err = ERR_INIT;

	if (entry->state == INVENTORY_GOOD) {
		steps_ok(steps, attester_run, name, "%s", entry->detail);
	} else if (entry->state == INVENTORY_UNMATCHED || entry->state == INVENTORY_UNJUDGED) {
		steps_skip(steps, attester_run, name, "%s", entry->detail != NULL ? entry->detail : entry->name);
	} else {
		err_set(&err, entry->code, "%s", entry->detail);
		if (entry->path != NULL)
			err_wrap(&err, 0, "%s", entry->path);
		steps_fail(steps, attester_run, name, &err);
	}
}

static int
verify_here(struct collateral_call *call, struct err *err)
{
	struct inventory inventory;
	struct steps steps = {0};
	int code;

	if (collateral_inventory(call, &inventory, err) != 0) {
		inventory_free(&inventory);
		return err_code(err);
	}
	steps_ok(&steps, attester_run, "collateral", "%u items in %s, %s and %s", inventory.entries,
		 call->store.rim_dir, call->store.chain_dir, call->store.ocsp_dir);
	for (unsigned i = 0; i < inventory.entries; i++)
		step_of(&inventory.entry[i], &steps);
	steps_conclude(&steps);
	code = collateral_print(call, &steps);
	steps_free(&steps);
	inventory_free(&inventory);
	return code;
}

static void
append_prefixed(struct steps *to, const struct steps *from, const char *path)
{
	for (size_t i = 0; i < from->count; i++) {
		struct step step = from->list[i];

		step.detail = xprintf("%s: %s", path, step.detail);
		steps_add(to, &step);
		free(step.detail);
	}
}

static int
verify(struct collateral_call *call, struct err *err)
{
	struct steps all = {0};
	int rc = 0, code;

	if (call->operands == 0)
		return verify_here(call, err);
	for (int i = 0; rc == 0 && i < call->operands; i++) {
		struct archive archive;
		struct steps steps;

		rc = judge_carried(call, call->operand[i], &archive, &steps, err);
		if (steps_code(&steps) == CODE_OK)
			collateral_until(&archive, &steps);
		append_prefixed(&all, &steps, call->operand[i]);
		archive_free(&archive);
		steps_free(&steps);
	}
	steps_conclude(&all);
	code = rc == 0 ? collateral_print(call, &all) : err_code(err);
	steps_free(&all);
	return code;
}

/* -- import -------------------------------------------------------------------------------------------------------- */
static int
import(struct collateral_call *call, struct err *err)
{
	struct archive archive;
	struct steps steps;
	struct err failed = ERR_INIT; /* told by the steps too */
	int code;

	if (call->operands != 1) {
		err_set(err, CODE_USAGE, "collateral import: give one archive");
		return err_code(err);
	}
	if (judge_carried(call, call->operand[0], &archive, &steps, err) != 0)
		return err_code(err);
	if (steps_code(&steps) != CODE_OK) {
		steps_skip(&steps, attester_run, "store", "nothing was stored");
	} else if (store_put(&call->store, &archive, &steps, &failed) == 0) {
		collateral_until(&archive, &steps);
	}
	code = collateral_print(call, &steps);
	steps_free(&steps);
	archive_free(&archive);
	return code;
}

/* -- the command --------------------------------------------------------------------------------------------------- */
static const struct verb {
	const char *name;
	int (*run)(struct collateral_call *call, struct err *err);
	const char *options[4];
} verbs[] = {
	{"list", collateral_list, {NULL}},
	{"show", collateral_show, {NULL}},
	{"verify", verify, {NULL}},
	{"check", collateral_check, {"driver", "vbios", "gpu-evidence-file", NULL}},
	{"export", collateral_export, {"gpu-evidence-file", NULL}},
	{"import", import, {NULL}},
	{"refresh", collateral_refresh, {"jitter", NULL}},
};

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* An option that the verb does not know would be a wish not fulfilled. */
static int
check_options(const struct options *options, const struct verb *verb, struct err *err)
{
	for (unsigned i = 0; table[i].name != NULL; i++) {
		bool known = strcmp(table[i].name, "format") == 0;

		for (unsigned k = 0; k < 4 && verb->options[k] != NULL; k++)
			known |= strcmp(table[i].name, verb->options[k]) == 0;
		if (options_given(options, table[i].name) && !known)
			return err_set(err, CODE_USAGE, "collateral %s: --%s is of another verb", verb->name,
				       table[i].name);
	}
	return 0;
}

static void
open_call_cache(struct collateral_call *call)
{
	char *disk, *boot;

	cache_places(call->conf.cache_dir, false, &disk, &boot);
	cache_open(disk, boot, (uint64_t)call->conf.cache_size << 20, &call->cache);
	free(disk);
	free(boot);
}

int
collateral_begin(struct collateral_call *call, struct err *err)
{
	const struct conf *conf = &call->conf;
	struct appraise_input roots = {0};

	if (conf_load(&call->conf, err) != 0 || anchors_read(conf, &call->anchors, &roots, err) != 0)
		return -1;
	call->trust = (struct archive_trust){
		roots.device_root, roots.rim_root, clock_wall(), {.max_age = conf->ocsp_max_age}};
	call->trust.revocation.allow_hold = conf->allow_certificate_hold > call->trust.at;
	call->worker = (struct appraise_worker){PATH_WORKERS "/appraise", conf->worker_user, live_deadline(conf)};
	call->store = (struct store){conf->rim_dir, conf->ocsp_dir, conf->chain_dir};
	open_call_cache(call);
	return 0;
}

void
collateral_end(struct collateral_call *call)
{
	cache_close(&call->cache);
	anchors_free(&call->anchors);
	conf_free(&call->conf);
}

static int
run(const struct options *options, struct err *err)
{
	struct collateral_call call = {.options = options, .cache = {.disk = -1, .boot = -1}};
	const struct verb *verb;
	int code;

	if (options_format(options, &call.json, err) != 0 || options_operands(options, 1, 16, err) != 0)
		return err_code(err);
	verb = find_verb(options->operand[0]);
	if (verb == NULL) {
		err_set(err, CODE_USAGE, "collateral: '%s' is no verb; see cgpu collateral --help",
			options->operand[0]);
		return err_code(err);
	}
	crypto_init();
	call.operand = options->operand + 1;
	call.operands = options->operands - 1;
	code = check_options(options, verb, err) == 0 && collateral_begin(&call, err) == 0 ? verb->run(&call, err)
											   : err_code(err);
	collateral_end(&call);
	return code;
}

const struct command command_collateral = {
	"collateral", "list|show NAME|verify [FILE]...|check|export FILE|import FILE|refresh",
	"Show, verify, fetch and carry reference manifests and revocation answers", table, run};
