/* SPDX-License-Identifier: Apache-2.0 */
#include "test/oracle/rim.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"

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
want_text(const oracle_node *node, const char *name, const char *want, struct err *err)
{
	const char *value = oracle_attribute(node, NULL, name);

	if (value == NULL || strcmp(value, want) != 0)
		return err_set(err, 0, "%s is '%s', want '%s'", name, shown(value), want);
	return 0;
}

/* -- one row ------------------------------------------------------------------------------------------------------- */

static bool
is_hash(const struct oracle_attribute *attribute, unsigned count, unsigned *index)
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
parse_hashes(const oracle_node *node, struct rim_row *row, struct err *err)
{
	struct oracle_attribute attribute;
	unsigned found = 0, index;

	for (unsigned i = 0; oracle_attribute_at(node, i, &attribute); i++) {
		if (attribute.space == NULL && !is_known(attribute.name))
			return err_set(err, 0, "attribute %s is not in the grammar", attribute.name);
		if (attribute.space == NULL || strcmp(attribute.space, SHA384) != 0)
			continue;
		if (!is_hash(&attribute, row->alternatives, &index))
			return err_set(err, 0, "attribute %s, want Hash0 to Hash%u", attribute.name,
				       row->alternatives - 1);
		if (!hex_decode(row->hash[index], RIM_HASH_SIZE, attribute.value, strlen(attribute.value)))
			return err_set(err, 0, "Hash%u is '%s', want %d hexadecimal digits", index, attribute.value,
				       2 * RIM_HASH_SIZE);
		found++;
	}
	if (found != row->alternatives)
		return err_set(err, 0, "%u hashes, want %u as alternatives says", found, row->alternatives);
	return 0;
}

static int
parse_active(const oracle_node *node, bool *out, struct err *err)
{
	const char *active = oracle_attribute(node, NULL, "active");

	*out = active != NULL && strcmp(active, "True") == 0;
	if (active == NULL || (!*out && strcmp(active, "False") != 0))
		return err_set(err, 0, "active is '%s', want True or False", shown(active));
	return 0;
}

static int
parse_row(const oracle_node *node, struct rim_row *row, struct err *err)
{
	const char *alternatives = oracle_attribute(node, NULL, "alternatives");
	char name[65];
	unsigned count = 0;

	if (row->alternatives != 0)
		return err_set(err, 0, "index given twice");
	if (oracle_first(node) != NULL || !oracle_blank(node))
		return err_set(err, 0, "the element is not empty");
	if (want_text(node, "type", "Measurement", err) < 0 || want_text(node, "size", "48", err) < 0 ||
	    parse_active(node, &row->active, err) < 0)
		return -1;
	if (!copy_text(name, sizeof(name), oracle_attribute(node, NULL, "name")))
		return err_set(err, 0, "name is missing or not printable");
	if (alternatives == NULL || !number(alternatives, strlen(alternatives), RIM_ALTERNATIVES_MAX, &count) ||
	    count == 0)
		return err_set(err, 0, "alternatives is '%s', want 1 to %d", shown(alternatives), RIM_ALTERNATIVES_MAX);
	row->alternatives = count;
	return parse_hashes(node, row, err);
}

/* -- the document -------------------------------------------------------------------------------------------------- */

static int
parse_payload(const oracle_node *payload, struct rim *out, struct err *err)
{
	unsigned index, rows = 0;

	if (!oracle_blank(payload))
		return err_set(err, 0, "Payload: text between elements");
	for (const oracle_node *node = oracle_first(payload); node != NULL; node = oracle_next(node)) {
		const char *text = oracle_attribute(node, NULL, "index");

		if (strcmp(oracle_space(node), SWID) != 0)
			continue;
		if (!oracle_is(node, SWID, "Resource"))
			return err_set(err, 0, "Payload: element %s, want Resource", oracle_name(node));
		if (++rows > RIM_ROWS_MAX)
			return err_set(err, 0, "Payload: more than %d rows", RIM_ROWS_MAX);
		if (text == NULL || !number(text, strlen(text), RIM_ROWS_MAX - 1, &index))
			return err_set(err, 0, "row %u: index is '%s', want 0 to %d", rows - 1, shown(text),
				       RIM_ROWS_MAX - 1);
		if (parse_row(node, &out->row[index], err) < 0)
			return err_wrap(err, 0, "index %u", index);
		out->active += out->row[index].active;
	}
	if (out->active == 0)
		return err_set(err, 0, "Payload: no active row in %u", rows);
	return 0;
}

static int
parse_meta(const oracle_node *meta, struct rim *out, struct err *err)
{
	if (!copy_text(out->version, sizeof(out->version), oracle_attribute(meta, NULL, "colloquialVersion")))
		return err_set(err, 0, "Meta: colloquialVersion is missing or not printable");
	if (!copy_text(out->product, sizeof(out->product), oracle_attribute(meta, NULL, "product")))
		return err_set(err, 0, "Meta: product is missing or not printable");
	if (!copy_text(out->manufacturer_id, sizeof(out->manufacturer_id),
		       oracle_attribute(meta, TCG, "FirmwareManufacturerId")))
		return err_set(err, 0, "Meta: FirmwareManufacturerId is missing or not printable");
	return 0;
}

int
oracle_rim_parse(const oracle_node *root, struct rim *out, struct err *err)
{
	static const char *const order[] = {"Entity", "Meta", "Payload"};
	const oracle_node *part[3], *child = oracle_first(root);

	*out = (struct rim){0};
	if (!oracle_is(root, SWID, "SoftwareIdentity"))
		return err_set(err, 0, "root is %s of '%s', want SoftwareIdentity of " SWID, oracle_name(root),
			       oracle_space(root));
	for (size_t i = 0; i < 3; i++, child = oracle_next(child)) {
		if (child == NULL || !oracle_is(child, SWID, order[i]))
			return err_set(err, 0, "child %zu is %s, want %s", i, child ? oracle_name(child) : "missing",
				       order[i]);
		if (i < 2 && (oracle_first(child) != NULL || !oracle_blank(child)))
			return err_set(err, 0, "%s is not empty", order[i]);
		part[i] = child;
	}
	if (child != NULL || !oracle_blank(root))
		return err_set(err, 0, "root has %s after Payload",
			       child ? oracle_name(child) : "text between elements");
	if (parse_meta(part[1], out, err) < 0)
		return -1;
	return parse_payload(part[2], out, err);
}
