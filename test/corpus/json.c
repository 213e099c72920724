/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json.h"
#include "test/corpus/corpus.h"

void
drive_json(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct err err = ERR_INIT;
	struct json *root = json_parse(corpus_input(row), &json_limits_default, &err);

	if (root == NULL)
		corpus_answer(out, "reject", "json", err.text);
	else
		corpus_accept(out);
	json_free(root);
}
