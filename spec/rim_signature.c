/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/rim_signature.h"

#include <string.h>

#include "spec/xml.h"

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define C14N11 "http://www.w3.org/2006/12/xml-c14n11"
#define ENVELOPED "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
#define ECDSA_SHA384 "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
#define SHA384 "http://www.w3.org/2001/04/xmldsig-more#sha384"

struct signature_reader {
	struct xml_reader xml;
	struct rim_signature *out;
};

/* -- the one tree that a signature may have ------------------------------------------------------------------------ */

enum role { PLAIN, SIGNED_INFO, DIGEST, SIGNATURE, CERTIFICATE };

struct shape {
	const char *name;
	const char *algorithm;     /* of the one attribute; NULL: none at all */
	const struct shape *child; /* up to one without name; NULL: text */
	enum role role;
};

static const struct shape transform_shapes[] = {{"Transform", ENVELOPED, NULL, PLAIN},
						{"Transform", C14N11, NULL, PLAIN},
						{0}};
static const struct shape reference_shapes[] = {{"Transforms", NULL, transform_shapes, PLAIN},
						{"DigestMethod", SHA384, NULL, PLAIN},
						{"DigestValue", NULL, NULL, DIGEST},
						{0}};
static const struct shape info_shapes[] = {{"CanonicalizationMethod", C14N11, NULL, PLAIN},
					   {"SignatureMethod", ECDSA_SHA384, NULL, PLAIN},
					   {"Reference", "", reference_shapes, PLAIN},
					   {0}};
static const struct shape data_shapes[] = {{"X509Certificate", NULL, NULL, CERTIFICATE}, {0}};
static const struct shape key_shapes[] = {{"X509Data", NULL, data_shapes, PLAIN}, {0}};
static const struct shape signature_shapes[] = {{"SignedInfo", NULL, info_shapes, SIGNED_INFO},
						{"SignatureValue", NULL, NULL, SIGNATURE},
						{"KeyInfo", NULL, key_shapes, PLAIN},
						{0}};
static const struct shape signature_shape = {"Signature", NULL, signature_shapes, PLAIN};

/* Base64 with white space in it (XML Schema part 2, 3.2.16: signers break lines, and tools indent them). */
static void
decode_lines(struct buf *out, const char *text)
{
	static const char space[] = " \t\r\n";
	struct buf joined = {0};

	for (size_t size; *text != '\0'; text += size + strspn(text + size, space)) {
		size = strcspn(text, space);
		buf_add(&joined, text, size);
	}
	if (joined.size > 0 && !base64_decode(out, (const char *)joined.data, joined.size))
		out->size = 0;
	buf_free(&joined);
}

static void
keep_value(struct rim_signature *out, enum role role, const char *text)
{
	if (role == DIGEST)
		decode_lines(&out->digest, text);
	else if (role == SIGNATURE)
		decode_lines(&out->signature, text);
	else if (role == CERTIFICATE && out->certificates++ < RIM_CERTIFICATES_MAX)
		decode_lines(&out->certificate[out->certificates - 1], text);
}

static int
check_attributes(const struct xml_reader *xml, const struct shape *shape, struct err *err)
{
	const char *name = shape->algorithm != NULL && *shape->algorithm == '\0' ? "URI" : "Algorithm";
	const char *value = shape->algorithm != NULL ? xml_attribute(xml, NULL, name) : NULL;

	if (shape->algorithm != NULL && (value == NULL || strcmp(value, shape->algorithm) != 0))
		return err_set(err, 0, "%s: %s is '%s', want '%s'", shape->name, name, value ? value : "(none)",
			       shape->algorithm);
	if (xml->attributes != (shape->algorithm != NULL))
		return err_set(err, 0, "%s: further attribute, want %s", shape->name,
			       shape->algorithm ? name : "none");
	return 0;
}

/* Up to the element's end. */
static int
read_content(struct signature_reader *reader, const struct shape *shape, struct err *err)
{
	enum xml_event event = xml_next(&reader->xml, err);

	if (event == XML_TEXT && shape->role != PLAIN) {
		keep_value(reader->out, shape->role, reader->xml.text);
		event = xml_next(&reader->xml, err);
	} else if (event == XML_TEXT && reader->xml.text[strspn(reader->xml.text, " \t\r\n")] == '\0') {
		event = xml_next(&reader->xml, err);
	} else if (shape->role != PLAIN && event == XML_END) {
		keep_value(reader->out, shape->role, "");
	}
	if (event == XML_END || event == XML_BAD)
		return event == XML_END ? 0 : -1;
	return err_set(err, 0, "%s: %s inside", shape->name, event == XML_TEXT ? "text" : "element");
}

static int read_shape(struct signature_reader *reader, const struct shape *shape, struct err *err);

static int
read_children(struct signature_reader *reader, const struct shape *parent, struct err *err)
{
	const struct shape *shape = parent->child;
	int found;

	while ((found = xml_child(&reader->xml, err)) > 0) {
		if (shape->name == NULL)
			return err_set(err, 0, "%s: further element %s", parent->name, reader->xml.name);
		if (read_shape(reader, shape, err) < 0)
			return -1;
		shape += shape->role != CERTIFICATE;
	}
	if (found < 0)
		return err_wrap(err, 0, "%s", parent->name);
	if (shape->name != NULL && !(shape->role == CERTIFICATE && reader->out->certificates > 0))
		return err_set(err, 0, "%s: no %s", parent->name, shape->name);
	return 0;
}

/* From the element's start to its end. */
static int
read_shape(struct signature_reader *reader, const struct shape *shape, struct err *err)
{
	if (!xml_is(&reader->xml, DSIG, shape->name))
		return err_set(err, 0, "element %s, want %s of " DSIG, reader->xml.name, shape->name);
	if (check_attributes(&reader->xml, shape, err) < 0)
		return -1;
	if (shape->role == SIGNED_INFO)
		xml_canonical_apex(&reader->xml, &reader->out->signed_info);
	if ((shape->child != NULL ? read_children(reader, shape, err) : read_content(reader, shape, err)) < 0)
		return -1;
	if (shape->role == SIGNED_INFO)
		reader->xml.canonical = NULL;
	return 0;
}

/* -- the document -------------------------------------------------------------------------------------------------- */

/* Elements of XML Signature outside its one place could only be there to mislead a search. */
static int
check_stray(const struct signature_reader *reader, bool found, struct err *err)
{
	if (found && reader->xml.depth == 2)
		return err_set(err, 0, "element %s below the root after Signature", reader->xml.name);
	if (strcmp(reader->xml.space, DSIG) == 0)
		return err_set(err, 0, "element %s of " DSIG " outside the one signature", reader->xml.name);
	return 0;
}

static int
read_signed(struct signature_reader *reader, struct err *err)
{
	struct rim_signature *out = reader->out;
	bool found = false;
	size_t before = 0;

	reader->xml.canonical = &out->document;
	for (enum xml_event event; (event = xml_next(&reader->xml, err)) != XML_DONE; before = out->document.size) {
		if (event == XML_BAD)
			return -1;
		if (event == XML_START && !found && reader->xml.depth == 2 && xml_is(&reader->xml, DSIG, "Signature")) {
			out->document.size = before;
			reader->xml.canonical = NULL;
			if (read_shape(reader, &signature_shape, err) < 0)
				return err_wrap(err, 0, "Signature");
			reader->xml.canonical = &out->document;
			found = true;
		} else if (event == XML_START && check_stray(reader, found, err) < 0) {
			return -1;
		}
	}
	return found ? 0 : err_set(err, 0, "no Signature below the root");
}

enum rim_shape
rim_signature_read(struct bytes text, struct rim_signature *out, struct err *err)
{
	struct signature_reader reader = {.out = out};
	enum rim_shape shape = RIM_NO_XML;
	struct err later = ERR_INIT;
	int rc;

	*out = (struct rim_signature){0};
	if (xml_open(&reader.xml, text, err) == 0) {
		rc = read_signed(&reader, err);
		reader.xml.canonical = NULL;
		while (reader.xml.event != XML_BAD && reader.xml.event != XML_DONE)
			if (xml_next(&reader.xml, &later) == XML_BAD)
				*err = later;
		shape = reader.xml.event == XML_BAD ? RIM_NO_XML : rc == 0 ? RIM_SIGNED : RIM_OTHER_PROFILE;
	}
	xml_close(&reader.xml);
	return shape;
}

void
rim_signature_free(struct rim_signature *signature)
{
	buf_free(&signature->document);
	buf_free(&signature->signed_info);
	buf_free(&signature->digest);
	buf_free(&signature->signature);
	for (unsigned i = 0; i < RIM_CERTIFICATES_MAX; i++)
		buf_free(&signature->certificate[i]);
	*signature = (struct rim_signature){0};
}
