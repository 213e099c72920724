/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_STEPS_H
#define ATTEST_STEPS_H

#include <stddef.h>

#include "attest/attester.h"
#include "lib/err.h"

/*
 * What was checked, in order, with its outcome: the text and JSON output, and the exit code, are made from this list.
 * The verdict starts as failure: steps_code() is CODE_NO_VERDICT until steps_conclude() was called on a list that has
 * at least one step and no failed one; with a failed one it is that step's code (the first in order).
 */

enum step_status { STEP_SKIPPED, STEP_OK, STEP_FAIL };

struct step {
	struct attester attester;
	char *name; /* kebab-case, stable: "report-signature" */
	enum step_status status;
	int code;     /* enum code; CODE_OK unless STEP_FAIL */
	char *detail; /* one line; may be "" */
};

struct steps {
	struct step *list;
	size_t count;
	int concluded;
};

void steps_ok(struct steps *steps, struct attester attester, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Code and text come from err. Returns -1. */
int steps_fail(struct steps *steps, struct attester attester, const char *name, const struct err *err);
void steps_skip(struct steps *steps, struct attester attester, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* As received from a worker. */
void steps_add(struct steps *steps, const struct step *step);

void steps_conclude(struct steps *steps);
int steps_code(const struct steps *steps);
/* The step that gave the code, or NULL. */
const struct step *steps_first_failure(const struct steps *steps);
void steps_free(struct steps *steps);

#endif
