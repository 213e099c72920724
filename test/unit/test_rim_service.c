/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/rim_service.h"

#include <stdlib.h>

#include "test/unit/unit.h"

#define ID "NV_GPU_DRIVER_GH100_550.90.07"
#define DIGEST "ca3f3a12d38746dfa9168a3ecd39be4aabb57aab94b83f3b771482e2c3c89e02"
#define FRONT "{\"id\":\"" ID "\",\"sha256\":\"" DIGEST "\",\"request_id\":\"r\","

static int
parse(struct bytes answer, struct buf *document, struct err *err)
{
	*err = (struct err)ERR_INIT;
	return rim_service_parse(answer, ID, document, err);
}

static void
check_taken(const char *answer)
{
	struct buf document = {0};
	struct err err;

	CHECK(parse(bytes_of_text(answer), &document, &err) == 0);
	CHECK(bytes_equal(buf_bytes(&document), bytes_of_text("<a/>\n")));
	buf_free(&document);
}

static void
check_refused(const char *answer, const char *why)
{
	struct buf document = {0};
	struct err err;

	CHECK(parse(bytes_of_text(answer), &document, &err) == -1);
	CHECK(document.data == NULL && document.size == 0);
	if (strstr(err.text, why) == NULL)
		CHECK_TEXT(err.text, why);
}

static void
test_genuine_forms(void)
{
	check_taken(FRONT "\"rim\":\"PGEvPgo=\"}");
	check_taken(FRONT
		    "\"rim\":\"PGEvPgo=\",\"rim_format\":\"TCG\",\"last_updated\":\"2025-03-14T15:09:03.011000\"}");
	check_taken(" " FRONT "\"rim\":\"PGEvPgo=\",\"other\":{\"a\":[1,null]}}\n");
}

static void
test_other_answers(void)
{
	check_refused("", "");
	check_refused("<html>", "");
	check_refused("[]", "is no JSON object");
	check_refused("{}", "id is no text");
	check_refused("{\"id\":7}", "id is no text");
	check_refused("{\"id\":\"" ID "\\u0000\"}", "id is no text");
	check_refused("{\"id\":\"NV_GPU_DRIVER_GH100_550.90.08\"}",
		      "id is 'NV_GPU_DRIVER_GH100_550.90.08', want '" ID "'");
	check_refused("{\"id\":\"" ID "\"}", "sha256 is not 64 hex digits");
	check_refused("{\"id\":\"" ID "\",\"sha256\":\"00\"}", "sha256 is not 64 hex digits");
	check_refused("{\"id\":\"" ID "\",\"sha256\":\"" DIGEST "\"}", "request_id is no text");
	check_refused(FRONT "\"rim\":null}", "rim is not strict base64");
	check_refused(FRONT "\"rim\":\"\"}", "rim is not strict base64");
	check_refused(FRONT "\"rim\":\"PGEvPgo\"}", "rim is not strict base64");
	check_refused(FRONT "\"rim\":\"PGEv\\nPgo=\"}", "rim is not strict base64");
	check_refused(FRONT "\"rim\":\"PGEvPgo=\",\"rim_format\":\"CORIM\"}", "rim_format is not 'TCG'");
	check_refused(FRONT "\"rim\":\"PGEvPgo=\",\"rim_format\":null}", "rim_format is not 'TCG'");
	check_refused(FRONT "\"rim\":\"PGEvPgo=\",\"rim\":\"PGEvPgo=\"}", "");
	check_refused(FRONT "\"rim\":\"PGEvPgo=\"} x", "");
}

/* size bytes of document, in an answer that is padded with blanks to all bytes. */
static int
parse_sized(size_t size, size_t all)
{
	struct buf document = {0}, answer = {0};
	char *content = xcalloc(1, size);
	struct err err;
	int rc;

	memset(content, 'x', size);
	buf_add_text(&answer, FRONT "\"rim\":\"");
	base64_encode(&answer, bytes_of(content, size));
	buf_add_text(&answer, "\"}");
	while (answer.size < all)
		buf_add_text(&answer, " ");
	rc = parse(buf_bytes(&answer), &document, &err);
	CHECK(rc != 0 || document.size == size);
	buf_free(&document);
	buf_free(&answer);
	free(content);
	return rc;
}

static void
test_ceilings(void)
{
	CHECK(parse_sized(RIM_SERVICE_DOCUMENT_MAX, 0) == 0);
	CHECK(parse_sized(RIM_SERVICE_DOCUMENT_MAX + 1, 0) == -1);
	CHECK(parse_sized(10, RIM_SERVICE_MAX) == 0);
	CHECK(parse_sized(10, RIM_SERVICE_MAX + 1) == -1);
}

int
main(void)
{
	RUN(test_genuine_forms);
	RUN(test_other_answers);
	RUN(test_ceilings);
	return unit_end();
}
