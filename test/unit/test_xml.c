/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/xml.h"

#include <stdlib.h>

#include "test/unit/unit.h"

static char why[ERR_TEXT_MAX];

static bool
reads(struct bytes text)
{
	struct err err = ERR_INIT;
	struct xml *xml = xml_read(text, &err);

	snprintf(why, sizeof(why), "%s", err.text);
	CHECK((xml != NULL) == (why[0] == '\0'));
	xml_free(xml);
	return xml != NULL;
}

static bool
reads_text(const char *text)
{
	return reads(bytes_of_text(text));
}

/* head, then part count times, each # in it as its number, then tail */
static bool
reads_repeated(const char *head, const char *part, size_t count, const char *tail)
{
	struct buf text = {0};
	bool good;

	buf_add_text(&text, head);
	for (size_t i = 0; i < count; i++)
		if (strchr(part, '#') == NULL)
			buf_add_text(&text, part);
		else
			buf_printf(&text, "%.*s%zu%s", (int)strcspn(part, "#"), part, i, strchr(part, '#') + 1);
	buf_add_text(&text, tail);
	good = reads(buf_bytes(&text));
	buf_free(&text);
	return good;
}

static void
test_tree(void)
{
	static const char text[] = "<a xmlns='urn:a' xmlns:b='urn:b' x='1' b:x='2&amp;&#65;'> <c>t&lt;</c>\n<b:d/></a>";
	struct err err = ERR_INIT;
	struct xml *xml = xml_read(bytes_of_text(text), &err);
	struct xml_attribute attribute;
	xml_node *root, *child;

	CHECK(xml != NULL);
	if (xml == NULL)
		return;
	root = xml_root(xml);
	child = xml_first(root);
	CHECK(xml_is(root, "urn:a", "a") && !xml_is(root, "", "a") && xml_blank(root) && xml_text(root) == NULL);
	CHECK_TEXT(xml_attribute(root, NULL, "x"), "1");
	CHECK_TEXT(xml_attribute(root, "urn:b", "x"), "2&A");
	CHECK(xml_attribute(root, "urn:a", "x") == NULL && xml_attribute(root, NULL, "y") == NULL);
	CHECK(xml_attribute_at(root, 1, &attribute) && !xml_attribute_at(root, 2, &attribute));
	CHECK_TEXT(xml_text(child), "t<");
	CHECK(!xml_blank(child) && xml_is(xml_next(child), "urn:b", "d") && xml_next(xml_next(child)) == NULL);
	xml_remove(child);
	CHECK(xml_is(xml_first(root), "urn:b", "d"));
	xml_free(xml);
}

static void
test_declaration(void)
{
	CHECK(reads_text("<a/>"));
	CHECK(reads_text("<?xml version=\"1.0\"?><a/>"));
	CHECK(reads_text("<?xml version='1.0' encoding='utf-8' standalone=\"yes\" ?>\n<a/>\n"));
	CHECK(!reads_text("<?xml version=\"1.1\"?><a/>"));
	CHECK_TEXT(why, "XML version '1.1', want 1.0");
	CHECK(!reads_text("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>"));
	CHECK(!reads_text("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>"));
	CHECK(!reads_text("<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>"));
	CHECK(!reads_text("<?xml version=\"1.0\" encoding=\"UTF-8x\"?><a/>"));
	CHECK(!reads_text("<?xml version=\"1.0\"<a/>"));
	CHECK(!reads_text("<?xml version=1.0?><a/>"));
	CHECK(!reads_text("<?xml encoding=\"UTF-8\"?><a/>"));
	CHECK(!reads_text("<?xml version=\"1.0\"?><?xml version=\"1.0\"?><a/>"));
	CHECK(!reads_text(" <?xml version=\"1.0\"?><a/>"));
	CHECK(!reads_text("<?xml"));
}

static void
test_bytes(void)
{
	CHECK(!reads(bytes_of("", 0)));
	CHECK(!reads(bytes_of("<a/>\0", 5)));
	CHECK(!reads(bytes_of("<a>\0</a>", 8)));
	CHECK(!reads_text("\xef\xbb\xbf<a/>"));
	CHECK(!reads(bytes_of("\xff\xfe<\0a\0/\0>\0", 10)));
	CHECK(!reads(bytes_of("<\0a\0/\0>\0", 8)));
	CHECK(!reads_text("\x1f\x8b\x08"));
	CHECK(reads_text("<a>\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80</a>"));
	CHECK(!reads_text("<a>\xe4</a>"));
	CHECK(!reads_text("<a>\xc0\xbc</a>"));
	CHECK(!reads_text("<a>\xed\xa0\x80</a>"));
	CHECK(!reads_text("<a>\xf4\x90\x80\x80</a>"));
	CHECK(!reads_text("<a>\xc3"));
	CHECK(!reads_text("<a>\x01</a>"));
	CHECK(!reads_text("{\"a\":1}"));
}

static void
test_markup(void)
{
	CHECK(!reads_text("<!DOCTYPE a><a/>"));
	CHECK_TEXT(why, "byte 0: document type, entity, comment or CDATA section");
	CHECK(!reads_text("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"));
	CHECK(!reads_text("<a>&b;</a>"));
	CHECK(!reads_text("<a b='&c;'/>"));
	CHECK(!reads_text("<a><!-- b --></a>"));
	CHECK(!reads_text("<a/><!-- b -->"));
	CHECK(!reads_text("<a><![CDATA[b]]></a>"));
	CHECK(!reads_text("<?b?><a/>"));
	CHECK(!reads_text("<a><?b c?></a>"));
	CHECK(!reads_text("<a/><?b?>"));
	CHECK(!reads_text("<a/><a/>"));
	CHECK(!reads_text("<a/>b"));
	CHECK(!reads_text("<a>"));
	CHECK(!reads_text("<a b='1' b='2'/>"));
	CHECK(!reads_text("<a xmlns:x='urn:x' xmlns:y='urn:x' x:b='1' y:b='2'/>"));
	CHECK(!reads_text("<x:a/>"));
	CHECK(!reads_text("<a x:b='1'/>"));
}

static void
test_limits(void)
{
	CHECK(reads_repeated("", "<a>", 15, "<b/></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>"));
	CHECK(!reads_repeated("", "<a>", 17, ""));
	CHECK(!reads_repeated("", "<a>", 100000, ""));
	CHECK(reads_repeated("<a>", "<b/>", XML_ELEMENTS_MAX - 1, "</a>"));
	CHECK(!reads_repeated("<a>", "<b/>", XML_ELEMENTS_MAX, "</a>"));
	CHECK(reads_repeated("<a", " b#='1'", 1000, "/>")); /* a manifest with so many alternatives is for spec/rim to refuse */
	CHECK(reads_repeated("<a", " b#='1'", XML_ATTRIBUTES_MAX, "/>"));
	CHECK(!reads_repeated("<a", " b#='1'", XML_ATTRIBUTES_MAX + 1, "/>"));
	CHECK(reads_repeated("<a", " xmlns:b#='urn:b'", XML_NAMESPACES_MAX, "/>"));
	CHECK(!reads_repeated("<a", " xmlns:b#='urn:b'", XML_NAMESPACES_MAX + 1, "/>"));
	CHECK(!reads_repeated("<a", " xmlns:b#='urn:b'", 8000, "/>"));
	CHECK(reads_repeated("<", "a", XML_NAME_MAX, "/>"));
	CHECK(!reads_repeated("<", "a", XML_NAME_MAX + 1, "/>"));
	CHECK(!reads_repeated("<", "a", 200000, "/>"));
	CHECK(!reads_repeated("<a ", "b", XML_NAME_MAX + 1, "=''/>"));
	CHECK(reads_repeated("<a>", "b", 100000, "</a>"));
	CHECK(!reads_repeated("<a>", "=", XML_ATTRIBUTES_MAX + XML_NAMESPACES_MAX + 1, "</a>"));
	CHECK(!reads_repeated("<a>", " ", XML_BYTES_MAX, "</a>"));
}

int
main(void)
{
	RUN(test_tree);
	RUN(test_declaration);
	RUN(test_bytes);
	RUN(test_markup);
	RUN(test_limits);
	return unit_end();
}
