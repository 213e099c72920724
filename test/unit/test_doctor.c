/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's looks at other programs' files: states of a tree below a folder, and the finding that each must give. */
#include "attest/doctor/doctor.h"

#include <stdlib.h>

#include "attest/doctor/advisory.h"
#include "attest/doctor/cvm.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "test/unit/folder.h"
#include "test/unit/processes.h"
#include "test/unit/unit.h"

static struct conf conf;
static struct doctor doctor;

/* Beginning with an empty tree in which podman and CRI-O are installed. */
static void
begin(void)
{
	folder_make();
	conf_defaults(&conf);
	doctor = (struct doctor){.root = folder, .conf = &conf, .engine = {[ENGINE_PODMAN] = true}};
}

static void
end(void)
{
	findings_free(&doctor.findings);
	conf_free(&conf);
	folder_remove();
}

/*
 * Whether a check came out so: code 0 = none, action = how what is to be typed begins, text = what stands in the line.
 */
static bool
told(const char *check, enum finding_status status, int code, const char *action, const char *text)
{
	for (size_t i = 0; i < doctor.findings.count; i++) {
		const struct finding *finding = &doctor.findings.list[i];
		const char *typed = finding->action != NULL ? finding->action : "";

		if (strcmp(finding->check, check) == 0 && finding->status == status && finding->code == code &&
		    strncmp(typed, action, strlen(action)) == 0 && (action[0] != '\0' || typed[0] == '\0') &&
		    strstr(finding->text, text) != NULL)
			return true;
	}
	for (size_t i = 0; i < doctor.findings.count; i++)
		printf("# told: %s %s %d '%s' run '%s'\n", doctor.findings.list[i].check,
		       finding_status_name(doctor.findings.list[i].status), doctor.findings.list[i].code,
		       doctor.findings.list[i].text,
		       doctor.findings.list[i].action ? doctor.findings.list[i].action : "");
	return false;
}

/* -- the list itself --------------------------------------------------------------------------------------------- */
static void
test_findings(void)
{
	struct findings findings = {0};

	CHECK(findings_code(&findings) == CODE_OK && findings_first_failure(&findings) == NULL);
	finding_ok(&findings, "a", "x %d", 1);
	finding_warn(&findings, "b", CODE_CLOCK, "y");
	CHECK(findings_code(&findings) == CODE_OK);
	finding_fail(&findings, "c", CODE_PERSISTENCE, "z");
	finding_action_of_code(&findings);
	finding_fail(&findings, "d", CODE_POLICY, "z");
	finding_action_of_code(&findings);
	CHECK(findings_code(&findings) == CODE_PERSISTENCE);
	CHECK_TEXT(findings.list[0].text, "x 1");
	CHECK(findings.list[0].action == NULL);
	CHECK_TEXT(findings.list[2].action, "systemctl enable --now nvidia-persistenced");
	CHECK_TEXT(findings.list[3].action, "cgpu explain 82");
	findings_free(&findings);
}

static void
test_advisories(void)
{
	static const struct {
		enum advisory_what what;
		const char *version, *below; /* NULL: nothing is known against it */
	} rows[] = {
		{ADVISORY_DRIVER, "535.129.03", "550"},
		{ADVISORY_DRIVER, "550.54.14", "550.127.05"},
		{ADVISORY_DRIVER, "550.127.04", "550.127.05"},
		{ADVISORY_DRIVER, "550.127.05", NULL},
		{ADVISORY_DRIVER, "595.45.04", NULL},
		{ADVISORY_AZURE_KERNEL, "6.2.0-1018-azure", "6.8.0.1025"},
		{ADVISORY_AZURE_KERNEL, "6.8.0-1024-azure", "6.8.0.1025"},
		{ADVISORY_AZURE_KERNEL, "6.8.0-1025-azure", NULL},
		{ADVISORY_TOOLKIT, "1.17.7", "1.17.8"},
		{ADVISORY_TOOLKIT, "1.20.0", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct advisory *found = advisory_find(rows[i].what, rows[i].version);

		CHECK((found == NULL) == (rows[i].below == NULL));
		if (found != NULL && rows[i].below != NULL)
			CHECK_TEXT(found->below, rows[i].below);
	}
}

/* -- confidential virtual machines ------------------------------------------------------------------------------- */

/* A processor of a table: leaves that are not in it read as zero. */
struct leaf {
	uint32_t number;
	struct cvm_registers r;
};

struct processor {
	struct leaf leaves[8];
	bool msr;
	uint64_t sev;
};

static bool
table_cpuid(void *context, uint32_t leaf, uint32_t subleaf, struct cvm_registers *out)
{
	const struct processor *processor = context;

	(void)subleaf;
	*out = (struct cvm_registers){0};
	for (size_t i = 8; i-- > 0;) /* the first of a number counts: the rest of the table is zero */
		if (processor->leaves[i].number == leaf)
			*out = processor->leaves[i].r;
	return true;
}

static bool
table_msr(void *context, uint64_t *out)
{
	const struct processor *processor = context;

	*out = processor->sev;
	return processor->msr;
}

#define VIRTUAL {1, {0, 0, 1u << 31, 0}}
#define AMD {0, {0x10, 0x68747541, 0x444d4163, 0x69746e65}}   /* AuthenticAMD */
#define INTEL {0, {0x21, 0x756e6547, 0x6c65746e, 0x49656e69}} /* GenuineIntel */
#define TDX {0x21, {0, 0x65746e49, 0x20202020, 0x5844546c}}   /* "IntelTDX    " */
#define SEV_LEAVES {0x80000000, {0x8000001f, 0, 0, 0}}, {0x8000001f, {0x1b, 51, 0, 0}}
#define HYPERV {0x40000000, {0x4000000c, 0x7263694d, 0x666f736f, 0x76482074}} /* Microsoft Hv */
#define ISOLATED {0x40000003, {0, 1u << 22, 0, 0}}
#define ROOT_PARTITION {0x40000003, {0, 1u << 22 | 1u << 12, 0, 0}}
#define ISOLATION(type) {0x4000000c, {1, type, 0, 0}}

static void
test_cvm(void)
{
	static const struct {
		struct processor processor;
		enum cvm_kind kind;
	} rows[] = {
		{{{AMD}, false, 0}, CVM_BARE},
		{{{VIRTUAL, AMD}, false, 0}, CVM_NONE},
		{{{VIRTUAL, AMD, SEV_LEAVES}, false, 0}, CVM_SEV_CAPABLE},
		{{{VIRTUAL, AMD, SEV_LEAVES}, true, 0}, CVM_NONE},
		{{{VIRTUAL, AMD, SEV_LEAVES}, true, 1}, CVM_SEV},
		{{{VIRTUAL, AMD, SEV_LEAVES}, true, 7}, CVM_SNP},
		{{{VIRTUAL, INTEL}, false, 0}, CVM_NONE},
		{{{VIRTUAL, INTEL, TDX}, false, 0}, CVM_TDX},
		{{{VIRTUAL, AMD, HYPERV, ISOLATED, ISOLATION(2)}, false, 0}, CVM_HYPERV_SNP},
		{{{VIRTUAL, INTEL, HYPERV, ISOLATED, ISOLATION(3)}, false, 0}, CVM_HYPERV_TDX},
		{{{VIRTUAL, INTEL, HYPERV, ISOLATED, ISOLATION(1)}, false, 0}, CVM_HYPERV_VBS},
		{{{VIRTUAL, INTEL, HYPERV, ISOLATED, ISOLATION(0)}, false, 0}, CVM_NONE},
		{{{VIRTUAL, AMD, HYPERV, ROOT_PARTITION, ISOLATION(2)}, false, 0}, CVM_NONE},
		{{{VIRTUAL, AMD, HYPERV, ISOLATION(2)}, false, 0}, CVM_NONE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct processor processor = rows[i].processor;
		const struct cvm_cpu cpu = {table_cpuid, table_msr, &processor};

		if (cvm_hint(&cpu) != rows[i].kind)
			printf("# row %zu: %s\n", i, cvm_name(cvm_hint(&cpu)));
		CHECK(cvm_hint(&cpu) == rows[i].kind);
	}
}

static void
test_kernel(void)
{
	static const struct {
		const char *release;
		enum finding_status status;
		int code;
		const char *action, *text;
	} rows[] = {
		{"6.8.0-1027-azure\n", FINDING_OK, 0, "", "6.8.0-1027-azure"},
		{"6.5.0-1017-azure\n", FINDING_WARN, 0, "apt-get dist-upgrade", "older than 6.8.0.1025"},
		{"6.5.0-1017-generic\n", FINDING_OK, 0, "", "6.5.0"},
		{"5.10.0-28-amd64\n", FINDING_FAIL, CODE_ATTACH, "apt-get dist-upgrade", "older than 5.12"},
		{NULL, FINDING_SKIP, 0, "", "cannot be read"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		begin();
		if (rows[i].release != NULL)
			put_text("proc/sys/kernel/osrelease", rows[i].release);
		doctor_machine(&doctor);
		CHECK(told("kernel", rows[i].status, rows[i].code, rows[i].action, rows[i].text));
		end();
	}
}

/* -- driver ------------------------------------------------------------------------------------------------------ */

#define OPEN_MODULE                                                                                                    \
	"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  595.45.04  Release Build  (dvs)\nGCC version:  x\n"
#define CLOSED_MODULE "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n"

/* A driver of the tree's, with one GPU and its nodes; NULL: the module is not there. */
static void
put_driver(const char *module, const char *library)
{
	free(conf.driver_root);
	conf.driver_root = xstrdup(folder);
	put_text(library, "");
	if (symlink(strrchr(library, '/') + 1, at("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1")) != 0)
		abort();
	if (module == NULL)
		return;
	put_text("proc/driver/nvidia/version", module);
	put_text("proc/driver/nvidia/gpus/0000:41:00.0/information", "Model: \t H100\nDevice Minor: \t 0\n");
	if (symlink("/dev/null", at("dev/nvidia0")) != 0 || symlink("/dev/null", at("dev/nvidiactl")) != 0)
		abort();
}

#define LIBRARY(version) "usr/lib/x86_64-linux-gnu/libnvidia-ml.so." version

static void
test_driver(void)
{
	begin();
	put_driver(OPEN_MODULE, LIBRARY("595.45.04"));
	doctor_driver(&doctor);
	doctor_advisory(&doctor);
	CHECK(told("kernel-driver", FINDING_OK, 0, "", "595.45.04, open kernel modules"));
	CHECK(told("driver-library", FINDING_OK, 0, "", "of the module's version"));
	CHECK(told("driver-advisory", FINDING_OK, 0, "", "nothing is known"));
	CHECK(told("device-nodes", FINDING_OK, 0, "", "1 GPU, nvidiactl; mode 666: every user"));
	CHECK(doctor.nodes_open && findings_code(&doctor.findings) == CODE_OK);
	end();
	begin();
	put_driver(OPEN_MODULE, LIBRARY("570.172.08"));
	doctor_driver(&doctor);
	CHECK(told("driver-library", FINDING_FAIL, CODE_DRIVER_MISMATCH, "systemctl reboot",
		   "Driver/Library version mismatch"));
	end();
	begin();
	put_driver(CLOSED_MODULE, LIBRARY("535.129.03"));
	doctor_driver(&doctor);
	doctor_advisory(&doctor);
	CHECK(told("kernel-driver", FINDING_WARN, 0, "apt-get install nvidia-driver-535-server-open", "closed"));
	CHECK(told("driver-advisory", FINDING_WARN, 0, "cgpu collateral check --driver 550", "no firmware id"));
	end();
	begin();
	put_driver("NVRM version: something else\n", LIBRARY("595.45.04"));
	doctor_driver(&doctor);
	CHECK(told("kernel-driver", FINDING_WARN, 0, "cat /proc/driver/nvidia/version", "another form"));
	end();
}

static void
test_driver_missing(void)
{
	begin();
	put_driver(NULL, LIBRARY("595.45.04"));
	doctor_driver(&doctor);
	CHECK(told("kernel-driver", FINDING_FAIL, CODE_DRIVER_NOT_LOADED, "modprobe nvidia", "no module"));
	end();
	begin();
	doctor_driver(&doctor);
	free(conf.driver_root);
	conf.driver_root = xstrdup(folder);
	findings_free(&doctor.findings);
	doctor_driver(&doctor);
	CHECK(told("driver-library", FINDING_FAIL, CODE_DRIVER_MISSING, "ldconfig -p", "is not there"));
	end();
	begin();
	free(conf.nvml_library);
	conf.nvml_library = xstrdup("/elsewhere/libnvidia-ml.so.1");
	doctor_driver(&doctor);
	CHECK(told("kernel-driver", FINDING_WARN, CODE_DRIVER_NOT_LOADED, "cgpu config show",
		   "nvml-library is configured"));
	end();
}

static void
test_nodes(void)
{
	begin();
	put_driver(OPEN_MODULE, LIBRARY("595.45.04"));
	unlink(at("dev/nvidia0"));
	doctor_driver(&doctor);
	CHECK(told("device-nodes", FINDING_FAIL, CODE_DEVICE_MISSING, "nvidia-modprobe", "/dev/nvidia0 is not there"));
	end();
	begin();
	put_driver(OPEN_MODULE, LIBRARY("595.45.04"));
	unlink(at("dev/nvidiactl"));
	put_text("dev/nvidiactl", "");
	doctor_driver(&doctor);
	CHECK(told("device-nodes", FINDING_FAIL, CODE_DEVICE_MISSING, "nvidia-modprobe",
		   "/dev/nvidiactl is no device"));
	end();
	begin();
	put_driver(OPEN_MODULE, LIBRARY("595.45.04"));
	unlink(at("proc/driver/nvidia/gpus/0000:41:00.0/information"));
	rmdir(at("proc/driver/nvidia/gpus/0000:41:00.0"));
	doctor_driver(&doctor);
	CHECK(told("device-nodes", FINDING_FAIL, CODE_DEVICE_MISSING, "lspci", "shows no GPU"));
	end();
}

/* -- who sets the ready state ------------------------------------------------------------------------------------ */

#define DROP_INS "etc/systemd/system/nvidia-persistenced.service.d/"
#define SETS "[Service]\nExecStartPost=/usr/bin/nvidia-smi conf-compute -srs 1\n"

static void
test_ready_opener(void)
{
	static const struct {
		const char *file, *text;
		const char *file2, *text2;
		enum finding_status status;
		const char *action, *named;
	} rows[] = {
		{NULL, NULL, NULL, NULL, FINDING_OK, "", "nothing"},
		{DROP_INS "override.conf", SETS, NULL, NULL, FINDING_WARN, "install -D", "override.conf sets"},
		{DROP_INS "override.conf", SETS, DROP_INS "zz-cgpu.conf", "[Service]\nExecStartPost=\n", FINDING_OK, "",
		 "nothing"},
		{DROP_INS "override.conf", SETS, DROP_INS "aa.conf", "[Service]\nExecStartPost=\n", FINDING_WARN,
		 "install -D", "override"},
		{DROP_INS "override.conf", SETS, "run/systemd/system/nvidia-persistenced.service.d/zz.conf",
		 "ExecStartPost= \n", FINDING_OK, "", "nothing"},
		{DROP_INS "a.conf", "[Service]\n#ExecStartPost=nvidia-smi conf-compute -srs 1\n", NULL, NULL,
		 FINDING_OK, "", "nothing"},
		{DROP_INS "a.txt", SETS, NULL, NULL, FINDING_OK, "", "nothing"},
		{"usr/lib/systemd/system/nvidia-persistenced.service", SETS, NULL, NULL, FINDING_WARN, "install -D",
		 "persistenced.service sets"},
		{"usr/lib/systemd/system/nvidia-persistenced.service", SETS,
		 "etc/systemd/system/nvidia-persistenced.service", "[Service]\n", FINDING_OK, "", "nothing"},
		{"etc/rc.local", "#!/bin/sh\nnvidia-smi conf-compute --set-gpus-ready-state 1\n", NULL, NULL,
		 FINDING_WARN, "sed -i", "/etc/rc.local"},
		{"etc/systemd/system/gpu.service", "[Service]\nExecStart=nvidia-smi conf-compute -srs 1\n", NULL, NULL,
		 FINDING_WARN, "sed -i", "gpu.service sets"},
		{"etc/systemd/system/gpu.service", "[Service]\nExecStart=nvidia-smi conf-compute -srs 0\n", NULL, NULL,
		 FINDING_OK, "", "nothing"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		begin();
		if (rows[i].file != NULL)
			put_text(rows[i].file, rows[i].text);
		if (rows[i].file2 != NULL)
			put_text(rows[i].file2, rows[i].text2);
		doctor_ready_opener(&doctor);
		CHECK(told("ready-opener", rows[i].status, 0, rows[i].action, rows[i].named));
		end();
	}
}

/* -- hook definitions -------------------------------------------------------------------------------------------- */

#define DEFAULT "usr/share/containers/oci/hooks.d/"
#define DEFINITION(path, timeout, when, stages)                                                                        \
	"{\"version\": \"1.0.0\", \"hook\": {\"path\": \"" path                                                        \
	"\", \"args\": [\"cgpu-hook\", \"createRuntime\"]" timeout "}, "                                               \
	"\"when\": {" when "}, \"stages\": [" stages "]}"
#define TIMEOUT ", \"timeout\": 30"
#define ALWAYS "\"always\": true"
#define CREATE "\"createRuntime\""
#define GOOD DEFINITION(PATH_HOOK, TIMEOUT, ALWAYS, CREATE)

static const struct hook_row {
	const char *file, *text;    /* a definition */
	const char *conf, *content; /* a configuration of the engine, NULL = none */
	enum finding_status status;
	int code;
	const char *action, *named;
} hook_rows[] = {
	{DEFAULT "zz-cgpu.json", GOOD, NULL, NULL, FINDING_OK, 0, "", "timeout 30 s"},
	{DEFAULT "zz-cgpu.txt", GOOD, NULL, NULL, FINDING_FAIL, CODE_HOOKS_DEFINITION, "",
	 "no definition calls the gate"},
	{"etc/containers/oci/hooks.d/zz-cgpu.json", GOOD, NULL, NULL, FINDING_FAIL, CODE_HOOKS_DEFINITION, "",
	 "reads /usr/share"},
	{"etc/containers/oci/hooks.d/zz-cgpu.json", GOOD, "etc/containers/containers.conf",
	 "[engine]\nhooks_dir = []\n", FINDING_OK, 0, "", "/etc/containers/oci"},
	{"opt/h/zz-cgpu.json", GOOD, "etc/containers/containers.conf.d/x.conf", "[engine]\nhooks_dir = [\"/opt/h\"]\n",
	 FINDING_OK, 0, "", "/opt/h/"},
	{DEFAULT "zz-cgpu.json", GOOD, "etc/containers/containers.conf", "[engine]\nhooks_dir = [\"/opt/h\"]\n",
	 FINDING_FAIL, CODE_HOOKS_DEFINITION, "", "reads /opt/h,"},
	{DEFAULT "zz-cgpu.json", GOOD, "etc/containers/containers.conf",
	 "[engine]\nhooks_dir = [\"/opt/h\", {append = true}]\n", FINDING_OK, 0, "", "timeout 30 s"},
	{DEFAULT "zz-cgpu.json", GOOD, "etc/containers/containers.conf", "[engine\n", FINDING_FAIL,
	 CODE_HOOKS_DEFINITION, "nl -ba", "line 1"},
	{DEFAULT "zz-cgpu.json", "{", NULL, NULL, FINDING_FAIL, CODE_HOOKS_DEFINITION, "mv /usr/share",
	 "podman refuses every container"},
	{DEFAULT "other.json", "", NULL, NULL, FINDING_FAIL, CODE_HOOKS_DEFINITION, "mv /usr/share", "other.json"},
	{DEFAULT "zz-cgpu.json", DEFINITION(PATH_HOOK, TIMEOUT, ALWAYS, "\"createruntime\""), NULL, NULL, FINDING_FAIL,
	 CODE_HOOKS_DEFINITION, "mv /usr/share", "'createruntime' is none"},
	{DEFAULT "zz-cgpu.json", DEFINITION(PATH_HOOK, TIMEOUT, ALWAYS, ""), NULL, NULL, FINDING_FAIL,
	 CODE_HOOKS_DEFINITION, "", "never called"},
	{DEFAULT "zz-cgpu.json", DEFINITION(PATH_HOOK, TIMEOUT, ALWAYS, CREATE ", \"poststop\""), NULL, NULL,
	 FINDING_FAIL, CODE_STAGE, "", "stage poststop"},
	{DEFAULT "zz-cgpu.json", DEFINITION(PATH_HOOK, TIMEOUT, "\"always\": false", CREATE), NULL, NULL, FINDING_FAIL,
	 CODE_HOOKS_DEFINITION, "", "not called for every container"},
	{DEFAULT "zz-cgpu.json", DEFINITION(PATH_HOOK, TIMEOUT, ALWAYS ", \"commands\": [\"sh\"]", CREATE), NULL, NULL,
	 FINDING_FAIL, CODE_HOOKS_DEFINITION, "", "not called for every container"},
	{DEFAULT "zz-cgpu.json", DEFINITION("/nowhere/cgpu-hook", TIMEOUT, ALWAYS, CREATE), NULL, NULL, FINDING_FAIL,
	 CODE_HOOKS_PROGRAM, "", "skips it without a word"},
	{DEFAULT "zz-cgpu.json", DEFINITION(PATH_HOOK, ", \"timeout\": 20", ALWAYS, CREATE), NULL, NULL, FINDING_FAIL,
	 CODE_DEADLINE, "sed -i", "timeout is 20 s"},
	{DEFAULT "zz-cgpu.json", DEFINITION(PATH_HOOK, "", ALWAYS, CREATE), NULL, NULL, FINDING_WARN, CODE_DEADLINE, "",
	 "want one"},
};

/* The program and the definition as they are installed, below the tree. */
static void
put_hook(const char *file, const char *text)
{
	char *program = xprintf("%s%s", folder, PATH_HOOK);

	put_text(&PATH_HOOK[1], "");
	chmod(program, 0755);
	if (file != NULL)
		put_text(file, text);
	free(program);
}

/*
 * A package installs the definition where engines look by themselves. What is wrong with it there is put right by
 * installing again, and where engines look elsewhere they are to be told of that directory.
 */
static const char *
expected_action(const char *file, const char *action, const char *named)
{
	if (strcmp(PATH_HOOKS "/", "/" DEFAULT) != 0)
		return action;
	if (strncmp(action, "mv ", 3) == 0 && strcmp(file, DEFAULT "zz-cgpu.json") == 0)
		return "";
	return strstr(named, "reads /opt/h") ? "printf" : action;
}

static void
test_hooks(void)
{
	for (size_t i = 0; i < sizeof(hook_rows) / sizeof(*hook_rows); i++) {
		const struct hook_row *row = &hook_rows[i];
		const char *action = expected_action(row->file, row->action, row->named);

		begin();
		put_hook(row->file, row->text);
		if (row->conf != NULL)
			put_text(row->conf, row->content);
		doctor_hooks(&doctor);
		if (row->status == FINDING_OK || action[0] != '\0') {
			CHECK(told("podman-hook", row->status, row->code, action, row->named));
		} else {
			/*
			 * What installs the package again differs from system to system; something is to be typed in
			 * any case.
			 */
			CHECK(told("podman-hook", row->status, row->code, "make install", row->named));
		}
		end();
	}
}

static void
test_hook_owner(void)
{
	begin();
	put_hook(DEFAULT "zz-cgpu.json", GOOD);
	chmod(at(DEFAULT "zz-cgpu.json"), 0666);
	doctor_hooks(&doctor);
	CHECK(told("podman-hook", FINDING_FAIL, CODE_HOOKS_DEFINITION, "chown root:root", "mode 0666"));
	end();
	begin();
	put_hook(DEFAULT "zz-cgpu.json", GOOD);
	chmod(at(&PATH_HOOK[1]), 0644);
	doctor_hooks(&doctor);
	CHECK(told("podman-hook", FINDING_FAIL, CODE_HOOKS_PROGRAM, "chmod 755", "not executable"));
	end();
	/* A later directory's file of the same name counts. */
	begin();
	put_hook(DEFAULT "zz-cgpu.json", GOOD);
	put_text("opt/h/zz-cgpu.json", DEFINITION(PATH_HOOK, TIMEOUT, "", CREATE));
	put_text("etc/containers/containers.conf", "[engine]\nhooks_dir = [\"/" DEFAULT "\", \"/opt/h\"]\n");
	doctor_hooks(&doctor);
	CHECK(told("podman-hook", FINDING_FAIL, CODE_HOOKS_DEFINITION, "make install", "/opt/h/zz-cgpu.json"));
	end();
}

static void
test_crio(void)
{
	begin();
	doctor.engine[ENGINE_PODMAN] = false;
	doctor.engine[ENGINE_CRIO] = true;
	put_hook(DEFAULT "zz-cgpu.json", GOOD);
	put_text("etc/crio/crio.conf", "[crio.runtime]\nhooks_dir = [\"/opt/h\"]\n");
	put_text("etc/crio/crio.conf.d/10-x.conf", "[crio.runtime]\nhooks_dir = [\n  \"/" DEFAULT "\",\n]\n");
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_OK, 0, "", "timeout 30 s"));
	findings_free(&doctor.findings);
	put_text("var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\nruntimeRequestTimeout: 30s\n");
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_WARN, CODE_DEADLINE, "sed -i", "runtimeRequestTimeout"));
	findings_free(&doctor.findings);
	put_text("var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\nruntimeRequestTimeout: 0s\n");
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_OK, 0, "", "timeout 30 s"));
	findings_free(&doctor.findings);
	put_text("etc/crio/crio.conf.d/20-x.conf", "[crio.runtime]\nhooks_dir = [\"/opt/h\"]\n");
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_FAIL, CODE_HOOKS_DEFINITION,
		   expected_action("", "make install", "reads /opt/h"), "CRI-O reads /opt/h"));
	end();
	begin();
	doctor.engine[ENGINE_PODMAN] = false;
	doctor_hooks(&doctor);
	CHECK(told("hook-definitions", FINDING_SKIP, 0, "", "no engine here"));
	end();
}

/* A CRI-O that runs: when it started, in seconds from now, and the inode that it watches. */
static void
put_crio(int started, uintmax_t watched)
{
	struct fake_process crio = {.pid = 40, .name = "crio", .parent = 1};
	char *text = xprintf("pos:\t0\nflags:\t02004000\ninotify wd:2 ino:1 sdev:1 mask:800afce\n"
			     "inotify wd:11 ino:%jx sdev:800013 mask:fce ignored_mask:0\n", watched);

	crio.started = (int)((clock_boot_ms() / 1000 + started) * sysconf(_SC_CLK_TCK));
	process_put(&crio);
	put_text("proc/40/comm", "crio\n");
	put_text("proc/40/fdinfo/3", "pos:\t0\nflags:\t02\n");
	put_text("proc/40/fdinfo/12", text);
	put_text("proc/39/comm", "criox\n");
	put_text("proc/self/comm", "crio\n");
	free(text);
}

static uintmax_t
inode_of(const char *path)
{
	struct stat status;

	CHECK(stat(at(path), &status) == 0);
	return status.st_ino;
}

/* What counts is the directory that the engine watches, and what it has read: not the files that are there now. */
static void
test_running_crio(void)
{
	struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}},
			old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	begin();
	doctor.engine[ENGINE_PODMAN] = false;
	doctor.engine[ENGINE_CRIO] = true;
	put_hook(DEFAULT "zz-cgpu.json", GOOD);
	put_crio(-60, inode_of(DEFAULT));
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_OK, 0, "", "timeout 30 s"));
	/* The directory was made again: same name, same files, another inode. */
	findings_free(&doctor.findings);
	put_crio(-60, inode_of(DEFAULT) + 1);
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_FAIL, CODE_HOOKS_DEFINITION, "systemctl restart crio", "process 40"));
	CHECK(doctor.findings.count == 1);
	/* Another process that watches is as good. */
	findings_free(&doctor.findings);
	put_text("proc/41/comm", "crio\n");
	put_text("proc/41/stat", "41 (crio) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 1 1\n");
	{
		char *text = xprintf("inotify wd:1 ino:%jx sdev:1\n", inode_of(DEFAULT));

		put_text("proc/41/fdinfo/5", text);
		free(text);
	}
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_OK, 0, "", "timeout 30 s"));
	end();
	/*
	 * The program came later than all that lets CRI-O read: its start, the directory's and the definition's
	 * changes.
	 */
	begin();
	doctor.engine[ENGINE_PODMAN] = false;
	doctor.engine[ENGINE_CRIO] = true;
	put_hook(DEFAULT "zz-cgpu.json", GOOD);
	put_crio(-60, inode_of(DEFAULT));
	usleep(1300000);
	chmod(at(&PATH_HOOK[1]), 0755);
	CHECK(utimensat(AT_FDCWD, at(DEFAULT), old, 0) == 0);
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_WARN, CODE_HOOKS_PROGRAM, "systemctl restart crio", "changed after CRI-O"));
	/* Each of them mends it. */
	findings_free(&doctor.findings);
	CHECK(utimensat(AT_FDCWD, at(DEFAULT), now, 0) == 0);
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_OK, 0, "", "timeout 30 s"));
	findings_free(&doctor.findings);
	CHECK(utimensat(AT_FDCWD, at(DEFAULT), old, 0) == 0);
	CHECK(utimensat(AT_FDCWD, at(DEFAULT "zz-cgpu.json"), now, 0) == 0);
	doctor_hooks(&doctor);
	CHECK(told("crio-hook", FINDING_OK, 0, "", "timeout 30 s"));
	end();
}

static void
test_units(void)
{
	char good[] = "Id=cgpu-cdi.path\nActiveState=active\nUnitFileState=enabled\n\n"
		      "Id=cgpu-cdi.service\nActiveState=activating\nUnitFileState=static\n\n"
		      "Id=cgpu-ready.service\nActiveState=inactive\nUnitFileState=disabled\n";
	char bad[] = "Id=cgpu-cdi.path\nActiveState=inactive\nUnitFileState=enabled\n\n"
		     "Id=cgpu-cdi.timer\nActiveState=failed\nUnitFileState=disabled\n\n"
		     "Id=cgpu-metrics.timer\nActiveState=inactive\nUnitFileState=enabled\n\n"
		     "Id=cgpu-refresh.service\nActiveState=failed\nUnitFileState=static\n\n"
		     "Id=cgpu-cdi.service\nActiveState=inactive\nUnitFileState=static\n\n"
		     "Id=cgpu-ready.service\nActiveState=inactive\nUnitFileState=disabled\n";

	begin();
	doctor_units(&doctor);
	CHECK(told("units", FINDING_SKIP, 0, "", "no systemd"));
	findings_free(&doctor.findings);
	doctor_units_told(&doctor, good);
	CHECK(told("units", FINDING_OK, 0, "", "2 active"));
	findings_free(&doctor.findings);
	doctor_units_told(&doctor, bad);
	CHECK(told("units", FINDING_FAIL, CODE_CDI_UNGATED, "systemctl start cgpu-cdi.path", "not active"));
	CHECK(told("units", FINDING_FAIL, CODE_CDI_UNGATED, "journalctl -u cgpu-cdi.timer", "failed"));
	CHECK(told("units", FINDING_WARN, 0, "systemctl start cgpu-metrics.timer", "enabled and not active"));
	CHECK(told("units", FINDING_WARN, 0, "journalctl -u cgpu-refresh.service", "failed"));
	CHECK(doctor.findings.count == 4);
	end();
}

/* -- engines ----------------------------------------------------------------------------------------------------- */
static void
test_engines(void)
{
	begin();
	doctor_engines(&doctor);
	CHECK(told("engines", FINDING_WARN, 0, "apt-get install podman", "no container engine"));
	CHECK(told("selinux", FINDING_OK, 0, "", "not in use"));
	end();
	begin();
	put_text("usr/bin/podman", "no program\n");
	put_text("usr/bin/dockerd", "no program\n");
	put_text("usr/bin/nvidia-container-runtime-hook", "");
	put_text("etc/subuid", "user:100000:65536\n");
	put_text("sys/fs/selinux/enforce", "1");
	put_text("sys/module/apparmor/parameters/enabled", "Y\n");
	doctor.nodes_open = true;
	doctor_engines(&doctor);
	CHECK(told("engines", FINDING_OK, 0, "", "podman (version not told), dockerd (version not told)"));
	CHECK(doctor.engine[ENGINE_PODMAN] && doctor.engine[ENGINE_DOCKER] && !doctor.engine[ENGINE_CRIO]);
	CHECK(told("legacy-hook", FINDING_WARN, CODE_CDI_UNGATED, "dpkg-divert --rename --add /usr/bin/",
		   "docker's --gpus"));
	CHECK(told("rootless", FINDING_WARN, 0, "echo 'options nvidia", "/etc/subuid"));
	CHECK(told("selinux", FINDING_WARN, 0, "restorecon -v", "enforcing"));
	CHECK(told("apparmor", FINDING_OK, 0, "", "in use"));
	end();
}

/* -- CDI devices: whether an engine gives them, and where it looks ----------------------------------------------- */

#define DAEMON "etc/docker/daemon.json"
#define CONTAINERD "etc/containerd/config.toml"
#define CRI2 "[plugins.\"io.containerd.grpc.v1.cri\"]\n"
#define CRI3 "version = 3\n[plugins.'io.containerd.cri.v1.runtime']\n"

static const struct {
	enum engine_kind engine;
	const char *version, *conf; /* conf NULL: there is none */
	enum finding_status status;
	const char *action, *named;
} cdi_rows[] = {
	{ENGINE_DOCKER, "28.2.2", NULL, FINDING_OK, "", "docker gives CDI"},
	{ENGINE_DOCKER, "28.2.2", "{\"features\": {\"cdi\": false}}", FINDING_WARN, "jq '.features.cdi = true'",
	 "CDI is off"},
	{ENGINE_DOCKER, "26.1.5", NULL, FINDING_WARN, "echo '{\"features\"", "docker 26.1.5: CDI is off (features.cdi"},
	{ENGINE_DOCKER, "26.1.5", "{\"features\": {}}", FINDING_WARN, "jq '.features.cdi = true'", "CDI is off"},
	{ENGINE_DOCKER, "26.1.5", "{\"features\": {\"cdi\": true}}", FINDING_OK, "", "docker gives CDI"},
	{ENGINE_DOCKER, "20.10.24", "{\"features\": {\"cdi\": true}}", FINDING_WARN, "cgpu explain",
	 "knows no CDI devices"},
	{ENGINE_DOCKER, "", NULL, FINDING_SKIP, "", "did not tell its version"},
	{ENGINE_DOCKER, "", "{\"features\": {\"cdi\": true}}", FINDING_OK, "", "docker gives CDI"},
	{ENGINE_CONTAINERD, "1.7.24", NULL, FINDING_SKIP, "", "starts no pods"},
	{ENGINE_CONTAINERD, "1.7.24", "disabled_plugins = [\"cri\"]\n", FINDING_SKIP, "", "starts no pods"},
	{ENGINE_CONTAINERD, "1.7.24", "version = 2\n", FINDING_WARN, "printf '[plugins.\"io.containerd.grpc.v1.cri\"]",
	 "CDI is off"},
	{ENGINE_CONTAINERD, "1.7.24", CRI2 "sandbox_image = \"p\"\n", FINDING_WARN, "sed -i '/\\[plugins",
	 "containerd 1.7.24: CDI is off"},
	{ENGINE_CONTAINERD, "1.7.24", CRI2 "enable_cdi = false\n", FINDING_WARN, "sed -i 's/enable_cdi",
	 "CDI is off (enable_cdi"},
	{ENGINE_CONTAINERD, "1.7.24", CRI2 "enable_cdi = true\n", FINDING_OK, "", "containerd gives CDI"},
	{ENGINE_CONTAINERD, "1.6.20", CRI2 "enable_cdi = true\n", FINDING_WARN, "cgpu explain", "knows no CDI devices"},
	{ENGINE_CONTAINERD, "2.0.1", "version = 3\n", FINDING_OK, "", "containerd gives CDI"},
	{ENGINE_CONTAINERD, "2.0.1", CRI3 "enable_cdi = false\n", FINDING_WARN, "sed -i 's/enable_cdi", "CDI is off"},
	{ENGINE_CONTAINERD, "", "version = 2\n", FINDING_SKIP, "", "did not tell its version"},
};

static void
test_cdi_engines(void)
{
	for (size_t i = 0; i < sizeof(cdi_rows) / sizeof(*cdi_rows); i++) {
		bool docker = cdi_rows[i].engine == ENGINE_DOCKER;

		begin();
		doctor.engine[cdi_rows[i].engine] = true;
		snprintf(doctor.version[cdi_rows[i].engine], sizeof(doctor.version[0]), "%s", cdi_rows[i].version);
		if (cdi_rows[i].conf != NULL)
			put_text(docker ? DAEMON : CONTAINERD, cdi_rows[i].conf);
		doctor_cdi_engines(&doctor);
		if (!told(docker ? "docker-cdi" : "containerd-cdi", cdi_rows[i].status,
			  cdi_rows[i].status == FINDING_WARN ? CODE_CDI_UNGATED : 0, cdi_rows[i].action,
			  cdi_rows[i].named)) {
			printf("# row %zu\n", i);
			unit_bad = true;
		}
		end();
	}
	begin();
	doctor.engine[ENGINE_CONTAINERD] = true;
	put_text(CONTAINERD, "version = \n");
	doctor_cdi_engines(&doctor);
	CHECK(told("containerd-cdi", FINDING_FAIL, CODE_CDI_UNGATED, "nl -ba", "containerd refuses it"));
	end();
}

#define BOTH "/etc/cdi:/var/run/cdi"

static const struct {
	enum engine_kind engine;
	const char *version, *file, *conf, *dirs;
} dirs_rows[] = {
	{ENGINE_PODMAN, "5.5.0", NULL, NULL, BOTH},
	{ENGINE_PODMAN, "5.5.0", "etc/containers/containers.conf", "[engine]\ncdi_spec_dirs = [\"/opt/cdi\"]\n",
	 "/opt/cdi"},
	{ENGINE_PODMAN, "5.5.0", "etc/containers/containers.conf.d/a.conf",
	 "[engine]\ncdi_spec_dirs = [\"/opt/cdi\", {append = true}]\n", BOTH ":/opt/cdi"},
	{ENGINE_PODMAN, "4.3.1", "etc/containers/containers.conf", "[engine]\ncdi_spec_dirs = [\"/opt/cdi\"]\n", BOTH},
	{ENGINE_PODMAN, "", "etc/containers/containers.conf", "[engine]\n", BOTH},
	{ENGINE_CRIO, "", "etc/crio/crio.conf.d/a.conf", "[crio.runtime]\ncdi_spec_dirs = [\"/a\", \"/b\"]\n", "/a:/b"},
	{ENGINE_CRIO, "", "etc/crio/crio.conf", "[crio.runtime\n", BOTH},
	{ENGINE_DOCKER, "", DAEMON, "{\"cdi-spec-dirs\": [\"/a\"]}", "/a"},
	{ENGINE_DOCKER, "", DAEMON, "{}", BOTH},
	{ENGINE_DOCKER, "", DAEMON, "{", BOTH},
	{ENGINE_CONTAINERD, "", CONTAINERD, CRI2 "cdi_spec_dirs = [\"/a\"]\n", "/a"},
	{ENGINE_CONTAINERD, "", CONTAINERD, CRI3 "cdi_spec_dirs = ['/a', '/b']\n", "/a:/b"},
	{ENGINE_CONTAINERD, "", NULL, NULL, BOTH},
};

static void
test_spec_dirs(void)
{
	for (size_t i = 0; i < sizeof(dirs_rows) / sizeof(*dirs_rows); i++) {
		char *dirs;

		begin();
		snprintf(doctor.version[dirs_rows[i].engine], sizeof(doctor.version[0]), "%s", dirs_rows[i].version);
		if (dirs_rows[i].file != NULL)
			put_text(dirs_rows[i].file, dirs_rows[i].conf);
		dirs = doctor_spec_dirs(&doctor, dirs_rows[i].engine);
		CHECK_TEXT(dirs, dirs_rows[i].dirs);
		CHECK(doctor.findings.count == 0);
		free(dirs);
		end();
	}
}

/* -- this installation ------------------------------------------------------------------------------------------- */
static void
put_programs(void)
{
	static const char *const paths[] = {PATH_HOOK, PATH_CGPU, PATH_WORKERS "/collect", PATH_WORKERS "/fetch",
					    PATH_WORKERS "/appraise"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		put_text(&paths[i][1], "");
		chmod(at(&paths[i][1]), 0755);
	}
	put_text("etc/passwd",
		 "root:x:0:0::/:/bin/sh\nzero:x:0:0::/:/bin/sh\n" WORKER_USER ":x:799:799::/:/bin/false\n");
}

static void
test_programs(void)
{
	begin();
	put_programs();
	doctor_programs(&doctor);
	CHECK(told("programs", FINDING_OK, 0, "", "workers in"));
	CHECK(told("worker-user", FINDING_OK, 0, "", "uid 799"));
	findings_free(&doctor.findings);
	unlink(at(&PATH_HOOK[1]));
	chmod(at(&PATH_WORKERS "/fetch"[1]), 0777);
	chmod(at(&PATH_WORKERS "/collect"[1]), 0644);
	put_text("usr/bin/apt-get", "");
	free(conf.worker_user);
	conf.worker_user = xstrdup("zero");
	doctor_programs(&doctor);
	CHECK(told("programs", FINDING_FAIL, CODE_HOOKS_PROGRAM, "apt-get install --reinstall oci-cgpu-hook",
		   "cgpu-hook is missing"));
	CHECK(told("programs", FINDING_FAIL, CODE_WORKER, "chown root:root", "mode 0777"));
	CHECK(told("programs", FINDING_FAIL, CODE_WORKER, "apt-get", "is no program"));
	CHECK(told("worker-user", FINDING_FAIL, CODE_WORKER, "grep -r worker-user", "want neither to be 0"));
	findings_free(&doctor.findings);
	free(conf.worker_user);
	conf.worker_user = xstrdup("nobody-of-this-name");
	doctor_programs(&doctor);
	CHECK(told("worker-user", FINDING_FAIL, CODE_WORKER, "useradd --system", "not in /etc/passwd"));
	end();
}

static void
test_configuration(void)
{
	struct err refused = ERR_INIT;

	begin();
	err_set(&refused, CODE_USAGE, "cgpu.conf: line 3: unknown key");
	doctor.conf = NULL;
	doctor_configuration(&doctor, &refused);
	CHECK(told("configuration", FINDING_FAIL, CODE_USAGE, "cgpu config check", "line 3"));
	end();
	begin();
	conf.mode = MODE_OBSERVE;
	conf.observe_until = 1;
	conf.allow_certificate_hold = 1;
	conf.allow_ocsp_without_nonce = 253402300799;
	doctor_configuration(&doctor, &refused);
	CHECK(told("configuration", FINDING_OK, 0, "", "verifier local"));
	CHECK(told("mode", FINDING_WARN, 0, "grep -r observe", "ended at 1970"));
	CHECK(told("loosening", FINDING_WARN, 0, "grep -r allow-certificate-hold", "no effect any more"));
	CHECK(told("loosening", FINDING_WARN, 0, "grep -r allow-ocsp-without-nonce", "in force until 9999"));
	end();
}

static void
test_audit(void)
{
	begin();
	doctor_disk(&doctor);
	CHECK(told("audit", FINDING_WARN, CODE_AUDIT, "install -d -m 755", "is not there"));
	findings_free(&doctor.findings);
	conf.audit = AUDIT_REQUIRED;
	doctor_disk(&doctor);
	CHECK(told("audit", FINDING_FAIL, CODE_AUDIT, "install -d -m 755", "every start is refused"));
	end();
}

static void
test_containers(void)
{
	begin();
	doctor_containers(&doctor);
	CHECK(told("containers", FINDING_SKIP, 0, "sudo cgpu doctor", "/proc/devices"));
	end();
	begin();
	folder_remove();
	processes_make();
	doctor_containers(&doctor);
	CHECK(told("containers", FINDING_OK, 0, "", "0 attested, 0 exempt, 0 observed"));
	findings_free(&doctor.findings);
	process_put(&(struct fake_process){.pid = 30,
					   .parent = 1,
					   .started = 5,
					   .space = "a",
					   .root = "image",
					   .opens = FAKE_NODE,
					   .name = "cuda",
					   .cgroup = "0::/libpod-" ID_A ".scope"});
	process_put(&(struct fake_process){
		.pid = 31, .parent = 1, .started = 5, .space = "b", .root = "image", .opens = FAKE_NODE});
	process_put(&(struct fake_process){
		.pid = 32, .parent = 1, .started = 5, .space = "c", .root = "image", .opens = FAKE_NODE});
	record_put("c", CONTAINER_EXEMPT, 32, 5);
	doctor_containers(&doctor);
	CHECK(told("containers", FINDING_FAIL, CODE_UNGATED, "podman stop " ID_A,
		   "process 30 (cuda) of container " ID_A " has c 1:3 open"));
	CHECK(told("containers", FINDING_FAIL, CODE_UNGATED, "ps -o pid,lstart,cgroup,args -p 31", "(id not known)"));
	CHECK(doctor.findings.count == 2 && findings_code(&doctor.findings) == CODE_UNGATED);
	findings_free(&doctor.findings);
	record_put("a", CONTAINER_ALLOWED, 30, 5);
	record_put("b", CONTAINER_OBSERVED, 31, 5);
	doctor_containers(&doctor);
	CHECK(told("containers", FINDING_OK, 0, "", "1 attested, 1 exempt, 1 observed"));
	end();
}

int
main(void)
{
	umask(022);
	RUN(test_findings);
	RUN(test_advisories);
	RUN(test_cvm);
	RUN(test_kernel);
	RUN(test_driver);
	RUN(test_driver_missing);
	RUN(test_nodes);
	RUN(test_ready_opener);
	RUN(test_hooks);
	RUN(test_hook_owner);
	RUN(test_crio);
	RUN(test_running_crio);
	RUN(test_units);
	RUN(test_engines);
	RUN(test_cdi_engines);
	RUN(test_spec_dirs);
	RUN(test_programs);
	RUN(test_configuration);
	RUN(test_audit);
	RUN(test_containers);
	return unit_end();
}
