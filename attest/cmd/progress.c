/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/progress.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"

#define CLEAR_LINE "\r\033[K" /* ECMA-48: to column 1, erase to the end */

static int64_t began;
static bool shown;

static void
show_progress(void *context, const char *step, const char *host)
{
	int64_t elapsed = clock_boot_ms() - began;

	(void)context;
	fprintf(stderr, CLEAR_LINE "%d.%d s  %s%s%s", (int)(elapsed / 1000), (int)(elapsed % 1000 / 100), step,
		host != NULL ? " " : "", host != NULL ? host : "");
	shown = true;
}

const struct progress *
progress_begin(void)
{
	static const struct progress terminal = {show_progress, NULL};

	began = clock_boot_ms();
	return isatty(STDERR_FILENO) ? &terminal : NULL;
}

void
progress_end(void)
{
	if (shown)
		fputs(CLEAR_LINE, stderr);
	shown = false;
}
