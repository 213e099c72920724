/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "spec/oci_state.h"
#include "test/corpus/corpus.h"

/* The state alone: a text that is no strict JSON at all is another kind than a member that is not acceptable. */
void
drive_oci_state(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct err err = ERR_INIT;
	struct oci_state state;

	if (oci_state_parse(corpus_input(row), &state, &err) < 0)
		corpus_answer(out, "reject", strstr(err.text, ": JSON: ") ? "json" : corpus_kind(err.code), err.text);
	else
		corpus_accept(out);
	oci_state_free(&state);
}
