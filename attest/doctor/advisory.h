/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_DOCTOR_ADVISORY_H
#define ATTEST_DOCTOR_ADVISORY_H

/* Versions that are known to fail: attest/doctor/advisory.def. */

enum advisory_what { ADVISORY_DRIVER, ADVISORY_AZURE_KERNEL, ADVISORY_TOOLKIT };

struct advisory {
	enum advisory_what what;
	const char *from, *below; /* from <= version < below */
	const char *why;
};

extern const char advisory_date[]; /* "2026-11-01": what was published later is not known here */

/* The one about this version, or NULL. Parts are compared as numbers; a hyphen separates parts as a dot does. */
const struct advisory *advisory_find(enum advisory_what what, const char *version);

#endif
