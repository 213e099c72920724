/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/gather.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/code.h"

#define FETCH_MARGIN 500 /* ms of the deadline that are left to tell which service was slow */

struct recorder {
	const struct gather_request *request;
	struct gathered *out;
	struct collateral_store store;
	struct err err; /* of a version that no id can have */
};

/* -- other versions ------------------------------------------------------------------------------------------------ */
static char *
without_dots(const char *version)
{
	struct buf out = {0};

	for (const char *c = version; *c != '\0'; c++)
		if (*c != '.')
			buf_printf(&out, "%c", *c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
	return buf_steal_text(&out);
}

/*
 * The id of the same GPU's manifest for another version: a version stands at the end of each. NULL: there is none such.
 */
static char *
other_id(const char *id, const char *driver, const char *vbios)
{
	struct rim_id have, want;
	char *version, *mine, *out;
	bool ok;

	if (!kind_read_rim_id(id, &have))
		return NULL;
	version = have.kind == COLLATERAL_DRIVER_RIM ? xstrdup(driver) : without_dots(vbios);
	mine = have.kind == COLLATERAL_DRIVER_RIM ? xstrdup(have.version) : without_dots(have.version);
	out = xprintf("%.*s%s", (int)(strlen(id) - strlen(mine)), id, version);
	ok = version[0] != '\0' && kind_read_rim_id(out, &want) && want.kind == have.kind &&
	     strcmp(want.product, have.product) == 0;
	free(version);
	free(mine);
	if (ok)
		return out;
	free(out);
	return NULL;
}

/* -- recording ----------------------------------------------------------------------------------------------------- */
static void
record_need(struct recorder *recorder, const struct collateral *need)
{
	struct archive *archive = &recorder->out->archive;
	struct archive_item *item = archive_find(archive, need->name);

	if (need->err.code != CODE_OK) {
		if (item == NULL)
			steps_fail(&recorder->out->steps, attester_run, kind_row(need->kind)->name, &need->err);
	} else if (item == NULL) {
		archive_add(archive, need->kind, need->name, buf_bytes(&need->answer), 0);
	} else {
		item->content.size = 0;
		buf_add(&item->content, need->answer.data, need->answer.size);
	}
}

/* Asks for the ids of other versions where they are wanted; the appraisal sees its own names. */
static void
swap_names(struct recorder *recorder, struct collateral *need, unsigned count, char **own)
{
	const struct gather_request *request = recorder->request;

	for (unsigned i = 0; i < count; i++) {
		bool driver = need[i].kind == COLLATERAL_DRIVER_RIM && request->driver != NULL;
		bool vbios = need[i].kind == COLLATERAL_VBIOS_RIM && request->vbios != NULL;
		char *other = driver || vbios ? other_id(need[i].name, request->driver, request->vbios) : NULL;

		own[i] = need[i].name;
		if (other != NULL)
			need[i].name = other;
		else if (driver || vbios)
			err_set(&recorder->err, CODE_USAGE, "'%s' is no %s version",
				driver ? request->driver : request->vbios, driver ? "driver" : "VBIOS");
	}
}

static void
serve_recorded(void *context, struct collateral *need, unsigned count)
{
	struct recorder *recorder = context;
	char **own = xcalloc(count, sizeof(*own));

	recorder->store.refresh = kind_row(need[0].kind)->asks ? recorder->request->refresh_answers
								   : recorder->request->refresh_manifests;
	swap_names(recorder, need, count, own);
	collateral_serve(&recorder->store, need, count);
	for (unsigned i = 0; i < count; i++) {
		record_need(recorder, &need[i]);
		if (need[i].name != own[i])
			free(need[i].name);
		need[i].name = own[i];
	}
	free(own);
}

/* -- the appraisal ------------------------------------------------------------------------------------------------- */

/*
 * An archive's reader decides about versions, measurements and nonces; who speaks must be known here: it names what is
 * needed.
 */
static bool
is_about_evidence(const struct step *step)
{
	return step->status == STEP_FAIL && code_class(step->code) == CODE_CLASS_EVIDENCE && step->code != CODE_NONCE &&
	       step->code != CODE_DEVICE_DUPLICATE;
}

static bool
is_revocation(const struct step *step)
{
	const char *tail = strstr(step->name, "-revocation");

	return tail != NULL && strcmp(tail, "-revocation") == 0;
}

static void
take_steps(const struct steps *from, struct steps *to)
{
	for (size_t i = 0; i < from->count; i++)
		if (is_about_evidence(&from->list[i]) || is_revocation(&from->list[i]))
			steps_add(to, &from->list[i]);
}

static void
add_chains(const struct gather_request *request, struct archive *archive)
{
	for (unsigned i = 0; i < request->gpus; i++) {
		struct archive_item *added;

		archive_add(archive, COLLATERAL_CHAIN, NULL, buf_bytes(&request->evidence[i].chain_pem), 0);
		added = &archive->item[archive->items - 1];
		if (archive_find(archive, added->name) == added)
			continue;
		free(added->name);
		buf_free(&added->content);
		archive->items--;
	}
}

static struct appraise_input
make_gather_input(const struct gather_request *request)
{
	const struct conf *conf = request->conf;
	struct appraise_input input = {.at = request->trust->at,
				       .device_root = request->trust->device_root,
				       .rim_root = request->trust->rim_root,
				       .verifier = APPRAISE_LOCAL,
				       .gpus = request->gpus};

	memcpy(input.nonce, request->evidence[0].nonce, sizeof(input.nonce));
	input.revocation = (struct revocation_policy){
		.allow_without_nonce = conf->allow_ocsp_without_nonce > input.at,
		.allow_hold = conf->allow_certificate_hold > input.at,
		.max_age = conf->ocsp_max_age,
		.hash = conf->ocsp_certid == CERTID_SHA384 ? REVOCATION_SHA384 : REVOCATION_SHA1,
	};
	for (unsigned i = 0; i < request->gpus; i++)
		input.gpu[i] = (struct evidence_raw){buf_bytes(&request->evidence[i].report),
						     buf_bytes(&request->evidence[i].chain_pem)};
	return input;
}

static struct collateral_store
make_store(const struct gather_request *request)
{
	const struct conf *conf = request->conf;

	return (struct collateral_store){
		.rim_dir = conf->rim_dir,
		.ocsp_dir = conf->ocsp_dir,
		.services = conf,
		.cache = request->cache,
		.stored_answers = conf->allow_ocsp_without_nonce > request->trust->at,
		.max_age = conf->ocsp_max_age,
		.deadline = request->deadline - FETCH_MARGIN,
		.progress = request->progress,
	};
}

int
gather(const struct gather_request *request, struct gathered *out, struct err *err)
{
	const struct appraise_worker worker = {PATH_WORKERS "/appraise", request->conf->worker_user, request->deadline};
	struct recorder recorder = {.request = request, .out = out, .store = make_store(request)};
	const struct collateral_source source = {serve_recorded, &recorder};
	struct appraisal *appraisal = xcalloc(1, sizeof(*appraisal));
	struct appraise_input *input = xcalloc(1, sizeof(*input));
	struct err refused = ERR_INIT;
	int rc = 0;

	*input = make_gather_input(request);
	appraise_remote(&worker, input, &source, appraisal, &refused);
	collateral_keep(&recorder.store, appraisal->keep, appraisal->keeps);
	out->requests += collateral_requests(&recorder.store);
	take_steps(&appraisal->steps, &out->steps);
	if (appraisal->steps.count == 0 || recorder.err.code != CODE_OK) {
		*err = recorder.err.code != CODE_OK ? recorder.err : refused;
		rc = -1;
	}
	add_chains(request, &out->archive);
	collateral_close(&recorder.store);
	appraisal_free(appraisal);
	free(appraisal);
	free(input);
	return rc;
}

void
gather_free(struct gathered *gathered)
{
	archive_free(&gathered->archive);
	steps_free(&gathered->steps);
	*gathered = (struct gathered){0};
}
