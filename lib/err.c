/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/code.h"

static void
store(struct err *err, const char *format, va_list args)
{
	if (vsnprintf(err->text, sizeof(err->text), format, args) < 0)
		err->text[0] = '\0';
}

int
err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	err->code = code;
	va_start(args, format);
	store(err, format, args);
	va_end(args);
	return -1;
}

int
err_wrap(struct err *err, int code, const char *format, ...)
{
	char inner[ERR_TEXT_MAX];
	va_list args;
	size_t used;

	if (code != 0)
		err->code = code;
	memcpy(inner, err->text, sizeof(inner));
	va_start(args, format);
	store(err, format, args);
	va_end(args);
	used = strlen(err->text);
	if (inner[0] != '\0')
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
	return -1;
}

int
err_code(const struct err *err)
{
	return err->code == CODE_OK ? CODE_INTERNAL : err->code;
}

const char *
err_errno(int number)
{
	const char *name = strerrorname_np(number);

	return name ? name : "errno";
}

void
err_print(const struct err *err, const char *program)
{
	char line[2 * ERR_TEXT_MAX];

	text_escape(line, sizeof(line) - 128, err->text);
	fprintf(stderr, "%s: %s [%s, code %d]\n", program, line, code_name(err_code(err)), err_code(err));
}
