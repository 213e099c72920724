/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as answer of the RIM service: only an object about the wanted id gives a document, inside its ceiling. */
/* Seeds: json/own json/nst */
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "spec/rim_service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char id[] = "ID";
	struct buf document = {0};
	struct err err = ERR_INIT;
	struct json *root;

	if (rim_service_parse(bytes_of(data, size), id, &document, &err) != 0) {
		if (document.data != NULL || err.text[0] == '\0')
			abort();
		return 0;
	}
	root = json_read(bytes_of(data, size), &(struct json_limits){RIM_SERVICE_MAX, RIM_SERVICE_MAX, 8, 64}, &err);
	if (document.size == 0 || document.size > RIM_SERVICE_DOCUMENT_MAX || root == NULL ||
	    strcmp(json_text(json_get(root, "id")), id) != 0)
		abort();
	json_free(root);
	buf_free(&document);
	return 0;
}
