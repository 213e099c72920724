/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/gate.h"

#include <stdlib.h>

#include "config.h"
#include "lib/code.h"
#include "test/unit/folder.h"
#include "test/unit/unit.h"

#define DEVICE "\"devices\":[{\"name\":\"all\",\"containerEdits\":{\"env\":[\"A=b\"]}}]"
#define ID "0123456789abcdef0123456789abcdef"
#define OTHER_ID "1123456789abcdef0123456789abcdef"
#define GATE                                                                                                           \
	"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK                                                        \
	"\",\"args\":[\"cgpu-hook\",\"createRuntime\",\"--cdi=" ID "\"],"                                              \
	"\"env\":[\"LC_ALL=C\"],\"timeout\":30}"
#define ENV "\"CGPU_ATTESTATION_ENV_FILE=/run/cgpu/attestation.env\""

/* What JSON becomes with the gate in it, as compact JSON; the reason if it is refused. */
static char *
put(const char *text, enum cdi_format format)
{
	struct cdi_spec spec, again;
	struct err err = ERR_INIT;
	struct json_out *out;
	char *written;

	if (cdi_spec_parse(bytes_of_text(text), &spec, &err) != 0 || gate_put(&spec, ID, format, &written, &err) != 0) {
		CHECK(err_code(&err) == CODE_CDI_SPEC);
		cdi_spec_free(&spec);
		return xstrdup(err.text);
	}
	cdi_spec_free(&spec);
	CHECK(cdi_spec_parse(bytes_of_text(written), &again, &err) == 0 && again.format == format &&
	      gate_form(&again.edits, NULL) == GATE_CALL_NAMED);
	out = json_out_new(false);
	json_out_value(out, again.json);
	cdi_spec_free(&again);
	free(written);
	return json_out_finish(out);
}

/* In both formats, and again: the second time nothing changes. */
static void
gives(const char *text, const char *want)
{
	char *json = put(text, CDI_JSON), *yaml = put(text, CDI_YAML), *twice = put(json, CDI_YAML);

	CHECK_TEXT(json, want);
	CHECK_TEXT(yaml, want);
	CHECK_TEXT(twice, want);
	free(json);
	free(yaml);
	free(twice);
}

static void
test_put(void)
{
	gives("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICE "}",
	      "{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICE ",\"containerEdits\":{\"env\":[" ENV
	      "],\"hooks\":[" GATE "]}}");
	gives("{\"containerEdits\":null,\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICE "}",
	      "{\"containerEdits\":{\"env\":[" ENV "],\"hooks\":[" GATE
	      "]},\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICE "}");
	gives("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICE
	      ",\"containerEdits\":{\"hooks\":null,\"env\":[\"X=1\"],"
	      "\"mounts\":[{\"hostPath\":\"/a\",\"containerPath\":\"/b\"}]}}",
	      "{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICE ",\"containerEdits\":{\"hooks\":[" GATE
	      "],\"env\":[\"X=1\"," ENV "],"
	      "\"mounts\":[{\"hostPath\":\"/a\",\"containerPath\":\"/b\"}]}}");
}

/* Ours comes first; what calls our program in another way, or lies elsewhere, gives way to it; others stay. */
static void
test_hooks(void)
{
#define OTHER                                                                                                          \
	"{\"hookName\":\"createContainer\",\"path\":\"/usr/bin/"                                                       \
	"nvidia-cdi-hook\",\"args\":[\"x\",\"chmod\"],\"timeout\":0}"
#define SPEC(hooks, env)                                                                                               \
	"{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICE ",\"containerEdits\":{\"hooks\":[" hooks                  \
	"],\"env\":[" env "]}}"
	static const char *const stale[] = {
		SPEC(OTHER, ENV),
		SPEC(OTHER "," GATE, ENV),
		SPEC("{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK
		     "\",\"args\":[\"cgpu-hook\",\"createRuntime\",\"--cdi\"],\"env\":[\"LC_ALL=C\"]}," OTHER,
		     ENV),
		SPEC(GATE "," OTHER "," GATE, ENV "," ENV),
		SPEC("{\"hookName\":\"poststop\",\"path\":\"" PATH_HOOK "\"}," OTHER,
		     "\"CGPU_ATTESTATION_ENV_FILE=/etc/passwd\""),
		SPEC("{\"hookName\":\"createRuntime\",\"path\":\"/old/"
		     "cgpu-hook\",\"args\":[\"cgpu-hook\",\"createRuntime\",\"--cdi\"]}," OTHER,
		     ""),
	};

	for (size_t i = 0; i < sizeof(stale) / sizeof(*stale); i++)
		gives(stale[i], SPEC(GATE "," OTHER, ENV));
	gives(SPEC(OTHER, "\"CGPU_ATTESTATION_ENV_FILES=x\""),
	      SPEC(GATE "," OTHER, "\"CGPU_ATTESTATION_ENV_FILES=x\"," ENV));
}

static void
test_version(void)
{
	gives("{\"cdiVersion\":\"1.1.0\",\"kind\":\"a/b\"," DEVICE "}",
	      "{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICE ",\"containerEdits\":{\"env\":[" ENV
	      "],\"hooks\":[" GATE "]}}");
	gives("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b.c\"," DEVICE "}",
	      "{\"cdiVersion\":\"0.6.0\",\"kind\":\"a/b.c\"," DEVICE ",\"containerEdits\":{\"env\":[" ENV
	      "],\"hooks\":[" GATE "]}}");
}

static void
test_refusals(void)
{
	char *text = put("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/"
			 "b\",\"devices\":[{\"name\":\"x\",\"containerEdits\":{\"hooks\":[" GATE "]}}]}",
			 CDI_YAML);

	CHECK(strstr(text, "devices[0]: 'x' calls the hook by itself") != NULL);
	free(text);
	text = put("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"later\":{}," DEVICE "}", CDI_YAML);
	CHECK(strstr(text, "'later': no version of CDI") != NULL);
	free(text);
}

/* What JSON becomes without the gate; the reason if it is refused. */
static char *
take(const char *text)
{
	struct cdi_spec spec;
	struct err err = ERR_INIT;
	char *written, *out;

	CHECK(cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0);
	if (gate_take(&spec, CDI_JSON, &written, &err) == 0) {
		struct json *json = json_read(bytes_of_text(written), &json_limits_default, &err);
		struct json_out *compact = json_out_new(false);

		json_out_value(compact, json);
		out = json_out_finish(compact);
		json_free(json);
		CHECK(!gate_covers(&spec, &spec.devices[0]) || strstr(out, "cgpu-hook") == NULL);
	} else {
		CHECK(err_code(&err) == CODE_CDI_SPEC);
		out = xstrdup(err.text);
	}
	free(written);
	cdi_spec_free(&spec);
	return out;
}

/* What guard wrote comes out as it was; what it did not write is refused. */
static void
test_take(void)
{
#define HEAD "{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\","
#define OWN(stage, args)                                                                                               \
	HEAD DEVICE ",\"containerEdits\":{\"hooks\":[{\"hookName\":\"" stage "\",\"path\":\"" PATH_HOOK                \
		    "\",\"args\":[" args "]}]}}"
	static const char *const bare[] = {
		HEAD DEVICE "}",
		HEAD DEVICE ",\"containerEdits\":{\"env\":[\"X=1\"]}}",
		HEAD DEVICE ",\"containerEdits\":{\"hooks\":[" OTHER
			    "],\"mounts\":[{\"hostPath\":\"/a\",\"containerPath\":\"/b\"}]}}",
		HEAD "\"containerEdits\":{\"mounts\":[{\"hostPath\":\"/a\",\"containerPath\":\"/b\"}]}," DEVICE "}",
	};
	static const char *const foreign[] = {
		OWN("poststop", "\"cgpu-hook\",\"createRuntime\",\"--cdi\""),
		OWN("createRuntime", "\"cgpu-hook\",\"createRuntime\""),
		OWN("createRuntime", "\"cgpu-hook\",\"createRuntime\",\"--cdi=1\""),
		OWN("createRuntime", "\"cgpu-hook\",\"--help\""),
		HEAD "\"devices\":[{\"name\":\"x\",\"containerEdits\":{\"hooks\":[{\"hookName\":\"createRuntime\","
		     "\"path\":\"" PATH_HOOK "\"}]}}]}",
	};
	char *text;

	for (size_t i = 0; i < sizeof(bare) / sizeof(*bare); i++) {
		char *gated = put(bare[i], CDI_JSON);

		text = take(gated);
		CHECK_TEXT(text, bare[i]);
		free(text);
		free(gated);
		text = take(bare[i]);
		CHECK_TEXT(text, bare[i]);
		free(text);
	}
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		text = take(foreign[i]);
		CHECK(strstr(text, "calls the hook as no version of cgpu-cdi does") != NULL);
		free(text);
	}
	/* A call without an ID, one of another place, and those of a device. */
	text = take(HEAD "\"devices\":[{\"name\":\"x\",\"containerEdits\":{\"env\":[\"A=b\"],\"hooks\":[" GATE "]}}],"
			 "\"containerEdits\":{\"hooks\":[{\"hookName\":\"createRuntime\",\"path\":\"/old/cgpu-hook\","
			 "\"args\":[\"cgpu-hook\",\"createRuntime\",\"--cdi\"]}]}}");
	CHECK_TEXT(text, HEAD "\"devices\":[{\"name\":\"x\",\"containerEdits\":{\"env\":[\"A=b\"]}}]}");
	free(text);
	/* A device that would have nothing left is none that engines take. */
	text = take(HEAD "\"devices\":[{\"name\":\"x\",\"containerEdits\":{\"hooks\":[" GATE "]}}]}");
	CHECK(strstr(text, "containerEdits: are empty") != NULL);
	free(text);
}

/* A writer that drops or changes something: the text is not taken. */
static void
test_check_text(void)
{
	static const char bare[] = HEAD DEVICE "}";
	static const char gated[] = HEAD DEVICE ",\"containerEdits\":{\"hooks\":[" GATE "]}}";
	static const char old[] =
		HEAD DEVICE ",\"containerEdits\":{\"hooks\":[{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK
			    "\",\"args\":[\"cgpu-hook\",\"createRuntime\",\"--cdi\"],\"env\":[\"A=\"]}]}}";
	static const struct {
		const char *text, *meant;
		bool gated;
		int code;
	} rows[] = {
		{gated, gated, true, CODE_OK},      {bare, bare, false, CODE_OK},
		{bare, gated, true, CODE_INTERNAL}, {gated, bare, false, CODE_INTERNAL},
		{bare, bare, true, CODE_INTERNAL},  {gated, gated, false, CODE_INTERNAL},
		{old, old, true, CODE_INTERNAL},    {HEAD DEVICE, bare, false, CODE_CDI_SPEC},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;

		CHECK((gate_check_text(rows[i].text, rows[i].meant, rows[i].gated, &err) == 0) ==
		      (rows[i].code == CODE_OK));
		CHECK(rows[i].code == CODE_OK || err_code(&err) == rows[i].code);
	}
}

/* What the hook itself takes for the call of the CDI layer, and an environment that does not get lost. */
static void
test_recognition(void)
{
#define CALL(stage, path, args, more) "{\"hookName\":\"" stage "\",\"path\":\"" path "\",\"args\":[" args "]" more "}"
#define CREATE(args, more) CALL("createRuntime", PATH_HOOK, args, more)
#define ENVIRONMENT ",\"env\":[\"A=\"]"
#define ARGS(last) "\"cgpu-hook\",\"createRuntime\",\"" last "\""
	static const struct {
		const char *hooks;
		enum gate_call_form form;
		const char *id;
	} rows[] = {
		{GATE, GATE_CALL_NAMED, ID},
		{CREATE(ARGS("--cdi=" ID), ENVIRONMENT), GATE_CALL_NAMED, ID},
		{CREATE(ARGS("--cdi"), ENVIRONMENT), GATE_CALL_OLD, NULL},
		{CREATE(ARGS("--cdi"), ENVIRONMENT) "," GATE, GATE_CALL_NAMED, ID},
		{CREATE(ARGS("--cdi=" ID), ENVIRONMENT ",\"timeout\":30"), GATE_CALL_NAMED, ID},
		{CREATE(ARGS("--cdi=" ID), ENVIRONMENT ",\"timeout\":29"), GATE_CALL_NONE, NULL},
		{CREATE(ARGS("--cdi=" ID), ENVIRONMENT ",\"timeout\":0"), GATE_CALL_NONE, NULL},
		{CALL("prestart", PATH_HOOK, ARGS("--cdi=" ID), ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CALL("createRuntime", "/x" PATH_HOOK, ARGS("--cdi=" ID), ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CREATE(ARGS("--cdi=" ID), ""), GATE_CALL_NONE, NULL},
		{CREATE(ARGS("--cdi=" ID), ",\"env\":[]"), GATE_CALL_NONE, NULL},
		{CREATE("\"cgpu-hook\",\"createRuntime\"", ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CREATE("\"x\",\"createRuntime\",\"--cdi\"", ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CREATE("\"cgpu-hook\",\"--cdi\",\"createRuntime\"", ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CREATE(ARGS("--cdi") ",\"--help\"", ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CREATE(ARGS("--cdi="), ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CREATE(ARGS("--cdi=0123"), ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CREATE(ARGS("--cdi=0123456789ABCDEF0123456789ABCDEF"), ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CREATE(ARGS("--cdi=" ID "0"), ENVIRONMENT), GATE_CALL_NONE, NULL},
		{CREATE(ARGS("--cdix"), ENVIRONMENT), GATE_CALL_NONE, NULL},
		{"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK "\"}", GATE_CALL_NONE, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = xprintf("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/"
				     "b\",\"devices\":[{\"name\":\"x\",\"containerEdits\":{\"hooks\":[%s]}}]}",
				     rows[i].hooks);
		const char *id = "none";
		struct cdi_spec spec;
		struct err err = ERR_INIT;

		CHECK(cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0);
		CHECK(gate_form(&spec.devices[0].edits, &id) == rows[i].form);
		CHECK((id == NULL) == (rows[i].id == NULL) && (id == NULL || strcmp(id, rows[i].id) == 0));
		CHECK(gate_covers(&spec, &spec.devices[0]) == (rows[i].form != GATE_CALL_NONE));
		cdi_spec_free(&spec);
		free(text);
	}
}

/* That of the file which is there, else the specification's own, else a new one each time. */
static void
test_choose_id(void)
{
	char id[GATE_CALL_ID_SIZE] = "", again[GATE_CALL_ID_SIZE] = "", *written;
	static const char bare_text[] = "{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICE "}";
	struct cdi_spec bare, gated;
	struct err err = ERR_INIT;

	folder_make();
	CHECK(cdi_spec_parse(bytes_of_text(bare_text), &bare, &err) == 0);
	gate_choose_id(&bare, NULL, id);
	gate_choose_id(&bare, at("missing"), again);
	CHECK(strlen(id) == 32 && id[strspn(id, "0123456789abcdef")] == '\0');
	CHECK(strlen(again) == 32 && strcmp(id, again) != 0);
	CHECK(gate_put(&bare, ID, CDI_YAML, &written, &err) == 0 &&
	      cdi_spec_parse(bytes_of_text(written), &gated, &err) == 0);
	gate_choose_id(&gated, at("missing"), id);
	CHECK_TEXT(id, ID);
	put_text("other", written);
	memcpy(strstr(written, ID), OTHER_ID, strlen(OTHER_ID));
	put_text("target", written);
	put_text("bad", "{");
	gate_choose_id(&bare, at("other"), id);
	CHECK_TEXT(id, ID);
	gate_choose_id(&gated, at("target"), id);
	CHECK_TEXT(id, OTHER_ID);
	gate_choose_id(&gated, at("bad"), id);
	CHECK_TEXT(id, ID);
	free(written);
	cdi_spec_free(&gated);
	cdi_spec_free(&bare);
	folder_remove();
}

int
main(void)
{
	RUN(test_put);
	RUN(test_hooks);
	RUN(test_version);
	RUN(test_refusals);
	RUN(test_recognition);
	RUN(test_choose_id);
	RUN(test_take);
	RUN(test_check_text);
	return unit_end();
}
