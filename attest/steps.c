/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/code.h"

static void
append_step(struct steps *steps, struct attester attester, const char *name, enum step_status status, int code,
	    const char *detail)
{
	steps->list = xrealloc(steps->list, (steps->count + 1) * sizeof(*steps->list));
	steps->list[steps->count++] = (struct step){attester, xstrdup(name), status, code, xstrdup(detail)};
}

static void
append_format(struct steps *steps, struct attester attester, const char *name, enum step_status status,
	      const char *format, va_list args)
{
	char detail[ERR_TEXT_MAX];

	if (vsnprintf(detail, sizeof(detail), format, args) < 0)
		detail[0] = '\0';
	append_step(steps, attester, name, status, CODE_OK, detail);
}

void
steps_ok(struct steps *steps, struct attester attester, const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append_format(steps, attester, name, STEP_OK, format, args);
	va_end(args);
}

void
steps_skip(struct steps *steps, struct attester attester, const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append_format(steps, attester, name, STEP_SKIPPED, format, args);
	va_end(args);
}

int
steps_fail(struct steps *steps, struct attester attester, const char *name, const struct err *err)
{
	append_step(steps, attester, name, STEP_FAIL, err_code(err), err->text);
	return -1;
}

void
steps_add(struct steps *steps, const struct step *step)
{
	append_step(steps, step->attester, step->name, step->status, step->code, step->detail);
}

void
steps_conclude(struct steps *steps)
{
	steps->concluded = 1;
}

const struct step *
steps_first_failure(const struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++)
		if (steps->list[i].status == STEP_FAIL)
			return &steps->list[i];
	return NULL;
}

int
steps_code(const struct steps *steps)
{
	const struct step *failed = steps_first_failure(steps);

	if (failed != NULL)
		return failed->code == CODE_OK ? CODE_INTERNAL : failed->code;
	for (size_t i = 0; steps->concluded && i < steps->count; i++)
		if (steps->list[i].status == STEP_OK)
			return CODE_OK;
	return CODE_NO_VERDICT;
}

void
steps_free(struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++) {
		free(steps->list[i].name);
		free(steps->list[i].detail);
	}
	free(steps->list);
	*steps = (struct steps){0};
}
