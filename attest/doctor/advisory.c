/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/doctor/advisory.h"

#include <stdio.h>
#include <stdlib.h>

#include "attest/policy/policy.h"
#include "lib/buf.h"

#define ADVISORY(what, from, below, why) {ADVISORY_##what, from, below, why},
static const struct advisory table[] = {
#include "attest/doctor/advisory.def"
};
#undef ADVISORY

const char advisory_date[] = ADVISORY_DATE;

const struct advisory *
advisory_find(enum advisory_what what, const char *version)
{
	const struct advisory *found = NULL;
	char *plain = xstrdup(version);

	for (char *c = plain; *c != '\0'; c++)
		if (*c == '-')
			*c = '.';
	for (size_t i = 0; found == NULL && i < sizeof(table) / sizeof(*table); i++)
		if (table[i].what == what && policy_version_compare(plain, table[i].from, 10) >= 0 &&
		    policy_version_compare(plain, table[i].below, 10) < 0)
			found = &table[i];
	free(plain);
	return found;
}
