/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/yaml.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ANCHORS_MAX 64

/* -- plain scalars ------------------------------------------------------------------------------------------------- */

enum meaning { MEANS_TEXT, MEANS_NULL, MEANS_BOOL, MEANS_INTEGER, MEANS_UNCLEAR };

/* The implicit types of YAML 1.1 and of the core schema of 1.2 together, in any case of letters. */
static const char unclear[] =
	"^(y|n|yes|no|on|off|true|false|null|=|<<"
	"|[-+]?(\\.[0-9_]+|[0-9][0-9_]*(\\.[0-9_]*)?)(e[-+]?[0-9]+)?" /* integers and fractions */
	"|[-+]?0x[0-9a-f_]+|[-+]?0o[0-7_]+|[-+]?0b[01_]+"
	"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\\.[0-9_]*)?" /* base 60 */
	"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([t \t].*)?"
	"|[-+]?\\.(inf|nan))$";

static bool
is_integer(const char *text)
{
	bool negative = text[0] == '-';
	const char *digits = text + negative;
	size_t size = strspn(digits, "0123456789");

	if (size == 0 || size > 18 || digits[size] != '\0')
		return false;
	return digits[0] != '0' || (size == 1 && !negative);
}

static void
compile_unclear(regex_t *pattern)
{
	if (regcomp(pattern, unclear, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
		abort();
}

static enum meaning
meaning_of(const regex_t *pattern, const char *text)
{
	if (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0)
		return MEANS_NULL;
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return MEANS_BOOL;
	if (is_integer(text))
		return MEANS_INTEGER;
	return regexec(pattern, text, 0, NULL, 0) == REG_NOMATCH ? MEANS_TEXT : MEANS_UNCLEAR;
}

/* -- reading: events are kept until the end, since an alias repeats those of its anchor ---------------------------- */

struct item {
	yaml_event_t event;
	size_t anchor; /* of an alias: where its anchor's events begin */
};

struct reader {
	const struct json_limits *limits;
	regex_t unclear;
	yaml_parser_t parser;
	struct item *items;
	size_t count, room;
	size_t anchors[ANCHORS_MAX]; /* items that carry one */
	unsigned anchor_count;
	size_t open[64]; /* items of collections without their end yet */
	unsigned depth;
	size_t values; /* as written out */
	struct json_out *out;
	struct err *err;
};

static int
refuse(struct reader *reader, const yaml_event_t *event, const char *what)
{
	return err_set(reader->err, 0, "YAML: line %zu: %s", event->start_mark.line + 1, what);
}

static const char *
anchor_of(const yaml_event_t *event)
{
	const yaml_char_t *name = event->type == YAML_SCALAR_EVENT           ? event->data.scalar.anchor
				  : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
				  : event->type == YAML_MAPPING_START_EVENT  ? event->data.mapping_start.anchor
				  : event->type == YAML_ALIAS_EVENT          ? event->data.alias.anchor
									     : NULL;
	return (const char *)name;
}

static bool
has_tag(const yaml_event_t *event)
{
	return (event->type == YAML_SCALAR_EVENT && event->data.scalar.tag != NULL) ||
	       (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.tag != NULL) ||
	       (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.tag != NULL);
}

/* The item that carries the anchor, or count. */
static size_t
find_anchor(const struct reader *reader, const char *name)
{
	for (unsigned i = 0; i < reader->anchor_count; i++)
		if (strcmp(anchor_of(&reader->items[reader->anchors[i]].event), name) == 0)
			return reader->anchors[i];
	return reader->count;
}

static int
note_anchor(struct reader *reader, struct item *item)
{
	const yaml_event_t *event = &item->event;
	const char *name = anchor_of(event);
	size_t found;

	if (name == NULL)
		return 0;
	found = find_anchor(reader, name);
	if (event->type != YAML_ALIAS_EVENT) {
		if (found != reader->count || reader->anchor_count == ANCHORS_MAX)
			return refuse(reader, event, "an anchor twice, or too many of them");
		reader->anchors[reader->anchor_count++] = reader->count;
		return 0;
	}
	if (found == reader->count)
		return refuse(reader, event, "an alias without anchor");
	for (unsigned i = 0; i < reader->depth; i++)
		if (reader->open[i] == found)
			return refuse(reader, event, "an alias inside its own anchor");
	item->anchor = found;
	return 0;
}

static int
note_depth(struct reader *reader, const yaml_event_t *event)
{
	if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
		reader->depth--;
	if (event->type != YAML_SEQUENCE_START_EVENT && event->type != YAML_MAPPING_START_EVENT)
		return 0;
	if (reader->depth == reader->limits->depth || reader->depth == sizeof(reader->open) / sizeof(*reader->open))
		return refuse(reader, event, "nested too deep");
	reader->open[reader->depth++] = reader->count;
	return 0;
}

/* Takes the event of a node over. */
static int
keep_event(struct reader *reader, const yaml_event_t *event)
{
	struct item *item;

	if (reader->count == reader->room) {
		reader->room = reader->room * 2 + 64;
		reader->items = xrealloc(reader->items, reader->room * sizeof(*reader->items));
	}
	item = &reader->items[reader->count];
	*item = (struct item){.event = *event};
	if (has_tag(event) || note_anchor(reader, item) != 0 || note_depth(reader, event) != 0 ||
	    reader->count >= 2 * reader->limits->values) {
		if (reader->err->text[0] == '\0')
			refuse(reader, event, has_tag(event) ? "a tag" : "too many values");
		return -1;
	}
	reader->count++;
	return 0;
}

/* 1 = go on, 0 = the stream ended. */
static int
take_event(struct reader *reader, yaml_event_t *event, unsigned *documents)
{
	bool directives =
		event->type == YAML_DOCUMENT_START_EVENT &&
		(event->data.document_start.version_directive != NULL ||
		 event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end);
	int rc = 1;

	switch (event->type) {
	case YAML_STREAM_END_EVENT:
		rc = 0;
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (directives || (*documents)++ > 0)
			rc = refuse(reader, event, directives ? "a directive" : "a second document");
		break;
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_NO_EVENT:
		break;
	default:
		rc = keep_event(reader, event);
		if (rc == 0)
			return 1; /* the event is an item now */
	}
	yaml_event_delete(event);
	return rc;
}

static int
take_events(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	unsigned documents = 0;
	yaml_event_t event;
	int rc = 1;

	while (rc > 0) {
		if (!yaml_parser_parse(&reader->parser, &event))
			return err_set(reader->err, 0, "YAML: line %zu: %s", parser->problem_mark.line + 1,
				       parser->problem != NULL ? parser->problem : "out of memory");
		rc = take_event(reader, &event, &documents);
	}
	if (rc == 0 && documents == 0)
		return err_set(reader->err, 0, "YAML: no document");
	return rc;
}

/* -- what was read, as JSON text ----------------------------------------------------------------------------------- */

static int
count_yaml_value(struct reader *reader, const yaml_event_t *event)
{
	return reader->values++ < reader->limits->values
		       ? 0
		       : refuse(reader, event, "too many values, with aliases written out");
}

static int
convert_scalar(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	switch (plain ? meaning_of(&reader->unclear, text) : MEANS_TEXT) {
	case MEANS_TEXT:
		json_out_bytes(reader->out, bytes_of(text, event->data.scalar.length));
		return 0;
	case MEANS_NULL:
		json_out_null(reader->out);
		return 0;
	case MEANS_BOOL:
		json_out_bool(reader->out, text[0] == 't');
		return 0;
	case MEANS_INTEGER:
		json_out_integer(reader->out, strtoll(text, NULL, 10));
		return 0;
	case MEANS_UNCLEAR:
		break;
	}
	return err_set(reader->err, 0, "YAML: line %zu: '%.32s' without quotes does not mean the same to every reader",
		       event->start_mark.line + 1, text);
}

static int
write_name(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;

	if (event->type != YAML_SCALAR_EVENT)
		return refuse(reader, event, "a name that is no text");
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && meaning_of(&reader->unclear, text) != MEANS_TEXT)
		return refuse(reader, event, strcmp(text, "<<") == 0 ? "a merge key" : "a name that is no text");
	json_out_bytes(reader->out, bytes_of(text, event->data.scalar.length));
	return count_yaml_value(reader, event);
}

static size_t write_node(struct reader *reader, size_t at, unsigned depth);

/* Both give the item after the node, or 0. */
static size_t
write_collection(struct reader *reader, size_t at, unsigned depth)
{
	const yaml_event_t *event = &reader->items[at].event;
	bool mapping = event->type == YAML_MAPPING_START_EVENT;

	if (depth == reader->limits->depth)
		return refuse(reader, event, "nested too deep"), 0;
	if (mapping)
		json_out_object(reader->out);
	else
		json_out_array(reader->out);
	for (at++; at != 0;) {
		event = &reader->items[at].event;
		if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
			break;
		if (mapping && write_name(reader, event) != 0)
			return 0;
		at = write_node(reader, at + mapping, depth + 1);
	}
	json_out_end(reader->out);
	return at == 0 ? 0 : at + 1;
}

/* Recursion is bounded by the depth limit: an alias is never inside its anchor. */
static size_t
write_node(struct reader *reader, size_t at, unsigned depth)
{
	const yaml_event_t *event = &reader->items[at].event;

	if (count_yaml_value(reader, event) != 0)
		return 0;
	if (event->type == YAML_ALIAS_EVENT)
		return write_node(reader, reader->items[at].anchor, depth) != 0 ? at + 1 : 0;
	if (event->type == YAML_SCALAR_EVENT)
		return convert_scalar(reader, event) == 0 ? at + 1 : 0;
	return write_collection(reader, at, depth);
}

static struct json *
convert(struct reader *reader)
{
	struct json_limits wide = *reader->limits;
	struct json *root;
	char *text;

	reader->out = json_out_new(false);
	if (write_node(reader, 0, 0) == 0) {
		json_out_drop(reader->out);
		return NULL;
	}
	text = json_out_finish(reader->out);
	wide.bytes = SIZE_MAX; /* escapes and aliases make it longer; strings and values have their own ceilings */
	root = json_read(bytes_of_text(text), &wide, reader->err);
	free(text);
	return root;
}

struct json *
yaml_read(struct bytes text, const struct json_limits *limits, struct err *err)
{
	struct reader reader = {.limits = limits, .err = err};
	struct json *root = NULL;

	err_set(err, 0, "%s", "");
	if (text.size > limits->bytes || (text.size > 0 && memmem(text.data, text.size, "\xef\xbb\xbf", 3) != NULL)) {
		err_set(err, 0, "YAML: a byte order mark, or more than %zu bytes", limits->bytes);
		return NULL;
	}
	compile_unclear(&reader.unclear);
	if (!yaml_parser_initialize(&reader.parser))
		abort();
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, text.data != NULL ? text.data : (const uint8_t *)"", text.size);
	if (take_events(&reader) == 0)
		root = convert(&reader);
	for (size_t i = 0; i < reader.count; i++)
		yaml_event_delete(&reader.items[i].event);
	free(reader.items);
	yaml_parser_delete(&reader.parser);
	regfree(&reader.unclear);
	return root;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

struct writer {
	regex_t unclear;
	yaml_emitter_t emitter;
	struct buf text;
};

static int
take_output(void *context, unsigned char *data, size_t size)
{
	buf_add(context, data, size);
	return 1;
}

/* Every failure is a fault of the calling code: the emitter writes to memory that does not run out. */
static void
emit(struct writer *writer, int made, yaml_event_t *event)
{
	if (!made || !yaml_emitter_emit(&writer->emitter, event))
		abort();
}

static bool
is_printable(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	return true;
}

static void
emit_scalar(struct writer *writer, struct bytes text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	emit(writer,
	     yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text.data, (int)text.size, 1, 1,
					  style),
	     &event);
}

/* Where a plain scalar is not possible at all the emitter itself takes single quotes. */
static void
emit_text(struct writer *writer, struct bytes text)
{
	bool plain = is_printable(text) && meaning_of(&writer->unclear, (const char *)text.data) == MEANS_TEXT;

	emit_scalar(writer, text, plain ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static void
emit_leaf(struct writer *writer, const struct json *value)
{
	bool truth = false;

	if (json_type(value) == JSON_STRING)
		emit_text(writer, json_bytes(value));
	else if (json_type(value) == JSON_NUMBER)
		emit_scalar(writer, json_number_text(value), YAML_PLAIN_SCALAR_STYLE);
	else if (json_bool(value, &truth))
		emit_scalar(writer, bytes_of_text(truth ? "true" : "false"), YAML_PLAIN_SCALAR_STYLE);
	else
		emit_scalar(writer, bytes_of_text("null"), YAML_PLAIN_SCALAR_STYLE);
}

/* Recursion is bounded by the depth that json_read allowed. */
static void
emit_value(struct writer *writer, const struct json *value)
{
	bool mapping = json_type(value) == JSON_OBJECT;
	yaml_event_t event;

	if (!mapping && json_type(value) != JSON_ARRAY) {
		emit_leaf(writer, value);
		return;
	}
	emit(writer,
	     mapping ? yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE)
		     : yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE),
	     &event);
	for (size_t i = 0; i < json_count(value); i++) {
		if (mapping)
			emit_text(writer, json_name(value, i));
		emit_value(writer, json_at(value, i));
	}
	emit(writer, mapping ? yaml_mapping_end_event_initialize(&event) : yaml_sequence_end_event_initialize(&event),
	     &event);
}

char *
yaml_write(const struct json *value)
{
	struct writer writer = {0};
	yaml_event_t event;

	compile_unclear(&writer.unclear);
	if (!yaml_emitter_initialize(&writer.emitter))
		abort();
	yaml_emitter_set_output(&writer.emitter, take_output, &writer.text);
	yaml_emitter_set_indent(&writer.emitter, 2);
	yaml_emitter_set_width(&writer.emitter, -1);
	emit(&writer, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event);
	emit(&writer, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 0), &event);
	emit_value(&writer, value);
	emit(&writer, yaml_document_end_event_initialize(&event, 1), &event);
	emit(&writer, yaml_stream_end_event_initialize(&event), &event);
	yaml_emitter_delete(&writer.emitter);
	regfree(&writer.unclear);
	return buf_steal_text(&writer.text);
}
