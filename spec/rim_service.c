/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/rim_service.h"

#include <string.h>

#include "lib/code.h"
#include "lib/json.h"

static int
read_members(const struct json *root, const char *id, struct buf *xml, struct err *err)
{
	const char *have = json_text(json_get(root, "id")), *rim = json_text(json_get(root, "rim"));
	const struct json *format = json_get(root, "rim_format");

	if (have == NULL || rim == NULL)
		return err_set(err, 0, "no text members id and rim");
	if (strcmp(have, id) != 0)
		return err_set(err, 0, "it is about '%s'", have);
	if (format != NULL && json_type(format) != JSON_NULL && (json_text(format) == NULL || strcmp(json_text(format), "TCG") != 0))
		return err_set(err, 0, "rim_format is not TCG");
	if (!base64_decode(xml, rim, strlen(rim)) || xml->size == 0)
		return err_set(err, 0, "rim is not base64");
	return 0;
}

int
rim_answer_parse(struct bytes text, const char *id, struct buf *xml, struct err *err)
{
	static const struct json_limits limits = {.bytes = RIM_ANSWER_MAX, .string = RIM_ANSWER_MAX, .depth = 4, .values = 64};
	struct json *root = json_read(text, &limits, err);
	int rc = -1;

	xml->size = 0;
	if (root != NULL)
		rc = read_members(root, id, xml, err);
	json_free(root);
	return rc == 0 ? 0 : err_wrap(err, CODE_SERVICE_ANSWER, "%s: answer of the RIM service", id);
}
