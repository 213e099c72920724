/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include "config.h"
#include "lib/err.h"

/*
 * What an operator reads afterwards: crun throws the hook's stderr away. One record goes to the journal (native
 * protocol, systemd.journal-fields(7)), else to syslog (/dev/log, facility authpriv), and as one JSON line to the audit
 * file. All values are escaped and cut here. Tokens, evidence and environment values of containers are never given to
 * it.
 */

#define LOG_AUDIT_PATH PATH_STATE "/log/cgpu/audit.jsonl"
#define LOG_VALUE_MAX 1024

enum log_event {
	LOG_ALLOWED,  /* attested, the container starts */
	LOG_EXEMPT,   /* not attested, the policy lets it start */
	LOG_OBSERVED, /* refused, and the mode lets it start all the same */
	LOG_REFUSED,
	LOG_READY,     /* the ready state was set after a pass, by hand or at boot; a start says so in its own record */
	LOG_NOT_READY, /* it was switched off */
	LOG_REFRESHED,      /* a container that runs got a new token */
	LOG_REFRESH_FAILED, /* it has the old one, until that ends */
	LOG_STOPPED,        /* its token ended, and it was stopped */
};

struct log_field {
	const char *name;  /* lower-case, [a-z_]: CGPU_NAME in the journal, name in the audit line */
	const char *value; /* NULL: left out */
};

struct log_record {
	enum log_event event;
	const char *program;
	int code; /* enum code */
	const char *message;
	const struct log_field *fields;
	unsigned count;
};

/* Best effort: nobody to listen is no error. Waits half a second at most. */
void log_write(const struct log_record *record);

/*
 * Appends to path in one write; makes the file (0640), not its directory. Members: time, boot_id, event, program, code,
 * name, message, then the fields. -1 with CODE_AUDIT.
 */
int log_audit(const char *path, const struct log_record *record, struct err *err);

#endif
