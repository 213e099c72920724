/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_REWRITE_H
#define CDI_REWRITE_H

#include "cdi/facts.h"
#include "lib/options.h"
#include "spec/cdi_spec.h"

/* Specifications read and written again: from standard input, a file or a directory, to one of these or in place. */

struct rewrite {
	/* Whether a file of a directory is to be rewritten. */
	bool (*concerns)(const struct cdi_spec *spec, const struct facts *facts);
	/* The new text for target (NULL = standard output), in new memory. */
	int (*write)(const struct cdi_spec *spec, const char *target, enum cdi_format format, char **out,
		     struct err *err);
	const char *done; /* what a rewritten file is then, one word */
};

/* A whole command with the options output, in-place and format: its exit code. */
int rewrite_run(const struct options *options, const struct rewrite *rewrite, struct err *err);

#endif
