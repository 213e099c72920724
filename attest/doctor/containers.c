/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attest/doctor/doctor.h"
#include "attest/node/holders.h"
#include "lib/clock.h"
#include "lib/code.h"

/* Containers that use a GPU now, and were not let start by the gate. */

#define LOOK_MS 500
#define TOLD_MAX 16

static const char check[] = "containers";

static void
tell_holder(struct findings *findings, const struct holder *holder)
{
	unsigned major_number = major(holder->node), minor_number = minor(holder->node);

	if (holder->decision == HOLDER_UNKNOWN) {
		finding_warn(findings, check, 0,
			     "process %d (%s) has c %u:%u open in a container of user %u's: what is decided there "
			     "stands in the journal alone",
			     (int)holder->pid, holder->name, major_number, minor_number, holder->user);
		finding_action(findings, "journalctl -t cgpu-hook _UID=%u -n 20", holder->user);
		return;
	}
	finding_fail(findings, check, CODE_UNGATED,
		     "process %d (%s) of container %s has c %u:%u open without a decision: restored from a checkpoint, "
		     "or started around "
		     "or before the gate",
		     (int)holder->pid, holder->name, holder->id != NULL ? holder->id : "(id not known)", major_number,
		     minor_number);
	if (holder->engine != NULL)
		finding_action(findings, "%s stop %s", holder->engine, holder->id);
	else
		finding_action(findings, "ps -o pid,lstart,cgroup,args -p %d", (int)holder->pid);
}

static void
tell_all(struct findings *findings, const struct holders *holders)
{
	unsigned told = 0;

	for (size_t i = 0; i < holders->count; i++)
		if (holders->list[i].decision >= HOLDER_NONE && told++ < TOLD_MAX)
			tell_holder(findings, &holders->list[i]);
	if (told > TOLD_MAX) {
		finding_fail(findings, check, CODE_UNGATED, "and %u more of these", told - TOLD_MAX);
		finding_action(findings, "cgpu status --format json | jq .containers");
	}
	if (told == 0)
		finding_ok(findings, check, "with a GPU's node open: %u attested, %u exempt, %u observed",
			   holders->of[HOLDER_ALLOWED], holders->of[HOLDER_EXEMPT], holders->of[HOLDER_OBSERVED]);
}

void
doctor_containers(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	struct holders holders;
	struct err err = ERR_INIT;

	if (holders_find(doctor->root, clock_boot_ms() + LOOK_MS, &holders, &err) != 0) {
		finding_skip(findings, check, "%s", err.text);
		finding_action(findings, "sudo cgpu doctor");
	} else {
		if (holders.fault.code != CODE_OK) {
			finding_warn(findings, check, holders.fault.code, "%s", holders.fault.text);
			finding_action(findings, "ls -l " CONTAINER_RECORDS);
		}
		if (holders.unseen > 0) {
			finding_skip(findings, check, "%u process%s may not be looked at from here", holders.unseen,
				     holders.unseen == 1 ? "" : "es");
			if (geteuid() != 0)
				finding_action(findings, "sudo cgpu doctor");
		}
		if (holders.late) {
			finding_skip(findings, check, "not every process was looked at in %d ms", LOOK_MS);
			finding_action(findings, "cgpu status --format json | jq .containers");
		}
		tell_all(findings, &holders);
	}
	holders_free(&holders);
}
