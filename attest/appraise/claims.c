/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/claims.h"

#include <stdlib.h>

#include "attest/appraise/chain.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "spec/eat.h"

/* The paths that a GPU's verdict rests on. */
struct paths {
	const struct query_path *path[3];
	const struct x509_chain *chain[3];
	unsigned count;
};

static const char *
status_text(enum revocation_status status)
{
	switch (status) {
	case REVOCATION_GOOD:
		return "good";
	case REVOCATION_REVOKED:
		return "revoked";
	case REVOCATION_UNKNOWN:
		return "unknown";
	default:
		return "undefined";
	}
}

/* The first status from the root down that is not good speaks for the chain; nonce and validity must hold for all. */
static void
fill_revocation(struct eat_chain *out, const struct query_path *path)
{
	const struct query *worst = NULL;

	out->nonce_matches = out->response_valid = path->asked != 0;
	for (unsigned i = X509_CHAIN_MAX; i-- > 0;) {
		const struct query *query = path->query[i];

		if (query == NULL)
			continue;
		out->nonce_matches = out->nonce_matches && query->said.nonce_matches;
		out->response_valid = out->response_valid && query->said.response_valid;
		if (worst == NULL || worst->said.status == REVOCATION_GOOD)
			worst = query;
	}
	if (worst == NULL)
		return;
	out->ocsp_status = status_text(worst->said.status);
	out->reason = worst->said.reason[0] != '\0' ? worst->said.reason : NULL;
	if (worst->said.status == REVOCATION_REVOKED)
		out->status = "revoked";
}

static struct eat_chain
chain_claims(enum x509_verdict verdict, const struct x509_chain *chain, const struct query_path *path)
{
	struct eat_chain out = {.ocsp_status = "undefined"};

	out.status = verdict == X509_TRUSTED ? "valid" : verdict == X509_EXPIRED ? "expired" : "invalid";
	if (chain_holds(verdict))
		clock_format(x509_chain_not_after(chain), out.expiration);
	fill_revocation(&out, path);
	return out;
}

static struct eat_rim
rim_claims(const struct manifest *manifest)
{
	static const struct manifest none;
	const struct manifest *from = manifest ? manifest : &none;
	const struct reference *reference = &from->reference;

	return (struct eat_rim){
		.fetched = reference->fetched,
		.signature_verified = reference->signature_verified,
		.version_match = reference->version_match,
		.measurements_available = reference->measurements_available,
		.chain = chain_claims(reference->chain_verdict, &reference->chain, &from->path),
	};
}

static struct paths
paths_of(const struct claims_basis *basis)
{
	struct paths out = {{basis->path}, {&basis->evidence->chain}, 1};

	for (unsigned i = 0; i < 2; i++) {
		const struct manifest *manifest = i == 0 ? basis->driver : basis->vbios;

		if (manifest == NULL)
			continue;
		out.path[out.count] = &manifest->path;
		out.chain[out.count++] = &manifest->reference.chain;
	}
	return out;
}

static char *
warning_of(const struct paths *paths)
{
	struct buf text = {0};
	char name[65];

	for (unsigned k = 0; k < paths->count; k++) {
		for (unsigned i = 0; i < paths->chain[k]->count; i++) {
			const struct query *query = paths->path[k]->query[i];

			if (query == NULL || !query->good || query->said.status != REVOCATION_REVOKED)
				continue;
			if (!x509_common_name(paths->chain[k]->cert[i], name, sizeof(name)))
				name[0] = '\0';
			buf_printf(&text, "%scertificate '%s' is on hold (%s)", text.size ? "; " : "", name,
				   query->said.reason);
		}
	}
	return text.size ? buf_steal_text(&text) : NULL;
}

/* A loosening is named where the verdict needed it. */
static void
fill_loosening(const struct paths *paths, const char *out[3])
{
	bool hold = false, no_nonce = false;
	unsigned count = 0;

	for (unsigned k = 0; k < paths->count; k++) {
		for (unsigned i = 0; i < X509_CHAIN_MAX; i++) {
			const struct query *query = paths->path[k]->query[i];

			hold = hold || (query != NULL && query->good && query->said.status == REVOCATION_REVOKED);
			no_nonce = no_nonce || (query != NULL && query->good && !query->said.nonce_matches);
		}
	}
	if (hold)
		out[count++] = "allow-certificate-hold";
	if (no_nonce)
		out[count++] = "allow-ocsp-without-nonce";
}

static const char *
measres_of(const struct claims_basis *basis)
{
	const struct manifest *driver = basis->driver, *vbios = basis->vbios;

	if (basis->comparison->success)
		return "success";
	return (driver && driver->reference.measurements_available) ||
			       (vbios && vbios->reference.measurements_available)
		       ? "fail"
		       : "not-run";
}

static struct eat_mismatch *
mismatches_of(const struct comparison *comparison)
{
	struct eat_mismatch *out = xcalloc(comparison->mismatches + 1, sizeof(*out));

	for (unsigned i = 0; i < comparison->mismatches; i++) {
		const struct mismatch *mismatch = &comparison->mismatch[i];

		out[i] = (struct eat_mismatch){
			.index = mismatch->index,
			.source = mismatch->source == REFERENCE_DRIVER ? "Driver" : "Firmware",
			.golden = bytes_of(mismatch->golden, RIM_HASH_SIZE),
			.runtime = mismatch->runtime,
		};
	}
	return out;
}

static const char *
or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static void
fill_report(struct eat_gpu *out, const struct evidence *evidence)
{
	const struct gpu_report *report = &evidence->report;

	out->hardware_model = or_null(evidence->hardware_model);
	out->ueid = or_null(evidence->ueid);
	out->arch_check = evidence->arch_match;
	out->fwid_match = evidence->fwid_match;
	out->fwid_absent = evidence->fwid_absent;
	out->report_parsed = evidence->parsed;
	out->nonce_match = evidence->nonce_match;
	out->signature_verified = evidence->signature_verified;
	if (!evidence->parsed)
		return;
	out->driver_version = or_null(report->driver_version);
	out->vbios_version = or_null(report->vbios_version);
	out->switch_pdis = report->switch_pdis;
	out->unknown_ids = report->unknown_ids;
	out->unknown_count = report->unknown_count;
}

char *
claims_of(const struct claims_basis *basis)
{
	const struct evidence *evidence = basis->evidence;
	const struct paths paths = paths_of(basis);
	struct eat_mismatch *mismatch = mismatches_of(basis->comparison);
	char *nonce = hex_text(bytes_of(basis->nonce, 32));
	char *warning = warning_of(&paths), *text;
	const char *loosening[3] = {NULL, NULL, NULL};
	struct eat_gpu out = {
		.measres = measres_of(basis),
		.secure = basis->comparison->success,
		.nonce = nonce,
		.oemid = basis->driver ? or_null(basis->driver->reference.rim.manufacturer_id) : NULL,
		.chain = chain_claims(evidence->chain_verdict, &evidence->chain, basis->path),
		.driver = rim_claims(basis->driver),
		.vbios = rim_claims(basis->vbios),
		.vbios_no_conflict = basis->comparison->no_conflict,
		.warning = warning,
		.mismatch = mismatch,
		.mismatches = basis->comparison->mismatches,
		.loosening = loosening,
	};

	fill_report(&out, evidence);
	fill_loosening(&paths, loosening);
	text = eat_gpu_encode(&out);
	free(mismatch);
	free(nonce);
	free(warning);
	return text;
}
