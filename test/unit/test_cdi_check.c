/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/check.h"

#include <stdlib.h>

#include "cdi/gate.h"
#include "config.h"
#include "lib/code.h"
#include "test/unit/folder.h"
#include "test/unit/unit.h"

static struct facts facts;

/* Another one each time. */
static const char *
next_id(void)
{
	static char id[GATE_CALL_ID_SIZE];
	static unsigned count;

	snprintf(id, sizeof(id), "%032x", ++count);
	return id;
}

/* FOLDER/NAME: a specification of kind with devices x and y, of these edits; gated or not. */
static void
put_spec(const char *name, const char *kind, const char *edits, bool gated)
{
	char *text = xprintf("{\"cdiVersion\":\"0.3.0\",\"kind\":\"%s\",\"containerEdits\":{%s},\"devices\":["
			     "{\"name\":\"x\",\"containerEdits\":{\"env\":[\"A=\"]}},{\"name\":\"y\","
			     "\"containerEdits\":{\"env\":[\"A=\"]}}]}",
			     kind, edits);
	struct cdi_spec spec;
	struct err err = ERR_INIT;
	char *out;

	if (gated) {
		CHECK(cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0 &&
		      gate_put(&spec, next_id(), CDI_YAML, &out, &err) == 0);
		cdi_spec_free(&spec);
		free(text);
		text = out;
	}
	put_text(name, text);
	free(text);
}

/*
 * Lines "code device" of the findings in the directories a and b, those about the program of the hook left out: the
 * tests run where nothing is installed.
 */
static char *
findings(void)
{
	char *directories = xprintf("%s/a:%s/b", folder, folder);
	struct inventory inventory;
	struct err err = ERR_INIT;
	struct findings found;
	struct buf out = {0};

	CHECK(cdi_inventory_load(directories, &inventory, &err) == 0);
	check_run(&inventory, &facts, &found);
	buf_add_text(&out, "");
	for (size_t i = 0; i < found.count; i++)
		if (found.list[i].code != CODE_CDI_MISSING || strstr(found.list[i].detail, PATH_HOOK) == NULL)
			buf_printf(&out, "%s %s\n", code_name(found.list[i].code),
				   found.list[i].device ? found.list[i].device : "*");
	check_free(&found);
	cdi_inventory_free(&inventory);
	free(directories);
	return buf_steal_text(&out);
}

static void
finds(const char *want)
{
	char *have = findings();

	CHECK_TEXT(have, want);
	free(have);
}

static void
start(void)
{
	folder_make();
	memset(&facts, 0, sizeof(facts));
}

static void
test_gating(void)
{
	start();
	finds("");
	put_spec("a/n.yaml", "nvidia.com/gpu", "", true);
	put_spec("a/m.json", "mellanox.com/nic", "", false);
	finds("");
	put_spec("a/n.yaml", "nvidia.com/gpu", "", false);
	finds("cdi-ungated nvidia.com/gpu=x\ncdi-ungated nvidia.com/gpu=y\n");
	put_spec("a/n.yaml", "management.nvidia.com/gpu", "", false);
	finds("cdi-ungated management.nvidia.com/gpu=x\ncdi-ungated management.nvidia.com/gpu=y\n");
	folder_remove();
}

/* By number, by name, by what a path is; and the whole folder of the nodes. */
static void
test_exposure(void)
{
	static const char *const gpu[] = {
		"\"deviceNodes\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":195,\"minor\":0}]",
		"\"deviceNodes\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":510,\"minor\":0}]",
		"\"deviceNodes\":[{\"path\":\"/dev/zero\"}]", /* its major is NVIDIA's in this test */
		"\"deviceNodes\":[{\"path\":\"/dev/x\",\"hostPath\":\"/dev/zero\"}]",
		"\"mounts\":[{\"hostPath\":\"/dev/zero\",\"containerPath\":\"/x\"}]",
		"\"mounts\":[{\"hostPath\":\"/dev/nvidia0\",\"containerPath\":\"/x\"}]",
		"\"mounts\":[{\"hostPath\":\"/dev/../dev/.\",\"containerPath\":\"/x\"}]",
		"\"mounts\":[{\"hostPath\":\"/\",\"containerPath\":\"/x\"}]",
	};

	start();
	facts.majors = 2;
	facts.major[0].number = 510;
	facts.major[1].number = 1; /* of /dev/zero and /dev/null */
	for (size_t i = 0; i < sizeof(gpu) / sizeof(*gpu); i++) {
		struct cdi_spec spec;
		struct err err = ERR_INIT;
		char *text = xprintf("{\"cdiVersion\":\"0.5.0\",\"kind\":\"e.org/"
				     "x\",\"devices\":[{\"name\":\"x\",\"containerEdits\":{%s}}]}",
				     gpu[i]);

		CHECK(cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0);
		CHECK(check_is_gpu(&facts, &spec, &spec.devices[0]));
		cdi_spec_free(&spec);
		free(text);
	}
	facts.majors = 0;
	put_spec("a/x.yaml", "e.org/x",
		 "\"deviceNodes\":[{\"path\":\"/dev/null\"}],\"mounts\":[{\"hostPath\":\"/tmp\",\"containerPath\":\"/"
		 "x\"}]",
		 false);
	finds("");
	put_spec("a/x.yaml", "e.org/x", "\"deviceNodes\":[{\"path\":\"/dev/null\",\"major\":195,\"minor\":3}]", true);
	finds("cdi-stale *\n"); /* 195:3 is not what /dev/null is */
	folder_remove();
}

static void
test_precedence(void)
{
	start();
	put_spec("a/n.yaml", "nvidia.com/gpu", "", false);
	put_spec("b/n.yaml", "nvidia.com/gpu", "", true);
	finds("cdi-shadowed nvidia.com/gpu=x\ncdi-shadowed nvidia.com/gpu=y\n");
	put_spec("b/n.yaml", "nvidia.com/gpu", "", false);
	put_spec("a/n.yaml", "nvidia.com/gpu", "", true);
	finds("cdi-shadowed nvidia.com/gpu=x\ncdi-shadowed nvidia.com/gpu=y\n"
	      "cdi-ungated nvidia.com/gpu=x\ncdi-ungated nvidia.com/gpu=y\n");
	remove(at("b/n.yaml"));
	put_spec("a/o.json", "nvidia.com/gpu", "", true);
	finds("cdi-conflict nvidia.com/gpu=x\ncdi-conflict nvidia.com/gpu=y\n"
	      "cdi-conflict nvidia.com/gpu=x\ncdi-conflict nvidia.com/gpu=y\n");
	/* Engines keep the conflict of a weaker directory. */
	put_spec("b/n.yaml", "nvidia.com/gpu", "", true);
	finds("cdi-conflict nvidia.com/gpu=x\ncdi-conflict nvidia.com/gpu=y\n"
	      "cdi-conflict nvidia.com/gpu=x\ncdi-conflict nvidia.com/gpu=y\n"
	      "cdi-conflict nvidia.com/gpu=x\ncdi-conflict nvidia.com/gpu=y\n");
	folder_remove();
}

/* What engines read: *.json and *.yaml, hidden ones too, links followed; neither *.yml nor folders below. */
static void
test_files(void)
{
	start();
	put_spec("a/n.yml", "nvidia.com/gpu", "", false);
	put_spec("a/b.yaml/n.yaml", "nvidia.com/gpu", "", false);
	put_spec("a/.n.yaml.0123", "nvidia.com/gpu", "", false);
	put_spec("away", "nvidia.com/far", "", false);
	finds("");
	put_spec("a/.n.yaml", "nvidia.com/gpu", "", false);
	if (symlink(at("away"), at("a/z.json")) != 0)
		abort();
	finds("cdi-ungated nvidia.com/gpu=x\ncdi-ungated nvidia.com/gpu=y\ncdi-ungated nvidia.com/far=x\ncdi-ungated "
	      "nvidia.com/far=y\n");
	remove(at("a/.n.yaml"));
	remove(at("away"));
	finds("cdi-spec *\n");
	remove(at("a/z.json"));
	if (mkfifo(at("a/z.json"), 0600) != 0)
		abort();
	finds("cdi-spec *\n");
	remove(at("a/z.json"));
	put_text("a/z.json", "{");
	put_text("a/y.json", "");
	finds("cdi-spec *\ncdi-spec *\n");
	folder_remove();
}

/* A call without an ID, and an ID that two files have: each names the command that mends it. */
static void
test_gate_id(void)
{
	struct inventory inventory;
	struct findings found;
	struct err err = ERR_INIT;
	char *text, *other;

	start();
	put_spec("a/n.yaml", "nvidia.com/gpu", "", true);
	put_spec("a/m.yaml", "nvidia.com/nic", "", true);
	finds("");
	text = read_text("a/n.yaml");
	other = read_text("a/m.yaml");
	memcpy(strstr(text, "--cdi="), strstr(other, "--cdi="), strlen("--cdi=") + GATE_CALL_ID_SIZE - 1);
	put_text("a/n.yaml", text);
	free(text);
	free(other);
	finds("cdi-gate-id *\ncdi-gate-id *\n");
	put_spec("a/m.yaml", "nvidia.com/nic", "", true);
	finds("");
	put_spec("a/n.yaml", "nvidia.com/gpu",
		 "\"hooks\":[{\"hookName\":\"createRuntime\",\"path\":\"" PATH_HOOK
		 "\",\"args\":[\"cgpu-hook\",\"createRuntime\",\"--cdi\"],\"env\":[\"A=\"]}]",
		 false);
	finds("cdi-gate-id *\n");
	CHECK(cdi_inventory_load(at("a"), &inventory, &err) == 0);
	check_run(&inventory, &facts, &found);
	CHECK(found.count > 0 && check_code(&found) >= CODE_CDI_MISSING);
	for (size_t i = 0; i < found.count; i++)
		if (found.list[i].code == CODE_CDI_GATE_ID) {
			char *want = xprintf("cgpu-cdi guard --in-place %s", at("a/n.yaml"));

			CHECK_TEXT(found.list[i].advice, want);
			free(want);
		}
	check_free(&found);
	cdi_inventory_free(&inventory);
	folder_remove();
}

static void
test_versions(void)
{
	start();
	put_text("a/n.json", "{\"cdiVersion\":\"0.3.0\",\"kind\":\"nvidia.com/"
			     "gpu\",\"devices\":[{\"name\":\"0\",\"containerEdits\":{\"env\":[\"A=\"]}}]}");
	finds("cdi-spec *\ncdi-ungated nvidia.com/gpu=0\n");
	folder_remove();
}

static void
test_references(void)
{
	char *edits;

	start();
	edits = xprintf("\"mounts\":[{\"hostPath\":\"%s/libcuda.so.570.86.10\",\"containerPath\":\"/x\"},"
			"{\"hostPath\":\"%s/missing\",\"containerPath\":\"/y\"}]",
			folder, folder);
	put_text("libcuda.so.570.86.10", "");
	put_spec("a/n.yaml", "nvidia.com/gpu", edits, true);
	finds("cdi-missing *\n");
	put_text("missing", "");
	finds("");
	snprintf(facts.driver, sizeof(facts.driver), "570.86.10");
	finds("");
	snprintf(facts.driver, sizeof(facts.driver), "570.86.1");
	finds("cdi-stale *\n");
	snprintf(facts.driver, sizeof(facts.driver), "580.65.06");
	finds("cdi-stale *\n");
	free(edits);
	/* Mounts of another type have no file; a library of something else has another number. */
	edits = xprintf("\"mounts\":[{\"hostPath\":\"tmpfs\",\"containerPath\":\"/x\"},{\"hostPath\":\"%s/"
			"lib.so.1.17.4\",\"containerPath\":\"/y\"}],"
			"\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"%s/hook\"}]",
			folder, folder);
	put_text("lib.so.1.17.4", "");
	put_spec("a/n.yaml", "nvidia.com/gpu", edits, true);
	finds("cdi-missing *\n");
	put_text("hook", "");
	finds("cdi-missing *\n"); /* not executable */
	chmod(at("hook"), 0755);
	finds("");
	free(edits);
	folder_remove();
}

/* Where the program of the gate is missing, that is told. */
static void
test_gate_program(void)
{
	struct inventory inventory;
	struct findings found;
	struct err err = ERR_INIT;

	if (access(PATH_HOOK, F_OK) == 0) {
		unit_skip("the hook is installed");
		return;
	}
	start();
	put_spec("a/n.yaml", "nvidia.com/gpu", "", true);
	CHECK(cdi_inventory_load(at("a"), &inventory, &err) == 0);
	check_run(&inventory, &facts, &found);
	CHECK(found.count == 1 && check_code(&found) == CODE_CDI_MISSING &&
	      strstr(found.list[0].detail, PATH_HOOK) != NULL);
	check_free(&found);
	cdi_inventory_free(&inventory);
	folder_remove();
}

static void
test_worst(void)
{
	struct finding list[] = {{.code = CODE_CDI_SHADOWED}, {.code = CODE_CDI_SPEC}, {.code = CODE_CDI_STALE}};
	struct findings some = {list, 3, 3}, none = {0};

	CHECK(check_code(&some) == CODE_CDI_SPEC && check_code(&none) == CODE_OK);
}

static void
test_facts(void)
{
	struct facts have;
	struct err err = ERR_INIT;

	start();
	CHECK(facts_read(folder, &have, &err) == -1 && err_code(&err) == CODE_INTERNAL);
	put_text("proc/devices", "Character devices:\n  1 mem\n195 nvidia\n195 nvidiactl\n509 nvidia-uvm\n\nBlock "
				 "devices:\n  8 nvidia-not\n");
	CHECK(facts_read(folder, &have, &err) == 0 && have.majors == 3 && have.driver[0] == '\0');
	CHECK(facts_has_name(&have, "nvidia-uvm") && !facts_has_name(&have, "nvidia-not") &&
	      !facts_has_name(&have, "mem"));
	CHECK(facts_has_major(&have, 509) && facts_has_major(&have, 195) && !facts_has_major(&have, 8));
	put_text("sys/module/nvidia/version", "570.86.10\n");
	CHECK(facts_read(folder, &have, &err) == 0);
	CHECK_TEXT(have.driver, "570.86.10");
	folder_remove();
}

int
main(void)
{
	RUN(test_gating);
	RUN(test_exposure);
	RUN(test_precedence);
	RUN(test_files);
	RUN(test_gate_id);
	RUN(test_versions);
	RUN(test_references);
	RUN(test_gate_program);
	RUN(test_worst);
	RUN(test_facts);
	return unit_end();
}
