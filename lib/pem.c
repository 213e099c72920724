/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pem.h"

#include <string.h>

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

/* The last line may lack its end. False where no byte is left. */
static bool
take_line(struct cursor *text, struct bytes *line)
{
	const uint8_t *end;
	struct bytes skipped;

	if (text->left == 0)
		return false;
	end = memchr(text->at, '\n', text->left);
	if (end == NULL)
		return cursor_take(text, text->left, line);
	if (!cursor_take(text, (size_t)(end - text->at), line) || !cursor_take(text, 1, &skipped))
		return false;
	if (line->size > 0 && line->data[line->size - 1] == '\r')
		line->size--;
	return true;
}

static int
read_block(struct cursor *text, struct buf *der, struct err *err)
{
	struct buf digits = {0};
	struct bytes line;
	int rc = -1;

	while (take_line(text, &line)) {
		if (bytes_equal(line, bytes_of_text(END))) {
			rc = digits.size > 0 && base64_decode(der, (char *)digits.data, digits.size) ? 1 : -1;
			break;
		}
		if (line.size == 0 || line.data[0] == '-')
			break;
		buf_add(&digits, line.data, line.size);
	}
	buf_free(&digits);
	return rc < 0 ? err_set(err, 0, "a PEM block is not base64 lines between its BEGIN and END") : rc;
}

int
pem_next(struct cursor *text, struct buf *der, struct err *err)
{
	struct bytes line;

	while (take_line(text, &line)) {
		if (bytes_equal(line, bytes_of_text(BEGIN)))
			return read_block(text, der, err);
		if (line.size > 0)
			return err_set(err, 0, "there is something other than certificates in the PEM text");
	}
	return 0;
}
