/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_DOCTOR_FINDING_H
#define ATTEST_DOCTOR_FINDING_H

#include <stddef.h>

/* What `cgpu doctor` found, check by check: text and JSON output and the exit code are made from this list. */

enum finding_status {
	FINDING_OK,
	FINDING_SKIP, /* not looked at, and why: it says neither good nor bad */
	FINDING_WARN, /* containers start, or are refused, as they should; something is wrong or soon will be */
	FINDING_FAIL, /* containers with a GPU are refused, or start without the gate */
};

struct finding {
	const char *check; /* kebab-case, stable: "driver-version" */
	enum finding_status status;
	int code;     /* enum code; CODE_OK: no code stands for it */
	char *text;   /* one line: object, rule, values */
	char *action; /* the next thing to type; NULL = nothing is to be done */
};

struct findings {
	struct finding *list;
	size_t count;
};

/* The text goes into new memory; check must live as long as the list. */
void finding_add(struct findings *findings, const char *check, enum finding_status status, int code, const char *format,
		 ...) __attribute__((format(printf, 5, 6)));
#define finding_ok(findings, check, ...) finding_add(findings, check, FINDING_OK, 0, __VA_ARGS__)
#define finding_skip(findings, check, ...) finding_add(findings, check, FINDING_SKIP, 0, __VA_ARGS__)
#define finding_warn(findings, check, code, ...) finding_add(findings, check, FINDING_WARN, code, __VA_ARGS__)
#define finding_fail(findings, check, code, ...) finding_add(findings, check, FINDING_FAIL, code, __VA_ARGS__)
/* The action of the last one added. */
void finding_action(struct findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same by its code: the command that goes with it, or `cgpu explain CODE`. */
void finding_action_of_code(struct findings *findings);

/* The code of the first that failed; CODE_OK where none did. */
int findings_code(const struct findings *findings);
const struct finding *findings_first_failure(const struct findings *findings);
const char *finding_status_name(enum finding_status status);
void findings_free(struct findings *findings);

#endif
