/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/rim.h"

#include <stdio.h>
#include <string.h>

#include "spec/xml.h"

#define SWID "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
#define TCG "https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/"
#define SHA384 "http://www.w3.org/2001/04/xmlenc#sha384" /* where the hash attributes live: no algorithm is named */

/* Decimal, one spelling per number, up to max. */
static bool
number(const char *text, size_t size, unsigned max, unsigned *out)
{
	unsigned value = 0;

	if (size < 1 || size > 2 || (size > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	*out = value;
	return value <= max;
}

/* Printable ASCII that fits, and not empty. */
static bool
copy_text(char *out, size_t size, const char *text)
{
	size_t length = text != NULL ? strlen(text) : 0;

	if (length == 0 || length >= size)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	memcpy(out, text, length + 1);
	return true;
}

static const char *
shown(const char *value)
{
	return value != NULL ? value : "(none)";
}

static int
want_text(const struct xml_reader *reader, const char *name, const char *want, struct err *err)
{
	const char *value = xml_attribute(reader, NULL, name);

	if (value == NULL || strcmp(value, want) != 0)
		return err_set(err, 0, "%s is '%s', want '%s'", name, shown(value), want);
	return 0;
}

/* -- one row ------------------------------------------------------------------------------------------------------- */

static bool
is_hash(const struct xml_attribute *attribute, unsigned count, unsigned *index)
{
	return strncmp(attribute->name, "Hash", 4) == 0 &&
	       number(attribute->name + 4, strlen(attribute->name + 4), RIM_ALTERNATIVES_MAX - 1, index) &&
	       *index < count;
}

static bool
is_known(const char *name)
{
	static const char *const known[] = {"type", "index", "active", "alternatives", "name", "size"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}

/* XML forbids the same attribute twice: as many as announced, each inside the range, means no gap. */
static int
parse_hashes(const struct xml_reader *reader, struct rim_row *row, struct err *err)
{
	unsigned found = 0, index;

	for (unsigned i = 0; i < reader->attributes; i++) {
		const struct xml_attribute *attribute = &reader->attribute[i];

		if (attribute->space == NULL && !is_known(attribute->name))
			return err_set(err, 0, "attribute %s is not in the grammar", attribute->name);
		if (attribute->space == NULL || strcmp(attribute->space, SHA384) != 0)
			continue;
		if (!is_hash(attribute, row->alternatives, &index))
			return err_set(err, 0, "attribute %s, want Hash0 to Hash%u", attribute->name,
				       row->alternatives - 1);
		if (!hex_decode(row->hash[index], RIM_HASH_SIZE, attribute->value, strlen(attribute->value)))
			return err_set(err, 0, "Hash%u is '%s', want %d hexadecimal digits", index, attribute->value,
				       2 * RIM_HASH_SIZE);
		found++;
	}
	if (found != row->alternatives)
		return err_set(err, 0, "%u hashes, want %u as alternatives says", found, row->alternatives);
	return 0;
}

static int
parse_active(const struct xml_reader *reader, bool *out, struct err *err)
{
	const char *active = xml_attribute(reader, NULL, "active");

	*out = active != NULL && strcmp(active, "True") == 0;
	if (active == NULL || (!*out && strcmp(active, "False") != 0))
		return err_set(err, 0, "active is '%s', want True or False", shown(active));
	return 0;
}

static int
parse_row(const struct xml_reader *reader, struct rim_row *row, struct err *err)
{
	const char *alternatives = xml_attribute(reader, NULL, "alternatives");
	char name[65];
	unsigned count = 0;

	if (row->alternatives != 0)
		return err_set(err, 0, "index given twice");
	if (want_text(reader, "type", "Measurement", err) < 0 || want_text(reader, "size", "48", err) < 0 ||
	    parse_active(reader, &row->active, err) < 0)
		return -1;
	if (!copy_text(name, sizeof(name), xml_attribute(reader, NULL, "name")))
		return err_set(err, 0, "name is missing or not printable");
	if (alternatives == NULL || !number(alternatives, strlen(alternatives), RIM_ALTERNATIVES_MAX, &count) ||
	    count == 0)
		return err_set(err, 0, "alternatives is '%s', want 1 to %d", shown(alternatives), RIM_ALTERNATIVES_MAX);
	row->alternatives = count;
	return parse_hashes(reader, row, err);
}

/* To its end. */
static int
parse_nothing(struct xml_reader *reader, struct err *err)
{
	int found = xml_child(reader, err);

	return found <= 0 ? found : err_set(err, 0, "the element is not empty");
}

/* -- the document -------------------------------------------------------------------------------------------------- */

static int
parse_resource(struct xml_reader *reader, struct rim *out, unsigned rows, struct err *err)
{
	const char *text = xml_attribute(reader, NULL, "index");
	unsigned index;

	if (!xml_is(reader, SWID, "Resource"))
		return err_set(err, 0, "element %s, want Resource", reader->name);
	if (rows >= RIM_ROWS_MAX)
		return err_set(err, 0, "more than %d rows", RIM_ROWS_MAX);
	if (text == NULL || !number(text, strlen(text), RIM_ROWS_MAX - 1, &index))
		return err_set(err, 0, "row %u: index is '%s', want 0 to %d", rows, shown(text), RIM_ROWS_MAX - 1);
	if (parse_row(reader, &out->row[index], err) < 0 || parse_nothing(reader, err) < 0)
		return err_wrap(err, 0, "index %u", index);
	out->active += out->row[index].active;
	return 0;
}

static int
parse_payload(struct xml_reader *reader, struct rim *out, struct err *err)
{
	unsigned rows = 0;
	int found, rc;

	while ((found = xml_child(reader, err)) > 0) {
		bool ours = strcmp(reader->space, SWID) == 0;

		rc = ours ? parse_resource(reader, out, rows, err) : xml_skip(reader, err);
		if (rc < 0)
			return -1;
		rows += ours;
	}
	if (found == 0 && out->active == 0)
		return err_set(err, 0, "no active row in %u", rows);
	return found;
}

static int
parse_meta(struct xml_reader *reader, struct rim *out, struct err *err)
{
	if (!copy_text(out->version, sizeof(out->version), xml_attribute(reader, NULL, "colloquialVersion")))
		return err_set(err, 0, "colloquialVersion is missing or not printable");
	if (!copy_text(out->product, sizeof(out->product), xml_attribute(reader, NULL, "product")))
		return err_set(err, 0, "product is missing or not printable");
	if (!copy_text(out->manufacturer_id, sizeof(out->manufacturer_id),
		       xml_attribute(reader, TCG, "FirmwareManufacturerId")))
		return err_set(err, 0, "FirmwareManufacturerId is missing or not printable");
	return parse_nothing(reader, err);
}

static int
parse_entity(struct xml_reader *reader, struct rim *out, struct err *err)
{
	(void)out;
	return parse_nothing(reader, err);
}

/* From the root's start to its end. */
static int
parse_root(struct xml_reader *reader, struct rim *out, struct err *err)
{
	static const struct {
		const char *name;
		int (*parse)(struct xml_reader *reader, struct rim *out, struct err *err);
	} part[] = {{"Entity", parse_entity}, {"Meta", parse_meta}, {"Payload", parse_payload}};
	int found;

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		found = xml_child(reader, err);
		if (found < 0)
			return err_wrap(err, 0, "root");
		if (found == 0 || !xml_is(reader, SWID, part[i].name))
			return err_set(err, 0, "child %zu is %s, want %s", i, found ? reader->name : "missing",
				       part[i].name);
		if (part[i].parse(reader, out, err) < 0)
			return err_wrap(err, 0, "%s", part[i].name);
	}
	found = xml_child(reader, err);
	if (found != 0)
		return err_set(err, 0, "root has %s after Payload", found > 0 ? reader->name : "text");
	return xml_next(reader, err) == XML_DONE ? 0 : -1;
}

int
rim_parse(struct bytes document, struct rim *out, struct err *err)
{
	struct xml_reader reader;
	int rc = -1;

	*out = (struct rim){0};
	if (xml_open(&reader, document, err) < 0 || xml_next(&reader, err) == XML_BAD)
		rc = -1;
	else if (!xml_is(&reader, SWID, "SoftwareIdentity"))
		err_set(err, 0, "root is %s of '%s', want SoftwareIdentity of " SWID, reader.name, reader.space);
	else
		rc = parse_root(&reader, out, err);
	xml_close(&reader);
	return rc;
}
