/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/live.h"

#include <stdlib.h>
#include <string.h>

#include "attest/node/owner.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/metrics.h"

#define MINOR_MAX 65535

static bool
have_minor(const struct run_request *request, uint32_t minor)
{
	for (unsigned i = 0; i < request->minors; i++)
		if (request->minor[i] == minor)
			return true;
	return false;
}

int
live_gpus(const struct options *options, struct run_request *request, struct err *err)
{
	const char *text = options_get(options, "gpus"), *at = text;

	request->all = text == NULL || strcmp(text, "all") == 0;
	while (!request->all) {
		char *end;
		unsigned long minor = strtoul(at, &end, 10);

		if (at[0] < '0' || at[0] > '9' || minor > MINOR_MAX || (*end != ',' && *end != '\0'))
			return err_set(err, CODE_USAGE, "--gpus: '%s' is neither all nor minors like 0,2", text);
		if (request->minors == GPU_MAX || have_minor(request, (uint32_t)minor))
			return err_set(err, CODE_USAGE, "--gpus: '%s' names one twice, or more than %d", text,
				       GPU_MAX);
		request->minor[request->minors++] = (uint32_t)minor;
		if (*end == '\0')
			break;
		at = end + 1;
	}
	return 0;
}

int64_t
live_deadline(const struct conf *conf)
{
	return clock_boot_ms() + conf->deadline * 1000;
}

void
live_count(const struct run *run)
{
	const struct metrics sum = {.hits = run->hits,
				    .requests = run->requests,
				    .last_success = steps_code(&run->steps) == CODE_OK ? run->at : 0};

	if (owner_is_root())
		metrics_add(METRICS_PATH, &sum);
}
