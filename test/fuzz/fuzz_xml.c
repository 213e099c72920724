/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as XML: the reader keeps its limits, and the canonical form of what it takes is read again to the same
 * canonical form.
 */
/* Seeds: xml/rim xml/libxml2/errors */
#include <stdlib.h>
#include <string.h>

#include "spec/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_start(const struct xml_reader *reader)
{
	if (reader->depth > XML_DEPTH_MAX || strlen(reader->name) > XML_NAME_MAX ||
	    strlen(reader->space) > XML_URI_MAX || reader->attributes > XML_ATTRIBUTES_MAX)
		abort();
	for (unsigned i = 0; i < reader->attributes; i++) {
		const struct xml_attribute *at = &reader->attribute[i];

		if (xml_attribute(reader, at->space, at->name) != at->value)
			abort();
	}
}

static bool
canonical_form(struct bytes text, struct buf *out)
{
	struct xml_reader reader;
	struct err err = ERR_INIT;
	enum xml_event event = XML_BAD;
	unsigned depth = 0;

	if (xml_open(&reader, text, &err) == 0) {
		reader.canonical = out;
		while ((event = xml_next(&reader, &err)) != XML_BAD && event != XML_DONE) {
			if (event == XML_START)
				check_start(&reader);
			if (event == XML_START ? reader.depth != ++depth : reader.depth != depth)
				abort();
			depth -= event == XML_END;
		}
	}
	if ((event == XML_BAD) != (err.text[0] != '\0') || (event == XML_BAD && xml_next(&reader, &err) != XML_BAD))
		abort();
	xml_close(&reader);
	return event == XML_DONE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = {0}, twice = {0};

	if (canonical_form(bytes_of(data, size), &once) && once.size <= XML_BYTES_MAX &&
	    (!canonical_form(buf_bytes(&once), &twice) || !bytes_equal(buf_bytes(&once), buf_bytes(&twice))))
		abort();
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
