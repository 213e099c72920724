/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/gate_call.h"

#include <string.h>

#define OPTION "--cdi"

static bool
is_id(const char *text)
{
	return strlen(text) == GATE_CALL_ID_SIZE - 1 && text[strspn(text, "0123456789abcdef")] == '\0';
}

bool
gate_call_is_option(const char *argument, const char **id)
{
	const char *rest = argument + strlen(OPTION);

	*id = NULL;
	if (strncmp(argument, OPTION, strlen(OPTION)) != 0 || (*rest != '\0' && *rest != '='))
		return false;
	if (*rest == '=')
		*id = rest + 1;
	return true;
}

enum gate_call_form
gate_call_form(const char *const *args, size_t count, int64_t timeout, const char **id)
{
	const char *text;

	*id = NULL;
	if (count != 3 || timeout < GATE_CALL_TIMEOUT || strcmp(args[0], "cgpu-hook") != 0 ||
	    strcmp(args[1], "createRuntime") != 0 || !gate_call_is_option(args[2], &text))
		return GATE_CALL_NONE;
	if (text == NULL)
		return GATE_CALL_OLD;
	if (!is_id(text))
		return GATE_CALL_NONE;
	*id = text;
	return GATE_CALL_NAMED;
}
