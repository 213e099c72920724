/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/chain.h"
#include "attest/appraise/reference.h"
#include "attest/collateral/archive.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/json.h"

/* A certificate and its issuer in a chain that leads to its root: what an answer can be about. */
struct link {
	char name[128];
	const X509 *cert, *issuer;
};

struct judge {
	const struct archive_trust *trust;
	X509 *device_root, *rim_root;
	struct x509_memo *memo;
	struct x509_chain chain[ARCHIVE_ITEMS_MAX];
	unsigned chains;
	struct link *link;
	unsigned links;
};

/* -- what is told of an item --------------------------------------------------------------------------------------- */
static void
member_time(struct json_out *out, const char *name, int64_t at)
{
	char text[32];

	clock_format(at, text);
	json_out_member_text(out, name, at != 0 ? text : NULL);
}

static struct json_out *
about_begin(const struct archive_item *item)
{
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	json_out_member_text(out, "kind", kind_row(item->kind)->name);
	json_out_member_text(out, "name", item->name);
	return out;
}

static void
about_end(struct archive_item *item, struct json_out *out)
{
	json_out_end(out);
	free(item->about);
	item->about = json_out_finish(out);
}

static void
about_name(struct json_out *out, const char *member, const X509 *cert)
{
	char name[65];

	json_out_member_text(out, member, x509_common_name(cert, name, sizeof(name)) ? name : NULL);
}

static void
about_chain(struct json_out *out, const struct x509_chain *chain)
{
	int64_t from, until;

	json_out_name(out, "certificates");
	json_out_array(out);
	for (unsigned i = 0; i < chain->count; i++) {
		json_out_object(out);
		about_name(out, "name", chain->cert[i]);
		if (x509_validity(chain->cert[i], &from, &until)) {
			member_time(out, "from", from);
			member_time(out, "until", until);
		}
		json_out_end(out);
	}
	json_out_end(out);
}

static void
about_rows(struct json_out *out, const struct rim *rim)
{
	json_out_name(out, "rows");
	json_out_array(out);
	for (unsigned i = 0; i < RIM_ROWS_MAX; i++) {
		if (!rim->row[i].active)
			continue;
		json_out_object(out);
		json_out_member_integer(out, "index", i);
		json_out_name(out, "values");
		json_out_array(out);
		for (unsigned k = 0; k < rim->row[i].alternatives; k++) {
			char *hex = hex_text(bytes_of(rim->row[i].hash[k], RIM_HASH_SIZE));

			json_out_text(out, hex);
			free(hex);
		}
		json_out_end(out);
		json_out_end(out);
	}
	json_out_end(out);
}

static void
about_manifest(struct archive_item *item, const struct reference *reference)
{
	struct json_out *out = about_begin(item);

	if (reference->measurements_available) {
		json_out_member_text(out, "version", reference->rim.version);
		json_out_member_text(out, "product", reference->rim.product);
		about_chain(out, &reference->chain);
		about_rows(out, &reference->rim);
	}
	about_end(item, out);
}

/* Of an answer that was judged: its nonce, whomever it answers. */
static void
about_nonce(struct json_out *out, struct bytes answer)
{
	const unsigned char *at = answer.data;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer.size);
	OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
	int index = basic ? OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1) : -1;
	const ASN1_OCTET_STRING *value =
		index >= 0 ? X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, index)) : NULL;

	if (value != NULL)
		json_out_member_hex(out, "nonce",
				    bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
	else
		json_out_member_text(out, "nonce", NULL);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
}

static void
about_answer(struct archive_item *item, const struct link *link, const struct revocation *said)
{
	static const char *const status[] = {[REVOCATION_GOOD] = "good", [REVOCATION_REVOKED] = "revoked",
					     [REVOCATION_UNKNOWN] = "unknown"};
	struct json_out *out = about_begin(item);

	about_name(out, "certificate", link->cert);
	about_name(out, "issuer", link->issuer);
	if (said->status != REVOCATION_NO_STATUS) {
		json_out_member_text(out, "status", status[said->status]);
		json_out_member_text(out, "reason", said->reason[0] ? said->reason : NULL);
		member_time(out, "produced", said->produced_at);
		member_time(out, "this_update", said->this_update);
		member_time(out, "next_update", said->next_update);
		about_nonce(out, buf_bytes(&item->content));
	}
	about_end(item, out);
}

/* -- steps --------------------------------------------------------------------------------------------------------- */
static void
refuse_item(struct steps *steps, const struct archive_item *item, struct err *err)
{
	err_wrap(err, 0, "%s", item->name);
	steps_fail(steps, attester_run, kind_row(item->kind)->step, err);
}

static void
accept(struct steps *steps, struct archive_item *item, int64_t until, const char *what)
{
	char text[32];

	item->good = true;
	item->until = until;
	clock_format(until, text);
	steps_ok(steps, attester_run, kind_row(item->kind)->step, "%s: %s, until %s", item->name, what, text);
}

/* -- manifests and chains ------------------------------------------------------------------------------------------ */

/* Takes the chain over: what it certifies may be asked about, be it too late or too early. */
static void
keep_chain(struct judge *judge, struct x509_chain *chain, enum x509_verdict verdict, unsigned first)
{
	static const uint8_t nonce[REVOCATION_NONCE_SIZE];
	struct revocation_question question;
	struct err err = ERR_INIT;

	if (!chain_holds(verdict))
		return;
	for (unsigned i = first; i + 1 < chain->count; i++) {
		if (revocation_ask_with(chain->cert[i], chain->cert[i + 1], REVOCATION_SHA1, nonce, &question,
					&err) == 0) {
			judge->link = xrealloc(judge->link, (judge->links + 1) * sizeof(*judge->link));
			judge->link[judge->links] = (struct link){"", chain->cert[i], chain->cert[i + 1]};
			strcpy(judge->link[judge->links++].name, question.name);
		}
		revocation_question_free(&question);
	}
	judge->chain[judge->chains++] = *chain;
	*chain = (struct x509_chain){0};
}

static void
judge_manifest_item(struct judge *judge, struct archive_item *item, const struct rim_id *id,
		struct reference *reference, struct steps *steps)
{
	enum reference_kind kind = item->kind == COLLATERAL_DRIVER_RIM ? REFERENCE_DRIVER : REFERENCE_VBIOS;
	struct reference_want want = {kind, id->version, id->product[0] ? id->product : NULL};
	struct bytes xml = buf_bytes(&item->content);
	struct err err = ERR_INIT;
	struct steps all = {0};
	char what[192];

	if (reference_verify(xml, &want, judge->rim_root, judge->trust->at, attester_run, judge->memo, &all,
			     reference) == 0) {
		snprintf(what, sizeof(what), "%s for %s, %u rows", reference->rim.version, reference->rim.product,
			 reference->rim.active);
		accept(steps, item, x509_chain_not_after(&reference->chain), what);
	} else {
		const struct step *failed = steps_first_failure(&all);

		err_set(&err, failed->code, "%s: %s", failed->name, failed->detail);
		refuse_item(steps, item, &err);
	}
	steps_free(&all);
}

static void
judge_archived_manifest(struct judge *judge, struct archive_item *item, struct steps *steps)
{
	struct reference *reference = xcalloc(1, sizeof(*reference));
	struct err err = ERR_INIT;
	struct rim_id id;

	if (kind_read_rim_id(item->name, &id)) {
		judge_manifest_item(judge, item, &id, reference, steps);
	} else {
		err_set(&err, CODE_ARCHIVE, "no manifest is called so");
		refuse_item(steps, item, &err);
	}
	about_manifest(item, reference);
	keep_chain(judge, &reference->chain, reference->chain_verdict, CHAIN_SIGNER_FIRST);
	reference_free(reference);
	free(reference);
}

static void
judge_archived_chain(struct judge *judge, struct archive_item *item, struct steps *steps)
{
	struct json_out *out = about_begin(item);
	struct x509_chain chain;
	enum x509_verdict verdict;
	struct err err = ERR_INIT;
	char model[65];

	if (chain_verify(buf_bytes(&item->content), judge->device_root, judge->trust->at, judge->memo, &chain, &verdict,
			 &err) == 0)
		accept(steps, item, x509_chain_not_after(&chain),
		       x509_common_name(chain.cert[1], model, sizeof(model)) ? model : "no common name");
	else
		refuse_item(steps, item, &err);
	about_chain(out, &chain);
	about_end(item, out);
	keep_chain(judge, &chain, verdict, CHAIN_DEVICE_FIRST);
	x509_chain_free(&chain);
}

/* -- answers ------------------------------------------------------------------------------------------------------- */
static const struct link *
find_link(const struct judge *judge, const char *name)
{
	const char *tail = strstr(name, KIND_SHA384);
	size_t size = tail != NULL ? (size_t)(tail - name) : strlen(name);

	for (unsigned i = 0; i < judge->links; i++)
		if (strlen(judge->link[i].name) == size && strncmp(judge->link[i].name, name, size) == 0)
			return &judge->link[i];
	return NULL;
}

static void
judge_archived_answer(struct judge *judge, struct archive_item *item, struct steps *steps)
{
	const struct link *link = find_link(judge, item->name);
	static const uint8_t nonce[REVOCATION_NONCE_SIZE];
	struct revocation_policy policy = judge->trust->revocation;
	struct revocation_question question = {0};
	struct revocation said = {0};
	struct err err = ERR_INIT;

	policy.allow_without_nonce = true;
	if (link == NULL) {
		err_set(&err, CODE_OCSP_OTHER, "about no certificate of the manifests and chains beside it");
		refuse_item(steps, item, &err);
		about_end(item, about_begin(item));
		return;
	}
	if (revocation_ask_with(link->cert, link->issuer, REVOCATION_SHA1, nonce, &question, &err) == 0 &&
	    revocation_judge(&question, buf_bytes(&item->content), judge->trust->at, &policy, judge->memo, &said,
			     &err) == 0)
		accept(steps, item, said.until,
		       said.status == REVOCATION_GOOD ? "good" : "on hold, which the policy allows");
	else
		refuse_item(steps, item, &err);
	about_answer(item, link, &said);
	revocation_question_free(&question);
}

/* -- all of it ----------------------------------------------------------------------------------------------------- */
static int
begin_judge(struct judge *judge, const struct archive *archive, const struct archive_trust *trust, struct steps *steps)
{
	struct err err = ERR_INIT;
	char created[32];

	judge->trust = trust;
	judge->memo = x509_memo_new();
	judge->device_root = x509_anchor(trust->device_root, &err);
	if (judge->device_root == NULL) {
		err_wrap(&err, CODE_USAGE, "device-root");
		return steps_fail(steps, attester_run, "archive", &err);
	}
	judge->rim_root = x509_anchor(trust->rim_root, &err);
	if (judge->rim_root == NULL) {
		err_wrap(&err, CODE_USAGE, "rim-root");
		return steps_fail(steps, attester_run, "archive", &err);
	}
	clock_format(archive->created, created);
	steps_ok(steps, attester_run, "archive", "%u items, made %s", archive->items, created);
	return 0;
}

static void
end_judge(struct judge *judge)
{
	for (unsigned i = 0; i < judge->chains; i++)
		x509_chain_free(&judge->chain[i]);
	free(judge->link);
	x509_memo_free(judge->memo);
	X509_free(judge->device_root);
	X509_free(judge->rim_root);
	free(judge);
}

static void
judge_item(struct judge *judge, struct archive_item *item, struct steps *steps)
{
	switch (kind_row(item->kind)->service) {
	case SERVICE_NONE:
		judge_archived_chain(judge, item, steps);
		break;
	case SERVICE_OCSP:
		judge_archived_answer(judge, item, steps);
		break;
	case SERVICE_RIM:
		judge_archived_manifest(judge, item, steps);
		break;
	default:
		break; /* archive_parse makes no other */
	}
}

/* Answers last: they are about what comes before them. */
int
archive_judge(struct archive *archive, const struct archive_trust *trust, struct steps *steps)
{
	struct judge *judge = xcalloc(1, sizeof(*judge));

	if (begin_judge(judge, archive, trust, steps) == 0) {
		for (unsigned i = 0; i < archive->items; i++)
			judge_item(judge, &archive->item[i], steps);
		steps_conclude(steps);
	}
	end_judge(judge);
	return steps_code(steps) == CODE_OK ? 0 : -1;
}
