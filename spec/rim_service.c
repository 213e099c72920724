/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/rim_service.h"

#include <string.h>

#include "lib/json.h"

#define SHA256_DIGITS 64

/* The document is one string of an answer that has a handful of members. */
static const struct json_limits limits = {RIM_SERVICE_MAX, RIM_SERVICE_MAX, 8, 64};

static int
check_members(const struct json *root, const char *id, struct err *err)
{
	const struct json *format = json_get(root, "rim_format");
	const char *text = json_text(json_get(root, "id"));
	struct bytes digest = json_bytes(json_get(root, "sha256"));
	uint8_t bytes[SHA256_DIGITS / 2];

	if (text == NULL || strcmp(text, id) != 0)
		return err_set(err, 0, "id is %s%s%s, want '%s'", text ? "'" : "", text ? text : "no text",
			       text ? "'" : "", id);
	if (format != NULL && !bytes_equal(json_bytes(format), bytes_of_text("TCG")))
		return err_set(err, 0, "rim_format is not 'TCG'");
	if (!hex_decode(bytes, sizeof(bytes), (const char *)digest.data, digest.size))
		return err_set(err, 0, "sha256 is not %d hex digits", SHA256_DIGITS);
	if (json_text(json_get(root, "request_id")) == NULL)
		return err_set(err, 0, "request_id is no text");
	return 0;
}

static int
read_document(const struct json *root, struct buf *document, struct err *err)
{
	struct bytes text = json_bytes(json_get(root, "rim"));

	if (text.size == 0 || !base64_decode(document, (const char *)text.data, text.size))
		return err_set(err, 0, "rim is not strict base64");
	if (document->size > RIM_SERVICE_DOCUMENT_MAX)
		return err_set(err, 0, "rim has %zu bytes, at most %d", document->size, RIM_SERVICE_DOCUMENT_MAX);
	return 0;
}

int
rim_service_parse(struct bytes answer, const char *id, struct buf *document, struct err *err)
{
	struct json *root = json_read(answer, &limits, err);
	int rc = -1;

	if (root != NULL && json_type(root) != JSON_OBJECT)
		err_set(err, 0, "is no JSON object");
	else if (root != NULL && check_members(root, id, err) == 0)
		rc = read_document(root, document, err);
	if (rc != 0)
		buf_free(document);
	json_free(root);
	return rc;
}
