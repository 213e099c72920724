/* SPDX-License-Identifier: Apache-2.0 */
#include "test/oracle/markup.h"

#include <ctype.h>
#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define SWID "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
#define SHA384 "http://www.w3.org/2001/04/xmlenc#sha384"
#define TCG "https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/"
#define C14N11 "http://www.w3.org/2006/12/xml-c14n11"
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define ROW(index)                                                                                                     \
	"\n<ns0:Resource type=\"Measurement\" index=\"" index                                                          \
	"\" active=\"True\" alternatives=\"2\" ns2:Hash0=\"" HASH "\" ns2:Hash1=\"" HASH                               \
	"\" name=\"Measurement_" index "\" size=\"48\"/>"

static const char template[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<SoftwareIdentity xmlns=\"" SWID "\" xmlns:ns0=\"" SWID "\" xmlns:ns2=\"" SHA384
	"\" corpus=\"false\" name=\"N\""
	" patch=\"false\" tagId=\"T\" version=\"1.0\">\n"
	"    <ns0:Entity name=\"NVIDIA Corporation\" role=\"softwareCreator tagCreator\"/>\n"
	"    <ns0:Meta xmlns:ns1=\"" TCG "\" colloquialVersion=\"1.2\" edition=\"GPU\" product=\"GH100\""
	" ns1:BindingSpec=\"RIMIM\" ns1:FirmwareManufacturerId=\"5703\"/>\n"
	"    <ns0:Payload xmlns:SHA384=\"" SHA384 "\">" ROW("7") ROW("21")
		ROW("40") "\n    </ns0:Payload>\n"
			  "<ds:Signature xmlns:ds=\"" DSIG
			  "\"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"" C14N11 "\"/>"
			  "<ds:SignatureMethod Algorithm=\"" MORE
			  "ecdsa-sha384\"/><ds:Reference URI=\"\"><ds:Transforms>"
			  "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/><ds:Transform Algorithm=\"" C14N11
			  "\"/></ds:Transforms>"
			  "<ds:DigestMethod Algorithm=\"" MORE
			  "sha384\"/><ds:DigestValue>@D@</ds:DigestValue></ds:Reference></ds:SignedInfo>"
			  "<ds:SignatureValue>@S@</"
			  "ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate>"
			  "</ds:X509Data></ds:KeyInfo></ds:Signature></SoftwareIdentity>\n";

struct markup {
	struct cursor seed;
	uint64_t state; /* once the seed is used up */
	struct buf text;
};

/* -- choices and places -------------------------------------------------------------------------------------------- */

static unsigned
choose(struct markup *markup, size_t count)
{
	uint8_t low, high = 0;

	if (cursor_u8(&markup->seed, &low)) {
		if (count > 256)
			(void)cursor_u8(&markup->seed, &high);
		markup->state = markup->state * 31 + low + 1;
		return (unsigned)((high * 256u + low) % count);
	}
	markup->state = markup->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((markup->state >> 33) % count);
}

static void
replace(struct markup *markup, size_t at, size_t size, const char *with)
{
	struct buf out = {0};

	buf_add(&out, markup->text.data, at);
	buf_add_text(&out, with);
	buf_add(&out, markup->text.data + at + size, markup->text.size - at - size);
	buf_free(&markup->text);
	markup->text = out;
}

static void
replace_all(struct markup *markup, const char *old, const char *with)
{
	const char *found = (const char *)markup->text.data;
	size_t at;

	while ((found = strstr(found, old)) != NULL) {
		at = (size_t)(found - (const char *)markup->text.data);
		replace(markup, at, strlen(old), with);
		found = (const char *)markup->text.data + at + strlen(with);
	}
}

/* Offset of one of the places where what stands; the size of the text if there is none. */
static size_t
choose_place(struct markup *markup, const char *what)
{
	const char *text = (const char *)markup->text.data, *found = text;
	size_t count = 0, at;

	while ((found = strstr(found, what)) != NULL)
		count++, found++;
	if (count == 0)
		return markup->text.size;
	at = choose(markup, count);
	found = strstr(text, what);
	while (at-- > 0)
		found = strstr(found + 1, what);
	return (size_t)(found - text);
}

/* An attribute: from the white space before it to behind its value. false if there is none after one chosen place. */
static bool
choose_attribute(struct markup *markup, size_t *from, size_t *size)
{
	size_t equals = choose_place(markup, "=\"");
	const char *text = (const char *)markup->text.data, *end, *start = text + equals;

	if (equals >= markup->text.size || (end = strchr(start + 2, '"')) == NULL)
		return false;
	while (start > text && !isspace((unsigned char)*start) && *start != '<')
		start--;
	*from = (size_t)(start - text);
	*size = (size_t)(end + 1 - start);
	return isspace((unsigned char)*start) != 0;
}

static const char *
pick(struct markup *markup, const char *const *list, size_t count)
{
	return list[choose(markup, count)];
}

#define PICK(markup, ...)                                                                                              \
	pick(markup, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* -- changes ------------------------------------------------------------------------------------------------------- */

static void
move_attribute(struct markup *markup)
{
	size_t from, size, to, to_size;
	char *copy;

	if (!choose_attribute(markup, &from, &size))
		return;
	copy = xprintf("%.*s", (int)size, markup->text.data + from);
	if (choose(markup, 4) != 0) /* to the front of its own tag */
		for (to = from; to > 0 && markup->text.data[to] != '<'; to--)
			;
	else if (choose_attribute(markup, &to, &to_size))
		to += choose(markup, 2) * to_size;
	else
		to = from;
	if (markup->text.data[to] == '<')
		to += strcspn((const char *)markup->text.data + to, " \t\r\n>/");
	if (choose(markup, 8) != 0 || strstr(copy, "xmlns") == NULL) { /* a namespace is left behind now and then */
		replace(markup, from, size, "");
		to -= to > from ? (to >= from + size ? size : to - from) : 0;
	}
	replace(markup, to, 0, copy);
	free(copy);
}

static void
rename_prefix(struct markup *markup)
{
	const char *old = PICK(markup, "ns0", "ns1", "ns2", "ds", "SHA384");
	const char *new = PICK(markup, "p", "a-b", "z9", "ns1", "_", "ns0", "Q.q");
	static const struct {
		const char *before, *after;
	} form[] = {{"<", ":"}, {"</", ":"}, {" ", ":"}, {"xmlns:", "="}};

	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		char *from = xprintf("%s%s%s", form[i].before, old, form[i].after);
		char *to = xprintf("%s%s%s", form[i].before, new, form[i].after);

		replace_all(markup, from, to);
		free(from);
		free(to);
	}
}

static void
declare_again(struct markup *markup)
{
	size_t at = choose_place(markup, PICK(markup, "/>", "\">"));
	char *text =
		xprintf(" xmlns%s=\"%s\"", PICK(markup, "", ":ns0", ":ns1", ":ns2", ":ds", ":new", ":SHA384", ":a"),
			PICK(markup, SWID, SHA384, TCG, DSIG, "urn:other", "", "http://a.example/b#c", "relative",
			     "urn:a:b", "http://www.w3.org/2000/xmlns/", "HTTP://A/", "urn:a%20b"));

	if (at < markup->text.size)
		replace(markup, at + (markup->text.data[at] == '"'), 0, text);
	free(text);
}

static void
space_in_tag(struct markup *markup)
{
	size_t from, size, at;
	const char *space = PICK(markup, " ", "\n", "\r\n", "\r", "\t", "  \r\r\n ");

	if (choose(markup, 3) == 0) {
		at = choose_place(markup, PICK(markup, "/>", ">", "=\"", "=\""));
		if (at < markup->text.size)
			replace(markup, at + (markup->text.data[at] == '=' && choose(markup, 2)), 0, space);
	} else if (choose_attribute(markup, &from, &size)) {
		replace(markup, from, choose(markup, 16) != 0, space);
	}
}

static void
space_in_text(struct markup *markup)
{
	size_t at = choose_place(markup, PICK(markup, "<", "\n"));

	if (at < markup->text.size && at > 0)
		replace(markup, at, 0,
			PICK(markup, " ", "\n", "\r\n", "\r", "\t", "\r\r\n", "&#10;", "&#xD;", "&#x20;", "&#x9;"));
}

/* One more character in a value, in some spelling. */
static void
change_value(struct markup *markup)
{
	static const char *const name[] = {" name=\"",  " role=\"",  " edition=\"",
					   " tagId=\"", " patch=\"", " corpus=\""};
	const char *what = pick(markup, name, sizeof(name) / sizeof(name[0]));
	size_t at = choose_place(markup, what);

	if (at < markup->text.size)
		replace(markup, at + strlen(what), 0,
			PICK(markup, "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#65;", "&#x41;", "&#10;", "&#13;",
			     "&#9;", "\t", "\n", "\r\n", "\r", "'", ">", "\xc3\xa4", "\xe2\x82\xac", "&#x20ac;",
			     "&#x1F600;", "\xf0\x9f\x98\x80", "]]>", "&#x7f;", "\x7f", "&#0;", "&#xD800;", "&#xFFFE;",
			     "&#x110000;", "&bad;", "<", "&", "&#00000065;", "&#000000065;", "\xef\xbb\xbf", "&#x85;",
			     "\xc2\x85", "\xe2\x80\xa8", "&lt;!--"));
}

/* One character of a value as reference to itself. */
static void
refer_to_character(struct markup *markup)
{
	size_t from, size, at;
	char text[16];

	if (!choose_attribute(markup, &from, &size))
		return;
	at = from + size - 2;
	if (markup->text.data[at] == '"' || markup->text.data[at] >= 0x80 || markup->text.data[at] == ';')
		return;
	snprintf(text, sizeof(text), choose(markup, 2) ? "&#%u;" : "&#x%X;", markup->text.data[at]);
	replace(markup, at, 1, text);
}

static void
repeat_attribute(struct markup *markup)
{
	size_t from, size;
	char *copy;

	if (!choose_attribute(markup, &from, &size))
		return;
	copy = xprintf("%.*s", (int)size, markup->text.data + from);
	replace(markup, from, 0, copy);
	free(copy);
}

static void
add_attribute(struct markup *markup)
{
	size_t at = choose_place(markup, PICK(markup, "<SoftwareIdentity", "<ns0:Entity", "<ns0:Meta", "<ns0:Payload",
					      "<ns0:Resource", "<ds:Signature ", "<ds:SignedInfo"));
	const char *text = PICK(markup, " a=\"1\"", " ns2:a=\"1\"", " ns0:b=\"\"", " xml:lang=\"en\"",
				" xml:space=\"preserve\"", " xml:id=\"i\"", " Id=\"i\"", " ns2:name=\"x\"",
				" SHA384:Hash0=\"x\"", " zz:a=\"1\"", " \xc3\xa4=\"1\"", " a:b:c=\"1\"", " :a=\"1\"",
				" -a=\"1\"", " a='\"'", " b='&quot;'", " A=\"2\"", " ns0:a=\"\" ns2:a=\"\"");

	if (at < markup->text.size)
		replace(markup, at + strcspn((const char *)markup->text.data + at, " />"), 0, text);
}

static void
change_quotes(struct markup *markup)
{
	size_t from, size;

	if (!choose_attribute(markup, &from, &size) || memchr(markup->text.data + from, '\'', size) != NULL)
		return;
	*(char *)memchr(markup->text.data + from, '"', size) = '\'';
	markup->text.data[from + size - 1] = '\'';
}

static void
open_empty_element(struct markup *markup)
{
	size_t at = choose_place(markup, "/>"), name;
	char *end;

	if (at >= markup->text.size)
		return;
	for (name = at; name > 0 && markup->text.data[name] != '<'; name--)
		;
	end = xprintf("></%.*s>", (int)strcspn((const char *)markup->text.data + name + 1, " \t\r\n/>"),
		      markup->text.data + name + 1);
	replace(markup, at, 2, end);
	free(end);
}

static void
add_element(struct markup *markup)
{
	size_t at = choose_place(markup, PICK(markup, "<ns0:Resource", "<ns0:Resource", "</ns0:Payload", "<ns0:Meta",
					      "<ds:Sig"));

	if (at < markup->text.size)
		replace(markup, at, 0,
			PICK(markup, "<o:a xmlns:o=\"urn:o\"/>",
			     "<a xmlns=\"urn:o\">text<b xmlns=\"\" c=\"\"/>&gt;\r\n</a>", "<a xmlns=\"\"/>",
			     "<o:a xmlns:o=\"urn:o\" o:b=\"1\" b=\"2\"><o:Resource xmlns:ns0=\"urn:x\"/></o:a>",
			     "<ns2:x ns0:y=\"&#xA;\"/>",
			     "<ns2:x xmlns:ns2=\"urn:y\"><ns2:x xmlns:ns2=\"" SHA384 "\"/></ns2:x>",
			     "<ds:Signature xmlns:ds=\"" DSIG "\"/>", "<ds:a/>", "<ns0:Resource/>",
			     "<x xmlns=\"urn:o\">]]&gt;]]</x>", "<x xmlns=\"urn:o\">]]></x>", "<!-- c -->",
			     "<![CDATA[x]]>", "<?p i?>", "<a xmlns=\"urn:o\"><b></a></b>"));
}

static void
copy_signature(struct markup *markup)
{
	const char *text = (const char *)markup->text.data, *start = strstr(text, "<ds:Signature "), *end;
	size_t at = choose_place(markup, "<");
	char *copy;

	if (start == NULL || (end = strstr(start, "</ds:Signature>")) == NULL)
		return;
	copy = xprintf("%.*s</ds:Signature>", (int)(end - start), start);
	replace(markup, at, 0, copy);
	free(copy);
}

static void
change_declaration(struct markup *markup)
{
	const char *end = strstr((const char *)markup->text.data, "?>");
	size_t size =
		end != NULL && markup->text.data[1] == '?' ? (size_t)(end + 2 - (const char *)markup->text.data) : 0;

	replace(markup, 0, size,
		PICK(markup, "", "\n", "<?xml version='1.0'?>",
		     "<?xml version=\"1.0\" encoding='utf-8' standalone='yes' ?>",
		     "<?xml version=\"1.0\" standalone=\"no\"?>\r\n", "<?xml\tversion = \"1.0\"\r\n?>",
		     "<?xml version=\"1.1\"?>", "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
		     "<?xml encoding=\"UTF-8\"?>", "<!DOCTYPE SoftwareIdentity>",
		     "<?xml version=\"1.0\"encoding=\"UTF-8\"?>", "<!DOCTYPE a [<!ATTLIST b c CDATA 'd'>]>",
		     "<?xml version=\"1.0\" standalone=\"yes\" encoding=\"UTF-8\"?>", "<?xml version=\"1.00\"?>"));
}

static void
change_byte(struct markup *markup)
{
	size_t at = choose(markup, markup->text.size);

	if (choose(markup, 2) == 0)
		replace(markup, at, 1, "");
	else
		markup->text.data[at] = (uint8_t) " <>&;:=\"'/\t\rx0-."[choose(markup, 16)];
}

/* What most signers could do comes most often. */
static void
change(struct markup *markup)
{
	static void (*const how[])(struct markup * markup) = {
		move_attribute, move_attribute, move_attribute,     rename_prefix,      rename_prefix,
		declare_again,  space_in_tag,   space_in_tag,       space_in_tag,       space_in_text,
		space_in_text,  change_value,   refer_to_character, refer_to_character, repeat_attribute,
		add_attribute,  change_quotes,  change_quotes,      open_empty_element, open_empty_element,
		add_element,    copy_signature, change_declaration, change_byte};

	how[choose(markup, sizeof(how) / sizeof(how[0]))](markup);
}

/* -- signature ----------------------------------------------------------------------------------------------------- */

static xmlNode *
find_element(xmlNode *node, const char *name)
{
	xmlNode *found = NULL;

	for (; node != NULL && found == NULL; node = node->next)
		if (node->type == XML_ELEMENT_NODE)
			found = strcmp((const char *)node->name, name) == 0 ? node : find_element(node->children, name);
	return found;
}

static int
is_below(void *context, xmlNode *node, xmlNode *parent)
{
	const xmlNode *at = node->type == XML_NAMESPACE_DECL || node->type == XML_ATTRIBUTE_NODE ? parent : node;

	while (at != NULL && at != context)
		at = at->parent;
	return at != NULL;
}

/* The canonical form of the first SignedInfo, or of all but the last Signature below the root. */
static bool
canonical_part(const struct buf *text, bool info, struct buf *out)
{
	xmlDoc *doc = xmlReadMemory((const char *)text->data, (int)text->size, NULL, NULL,
				    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlOutputBuffer *sink = xmlAllocOutputBuffer(NULL);
	xmlNode *root = doc != NULL ? xmlDocGetRootElement(doc) : NULL, *node = NULL;
	bool good;

	if (root != NULL)
		node = info ? find_element(root, "SignedInfo") : xmlLastElementChild(root);
	if (node != NULL && !info) {
		xmlUnlinkNode(node);
		xmlFreeNode(node);
	}
	good = node != NULL && xmlC14NExecute(doc, info ? is_below : NULL, node, XML_C14N_1_1, NULL, 0, sink) >= 0;
	xmlOutputBufferFlush(sink);
	if (good)
		buf_add(out, xmlOutputBufferGetContent(sink), xmlOutputBufferGetSize(sink));
	xmlOutputBufferClose(sink);
	xmlFreeDoc(doc);
	return good;
}

static void
put_value(struct markup *markup, const char *mark, struct bytes value)
{
	struct buf text = {0};

	base64_encode(&text, value);
	buf_add_text(&text, "");
	replace_all(markup, mark, (const char *)text.data);
	buf_free(&text);
}

static void
sign_markup(struct markup *markup, EVP_PKEY *key)
{
	struct buf document = {0}, info = {0};
	uint8_t digest[SHA384_SIZE], signature[P384_RAW_SIGNATURE];
	struct err err = ERR_INIT;

	if (canonical_part(&markup->text, false, &document)) {
		crypto_sha384(buf_bytes(&document), digest);
		put_value(markup, "@D@", bytes_of(digest, sizeof(digest)));
	}
	if (canonical_part(&markup->text, true, &info) && crypto_sign_raw(key, buf_bytes(&info), signature, &err) == 0)
		put_value(markup, "@S@", bytes_of(signature, sizeof(signature)));
	buf_free(&document);
	buf_free(&info);
}

void
markup_write(struct bytes seed, EVP_PKEY *key, struct buf *out)
{
	struct markup markup = {.seed = cursor_of(seed), .state = 88172645463325252u};

	buf_add_text(&markup.text, template);
	for (unsigned changes = 1 + choose(&markup, 4); changes > 0; changes--)
		change(&markup);
	sign_markup(&markup, key);
	*out = markup.text;
}
