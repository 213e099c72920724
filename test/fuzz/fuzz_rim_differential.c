/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests in changed markup, correctly signed as they then are: read by the product and by libxml2 with xmlsec. The
 * product never goes further and never reads anything else; what it alone refuses is in the table of
 * test/oracle/stricter.h. The share that both accept is printed at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "test/oracle/compare.h"
#include "test/oracle/markup.h"
#include "test/oracle/stricter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long inputs, accepted, stricter, refused[5];

static void
print_share(void)
{
	printf("# %lu inputs, accepted by both %lu (%.1f %%), only ours refuses %lu, refused by both: XML %lu, profile "
	       "%lu, "
	       "signature %lu, content %lu\n",
	       inputs, accepted, inputs ? 100.0 * (double)accepted / (double)inputs : 0, stricter,
	       refused[STAGE_NO_XML], refused[STAGE_OTHER_PROFILE], refused[STAGE_NOT_SIGNED],
	       refused[STAGE_OTHER_CONTENT]);
}

static void
report_fault(const struct comparison *result, const struct buf *text)
{
	printf("%s: ours %d (%s), theirs %d (%s)\n%.*s\n",
	       result->fault ? result->fault : "not in the table of refusals", result->ours, result->our_err.text,
	       result->theirs, result->their_err.text, (int)text->size, (const char *)text->data);
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EVP_PKEY *key;
	struct buf text = {0};
	struct comparison result;
	struct err err = ERR_INIT;

	if (key == NULL) {
		crypto_init();
		key = crypto_p384_generate(&err);
		atexit(print_share);
	}
	markup_write(bytes_of(data, size), key, &text);
	compare_readers(buf_bytes(&text), key, &result);
	inputs++;
	if (result.fault != NULL || (result.ours < result.theirs && !stricter_by_design(&result)))
		report_fault(&result, &text);
	if (result.ours < result.theirs)
		stricter++;
	else if (result.ours == STAGE_READ)
		accepted++;
	else
		refused[result.ours]++;
	buf_free(&text);
	return 0;
}
