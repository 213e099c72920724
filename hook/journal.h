/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_JOURNAL_H
#define HOOK_JOURNAL_H

#include "hook/attest.h"
#include "lib/err.h"
#include "lib/log.h"

/* What the hook tells of one decision, with what the verifier told of it. */
struct journal {
	enum log_event event;
	const char *program;
	const char *container, *bundle, *reason, *caller; /* NULL: left out, and so below */
	const char *refresh; /* why there will be no other token */
	const struct err *cause; /* of a refusal */
	const struct attest_reply *reply;
	int64_t began; /* of a start, lib/clock.h: it is counted, and tells how long it took; else 0 */
};

/* Journal and audit line. -1 with CODE_AUDIT if a required line could not be written. */
int journal_write(const struct journal *entry, struct err *err);

#endif
