/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/gate.h"

#include <stdlib.h>

#include "config.h"
#include "lib/code.h"
#include "test/unit/unit.h"

#define DEVICE "\"devices\":[{\"name\":\"all\",\"containerEdits\":{\"env\":[\"A=b\"]}}]"
#define GATE                                                                                                           \
	"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK                                                        \
	"\",\"args\":[\"cgpu-hook\",\"createRuntime\",\"--cdi\"],"                                                     \
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

	if (cdi_spec_parse(bytes_of_text(text), &spec, &err) != 0 || gate_put(&spec, format, &written, &err) != 0) {
		CHECK(err_code(&err) == CODE_CDI_SPEC);
		cdi_spec_free(&spec);
		return xstrdup(err.text);
	}
	cdi_spec_free(&spec);
	CHECK(cdi_spec_parse(bytes_of_text(written), &again, &err) == 0 && again.format == format &&
	      gate_in(&again.edits));
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

/* What the hook itself takes for the call of the CDI layer, and an environment that does not get lost. */
static void
test_recognition(void)
{
	static const struct {
		const char *hook;
		bool gate;
	} rows[] = {
		{GATE, true},
		{"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK
		 "\",\"args\":[\"x\",\"createRuntime\",\"--cdi\"],\"env\":[\"A=\"]}",
		 true},
		{"{\"hookName\":\"prestart\",\"path\":\"" PATH_HOOK
		 "\",\"args\":[\"x\",\"createRuntime\",\"--cdi\"],\"env\":[\"A=\"]}",
		 false},
		{"{\"hookName\":\"createRuntime\",\"path\":\"/x" PATH_HOOK
		 "\",\"args\":[\"x\",\"createRuntime\",\"--cdi\"],\"env\":[\"A=\"]}",
		 false},
		{"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK
		 "\",\"args\":[\"x\",\"createRuntime\",\"--cdi\"]}",
		 false},
		{"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK
		 "\",\"args\":[\"x\",\"createRuntime\",\"--cdi\"],\"env\":[]}",
		 false},
		{"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK
		 "\",\"args\":[\"x\",\"createRuntime\"],\"env\":[\"A=\"]}",
		 false},
		{"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK
		 "\",\"args\":[\"x\",\"--cdi\",\"createRuntime\"],\"env\":[\"A=\"]}",
		 false},
		{"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK
		 "\",\"args\":[\"x\",\"createRuntime\",\"--cdi\",\"--help\"],\"env\":[\"A=\"]}",
		 false},
		{"{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK "\"}", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = xprintf("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/"
				     "b\",\"devices\":[{\"name\":\"x\",\"containerEdits\":{\"hooks\":[%s]}}]}",
				     rows[i].hook);
		struct cdi_spec spec;
		struct err err = ERR_INIT;

		CHECK(cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0);
		CHECK(gate_covers(&spec, &spec.devices[0]) == rows[i].gate);
		cdi_spec_free(&spec);
		free(text);
	}
}

int
main(void)
{
	RUN(test_put);
	RUN(test_hooks);
	RUN(test_version);
	RUN(test_refusals);
	RUN(test_recognition);
	return unit_end();
}
