/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/xml.h"

#include <stdlib.h>

#include "test/unit/unit.h"

static char why[ERR_TEXT_MAX];

static char form[4096]; /* canonical, cut to fit */

static bool
reads(struct bytes text)
{
	struct xml_reader reader;
	struct err err = ERR_INIT;
	struct buf canonical = {0};
	enum xml_event event = XML_BAD;

	if (xml_open(&reader, text, &err) == 0) {
		reader.canonical = &canonical;
		while ((event = xml_next(&reader, &err)) != XML_BAD && event != XML_DONE)
			;
		CHECK(xml_next(&reader, &err) == event);
	}
	snprintf(why, sizeof(why), "%s", err.text);
	snprintf(form, sizeof(form), "%.*s", (int)canonical.size, (const char *)canonical.data);
	CHECK((event == XML_BAD) == (why[0] != '\0'));
	xml_close(&reader);
	buf_free(&canonical);
	return event == XML_DONE;
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
test_events(void)
{
	static const char text[] = "<a xmlns='urn:a' xmlns:b='urn:b' x='1' b:x='2&amp;&#65;'> <c>t&lt;</c>\n<b:d/></a>";
	struct err err = ERR_INIT;
	struct xml_reader reader;

	CHECK(xml_open(&reader, bytes_of_text(text), &err) == 0);
	CHECK(xml_next(&reader, &err) == XML_START && reader.depth == 1 && reader.attributes == 2);
	CHECK(xml_is(&reader, "urn:a", "a") && !xml_is(&reader, "", "a") && !xml_is(&reader, "urn:a", "b"));
	CHECK_TEXT(xml_attribute(&reader, NULL, "x"), "1");
	CHECK_TEXT(xml_attribute(&reader, "urn:b", "x"), "2&A");
	CHECK(xml_attribute(&reader, "urn:a", "x") == NULL && xml_attribute(&reader, NULL, "y") == NULL);
	CHECK(reader.attribute[0].space == NULL);
	CHECK_TEXT(reader.attribute[1].space, "urn:b");
	CHECK_TEXT(reader.attribute[1].prefix, "b");
	CHECK(xml_next(&reader, &err) == XML_TEXT && strcmp(reader.text, " ") == 0);
	CHECK(xml_next(&reader, &err) == XML_START && reader.depth == 2 && xml_is(&reader, "urn:a", "c"));
	CHECK(xml_next(&reader, &err) == XML_TEXT && strcmp(reader.text, "t<") == 0);
	CHECK(xml_next(&reader, &err) == XML_END && reader.depth == 2);
	CHECK(xml_next(&reader, &err) == XML_TEXT && reader.depth == 1);
	CHECK(xml_next(&reader, &err) == XML_START && xml_is(&reader, "urn:b", "d") && reader.attributes == 0);
	CHECK(xml_next(&reader, &err) == XML_END && reader.depth == 2);
	CHECK(xml_next(&reader, &err) == XML_END && reader.depth == 1);
	CHECK(xml_next(&reader, &err) == XML_DONE && reader.depth == 0);
	xml_close(&reader);
}

static void
test_children(void)
{
	struct err err = ERR_INIT;
	struct xml_reader reader;

	CHECK(xml_open(&reader, bytes_of_text("<a>\n<b>x<c>y</c></b> <d/><e/>text</a>"), &err) == 0);
	CHECK(xml_next(&reader, &err) == XML_START);
	CHECK(xml_child(&reader, &err) == 1 && xml_is(&reader, "", "b"));
	CHECK(xml_skip(&reader, &err) == 0 && reader.event == XML_END && reader.depth == 2);
	CHECK(xml_child(&reader, &err) == 1 && xml_is(&reader, "", "d"));
	CHECK(xml_child(&reader, &err) == 0 && reader.depth == 2);
	CHECK(xml_child(&reader, &err) == 1 && xml_is(&reader, "", "e"));
	CHECK(xml_skip(&reader, &err) == 0);
	CHECK(xml_child(&reader, &err) == -1 && reader.event == XML_TEXT);
	CHECK_TEXT(err.text, "text between elements");
	CHECK(xml_child(&reader, &err) == 0 && reader.depth == 1);
	xml_close(&reader);
	CHECK(xml_open(&reader, bytes_of_text("<a><b><c></b></a>"), &err) == 0 && xml_child(&reader, &err) == 1);
	CHECK(xml_skip(&reader, &err) == -1 && reader.event == XML_BAD && xml_child(&reader, &err) == -1);
	xml_close(&reader);
}

/* By the examples of Canonical XML 1.1, section 3, and its section 2.3. */
static void
test_canonical(void)
{
	static const struct {
		const char *text, *canonical;
	} row[] = {
		{"<?xml version='1.0'?>\n<a/>\n", "<a></a>"},
		{"<a  c='1'\tb = \"2\"\n/>", "<a b=\"2\" c=\"1\"></a>"},
		{"<a b='\"&lt;>&gt;&amp;&apos;'/>", "<a b=\"&quot;&lt;>>&amp;'\"></a>"},
		{"<a b=' \t\r\n\r\n x'/>", "<a b=\"     x\"></a>"},
		{"<a b='&#x9;&#xA;&#13;&#x20ac;'/>", "<a b=\"&#x9;&#xA;&#xD;\xe2\x82\xac\"></a>"},
		{"<a>\r\n\r\t\"'&quot;&gt;&lt;&amp;&#13;&#x1F600;]]&gt;</a>",
		 "<a>\n\n\t\"'\"&gt;&lt;&amp;&#xD;\xf0\x9f\x98\x80]]&gt;</a>"},
		{"<z:a b='1' y:b='2' xmlns:z='urn:1' xmlns:y='urn:0' z:a='3' xmlns='urn:2'/>",
		 "<z:a xmlns=\"urn:2\" xmlns:y=\"urn:0\" xmlns:z=\"urn:1\" b=\"1\" y:b=\"2\" z:a=\"3\"></z:a>"},
		{"<a xmlns='urn:a'><b xmlns='urn:a'/><b xmlns=''><c xmlns=''/></b></a>",
		 "<a xmlns=\"urn:a\"><b></b><b xmlns=\"\"><c></c></b></a>"},
		{"<a xmlns=''><b:c xmlns:b='urn:b'><b:d xmlns:b='urn:c'><b:e xmlns:b='urn:b'/></b:d></b:c></a>",
		 "<a><b:c xmlns:b=\"urn:b\"><b:d xmlns:b=\"urn:c\"><b:e xmlns:b=\"urn:b\"></b:e></b:d></b:c></a>"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		CHECK(reads_text(row[i].text));
		CHECK_TEXT(form, row[i].canonical);
		CHECK(reads_text(row[i].canonical));
		CHECK_TEXT(form, row[i].canonical);
	}
}

static void
test_apex(void)
{
	static const char text[] =
		"<a xmlns='urn:a' xmlns:b='urn:b'><c xmlns='' xmlns:d='urn:d'><e x='1'>t<f/></e></c></a>";
	struct xml_reader reader;
	struct err err = ERR_INIT;
	struct buf out = {0};

	CHECK(xml_open(&reader, bytes_of_text(text), &err) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(xml_next(&reader, &err) == XML_START);
	xml_canonical_apex(&reader, &out);
	CHECK(xml_skip(&reader, &err) == 0);
	reader.canonical = NULL;
	CHECK(xml_child(&reader, &err) == 0 && xml_child(&reader, &err) == 0 && xml_next(&reader, &err) == XML_DONE);
	CHECK_TEXT((const char *)out.data, "<e xmlns:b=\"urn:b\" xmlns:d=\"urn:d\" x=\"1\">t<f></f></e>");
	xml_close(&reader);
	buf_free(&out);
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
	CHECK(!reads_text("<?xml version='1.&#48;'?><a/>"));
	CHECK(!reads_text("<?xml version='1.0'encoding='UTF-8'?><a/>"));
	CHECK(!reads_text("<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>"));
	CHECK(!reads_text("<?xml version='1.0' standalone='maybe'?><a/>"));
	CHECK(!reads_text("<?xml-a version='1.0'?><a/>"));
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
	CHECK_TEXT(why, "byte 1: no ASCII name where one must stand");
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
	CHECK(!reads_text("<a b='1' c:b='1' xmlns:c='urn:c' d:b='2' xmlns:d='urn:c'/>"));
	CHECK_TEXT(why, "byte 58: attribute twice at one element");
	CHECK(reads_text("<a b='1' c:b='1' xmlns:c='urn:c' d:b='2' xmlns:d='urn:d'/>"));
	CHECK(!reads_text("<x:a/>"));
	CHECK(!reads_text("<a x:b='1'/>"));
}

static void
test_tags(void)
{
	static const char *const bad[] = {
		"< a/>",
		"<a b/>",
		"<a b=/>",
		"<a b=c/>",
		"<a b='1'c='2'/>",
		"<a b='1/>",
		"<a b='1\"/>",
		"<a / >",
		"<a/b>",
		"<a></b>",
		"<a></a b>",
		"<a></ a>",
		"<a><b></a></b>",
		"<a></a",
		"<a",
		"<a ",
		"<a b",
		"<a b=",
		"<a b='",
		"<a b='1'",
		"<a/",
		"<a b='<'/>",
		"<a>]]></a>",
		"<1/>",
		"<-a/>",
		"<a:/>",
		"<:a/>",
		"<a::b/>",
		"<a:b:c/>",
		"<a 1='1'/>",
		"<\xc3\xa4/>",
		"<a \xc3\xa4=''/>",
		"<a xml:lang='en'/>",
		"<xml:a/>",
		"<a>&</a>",
		"<a>&;</a>",
		"<a>&lt</a>",
		"<a>&LT;</a>",
		"<a>&#;</a>",
		"<a>&#x;</a>",
		"<a>&#X41;</a>",
		"<a>&#65</a>",
		"<a>&#0;</a>",
		"<a>&#8;</a>",
		"<a>&#xd800;</a>",
		"<a>&#xdfff;</a>",
		"<a>&#xfffe;</a>",
		"<a>&#x110000;</a>",
		"<a>&#000000065;</a>",
		"<a>&#4294967361;</a>",
		"<a>&#6a;</a>",
		"x<a/>",
		"<a/>&#32;",
		"</a>",
		"<a>\xef\xbf\xbf</a>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (reads_text(bad[i])) {
			unit_bad = true;
			printf("# accepted: %s\n", bad[i]);
		}
	CHECK(reads_text("<a_-.9 ></a_-.9\n>") && reads_text("<a b='>'>]] ></a>") &&
	      reads_text("<a>]]&gt;&#00000065;</a>"));
	CHECK(reads_text("<a>&#xd7ff;&#xe000;&#xfffd;&#x10000;&#x10FFFF;\xef\xbf\xbd</a>"));
}

static void
test_namespaces(void)
{
	static const char *const bad[] = {
		"<a xmlns:b=''/>",
		"<a xmlns='b'/>",
		"<a xmlns:b='b'/>",
		"<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
		"<a xmlns:b='http://www.w3.org/XML/1998/namespace'/>",
		"<a xmlns='http://www.w3.org/2000/xmlns/'/>",
		"<a xmlns:xmlns='urn:b'/>",
		"<a xmlns:b='urn:b' xmlns:b='urn:c'/>",
		"<a xmlns='urn:b' xmlns='urn:b'/>",
		"<xmlns:a/>",
		"<a xmlns:b='http://'/>",
		"<a xmlns:b='http:///c'/>",
		"<a xmlns:b='urn:'/>",
		"<a xmlns:b='http://c#d#e'/>",
		"<a xmlns:b='http://c d'/>",
		"<a xmlns:b='urn:%41'/>",
		"<a xmlns:b='HTTP://c'/>",
		"<a xmlns:b='http://c:d/'/>",
		"<a xmlns:b='ftp://c/'/>",
		"<a><b xmlns:c='urn:c'/><c:d/></a>",
		"<a><b xmlns:c='urn:c'></b><c c:d=''/></a>",
		"<a xmlns:B='urn:b'><b:c/></a>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (reads_text(bad[i])) {
			unit_bad = true;
			printf("# accepted: %s\n", bad[i]);
		}
	CHECK(reads_text("<b:a xmlns:b='https://c.example/-._~/d#e/f'><b:c b:d='' xmlns:d='urn:e:f'/></b:a>"));
	CHECK(reads_repeated("<a xmlns='urn:", "a", XML_URI_MAX - 4, "'/>"));
	CHECK(!reads_repeated("<a xmlns='urn:", "a", XML_URI_MAX - 3, "'/>"));
	CHECK(reads_repeated("<a xmlns:", "b", XML_NAME_MAX, "='urn:b'/>"));
	CHECK(!reads_repeated("<a xmlns:", "b", XML_NAME_MAX + 1, "='urn:b'/>"));
}

static void
test_limits(void)
{
	CHECK(reads_repeated("", "<a>", 15, "<b/></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>"));
	CHECK(!reads_repeated("", "<a>", 16, "<b/></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>"));
	CHECK(!reads_repeated("", "<a>", 100000, ""));
	CHECK(reads_repeated("<a>", "<b/>", XML_ELEMENTS_MAX - 1, "</a>"));
	CHECK(!reads_repeated("<a>", "<b/>", XML_ELEMENTS_MAX, "</a>"));
	CHECK(reads_repeated("<a", " b#='1'", 1000,
			     "/>")); /* a manifest with so many alternatives is for spec/rim to refuse */
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
	CHECK(reads_repeated("<a>", "=", XML_ATTRIBUTES_MAX + XML_NAMESPACES_MAX + 1, "</a>"));
	CHECK(!reads_repeated("<a>", " ", XML_BYTES_MAX, "</a>"));
}

int
main(void)
{
	RUN(test_events);
	RUN(test_children);
	RUN(test_canonical);
	RUN(test_apex);
	RUN(test_declaration);
	RUN(test_bytes);
	RUN(test_markup);
	RUN(test_tags);
	RUN(test_namespaces);
	RUN(test_limits);
	return unit_end();
}
