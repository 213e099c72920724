/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/journal.h"

#include "lib/code.h"

#define FIELDS 5

int
journal_write(const struct journal *entry, struct err *err)
{
	const struct attest_reply *reply = entry->reply;
	struct log_field fields[FIELDS + ATTEST_FACTS] = {
		{"container", entry->container}, {"bundle", entry->bundle}, {"reason", entry->reason},
		{"caller", entry->caller}, {"refresh", entry->refresh},
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
	log_write(&log);
	if (log_audit(LOG_AUDIT_PATH, &log, err) == 0 || !reply->audit_required)
		return 0;
	return -1;
}
