/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/cdi_spec.h"

#include <stdlib.h>

#include "lib/code.h"
#include "test/unit/unit.h"

#define DEVICES "\"devices\":[{\"name\":\"all\",\"containerEdits\":{\"env\":[\"A=b\"]}}]"

/* What is wrong with the text, or "" if nothing is; valid until the next call. */
static const char *
fault(const char *text)
{
	static struct err err;
	struct cdi_spec spec;

	err = (struct err)ERR_INIT;
	if (cdi_spec_parse(bytes_of_text(text), &spec, &err) != 0)
		CHECK(err_code(&err) == CODE_CDI_SPEC && err.text[0] != '\0');
	cdi_spec_free(&spec);
	return err.text;
}

static bool
finds(const char *text, const char *reason)
{
	const char *have = fault(text);
	bool ok = strstr(have, reason) != NULL && have[0] != '\0';

	if (!ok)
		printf("# %s\n# for %s\n", have, text);
	return ok;
}

/* A specification whose one device has these edits. */
static bool
edits(const char *members, const char *reason)
{
	char *text = xprintf(
		"{\"cdiVersion\":\"1.1.0\",\"kind\":\"a/b\",\"devices\":[{\"name\":\"x\",\"containerEdits\":{%s}}]}",
		members);
	bool ok = reason == NULL ? fault(text)[0] == '\0' : finds(text, reason);

	if (!ok && reason == NULL)
		printf("# %s\n", fault(text));
	free(text);
	return ok;
}

static void
test_members(void)
{
	struct cdi_spec spec;
	struct err err = ERR_INIT;
	static const char yaml[] =
		"cdiVersion: 0.6.0\nkind: nvidia.com/gpu\nannotations: {a: b}\ncontainerEdits:\n  env: "
		"[A=b]\ndevices:\n"
		"- name: \"0\"\n  containerEdits:\n    deviceNodes:\n    - {path: /dev/x, hostPath: /dev/nvidia0, "
		"major: 195, minor: 0}\n"
		"    mounts:\n    - {hostPath: /a, containerPath: /b, options: [ro]}\n"
		"    hooks:\n    - {hookName: createRuntime, path: /h, args: [h, x], env: [C=d], timeout: 3}\n";

	CHECK(cdi_spec_parse(bytes_of_text(yaml), &spec, &err) == 0);
	CHECK(spec.format == CDI_YAML && spec.device_count == 1 && spec.edits.env.count == 1);
	CHECK_TEXT(spec.kind, "nvidia.com/gpu");
	CHECK_TEXT(spec.version, "0.6.0");
	CHECK_TEXT(spec.lowest, "0.6.0");
	CHECK_TEXT(spec.devices[0].name, "0");
	CHECK_TEXT(spec.devices[0].edits.nodes[0].host_path, "/dev/nvidia0");
	CHECK(spec.devices[0].edits.nodes[0].numbered && spec.devices[0].edits.nodes[0].major == 195);
	CHECK_TEXT(spec.devices[0].edits.mounts[0].container_path, "/b");
	CHECK_TEXT(spec.devices[0].edits.hooks[0].args.at[1], "x");
	CHECK_TEXT(spec.devices[0].edits.hooks[0].env.at[0], "C=d");
	cdi_spec_free(&spec);
}

static void
test_shape(void)
{
	CHECK(fault("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"," DEVICES "}")[0] == '\0');
	CHECK(fault("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"containerEdits\":null," DEVICES "}")[0] == '\0');
	CHECK(finds("{\"kind\":\"a/b\"," DEVICES "}", "cdiVersion: is missing"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\"," DEVICES "}", "kind: is missing"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\"}", "devices: is missing"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"devices\":null}", "devices: is missing"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"devices\":[]}", "there are none"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"devices\":{}}", "devices: is of another type"));
	CHECK(finds("[]", "is no object"));
	CHECK(finds("x", "is no object"));
	CHECK(finds("", "no document"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"x\":1," DEVICES "}", "'x': no version of CDI"));
	/* Go takes a member of any case. */
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"ContainerEdits\":{}," DEVICES "}",
		    "'ContainerEdits': no version"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"kind\":\"c/d\"," DEVICES "}", "twice"));
	CHECK(finds("{cdiVersion: 0.3.0, kind: a/b}", "JSON"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"devices\":[{\"name\":\"x\"}]}",
		    "devices: [0]: containerEdits: is missing"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/b\",\"devices\":[{\"name\":\"x\",\"containerEdits\":{}}]}",
		    "are empty"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/"
		    "b\",\"devices\":[{\"name\":\"x\",\"containerEdits\":{\"env\":[]}}]}",
		    "are empty"));
	CHECK(finds("{\"cdiVersion\":\"0.3.0\",\"kind\":\"a/"
		    "b\",\"devices\":[{\"name\":\"x\",\"containerEdits\":{\"env\":[\"A=\"]}},"
		    "{\"name\":\"x\",\"containerEdits\":{\"env\":[\"A=\"]}}]}",
		    "'x' stands twice"));
}

/* Types that YAML makes of text without quotes. */
static void
test_yaml_types(void)
{
	CHECK(finds("cdiVersion: 0.5.0\nkind: a/b\ndevices:\n- name: 0\n  containerEdits: {env: [A=b]}\n",
		    "name: is of another type"));
	CHECK(finds("cdiVersion: 0.5.0\nkind: a/b\ndevices:\n- name: no\n  containerEdits: {env: [A=b]}\n",
		    "'no' without quotes"));
	CHECK(finds("cdiVersion: 0.5.0\nkind: a/b\ndevices:\n- name: 0:0\n  containerEdits: {env: [A=b]}\n",
		    "'0:0' without quotes"));
	CHECK(finds("cdiVersion: 0.5\nkind: a/b\ndevices:\n- name: x\n  containerEdits: {env: [A=b]}\n",
		    "'0.5' without quotes"));
	CHECK(finds("cdiVersion: 0.5.0\nkind: a/b\ndevices:\n- name: x\n  containerEdits: {deviceNodes: [{path: /d, "
		    "major: 0303}]}\n",
		    "'0303' without quotes"));
	CHECK(finds("cdiVersion: 0.5.0\nkind: a/b\ndevices:\n- name: x\n  containerEdits: {deviceNodes: [{path: /d, "
		    "major: '195'}]}\n",
		    "major: is of another type"));
}

static void
test_edits(void)
{
	CHECK(edits("\"env\":[\"A=\"]", NULL));
	CHECK(edits("\"env\":[\"A\"]", "NAME=value") && edits("\"env\":[\"=x\"]", "NAME=value") &&
	      edits("\"env\":[1]", "no text"));
	CHECK(edits("\"env\":[\"A=\\u0000\"]", "NUL"));
	CHECK(edits("\"deviceNodes\":[{\"path\":\"/"
		    "d\",\"type\":\"c\",\"fileMode\":438,\"permissions\":\"rwm\",\"uid\":4294967295}]",
		    NULL));
	CHECK(edits("\"deviceNodes\":[{\"path\":\"\"}]", "path: is empty"));
	CHECK(edits("\"deviceNodes\":[{\"hostPath\":\"/d\"}]", "path: is missing"));
	CHECK(edits("\"deviceNodes\":[{\"path\":\"/d\",\"type\":\"x\"}]", "type: is not"));
	CHECK(edits("\"deviceNodes\":[{\"path\":\"/d\",\"permissions\":\"rx\"}]", "permissions"));
	CHECK(edits("\"deviceNodes\":[{\"path\":\"/d\",\"major\":1.5}]", "no integer"));
	CHECK(edits("\"deviceNodes\":[{\"path\":\"/d\",\"major\":1e3}]", "no integer"));
	CHECK(edits("\"deviceNodes\":[{\"path\":\"/d\",\"uid\":4294967296}]", "no integer"));
	CHECK(edits("\"deviceNodes\":[7]", "is no object"));
	CHECK(edits("\"mounts\":[{\"hostPath\":\"tmpfs\",\"containerPath\":\"/x\",\"type\":\"tmpfs\"}]", NULL));
	CHECK(edits("\"mounts\":[{\"hostPath\":\"/x\"}]", "containerPath: is missing"));
	CHECK(edits("\"mounts\":[{\"hostPath\":\"/x\",\"containerPath\":\"\"}]", "a path is empty"));
	CHECK(edits("\"hooks\":[{\"hookName\":\"prestart\",\"path\":\"/h\"}]", NULL));
	CHECK(edits("\"hooks\":[{\"hookName\":\"precreate\",\"path\":\"/h\"}]", "no stage 'precreate'"));
	CHECK(edits("\"hooks\":[{\"hookName\":\"createRuntime\",\"path\":\"\"}]", "path: is empty"));
	CHECK(edits("\"hooks\":[{\"hookName\":\"createRuntime\",\"path\":\"/h\",\"env\":[\"x\"]}]", "NAME=value"));
	CHECK(edits("\"hooks\":[{\"hookName\":\"createRuntime\",\"path\":\"/h\",\"timeout\":\"3\"}]",
		    "timeout: is of another type"));
	CHECK(edits("\"additionalGids\":[44]", NULL) && edits("\"additionalGids\":[-1]", "no group id"));
	CHECK(edits("\"intelRdt\":{\"closID\":\"x\"}", NULL) && edits("\"intelRdt\":{\"x\":1}", "no version of CDI"));
	CHECK(edits("\"netDevices\":[{\"hostInterfaceName\":\"a\",\"name\":\"b\"}]", NULL));
}

/* Version needed by a specification that states 1.1.0. */
static void
needs(const char *kind, const char *name, const char *members, const char *want)
{
	char *text = xprintf("{\"cdiVersion\":\"1.1.0\",\"kind\":\"%s\",\"devices\":[{\"name\":\"%s\","
			     "\"containerEdits\":{\"env\":[\"A=\"]%s}}]}",
			     kind, name, members);
	struct cdi_spec spec;
	struct err err = ERR_INIT;

	CHECK(cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0);
	CHECK_TEXT(spec.lowest, want);
	CHECK(!cdi_spec_understated(&spec));
	cdi_spec_free(&spec);
	free(text);
}

static void
test_versions(void)
{
	static const char *const bad[] = {"0.2.0", "0.3", "0.9.0", "1.2.0", "2.0.0", "", "v1.0.0", "0.10.0"};
	struct cdi_spec spec;
	struct err err = ERR_INIT;

	needs("a/b", "x", "", "0.3.0");
	needs("a/b", "x", ",\"mounts\":[{\"hostPath\":\"t\",\"containerPath\":\"/x\",\"type\":\"tmpfs\"}]", "0.4.0");
	needs("a/b", "0", "", "0.5.0");
	needs("a/b", "x", ",\"deviceNodes\":[{\"path\":\"/a\",\"hostPath\":\"/b\"}]", "0.5.0");
	needs("a/b.c", "0", "", "0.6.0");
	needs("a.b/c", "x", "", "0.3.0");
	needs("a/b", "x", ",\"additionalGids\":[1]", "0.7.0");
	needs("a/b", "x", ",\"intelRdt\":{\"enableCMT\":true}", "0.7.0");
	needs("a/b", "x", ",\"intelRdt\":{\"enableMonitoring\":true}", "1.1.0");
	needs("a/b", "x", ",\"netDevices\":[]", "1.1.0");
	needs("a/b", "x", ",\"netDevices\":null", "0.3.0");
	needs("a/b", "x", ",\"deviceNodes\":[{\"path\":\"/a\",\"permissions\":\"none\"}]", "1.1.0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *text = xprintf("{\"cdiVersion\":\"%s\",\"kind\":\"a/b\"," DEVICES "}", bad[i]);

		CHECK(finds(text, "is none of 0.3.0 to 1.1.0"));
		free(text);
	}
	CHECK(cdi_spec_parse(bytes_of_text("{\"cdiVersion\":\"0.5.0\",\"kind\":\"a/b.c\"," DEVICES "}"), &spec, &err) ==
	      0);
	CHECK(cdi_spec_understated(&spec));
	cdi_spec_free(&spec);
}

static void
test_names(void)
{
	static const char *const good[] = {"nvidia.com/gpu", "a/b", "A_b-c.d9/x.y", "nvidia.com/gpu.coherent"};
	static const char *const bad[] = {"",     "a",    "a/",    "/b",    "1a/b",  "a/1b",
					  "a-/b", "a/b-", "a b/c", "a/b/c", "a/b=c", "-a/b"};
	static const char *const bad_devices[] = {"", "-a", "a-", "a b", "a/b", "a=b", ":a"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK(cdi_kind_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!cdi_kind_valid(bad[i]));
	for (size_t i = 0; i < sizeof(bad_devices) / sizeof(*bad_devices); i++) {
		char *text = xprintf("{\"cdiVersion\":\"0.5.0\",\"kind\":\"a/"
				     "b\",\"devices\":[{\"name\":\"%s\",\"containerEdits\":{\"env\":[\"A=\"]}}]}",
				     bad_devices[i]);

		CHECK(finds(text, "no name of a device"));
		free(text);
	}
	CHECK(cdi_kind_is_of("nvidia.com/gpu", "nvidia.com") &&
	      cdi_kind_is_of("management.nvidia.com/gpu", "nvidia.com"));
	CHECK(cdi_kind_is_of("NVIDIA.com/gpu", "nvidia.com"));
	CHECK(!cdi_kind_is_of("notnvidia.com/gpu", "nvidia.com") &&
	      !cdi_kind_is_of("nvidia.com.example/gpu", "nvidia.com"));
	CHECK(!cdi_kind_is_of("a/nvidia.com", "nvidia.com") && !cdi_kind_is_of("m/gpu", "nvidia.com"));
}

int
main(void)
{
	RUN(test_members);
	RUN(test_shape);
	RUN(test_yaml_types);
	RUN(test_edits);
	RUN(test_versions);
	RUN(test_names);
	return unit_end();
}
