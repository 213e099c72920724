/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/check.h"

#include <stdlib.h>

#include "cdi/exposure.h"
#include "cdi/gate.h"
#include "config.h"
#include "lib/code.h"
#include "test/unit/folder.h"
#include "test/unit/unit.h"

static struct facts facts;
static struct engines engines;

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
	check_run(&inventory, &facts, &engines, &found);
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
	facts = (struct facts){.root = folder};
	engines = (struct engines){0};
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

static bool
gives_gpu(const char *edits)
{
	char *text = xprintf("{\"cdiVersion\":\"0.5.0\",\"kind\":\"e.org/"
			     "x\",\"devices\":[{\"name\":\"x\",\"containerEdits\":{%s}}]}",
			     edits);
	struct cdi_spec spec;
	struct err err = ERR_INIT;
	bool found;

	CHECK(cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0);
	found = exposure_of_device(&facts, &spec, &spec.devices[0]);
	CHECK(exposure_of_spec(&facts, &spec) == found);
	cdi_spec_free(&spec);
	free(text);
	return found;
}

/* By number, by name, by what a path is; and what holds nodes or PCI functions. */
static void
test_exposure(void)
{
#define NODE(members) "\"deviceNodes\":[{" members "}]"
#define MOUNT(path, more) "\"mounts\":[{\"hostPath\":\"" path "\",\"containerPath\":\"/x\"" more "}]"
	static const struct {
		const char *edits;
		bool gpu;
	} rows[] = {
		{NODE("\"path\":\"/dev/null\",\"type\":\"c\",\"major\":195,\"minor\":0"), true},
		{NODE("\"path\":\"/dev/null\",\"type\":\"c\",\"major\":510,\"minor\":0"), true},
		{NODE("\"path\":\"/dev/null\",\"type\":\"c\",\"major\":511,\"minor\":0"), false},
		{NODE("\"path\":\"/dev/zero\""), false},
		{NODE("\"path\":\"/dev/x\",\"hostPath\":\"/dev/nvidia0\""), true},
		{NODE("\"path\":\"/dev/nvidia-caps/nvidia-cap1\""), true},
		{MOUNT("/dev/nvidia0", ""), true},
		{MOUNT("/dev/../dev/.", ""), true},
		{MOUNT("/", ""), true},
		{MOUNT("/tmp", ""), false},
		{MOUNT("/sys/fs/cgroup", ""), false},
		/* What did not count before: NVIDIA's render node, and what leads to nodes and functions. */
		{NODE("\"path\":\"/dev/x\",\"major\":226,\"minor\":128"), true},
		{NODE("\"path\":\"/dev/dri/renderD128\""), true},
		{NODE("\"path\":\"/dev/x\",\"major\":226,\"minor\":129"), false},
		{NODE("\"path\":\"/dev/dri/renderD129\""), false},
		{NODE("\"path\":\"/dev/x\",\"major\":226,\"minor\":130"), true}, /* nobody tells whose it is */
		{MOUNT("/dev/dri", ""), true},
		{MOUNT("/dev/dri/renderD128", ""), true},
		{MOUNT("/dev/char/195:0", ""), true},
		{MOUNT("/dev/char", ""), true},
		{MOUNT("/sys", ""), true},
		{MOUNT("/sys/bus/pci", ""), true},
		{MOUNT("/sys/bus/pci/devices/0000:01:00.0", ""), true},
		{MOUNT("/sys/bus/pci/devices/0000:02:00.0", ""), false},
		{MOUNT("/sys/devices/pci0000:00", ""), true},
		{MOUNT("/proc/bus/pci", ""), true},
		{MOUNT("/proc/1/root/dev", ""), true},
		{MOUNT("/dev/vfio/8", ""), true},
		{NODE("\"path\":\"/dev/vfio/8\""), true},
		{MOUNT("/dev/mem", ""), true},
		{MOUNT("devtmpfs", ",\"type\":\"devtmpfs\""), true},
		{MOUNT("tmpfs", ",\"type\":\"tmpfs\""), false},
	};

	start();
	device_numbers_add(&facts.numbers, 510, "nvidia-caps");
	put_text("sys/dev/char/226:128/device/vendor", "0x10de\n");
	put_text("sys/dev/char/226:129/device/vendor", "0x8086\n");
	put_text("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
	put_text("sys/bus/pci/devices/0000:02:00.0/vendor", "0x8086\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (gives_gpu(rows[i].edits) != rows[i].gpu) {
			unit_bad = true;
			printf("# %s\n", rows[i].edits);
		}
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
	check_run(&inventory, &facts, &engines, &found);
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
	check_run(&inventory, &facts, &engines, &found);
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
	CHECK(facts_read(folder, &have, &err) == 0 && have.numbers.has_nvidia && have.driver[0] == '\0');
	CHECK(device_numbers_has_name(&have.numbers, "nvidia-uvm") &&
	      !device_numbers_has_name(&have.numbers, "nvidia-not") &&
	      !device_numbers_has_name(&have.numbers, "nvidia-u"));
	CHECK(device_numbers_class(&have.numbers, 509) == DEVICE_SHARED &&
	      device_numbers_class(&have.numbers, 8) == DEVICE_OTHER);
	put_text("sys/module/nvidia/version", "570.86.10\n");
	CHECK(facts_read(folder, &have, &err) == 0);
	CHECK_TEXT(have.driver, "570.86.10");
	/* A list that cannot be understood is no list without NVIDIA's driver. */
	put_text("proc/devices", "Character devices:\nx\n");
	CHECK(facts_read(folder, &have, &err) == -1 && err_code(&err) == CODE_INTERNAL);
	put_text("proc/devices", "");
	CHECK(facts_read(folder, &have, &err) == -1 && err_code(&err) == CODE_INTERNAL);
	folder_remove();
}

/* The one finding of a code that is not about the hook's program: "DETAIL | ADVICE", in new memory. */
static char *
told(int code)
{
	char *directory = xprintf("%s/a", folder), *out = NULL;
	struct inventory inventory;
	struct err err = ERR_INIT;
	struct findings found;

	CHECK(cdi_inventory_load(directory, &inventory, &err) == 0);
	check_run(&inventory, &facts, &engines, &found);
	for (size_t i = 0; i < found.count; i++) {
		const struct finding *finding = &found.list[i];

		if (finding->code == code && out == NULL && strstr(finding->detail, PATH_HOOK) == NULL)
			out = xprintf("%s | %s", finding->detail, finding->advice ? finding->advice : "");
	}
	check_free(&found);
	cdi_inventory_free(&inventory);
	free(directory);
	return out != NULL ? out : xstrdup("");
}

static void
tells(int code, const char *want)
{
	char *have = told(code);

	CHECK_TEXT(have, want);
	free(have);
}

/* A node that is missing though its driver is registered is made; to generate again would leave it out. */
static void
test_missing_nodes(void)
{
	static const struct {
		const char *path, *driver, *want;
	} rows[] = {
		{"/dev/nvidia-uvm", "nvidia-uvm", "is missing, its driver is registered | nvidia-modprobe -u -c 0"},
		{"/dev/nvidia-uvm-tools", "nvidia-uvm",
		 "is missing, its driver is registered | nvidia-modprobe -u -c 0"},
		{"/dev/nvidia197", "nvidia", "is missing, its driver is registered | nvidia-modprobe -c 197"},
		{"/dev/nvidia197", "nvidia-frontend", "is missing, its driver is registered | nvidia-modprobe -c 197"},
		{"/dev/nvidia197", "nvidia-uvm", "ENOENT | nvidia-ctk cdi generate | cgpu-cdi guard --output "},
		{"/dev/nvidia-uvm-tools", "nvidia", "ENOENT | nvidia-ctk cdi generate | cgpu-cdi guard --output "},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *edits = xprintf("\"deviceNodes\":[{\"path\":\"%s\"}]", rows[i].path), *want, *have;

		start();
		if (access(rows[i].path, F_OK) == 0) {
			unit_skip("this machine has the nodes of a driver");
			free(edits);
			folder_remove();
			return;
		}
		device_numbers_add(&facts.numbers, 509, rows[i].driver);
		put_spec("a/n.yaml", "nvidia.com/gpu", edits, true);
		want = xprintf("device node %s: %s", rows[i].path, rows[i].want);
		have = told(CODE_CDI_MISSING);
		CHECK(strncmp(have, want, strlen(want)) == 0);
		free(have);
		free(want);
		free(edits);
		folder_remove();
	}
}

/* What an engine cannot read gives no device: file, version and engine are named. */
static void
test_engines(void)
{
	struct err err = ERR_INIT;
	char *want;

	start();
	put_text("a/n.json", "{\"cdiVersion\":\"0.7.0\",\"kind\":\"nvidia.com/gpu\",\"devices\":[{\"name\":\"0\","
			     "\"containerEdits\":{\"env\":[\"A=\"],\"additionalGids\":[44]}}]}");
	tells(CODE_CDI_VERSION, "");
	CHECK(engines_parse("podman=4.3.1,dockerd=26.1.5+dfsg1", &engines, &err) == 0 && engines.count == 2);
	want = xprintf(
		"cdiVersion is 0.7.0, its members need 0.7.0: podman 4.3.1 reads up to 0.5.0 and knows no device "
		"of the file | cgpu-cdi generate --output %s",
		at("a/n.json"));
	tells(CODE_CDI_VERSION, want);
	free(want);
	/* Where the members need less, guard writes that. */
	put_text("a/n.json", "{\"cdiVersion\":\"0.7.0\",\"kind\":\"nvidia.com/gpu\",\"devices\":[{\"name\":\"0\","
			     "\"containerEdits\":{\"env\":[\"A=\"]}}]}");
	want = xprintf(
		"cdiVersion is 0.7.0, its members need 0.5.0: podman 4.3.1 reads up to 0.5.0 and knows no device "
		"of the file | cgpu-cdi guard --in-place %s",
		at("a/n.json"));
	tells(CODE_CDI_VERSION, want);
	free(want);
	CHECK(engines_parse("podman=4.6.2", &engines, &err) == 0);
	CHECK_TEXT(engines.list[0].reads, "0.6.0");
	CHECK(engines_parse("podman=5.1.0,podman=5.3.2,dockerd=26.1", &engines, &err) == 0);
	CHECK_TEXT(engines.list[0].reads, "0.7.0");
	CHECK_TEXT(engines.list[1].reads, "0.8.0");
	CHECK_TEXT(engines.list[2].reads, "0.7.0");
	tells(CODE_CDI_VERSION, "");
	/* Of others it is not known. */
	CHECK(engines_parse("podman=6.0.1,podman=3.4,containerd=1.7.24,dockerd=28.0,podman=x", &engines, &err) == 0);
	for (size_t i = 0; i < engines.count; i++)
		CHECK(engines.list[i].reads == NULL);
	CHECK(engines_parse("", &engines, &err) == 0 && engines.count == 0);
	CHECK(engines_parse("podman", &engines, &err) == -1 && err_code(&err) == CODE_USAGE);
	CHECK(engines_parse("a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1", &engines, &err) == -1);
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
	RUN(test_missing_nodes);
	RUN(test_engines);
	return unit_end();
}
