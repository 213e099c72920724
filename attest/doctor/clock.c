/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/timex.h>

#include "attest/appraise/revocation.h"
#include "attest/collateral/cache.h"
#include "attest/doctor/doctor.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"

/* Set with modes 0, adjtimex(2) only tells, to anybody. */
static bool
is_synchronised(void)
{
	struct timex now = {.modes = 0};

	return adjtimex(&now) != TIME_ERROR;
}

/* The highest time that a service signed in this boot; 0 = none is known. */
static int64_t
signed_floor(const struct doctor *doctor)
{
	struct cache cache;
	char *disk, *boot;
	int64_t floor;

	cache_places(doctor->conf != NULL ? doctor->conf->cache_dir : NULL, false, &disk, &boot);
	cache_look(NULL, boot, &cache);
	floor = cache_floor(&cache);
	cache_close(&cache);
	free(disk);
	free(boot);
	return floor;
}

void
doctor_clock(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	int64_t now = clock_wall(), floor = signed_floor(doctor);
	bool build = floor < BUILD_TIME;
	char text[32], floor_text[32];

	clock_format(now, text);
	clock_format(build ? BUILD_TIME : floor, floor_text);
	/* The same skew as a run allows. */
	if (now < BUILD_TIME || now < floor - REVOCATION_SKEW) {
		finding_fail(findings, "clock", CODE_CLOCK, "%s, earlier than %s at %s", text,
			     build ? "this program's build" : "what a service signed in this boot", floor_text);
		finding_action_of_code(findings);
	} else if (!is_synchronised()) {
		finding_warn(findings, "clock", CODE_CLOCK, "%s, and the kernel says that nothing synchronises it",
			     text);
		finding_action_of_code(findings);
	} else {
		finding_ok(findings, "clock", "%s, synchronised", text);
	}
}
