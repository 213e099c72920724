/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/rim.h"

#include <stdlib.h>

#include "test/unit/unit.h"

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define HEAD                                                                                                           \
	"<SoftwareIdentity xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" "                           \
	"xmlns:h=\"http://www.w3.org/2001/04/xmlenc#sha384\" xmlns:o=\"urn:other\">\n <Entity/>\n "
#define META                                                                                                           \
	"<Meta xmlns:t=\"https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-" \
	"model/\" colloquialVersion=\"1.2\" product=\"GH100\" t:FirmwareManufacturerId=\"5703\"/>"
#define DOCUMENT(rows) HEAD META "<Payload>\n" rows "</Payload></SoftwareIdentity>"
#define ROW(index, active, rest) \
	"<Resource type=\"Measurement\" size=\"48\" name=\"M\" index=\"" index "\" active=\"" active "\" " rest "/>"
#define ONE "alternatives=\"1\" h:Hash0=\"" HASH "\""
#define GOOD ROW("7", "True", ONE)

static char why[ERR_TEXT_MAX];

static bool
parses(const char *text, struct rim *out)
{
	struct err err = ERR_INIT;
	bool good = rim_parse(bytes_of_text(text), out, &err) == 0;

	CHECK(good == (err.text[0] == '\0'));
	snprintf(why, sizeof(why), "%s", err.text);
	return good;
}

static void
test_good(void)
{
	static struct rim rim;

	CHECK(parses(DOCUMENT(GOOD ROW("0", "False", ONE)), &rim));
	CHECK_TEXT(rim.version, "1.2");
	CHECK_TEXT(rim.product, "GH100");
	CHECK_TEXT(rim.manufacturer_id, "5703");
	CHECK(rim.active == 1 && rim.row[7].active && !rim.row[0].active);
	CHECK(rim.row[0].alternatives == 1 && rim.row[1].alternatives == 0);
	CHECK(rim.row[7].hash[0][0] == 0 && rim.row[7].hash[0][47] == 0xff);
	CHECK(parses(DOCUMENT(ROW("63", "True", "h:Hash1=\"" HASH "\" alternatives=\"2\" h:Hash0=\"" HASH "\"")),
		     &rim));
	CHECK(rim.row[63].alternatives == 2 && rim.row[63].hash[1][47] == 0xff);
}

static void
test_others_say_nothing(void)
{
	static struct rim rim;

	CHECK(parses(DOCUMENT(GOOD "<o:Resource index=\"7\" active=\"False\"/>"), &rim));
	CHECK(parses(DOCUMENT(ROW("7", "True", ONE " o:index=\"8\" o:Hash1=\"x\"")), &rim));
	CHECK(rim.row[7].active && rim.active == 1);
}

static void
test_bad_rows(void)
{
	static const char *const bad[] = {
		ROW("07", "True", ONE),
		ROW("+7", "True", ONE),
		ROW("-1", "True", ONE),
		ROW(" 7", "True", ONE),
		ROW("7 ", "True", ONE),
		ROW("64", "True", ONE),
		ROW("256", "True", ONE),
		ROW("0x7", "True", ONE),
		ROW("7.0", "True", ONE),
		ROW("&#x667;", "True", ONE),
		ROW("", "True", ONE),
		ROW("007", "True", ONE),
		ROW("4294967303", "True", ONE),
		ROW("7", "true", ONE),
		ROW("7", "TRUE", ONE),
		ROW("7", "1", ONE),
		ROW("7", "", ONE),
		ROW("7", " True", ONE),
		ROW("7", "yes", ONE),
		ROW("7", "False", ONE),
		"",
		GOOD GOOD,
		GOOD ROW("7", "False", ONE),
		ROW("7", "True", ""),
		ROW("7", "True", "alternatives=\"1\""),
		ROW("7", "True", "alternatives=\"0\""),
		ROW("7", "True", "alternatives=\"01\" h:Hash0=\"" HASH "\""),
		ROW("7", "True", "alternatives=\"17\" h:Hash0=\"" HASH "\""),
		ROW("7", "True", "h:Hash0=\"" HASH "\""),
		ROW("7", "True", "alternatives=\"1\" h:Hash1=\"" HASH "\""),
		ROW("7", "True", ONE " h:Hash1=\"" HASH "\""),
		ROW("7", "True", "alternatives=\"2\" h:Hash0=\"" HASH "\" h:Hash2=\"" HASH "\""),
		ROW("7", "True", "alternatives=\"1\" h:Hash00=\"" HASH "\""),
		ROW("7", "True", ONE " h:hash1=\"x\""),
		ROW("7", "True", "alternatives=\"1\" Hash0=\"" HASH "\""),
		ROW("7", "True", ONE " Hash0=\"" HASH "\""),
		ROW("7", "True", "alternatives=\"1\" o:Hash0=\"" HASH "\""),
		ROW("7", "True", "alternatives=\"1\" h:Hash0=\"\""),
		ROW("7", "True", "alternatives=\"1\" h:Hash0=\"" HASH "0\""),
		ROW("7", "True", "alternatives=\"1\" h:Hash0=\"" HASH "00\""),
		ROW("7", "True", ONE " extra=\"1\""),
		GOOD "<Directory/>",
		GOOD "text",
		GOOD "<o:x/>text",
		"<Resource type=\"measurement\" size=\"48\" name=\"M\" index=\"7\" active=\"True\" " ONE "/>",
		"<Resource type=\"Measurement\" size=\"32\" name=\"M\" index=\"7\" active=\"True\" " ONE "/>",
		"<Resource type=\"Measurement\" name=\"M\" index=\"7\" active=\"True\" " ONE "/>",
		"<Resource type=\"Measurement\" size=\"48\" index=\"7\" active=\"True\" " ONE "/>",
		"<Resource type=\"Measurement\" size=\"48\" name=\"M\" active=\"True\" " ONE "/>",
		"<Resource type=\"Measurement\" size=\"48\" name=\"M\" index=\"7\" " ONE "/>",
		"<Resource size=\"48\" name=\"M\" index=\"7\" active=\"True\" " ONE "/>",
		"<Resource type=\"Measurement\" size=\"48\" name=\"M\" index=\"7\" active=\"True\" " ONE
		"><o:x/></Resource>",
		"<Resource type=\"Measurement\" size=\"48\" name=\"M\" index=\"7\" active=\"True\" " ONE
		">x</Resource>",
	};
	static struct rim rim;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = xprintf("%s%s%s", HEAD META "<Payload>", bad[i], "</Payload></SoftwareIdentity>");

		if (parses(text, &rim)) {
			unit_bad = true;
			printf("# accepted: %s\n", bad[i]);
		}
		free(text);
	}
}

static void
test_bad_documents(void)
{
	static const char *const bad[] = {
		"<SoftwareIdentity><Entity/><Meta/><Payload/></SoftwareIdentity>",
		"<a xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\"/>",
		"", "<", HEAD, HEAD META, HEAD META "<Payload>" GOOD, HEAD META "<Payload>" GOOD "</Payload>",
		HEAD META "<Payload>" GOOD "</Payload></SoftwareIdentity><a/>",
		HEAD META "<Payload>" GOOD "<o:x><o:y></o:x></Payload></SoftwareIdentity>",
		HEAD META "<Payload>" GOOD "<o:x>", HEAD "</SoftwareIdentity>",
		HEAD META "</SoftwareIdentity>",
		HEAD "<Payload>" GOOD "</Payload>" META "</SoftwareIdentity>",
		HEAD META META "<Payload>" GOOD "</Payload></SoftwareIdentity>",
		HEAD META "<Payload>" GOOD "</Payload><Payload/></SoftwareIdentity>",
		HEAD META "<Payload>" GOOD "</Payload><o:x/></SoftwareIdentity>",
		HEAD META "<o:x/><Payload>" GOOD "</Payload></SoftwareIdentity>",
		HEAD META "<Payload>" GOOD "</Payload>text</SoftwareIdentity>",
		HEAD "<Meta colloquialVersion=\"1\" product=\"GH100\"/><Payload>" GOOD "</Payload></SoftwareIdentity>",
		HEAD "<Meta/><Payload>" GOOD "</Payload></SoftwareIdentity>",
	};
	static struct rim rim;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parses(bad[i], &rim)) {
			unit_bad = true;
			printf("# accepted: %s\n", bad[i]);
		}
	CHECK(!parses(DOCUMENT(ROW("7", "maybe", ONE)), &rim));
	CHECK_TEXT(why, "Payload: index 7: active is 'maybe', want True or False");
}

int
main(void)
{
	RUN(test_good);
	RUN(test_others_say_nothing);
	RUN(test_bad_rows);
	RUN(test_bad_documents);
	return unit_end();
}
