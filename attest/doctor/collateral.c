/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "attest/collateral/inventory.h"
#include "attest/doctor/doctor.h"
#include "attest/policy/anchors.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"

/* Manifests and revocation answers here: how many, until when, and what is no longer of use. */

#define SOON (7 * 86400)

struct tally {
	unsigned manifests, answers, good, bad;
	const struct inventory_entry *first; /* of the good manifests, which ends first */
	const struct inventory_entry *worst; /* one that does not hold */
};

static struct tally
count(const struct inventory *inventory)
{
	struct tally tally = {0};

	for (unsigned i = 0; i < inventory->entries; i++) {
		const struct inventory_entry *entry = &inventory->entry[i];
		bool manifest = kind_row(entry->kind)->service == SERVICE_RIM;

		tally.manifests += manifest;
		tally.answers += kind_row(entry->kind)->service == SERVICE_OCSP;
		if (entry->state == INVENTORY_GOOD) {
			tally.good++;
			if (manifest && (tally.first == NULL || entry->until < tally.first->until))
				tally.first = entry;
		} else if (entry->state != INVENTORY_UNMATCHED && entry->state != INVENTORY_UNJUDGED) {
			tally.bad++;
			if (tally.worst == NULL)
				tally.worst = entry;
		}
	}
	return tally;
}

static void
tell_tally(struct doctor *doctor, const struct inventory *inventory, int64_t now)
{
	struct findings *findings = &doctor->findings;
	const struct tally tally = count(inventory);
	char until[32] = "";

	if (tally.first != NULL)
		clock_format(tally.first->until, until);
	if (tally.worst != NULL) {
		finding_warn(findings, "collateral", tally.worst->code,
			     "%u of %u items are of no use; the first, %s %s, is %s: %s", tally.bad, inventory->entries,
			     kind_row(tally.worst->kind)->name, tally.worst->name,
			     inventory_state_name(tally.worst->state),
			     tally.worst->detail != NULL ? tally.worst->detail : "");
		finding_action(findings, tally.worst->cached ? "cgpu collateral refresh" : "cgpu collateral verify");
	} else if (tally.first != NULL && tally.first->until < now + SOON) {
		finding_warn(findings, "collateral", CODE_RIM_EXPIRED, "%s ends at %s", tally.first->name, until);
		finding_action(findings, "cgpu collateral refresh");
	} else {
		finding_ok(findings, "collateral", "%u manifests and %u revocation answers here%s%s", tally.manifests,
			   tally.answers, tally.first != NULL ? "; the first manifest ends at " : "", until);
	}
}

void
doctor_collateral(struct doctor *doctor)
{
	const struct conf *conf = doctor->conf;
	struct archive_trust trust = {.at = clock_wall()};
	struct appraise_input roots = {0};
	struct inventory inventory = {0};
	struct anchors anchors = {0};
	struct err err = ERR_INIT;
	struct cache cache;
	char *disk, *boot;

	if (conf == NULL)
		return;
	const struct store store = {conf->rim_dir, conf->ocsp_dir, conf->chain_dir};
	const struct appraise_worker worker = {PATH_WORKERS "/appraise", conf->worker_user,
					       clock_boot_ms() + conf->deadline * 1000};

	cache_places(conf->cache_dir, false, &disk, &boot);
	cache_look(disk, boot, &cache);
	if (anchors_read(conf, &anchors, &roots, &err) == 0 && inventory_directories(&store, &inventory, &err) == 0) {
		trust.device_root = roots.device_root;
		trust.rim_root = roots.rim_root;
		trust.revocation = (struct revocation_policy){.max_age = conf->ocsp_max_age,
							      .allow_hold = conf->allow_certificate_hold > trust.at};
		inventory_cache(&cache, &inventory);
		if (inventory.entries == 0 || inventory_judge(&inventory, &worker, &trust, &err) == 0)
			tell_tally(doctor, &inventory, trust.at);
	}
	if (err.code != CODE_OK) {
		finding_fail(&doctor->findings, "collateral", err.code, "%s", err.text);
		finding_action_of_code(&doctor->findings);
	}
	cache_close(&cache);
	anchors_free(&anchors);
	inventory_free(&inventory);
	free(disk);
	free(boot);
}
