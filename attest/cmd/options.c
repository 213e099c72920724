/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/options.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/code.h"

int
options_at(const struct options *options, int64_t *at, struct err *err)
{
	const char *text = options_get(options, "at");

	*at = clock_wall();
	if (text == NULL || clock_parse(text, at))
		return 0;
	return err_set(err, CODE_USAGE, "--at: '%s' is not a time like 2026-06-01T00:00:00Z", text);
}

int
options_nonce(const struct options *options, uint8_t nonce[32], bool *given, struct err *err)
{
	const char *text = options_get(options, "nonce");

	*given = text != NULL;
	if (text == NULL || hex_decode(nonce, 32, text, strlen(text)))
		return 0;
	return err_set(err, CODE_USAGE, "--nonce: '%s' is not 64 hex digits", text);
}
