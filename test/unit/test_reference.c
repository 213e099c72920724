/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/reference.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "test/unit/unit.h"

#define SAMPLES "../shared/samples/gpu/"
#define GH100_DRIVER SAMPLES "sdk/NV_GPU_DRIVER_GH100_550.144.03.xml"
#define DAMAGED SAMPLES "sdk/incorrect_signature_driver_rim.xml"

static struct buf
slurp(const char *path)
{
	struct buf out = {0};
	char part[4096];
	size_t size;
	FILE *file = fopen(path, "re");

	while (file != NULL && (size = fread(part, 1, sizeof(part), file)) > 0)
		buf_add(&out, part, size);
	if (file != NULL)
		fclose(file);
	return out;
}

static int64_t
seconds(const char *text)
{
	int64_t at = 0;

	CHECK(clock_parse(text, &at));
	return at;
}

static X509 *
root(void)
{
	struct err err = ERR_INIT;
	struct buf pem = slurp(SAMPLES "roots/verifier_RIM_root.pem");
	X509 *anchor = pem.size > 0 ? x509_anchor(buf_bytes(&pem), &err) : NULL;

	buf_free(&pem);
	if (anchor == NULL)
		unit_skip("the shared samples are not here");
	return anchor;
}

/* The code of the whole, and how many steps there were. */
static int
judge(struct bytes xml, const struct reference_want *want, const char *at, struct reference *out, char status[6])
{
	struct steps steps = {0};
	X509 *anchor = root();
	int rc, code;

	rc = reference_verify(xml, want, anchor, seconds(at), attester_gpu(0), NULL, &steps, out);
	CHECK(steps.count == 5);
	for (size_t i = 0; i < 5 && i < steps.count; i++)
		status[i] = "-+!"[steps.list[i].status];
	status[5] = '\0';
	steps_conclude(&steps);
	code = steps_code(&steps);
	CHECK((rc == 0) == (code == CODE_OK) && out->verified == (code == CODE_OK));
	if (code != CODE_OK)
		printf("# %s\n", steps_first_failure(&steps)->detail);
	steps_free(&steps);
	X509_free(anchor);
	return code;
}

static void
check_genuine(const char *path, enum reference_kind kind, const char *version, const char *good, const char *expired,
	      unsigned active)
{
	struct reference_want want = {kind, version, "GH100"};
	struct buf xml = slurp(path);
	struct reference out;
	char status[6];

	CHECK(judge(buf_bytes(&xml), &want, good, &out, status) == CODE_OK);
	CHECK_TEXT(status, "+++++");
	CHECK(out.chain_verdict == X509_TRUSTED && out.signature_verified && out.version_match &&
	      out.measurements_available);
	CHECK(out.rim.active == active && out.chain.count == 4);
	CHECK_TEXT(out.rim.manufacturer_id, "5703");
	reference_free(&out);
	CHECK(judge(buf_bytes(&xml), &want, expired, &out, status) == CODE_RIM_EXPIRED);
	CHECK_TEXT(status, "+!+++");
	CHECK(out.signature_verified && out.measurements_available && !out.verified);
	reference_free(&out);
	buf_free(&xml);
}

static void
test_genuine(void)
{
	X509 *anchor = root();

	if (anchor == NULL)
		return;
	X509_free(anchor);
	check_genuine(SAMPLES "nvtrust/Driver_RIM_test_no_gpu.swidtag", REFERENCE_DRIVER, "545.00",
		      "2024-12-31T00:00:00Z", "2026-11-23T00:00:00Z", 21);
	check_genuine(SAMPLES "nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag", REFERENCE_VBIOS, "96.00.5e.00.01",
		      "2024-12-31T00:00:00Z", "2026-11-23T00:00:00Z", 12);
	check_genuine(SAMPLES "nvtrust/1010_0200_882_96005E0001_PROD.swidtag", REFERENCE_VBIOS, "96.00.5E.00.01",
		      "2024-12-31T00:00:00Z", "2026-11-23T00:00:00Z", 12);
	check_genuine(GH100_DRIVER, REFERENCE_DRIVER, "550.144.03", "2024-12-31T00:00:00Z", "2026-12-31T00:00:00Z", 21);
}

static void
test_wanted(void)
{
	struct reference_want other_version = {REFERENCE_DRIVER, "550.144.04", "GH100"};
	struct reference_want other_product = {REFERENCE_DRIVER, "550.144.03", "GB100"};
	struct reference_want other_kind = {REFERENCE_VBIOS, "550.144.03", "GH100"};
	struct reference_want any_product = {REFERENCE_DRIVER, "550.144.03", NULL};
	struct buf xml = slurp(GH100_DRIVER);
	struct reference out;
	char status[6];

	if (xml.size == 0) {
		unit_skip("the shared samples are not here");
		return;
	}
	CHECK(judge(buf_bytes(&xml), &other_version, "2024-12-31T00:00:00Z", &out, status) == CODE_RIM_VERSION);
	CHECK_TEXT(status, "++++!");
	CHECK(out.measurements_available && !out.version_match);
	reference_free(&out);
	CHECK(judge(buf_bytes(&xml), &other_product, "2024-12-31T00:00:00Z", &out, status) == CODE_RIM_PRODUCT);
	CHECK_TEXT(status, "+++!+");
	reference_free(&out);
	CHECK(judge(buf_bytes(&xml), &other_kind, "2024-12-31T00:00:00Z", &out, status) == CODE_RIM_PRODUCT);
	reference_free(&out);
	CHECK(judge(buf_bytes(&xml), &any_product, "2024-12-31T00:00:00Z", &out, status) == CODE_OK);
	reference_free(&out);
	buf_free(&xml);
}

static void
test_damaged(void)
{
	struct reference_want want = {REFERENCE_DRIVER, "550.144.03", "GH100"};
	struct buf xml = slurp(DAMAGED);
	struct reference out;
	char status[6];

	if (xml.size == 0) {
		unit_skip("the shared samples are not here");
		return;
	}
	CHECK(judge(buf_bytes(&xml), &want, "2024-12-31T00:00:00Z", &out, status) == CODE_RIM_SIGNATURE);
	CHECK_TEXT(status, "++!--");
	CHECK(!out.signature_verified && !out.measurements_available);
	reference_free(&out);
	CHECK(judge(bytes_of("", 0), &want, "2024-12-31T00:00:00Z", &out, status) == CODE_RIM_FORMAT);
	CHECK_TEXT(status, "!----");
	reference_free(&out);
	buf_free(&xml);
}

/* Tools indent what signers wrote in lines; nothing of it is signed. */
static void
test_white_space_in_certificates(void)
{
	struct reference_want want = {REFERENCE_DRIVER, "550.144.03", "GH100"};
	struct buf xml = slurp(GH100_DRIVER), indented = {0};
	struct reference out;
	char status[6], *keys, *end;

	if (xml.size == 0) {
		unit_skip("the shared samples are not here");
		return;
	}
	keys = strstr((char *)xml.data, "<ds:KeyInfo>");
	end = strstr((char *)xml.data, "</ds:KeyInfo>");
	CHECK(keys != NULL && end != NULL);
	for (char *c = (char *)xml.data; *c != '\0'; c++)
		buf_add_text(&indented, *c == '\n' && c > keys && c < end ? "&#13;\n\t  " : (char[2]){*c});
	CHECK(judge(buf_bytes(&indented), &want, "2024-12-31T00:00:00Z", &out, status) == CODE_OK);
	reference_free(&out);
	buf_free(&indented);
	buf_free(&xml);
}

int
main(void)
{
	RUN(test_genuine);
	RUN(test_wanted);
	RUN(test_damaged);
	RUN(test_white_space_in_certificates);
	return unit_end();
}
