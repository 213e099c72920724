/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generate.h"

#include <elf.h>
#include <stdlib.h>

#include "cdi/gate.h"
#include "lib/code.h"
#include "spec/elf.h"
#include "test/unit/folder.h"
#include "test/unit/unit.h"

#define VERSION "570.86.10"

#if defined(__aarch64__)
#define MACHINE EM_AARCH64
#define LIBRARIES "driver/usr/lib/aarch64-linux-gnu/"
#else
#define MACHINE EM_X86_64
#define LIBRARIES "driver/usr/lib/x86_64-linux-gnu/"
#endif

/* -- an emulated driver tree ----------------------------------------------------------------------------------------
 */

/* As much of a shared library as tells its name; every address is 0x1000 more than the offset in the file. */
struct library {
	Elf64_Ehdr head;
	Elf64_Phdr part[2];
	Elf64_Dyn dynamic[3];
	char names[64];
};

static struct library
library_of(const char *soname)
{
	struct library out = {
		.head = {.e_ident = ELFMAG,
			 .e_type = ET_DYN,
			 .e_machine = MACHINE,
			 .e_phoff = offsetof(struct library, part),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 2},
		.part = {{.p_type = PT_LOAD, .p_vaddr = 0x1000, .p_filesz = sizeof(struct library)},
			 {.p_type = PT_DYNAMIC,
			  .p_offset = offsetof(struct library, dynamic),
			  .p_filesz = sizeof(out.dynamic)}},
		.dynamic = {{.d_tag = DT_SONAME, .d_un.d_val = 1},
			    {.d_tag = DT_STRTAB, .d_un.d_ptr = 0x1000 + offsetof(struct library, names)}},
	};

	out.head.e_ident[EI_CLASS] = ELFCLASS64;
	out.head.e_ident[EI_DATA] = ELFDATA2LSB;
	snprintf(out.names + 1, sizeof(out.names) - 1, "%s", soname);
	return out;
}

static void
put_library(const char *path, const char *soname)
{
	struct library library = library_of(soname);

	put_bytes(path, bytes_of(&library, sizeof(library)), 0644);
}

static void
make_driver(void)
{
	folder_make();
	put_library(LIBRARIES "libcuda.so." VERSION, "libcuda.so.1");
	put_library(LIBRARIES "libnvidia-ml.so." VERSION, "libnvidia-ml.so.1");
	put_library(LIBRARIES "libcuda.so.535.1", "libcuda.so.1"); /* of an older driver, left behind */
	put_library(LIBRARIES "libnvidia-ml.so." VERSION "1", "libx"); /* of a newer one */
	put_text(LIBRARIES "libbroken.so." VERSION, "no library");
	put_library("driver/usr/lib64/libcuda.so." VERSION, "libcuda.so.1"); /* a second one: the first counts */
	put_bytes("driver/usr/bin/nvidia-smi.real", bytes_of_text("x"), 0755);
	if (symlink("/usr/bin/nvidia-smi.real", at("driver/usr/bin/nvidia-smi")) != 0) /* inside the root */
		abort();
	put_text("driver/lib/firmware/nvidia/" VERSION "/gsp_ga10x.bin", "x");
	put_text("driver/lib/firmware/nvidia/" VERSION "/other", "x");
	put_text("driver/run/nvidia-persistenced/socket", "x");
}

static bool
has(const struct driver *driver, const char *host, const char *container, bool socket)
{
	for (size_t i = 0; i < driver->count; i++) {
		const struct driver_file *file = &driver->files[i];

		if (strcmp(file->container_path, container) == 0)
			return strcmp(file->host_path, at(host)) == 0 && file->socket == socket;
	}
	return false;
}

static void
test_driver(void)
{
	struct driver driver;
	struct err err = ERR_INIT;
	char *root;

	make_driver();
	root = xstrdup(at("driver"));
	CHECK(driver_find(root, NULL, VERSION, &driver, &err) == 0);
	CHECK(driver.count == 6);
	CHECK(has(&driver, LIBRARIES "libcuda.so." VERSION, "/usr/local/nvidia/lib64/libcuda.so.1", false));
	CHECK(has(&driver, LIBRARIES "libcuda.so." VERSION, "/usr/local/nvidia/lib64/libcuda.so", false));
	CHECK(has(&driver, LIBRARIES "libnvidia-ml.so." VERSION, "/usr/local/nvidia/lib64/libnvidia-ml.so.1", false));
	CHECK(has(&driver, "driver/usr/bin/nvidia-smi.real", "/usr/bin/nvidia-smi", false));
	CHECK(has(&driver, "driver/lib/firmware/nvidia/" VERSION "/gsp_ga10x.bin",
		  "/lib/firmware/nvidia/" VERSION "/gsp_ga10x.bin", false));
	CHECK(has(&driver, "driver/run/nvidia-persistenced/socket", "/run/nvidia-persistenced/socket", true));
	driver_free(&driver);
	CHECK(driver_find(root, "/usr/lib64:/nowhere", VERSION, &driver, &err) == 0);
	CHECK(has(&driver, "driver/usr/lib64/libcuda.so." VERSION, "/usr/local/nvidia/lib64/libcuda.so.1", false));
	driver_free(&driver);
	CHECK(driver_find(root, NULL, "570.86", &driver, &err) == -1 && err_code(&err) == CODE_DRIVER_MISSING);
	driver_free(&driver);
	CHECK(driver_find(at("nowhere"), NULL, VERSION, &driver, &err) == -1 && err_code(&err) == CODE_DRIVER_MISSING);
	driver_free(&driver);
	free(root);
	folder_remove();
}

/* -- the specification ----------------------------------------------------------------------------------------------
 */

#define STATUS                                                                                                         \
	"{\"schema\":1,\"driver_version\":\"" VERSION "\",\"gpus\":[{\"uuid\":\"GPU-aa\",\"minor\":3},"                \
	"{\"uuid\":\"GPU-bb\",\"minor\":0}]}"

static struct facts
driver_facts(void)
{
	struct facts facts = {.root = "", .driver = VERSION};

	device_numbers_add(&facts.numbers, 195, "nvidia");
	device_numbers_add(&facts.numbers, 509, "nvidia-uvm");
	device_numbers_add(&facts.numbers, 195, "nvidia-modeset");
	return facts;
}

/* Of the machine whose status is told; NULL and err where it cannot be. */
static char *
generate(const char *status_text, const struct facts *facts, enum cdi_format format, struct err *err)
{
	struct json *status = json_read(bytes_of_text(status_text), &json_limits_default, err);
	struct driver driver = {0};
	const char *version;
	char *root = xstrdup(at("driver")), *text = NULL;

	CHECK(status != NULL);
	if (generate_check_status(status, &version, err) == 0 && driver_find(root, NULL, version, &driver, err) == 0)
		(void)generate_spec(&(struct generate_machine){status, facts, &driver, folder}, GENERATE_KIND, NULL,
				    format, &text, err);
	driver_free(&driver);
	json_free(status);
	free(root);
	return text;
}

/* "NAME: NODE NODE" of the device at index. */
static char *
device_line(const struct cdi_spec *spec, size_t index)
{
	struct buf out = {0};

	buf_printf(&out, "%s:", spec->devices[index].name);
	for (size_t i = 0; i < spec->devices[index].edits.node_count; i++)
		buf_printf(&out, " %s", spec->devices[index].edits.nodes[i].path + strlen("/dev/"));
	return buf_steal_text(&out);
}

static void
check_devices(const struct cdi_spec *spec, const char *const *want)
{
	size_t i;

	for (i = 0; want[i] != NULL && i < spec->device_count; i++) {
		char *line = device_line(spec, i);

		CHECK_TEXT(line, want[i]);
		free(line);
	}
	CHECK(want[i] == NULL && i == spec->device_count);
}

static void
test_spec(void)
{
	static const char *const devices[] = {"0: nvidia3",      "GPU-aa: nvidia3",      "1: nvidia0",
					      "GPU-bb: nvidia0", "all: nvidia3 nvidia0", NULL};
	struct facts facts = driver_facts();
	struct err err = ERR_INIT;
	struct cdi_spec spec;
	char *text;

	make_driver();
	text = generate(STATUS, &facts, CDI_YAML, &err);
	CHECK(text != NULL && cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0);
	CHECK(spec.format == CDI_YAML && gate_form(&spec.edits, NULL) == GATE_CALL_NAMED);
	CHECK_TEXT(spec.version, "0.5.0");
	check_devices(&spec, devices);
	CHECK(spec.edits.env.count == 3 && spec.edits.node_count == 4 && spec.edits.mount_count == 6);
	CHECK_TEXT(spec.edits.env.at[0], "NVIDIA_VISIBLE_DEVICES=void");
	CHECK_TEXT(spec.edits.env.at[1], "LD_LIBRARY_PATH=/usr/local/nvidia/lib64");
	CHECK_TEXT(spec.edits.nodes[1].path, "/dev/nvidia-modeset");
	/* No hook but the gate's. */
	CHECK(spec.edits.hook_count == 1);
	for (size_t i = 0; i < spec.device_count; i++)
		CHECK(spec.devices[i].edits.hook_count == 0);
	cdi_spec_free(&spec);
	free(text);
	folder_remove();
}

/* A split GPU has a device per instance and none of its own. */
static void
test_mig(void)
{
	static const char *const devices[] = {
		"0: nvidia3",
		"GPU-aa: nvidia3",
		"1:gi1:ci0: nvidia0 nvidia-caps/nvidia-cap12 nvidia-caps/nvidia-cap13",
		"1:gi1:ci1: nvidia0 nvidia-caps/nvidia-cap12 nvidia-caps/nvidia-cap14",
		"1:gi10:ci0: nvidia0 nvidia-caps/nvidia-cap93 nvidia-caps/nvidia-cap94",
		"all: nvidia3 nvidia0 nvidia-caps/nvidia-cap12 nvidia-caps/nvidia-cap13 "
		"nvidia-caps/nvidia-cap14 nvidia-caps/nvidia-cap93 nvidia-caps/nvidia-cap94",
		NULL};
	struct facts facts = driver_facts();
	struct err err = ERR_INIT;
	struct cdi_spec spec;
	char *text;

#define MIG "proc/driver/nvidia/capabilities/gpu0/mig/"
	make_driver();
	put_text(MIG "gi10/access", "DeviceFileMinor: 93\nDeviceFileMode: 292\nDeviceFileModify: 1\n");
	put_text(MIG "gi10/ci0/access", "DeviceFileMinor: 94\n");
	put_text(MIG "gi1/access", "DeviceFileMinor: 12\n");
	put_text(MIG "gi1/ci0/access", "DeviceFileMinor: 13\n");
	put_text(MIG "gi1/ci1/access", "DeviceFileMinor: 14\n");
	put_text(MIG "gi2/access", "DeviceFileMinor: 21\n"); /* nothing to compute with */
	text = generate(STATUS, &facts, CDI_JSON, &err);
	CHECK(text != NULL && cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0);
	check_devices(&spec, devices);
	cdi_spec_free(&spec);
	free(text);
	put_text(MIG "gi1/ci1/access", "DeviceFileMinor: x\n");
	CHECK(generate(STATUS, &facts, CDI_JSON, &err) == NULL && err_code(&err) == CODE_DEVICE_MAPPING);
	folder_remove();
}

/* The GPUs that are left keep the names that they have beside the missing one, and none is all of them. */
static void
test_missing(void)
{
	static const char *const devices[] = {"3: nvidia3", "GPU-aa: nvidia3", "0: nvidia0", "GPU-bb: nvidia0", NULL};
	static const char tail[] = ",\"gpus_missing\":1,\"gpus_lost\":1,\"missing\":\"0000:41:00.0\"}";
	char *status = xprintf("%.*s%s", (int)strlen(STATUS) - 1, STATUS, tail), *text;
	struct facts facts = driver_facts();
	struct err err = ERR_INIT;
	struct json *json = json_read(bytes_of_text(status), &json_limits_default, &err);
	struct json *whole = json_read(bytes_of_text(STATUS), &json_limits_default, &err);
	struct cdi_spec spec;

	make_driver();
	CHECK_TEXT(generate_missing(json), "0000:41:00.0");
	CHECK(generate_missing(whole) == NULL);
	text = generate(status, &facts, CDI_JSON, &err);
	CHECK(text != NULL && cdi_spec_parse(bytes_of_text(text), &spec, &err) == 0);
	check_devices(&spec, devices);
	cdi_spec_free(&spec);
	free(text);
	json_free(whole);
	json_free(json);
	free(status);
	folder_remove();
}

static void
test_refusals(void)
{
	static const struct {
		const char *status;
		int code;
	} rows[] = {
		{"{\"schema\":1,\"result\":\"refuse\",\"code\":12,\"message\":\"x\"}", CODE_DRIVER_NOT_LOADED},
		{"{\"schema\":1,\"result\":\"refuse\",\"code\":240,\"message\":\"x\"}", CODE_CDI_GATE_ID},
		{"{\"gpus\":[]}", CODE_DRIVER_NOT_LOADED},
		{"{\"driver_version\":\"../x\",\"gpus\":[]}", CODE_DRIVER_NOT_LOADED},
		{"{\"driver_version\":\"" VERSION "\",\"gpus\":[]}", CODE_DEVICE_MISSING},
		{"{\"driver_version\":\"" VERSION "\"}", CODE_DEVICE_MISSING},
		{"{\"driver_version\":\"" VERSION "\",\"gpus\":[{\"minor\":0}]}", CODE_DEVICE_MAPPING},
		{"{\"driver_version\":\"" VERSION "\",\"gpus\":[{\"uuid\":\"x\"}]}", CODE_DEVICE_MAPPING},
		{"{\"driver_version\":\"1.2.3\",\"gpus\":[{\"uuid\":\"x\",\"minor\":0}]}", CODE_DRIVER_MISSING},
		{"{\"driver_version\":\"" VERSION "\",\"gpus\":[{\"uuid\":\"no name\",\"minor\":0}]}", CODE_CDI_SPEC},
		{"{\"driver_version\":\"" VERSION
		 "\",\"gpus\":[{\"uuid\":\"x\",\"minor\":0},{\"uuid\":\"x\",\"minor\":1}]}",
		 CODE_CDI_SPEC},
	};
	struct facts facts = driver_facts(), bare = {0};
	struct err err = ERR_INIT;

	make_driver();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CHECK(generate(rows[i].status, &facts, CDI_JSON, &err) == NULL);
		if (err_code(&err) != rows[i].code)
			printf("# %d for %s\n", err_code(&err), rows[i].status);
		CHECK(err_code(&err) == rows[i].code);
	}
	CHECK(generate(STATUS, &bare, CDI_JSON, &err) == NULL && err_code(&err) == CODE_DRIVER_NOT_LOADED);
	folder_remove();
}

/* -- the name of a library -------------------------------------------------------------------------------------------
 */

static bool
is_refused(const struct library *library, size_t size)
{
	char *name = elf_soname(bytes_of(library, size));

	free(name);
	return name == NULL;
}

static void
test_elf(void)
{
	struct library library = library_of("libx.so.1");
	char *name = elf_soname(bytes_of(&library, sizeof(library)));

	CHECK_TEXT(name, "libx.so.1");
	free(name);
	for (size_t size = 0; size < offsetof(struct library, names) + 11; size++)
		CHECK(is_refused(&library, size));
	library.head.e_machine ^= 1;
	CHECK(is_refused(&library, sizeof(library)));
	library = library_of("a/b");
	CHECK(is_refused(&library, sizeof(library)));
	library = library_of("");
	CHECK(is_refused(&library, sizeof(library)));
	library = library_of("..");
	CHECK(is_refused(&library, sizeof(library)));
	library = library_of("x");
	library.dynamic[0].d_un.d_val = UINT64_MAX;
	CHECK(is_refused(&library, sizeof(library)));
	library = library_of("x");
	library.head.e_phoff = UINT64_MAX - 8;
	CHECK(is_refused(&library, sizeof(library)));
	library = library_of("x");
	library.part[1].p_offset = UINT64_MAX - 8;
	CHECK(is_refused(&library, sizeof(library)));
	library = library_of("x");
	memset(library.names, 'x', sizeof(library.names));
	CHECK(is_refused(&library, sizeof(library)));
}

int
main(void)
{
	RUN(test_driver);
	RUN(test_spec);
	RUN(test_mig);
	RUN(test_missing);
	RUN(test_refusals);
	RUN(test_elf);
	return unit_end();
}
