/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/wire.h"

#include <stdlib.h>
#include <string.h>

#include "lib/code.h"
#include "lib/frame.h"

#define WITHOUT_NONCE 1u
#define HOLD 2u
#define SHA384 4u

static uint32_t
revocation_flags(const struct revocation_policy *policy)
{
	return (policy->allow_without_nonce ? WITHOUT_NONCE : 0) | (policy->allow_hold ? HOLD : 0) |
	       (policy->hash == REVOCATION_SHA384 ? SHA384 : 0);
}

void
appraise_put_parameters(struct buf *payload, const struct appraise_input *input)
{
	frame_put_i64(payload, input->at);
	frame_put_field(payload, bytes_of(input->nonce, sizeof(input->nonce)));
	frame_put_field(payload, input->device_root);
	frame_put_field(payload, input->rim_root);
	frame_put_u32(payload, revocation_flags(&input->revocation));
	frame_put_i64(payload, input->revocation.max_age);
	frame_put_u32(payload, input->verifier);
	frame_put_text(payload, input->remote.issuer ? input->remote.issuer : "");
	frame_put_field(payload, input->remote.key_set);
	frame_put_field(payload, input->remote.key_root);
	frame_put_u32(payload, input->gpus);
}

static bool
get_revocation(struct cursor *cursor, struct revocation_policy *out)
{
	uint32_t flags;

	if (!frame_get_u32(cursor, &flags) || flags > (WITHOUT_NONCE | HOLD | SHA384) ||
	    !frame_get_i64(cursor, &out->max_age) || out->max_age < 0)
		return false;
	out->allow_without_nonce = flags & WITHOUT_NONCE;
	out->allow_hold = flags & HOLD;
	out->hash = flags & SHA384 ? REVOCATION_SHA384 : REVOCATION_SHA1;
	return true;
}

/* An empty field is what is not pinned. */
static bool
get_pinned(struct cursor *cursor, struct bytes *out)
{
	if (!frame_get_field(cursor, out))
		return false;
	if (out->size == 0)
		out->data = NULL;
	return true;
}

static bool
get_remote(struct cursor *cursor, uint32_t *verifier, struct remote_trust *out)
{
	char *issuer;

	if (!frame_get_u32(cursor, verifier) || *verifier == 0 || *verifier > (APPRAISE_LOCAL | APPRAISE_REMOTE) ||
	    !frame_get_text(cursor, &issuer))
		return false;
	out->issuer = issuer;
	return get_pinned(cursor, &out->key_set) && get_pinned(cursor, &out->key_root);
}

bool
appraise_get_parameters(struct bytes payload, struct appraise_input *out)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes nonce;
	uint32_t verifier, gpus;

	*out = (struct appraise_input){0};
	if (!frame_get_i64(&cursor, &out->at) || !frame_get_field(&cursor, &nonce) ||
	    nonce.size != sizeof(out->nonce) || !frame_get_field(&cursor, &out->device_root) ||
	    !frame_get_field(&cursor, &out->rim_root) || !get_revocation(&cursor, &out->revocation) ||
	    !get_remote(&cursor, &verifier, &out->remote) || !frame_get_u32(&cursor, &gpus) || gpus == 0 ||
	    gpus > GPU_MAX || cursor.left != 0) {
		appraise_free_parameters(out);
		return false;
	}
	memcpy(out->nonce, nonce.data, sizeof(out->nonce));
	out->verifier = verifier;
	out->gpus = gpus;
	return true;
}

void
appraise_free_parameters(struct appraise_input *input)
{
	free((char *)input->remote.issuer);
	input->remote.issuer = NULL;
}

void
appraise_put_evidence(struct buf *payload, const struct evidence_raw *evidence)
{
	frame_put_field(payload, evidence->report);
	frame_put_field(payload, evidence->chain_pem);
}

bool
appraise_get_evidence(struct bytes payload, struct evidence_raw *out)
{
	struct cursor cursor = cursor_of(payload);

	return frame_get_field(&cursor, &out->report) && frame_get_field(&cursor, &out->chain_pem) && cursor.left == 0;
}

void
appraise_put_need(struct buf *payload, const struct collateral *need)
{
	frame_put_u32(payload, need->kind);
	frame_put_u32(payload, need->again);
	frame_put_text(payload, need->name);
	frame_put_field(payload, need->question);
	frame_put_field(payload, bytes_of(need->nonce, sizeof(need->nonce)));
}

/* A kind that can be asked for, and a name where it has one. */
static bool
get_kind(struct cursor *cursor, enum collateral_kind *kind)
{
	uint32_t number;

	if (!frame_get_u32(cursor, &number) || !kind_is_asked(number))
		return false;
	*kind = number;
	return true;
}

static bool
get_name(struct cursor *cursor, enum collateral_kind kind, char **name)
{
	return frame_get_text(cursor, name) && ((*name)[0] != '\0') == (kind_row(kind)->fits != NULL);
}

bool
appraise_get_need(struct bytes payload, struct collateral *out)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes question, nonce;
	char *name = NULL;
	enum collateral_kind kind;
	uint32_t again;

	*out = (struct collateral){0};
	if (!get_kind(&cursor, &kind) || !frame_get_u32(&cursor, &again) || again > 1 ||
	    !get_name(&cursor, kind, &name) || !frame_get_field(&cursor, &question) ||
	    (question.size != 0) != kind_row(kind)->asks || !frame_get_field(&cursor, &nonce) ||
	    nonce.size != sizeof(out->nonce) || cursor.left != 0) {
		free(name);
		return false;
	}
	out->kind = kind;
	out->again = again;
	out->name = name;
	memcpy(out->nonce, nonce.data, sizeof(out->nonce));
	if (question.size != 0)
		out->question = bytes_of(xmemdup(question.data, question.size), question.size);
	return true;
}

void
appraise_free_need(struct collateral *need)
{
	free(need->name);
	free((void *)need->question.data);
	buf_free(&need->answer);
	*need = (struct collateral){0};
}

void
appraise_put_collateral(struct buf *payload, const struct collateral *need)
{
	frame_put_u32(payload, (uint32_t)need->err.code);
	frame_put_u32(payload, need->origin);
	frame_put_field(payload, bytes_of(need->nonce, sizeof(need->nonce)));
	if (need->err.code == CODE_OK)
		frame_put_field(payload, buf_bytes(&need->answer));
	else
		frame_put_text(payload, need->err.text);
}

bool
appraise_get_collateral(struct bytes payload, struct collateral *need)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes nonce, content;
	uint32_t code, origin;

	if (!frame_get_u32(&cursor, &code) || code_find((int)code) == NULL || !frame_get_u32(&cursor, &origin) ||
	    origin > ORIGIN_NETWORK || !frame_get_field(&cursor, &nonce) || nonce.size != sizeof(need->nonce) ||
	    !frame_get_field(&cursor, &content) || cursor.left != 0)
		return false;
	need->origin = origin;
	memcpy(need->nonce, nonce.data, nonce.size);
	if (code == CODE_OK)
		buf_add(&need->answer, content.data, content.size);
	else
		err_set(&need->err, (int)code, "%.*s", (int)content.size, (const char *)content.data);
	return true;
}

void
appraise_put_step(struct buf *payload, const struct step *step)
{
	frame_put_u32(payload, step->attester.kind);
	frame_put_u32(payload, step->attester.index);
	frame_put_u32(payload, step->status);
	frame_put_u32(payload, (uint32_t)step->code);
	frame_put_text(payload, step->name);
	frame_put_text(payload, step->detail);
}

/* It is printed as it is. */
static bool
is_step_name(const char *name)
{
	return name[0] != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz-")] == '\0';
}

static bool
get_attester(struct cursor *cursor, unsigned gpus, struct attester *out)
{
	uint32_t kind, index;

	if (!frame_get_u32(cursor, &kind) || !frame_get_u32(cursor, &index))
		return false;
	*out = (struct attester){kind, index};
	switch (kind) {
	case ATTESTER_RUN: return index == 0;
	case ATTESTER_GPU: return index < gpus;
	}
	return false;
}

bool
appraise_get_step(struct bytes payload, unsigned gpus, struct steps *steps)
{
	struct cursor cursor = cursor_of(payload);
	char *name = NULL, *detail = NULL;
	struct attester attester;
	uint32_t status, code;
	bool ok = get_attester(&cursor, gpus, &attester) && frame_get_u32(&cursor, &status) && status <= STEP_FAIL &&
		  frame_get_u32(&cursor, &code) && code_find((int)code) != NULL &&
		  (status == STEP_FAIL) == (code != CODE_OK) && frame_get_text(&cursor, &name) && is_step_name(name) &&
		  frame_get_text(&cursor, &detail) && cursor.left == 0;

	if (ok)
		steps_add(steps, &(struct step){attester, name, status, (int)code, detail});
	free(name);
	free(detail);
	return ok;
}

void
appraise_put_keep(struct buf *payload, const struct keep *keep)
{
	frame_put_u32(payload, keep->kind);
	frame_put_text(payload, keep->name);
	frame_put_i64(payload, keep->until);
	frame_put_i64(payload, keep->time);
	frame_put_i64(payload, keep->made);
}

bool
appraise_get_keep(struct bytes payload, struct keep *out)
{
	struct cursor cursor = cursor_of(payload);
	char *name = NULL;

	*out = (struct keep){0};
	if (!get_kind(&cursor, &out->kind) || !get_name(&cursor, out->kind, &name) ||
	    !frame_get_i64(&cursor, &out->until) || !frame_get_i64(&cursor, &out->time) ||
	    !frame_get_i64(&cursor, &out->made) || out->until < 0 || out->time < 0 || out->made < 0 ||
	    cursor.left != 0) {
		free(name);
		return false;
	}
	out->name = name;
	return true;
}

void
appraisal_free(struct appraisal *appraisal)
{
	steps_free(&appraisal->steps);
	for (unsigned i = 0; i < appraisal->keeps; i++)
		free(appraisal->keep[i].name);
	for (unsigned i = 0; i < GPU_MAX; i++)
		free(appraisal->claims[i]);
	*appraisal = (struct appraisal){0};
}
