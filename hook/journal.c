/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/journal.h"

#include <stdio.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/metrics.h"

#define FIELDS 7

int
journal_write(const struct journal *entry, struct err *err)
{
	const struct attest_reply *reply = entry->reply;
	int64_t took = clock_boot_ms() - entry->began;
	struct metrics sum = {.hits = 0};
	char duration[24];
	struct log_field fields[FIELDS + ATTEST_FACTS] = {
		{"container", entry->container}, {"bundle", entry->bundle}, {"reason", entry->reason},
		{"caller", entry->caller}, {"refresh", entry->refresh},
		{"duration_ms", entry->began != 0 ? duration : NULL}, {"version", PROJECT_VERSION},
	};
	struct log_record log = {
		.event = entry->event,
		.program = entry->program,
		.code = entry->cause != NULL ? err_code(entry->cause) : CODE_OK,
		.message = entry->cause != NULL ? entry->cause->text : reply->text,
		.fields = fields,
		.count = FIELDS + reply->facts,
	};

	for (unsigned i = 0; i < reply->facts; i++)
		fields[FIELDS + i] = (struct log_field){reply->fact[i].name, reply->fact[i].value};
	snprintf(duration, sizeof(duration), "%lld", (long long)took);
	log_write(&log);
	if (log_audit(LOG_AUDIT_PATH, &log, err) != 0 && reply->audit_required && entry->event != LOG_REFUSED)
		return -1;
	if (entry->began != 0) {
		metrics_count(&sum, entry->event, log.code, took);
		metrics_add(METRICS_PATH, &sum);
	}
	return 0;
}
