/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/observe.h"

#include "lib/clock.h"
#include "lib/code.h"

bool
observe_applies(const struct conf *conf, int64_t at, int code)
{
	return conf_observes(conf, at) && code_is_observable(code);
}

char *
observe_env(int code)
{
	return xprintf("CGPU_ATTESTATION_RESULT=refused-observed\nCGPU_ATTESTATION_CODE=%d\n"
		       "CGPU_ATTESTATION_NAME=%s\n", code, code_name(code));
}

char *
observe_note(const struct conf *conf, int64_t at, int code)
{
	char until[32];
	const char *what = "the hook starts the container all the same, without a token";

	if (!conf_observes(conf, at))
		return NULL;
	if (code == CODE_OK)
		what = "the hook would not enforce a refusal, and token and log say so";
	else if (!observe_applies(conf, at, code))
		what = "this refusal is not covered, the hook enforces it";
	clock_format(conf->observe_until - 1, until);
	return xprintf("until the end of %.10s: %s", until, what);
}
