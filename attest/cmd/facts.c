/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/policy/mode.h"
#include "attest/policy/policy.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/frame.h"
#include "lib/log.h"
#include "lib/sandbox.h"

#define LIST_MAX (LOG_VALUE_MAX - 16)

static void
put_fact(struct buf *payload, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	frame_put_text(payload, name);
	frame_put_text(payload, value);
}

/* One value of every GPU's claims, separated by commas. */
static void
put_claims(struct buf *payload, const char *name, const struct run *run, const char *claim)
{
	struct buf list = {0};

	for (unsigned i = 0; i < run->gpus; i++) {
		const char *value = json_text(json_get(run->claims[i], claim));

		buf_printf(&list, "%s%s", i == 0 ? "" : ",", value ? value : "");
	}
	if (list.size >= run->gpus && run->gpus > 0)
		put_fact(payload, name, (const char *)list.data);
	buf_free(&list);
}

static void
put_run(struct buf *payload, const struct run *run)
{
	struct buf uuids = {0};
	uint8_t digest[SHA256_SIZE];
	char hex[65];

	for (unsigned i = 0; i < run->gpus; i++)
		buf_printf(&uuids, "%s%s", i == 0 ? "" : ",", run->identity[i].uuid);
	put_fact(payload, "gpus", (const char *)uuids.data);
	buf_free(&uuids);
	put_claims(payload, "ueids", run, "ueid");
	put_claims(payload, "models", run, "hwmodel");
	put_claims(payload, "vbios_versions", run, "x-nvidia-gpu-vbios-version");
	put_fact(payload, "driver_version", run->states.driver_version);
	put_fact(payload, "missing_gpus", run->states.missing > 0 ? run->states.missing_names : NULL);
	if (run->states.driver_version[0] != '\0')
		put_fact(payload, "ready_state", run->ready_set ? "set" : mode_ready(run->states.ready));
	if (run->gpus > 0) { /* the digest: the nonce itself belongs to the container */
		crypto_sha256(bytes_of(run->evidence[0].nonce, NONCE_SIZE), digest);
		hex_encode(hex, digest, sizeof(digest));
		put_fact(payload, "nonce_digest", hex);
	}
}

/* -- collateral ---------------------------------------------------------------------------------------------------- */

/* Whole entries, as many as a value of the audit line has room for, then how many more there were. */
struct list {
	struct buf text;
	unsigned count, more;
};

static void
list_add(struct list *list, const char *entry)
{
	if (list->more > 0 || list->text.size + strlen(entry) > LIST_MAX)
		list->more++;
	else
		buf_printf(&list->text, "%s%s", list->count++ == 0 ? "" : ",", entry);
}

static void
put_list(struct buf *payload, const char *name, struct list *list)
{
	if (list->more > 0)
		buf_printf(&list->text, ",+%u", list->more);
	if (list->text.size > 0)
		put_fact(payload, name, (const char *)list->text.data);
	buf_free(&list->text);
}

static void
put_time(struct buf *payload, const char *name, int64_t at)
{
	char text[32];

	if (at == 0)
		return;
	clock_format(at, text);
	put_fact(payload, name, text);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static bool
keeps_manifest(const struct keep *keep)
{
	return kind_row(keep->kind)->service == SERVICE_RIM;
}

/* Manifests by id and digest, and when the first of their signers ends. */
static void
put_manifests(struct buf *payload, const struct run *run)
{
	struct list list = {.count = 0};
	int64_t until = 0;

	for (unsigned i = 0; i < run->collaterals; i++) {
		const struct keep *keep = &run->collateral[i];
		char hex[2 * SHA256_SIZE + 1], *entry;

		if (!keeps_manifest(keep))
			continue;
		hex_encode(hex, keep->digest, sizeof(keep->digest));
		entry = xprintf("%s=%s", keep->name, hex);
		list_add(&list, entry);
		free(entry);
		until = earlier(until, keep->until);
	}
	put_list(payload, "manifests", &list);
	put_time(payload, "manifests_until", until);
}

/* Revocation answers by serial, the time of the oldest, and when the first of them ends. */
static void
put_revocation(struct buf *payload, const struct run *run)
{
	struct list list = {.count = 0};
	int64_t made = 0, until = 0;

	for (unsigned i = 0; i < run->collaterals; i++) {
		const struct keep *keep = &run->collateral[i];
		const char *serial = strchr(keep->name, '-');
		char *entry;

		if (keep->kind != COLLATERAL_OCSP || serial == NULL)
			continue;
		entry = xstrdup(serial + 1);
		entry[strcspn(entry, "-")] = '\0';
		list_add(&list, entry);
		free(entry);
		made = earlier(made, keep->made);
		until = earlier(until, keep->until);
	}
	put_list(payload, "revocation_serials", &list);
	put_time(payload, "revocation_oldest", made);
	put_time(payload, "revocation_until", until);
}

static void
put_key_set(struct buf *payload, const struct run *run)
{
	char hex[2 * SHA256_SIZE + 1];

	for (unsigned i = 0; i < run->collaterals; i++) {
		if (run->collateral[i].kind != COLLATERAL_KEY_SET)
			continue;
		hex_encode(hex, run->collateral[i].digest, SHA256_SIZE);
		put_fact(payload, "key_set_digest", hex);
	}
}

/* -- all of them ------------------------------------------------------------------------------------------------- */

/* For the next token of the same container. */
static void
put_result(struct buf *payload, const struct run_request *request, const struct run *run)
{
	char text[2 * SHA256_SIZE + 1];

	if (run->result.files == 0)
		return;
	clock_format(run->result.expires, text);
	put_fact(payload, "expires", text);
	if (request->config_digest.data == NULL)
		return;
	hex_encode(text, request->config_digest.data, SHA256_SIZE);
	put_fact(payload, "config_digest", text);
}

void
facts_put(struct buf *payload, const struct run_request *request, const struct run *run)
{
	const struct conf *conf = request->conf;
	char digest[2 * SHA256_SIZE + 1], *loosenings = conf_loosenings(conf, run != NULL ? run->at : clock_wall());

	put_fact(payload, "verifier", conf_verifier_name(conf));
	policy_digest(conf, request->policy, digest);
	put_fact(payload, "policy_digest", digest);
	put_fact(payload, "trust_anchor", conf_custom_anchor(conf) ? "custom" : "nvidia");
	put_fact(payload, "loosenings", loosenings);
	put_fact(payload, "workers", sandbox_keeps_user(conf->worker_user) ? "caller's user" : NULL);
	put_fact(payload, "shared_pid", request->shared_pid ? "yes" : NULL);
	free(loosenings);
	if (run == NULL)
		return;
	put_run(payload, run);
	put_manifests(payload, run);
	put_revocation(payload, run);
	put_key_set(payload, run);
	put_result(payload, request, run);
}

void
facts_put_observed(struct buf *payload, int code)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", code);
	put_fact(payload, "observed_code", number);
	put_fact(payload, "observed_name", code_name(code));
}
