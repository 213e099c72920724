/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/gpu_report.h"

#include <stdio.h>
#include <string.h>

#include "lib/code.h"

#define ON 0xaa
#define OFF 0x55
#define OPAQUE_VERSION_MAX 1
#define NUMBER_SIZE_MAX 8
#define FWID_SIZE 48
#define VBIOS_SIZE 8
#define PDI_SIZE 8
#define ID_UNKNOWN_FROM 37
#define ID_INVALID 255 /* NVIDIA's name for it; 0 is none either, and what padding would read as */
#define FEATURE_FLAG_MAX 2

enum id {
	ID_DRIVER_VERSION = 3,
	ID_GPU_INFO = 4,
	ID_VBIOS_VERSION = 6,
	ID_NVDEC0_STATUS = 11,
	ID_MSRSCNT = 12,
	ID_CPRINFO = 13,
	ID_BOARD_ID = 14,
	ID_CHIP_SKU = 15,
	ID_PROJECT = 17,
	ID_PROJECT_SKU = 18,
	ID_PROJECT_SKU_MOD = 19,
	ID_FWID = 20,
	ID_PROTECTED_PCIE_STATUS = 21,
	ID_SWITCH_PDI = 22,
	ID_SYS_ENABLE_STATUS = 33,
	ID_OPAQUE_DATA_VERSION = 34,
	ID_CHIP_INFO = 35,
	ID_FEATURE_FLAG = 36,
};

/* {NULL, 0} = absent: a field that is there has a value pointer even where it is empty. */
struct fields {
	struct bytes known[ID_UNKNOWN_FROM];
};

/* Every id at most once: of two, one reader would take the first and another one the last. */
static int
split_opaque(struct bytes opaque, struct fields *fields, struct gpu_report *out, struct err *err)
{
	struct cursor cursor = cursor_of(opaque);
	uint8_t seen[0x10000 / 8] = {0};
	uint16_t id, size;
	struct bytes value;

	if (opaque.size == 0)
		return err_set(err, 0, "the opaque data is empty");
	while (cursor.left > 0) {
		if (!cursor_u16le(&cursor, &id) || !cursor_u16le(&cursor, &size) || !cursor_take(&cursor, size, &value))
			return err_set(err, 0, "the opaque data ends inside a field");
		if (id == 0 || id == ID_INVALID)
			return err_set(err, 0, "the opaque data has a field with id %u, which is none", id);
		if (seen[id / 8] & 1u << id % 8)
			return err_set(err, 0, "field %u occurs twice", id);
		seen[id / 8] |= (uint8_t)(1u << id % 8);
		if (id < ID_UNKNOWN_FROM) {
			fields->known[id] = value;
			continue;
		}
		if (out->unknown_count == sizeof(out->unknown_ids) / sizeof(*out->unknown_ids))
			return err_set(err, 0, "more than %u fields are unknown", out->unknown_count);
		out->unknown_ids[out->unknown_count++] = id;
	}
	return 0;
}

static bool
has(const struct fields *fields, enum id id)
{
	return fields->known[id].data != NULL;
}

static int
check_sizes(const struct fields *fields, unsigned blocks, struct err *err)
{
	const struct {
		enum id id;
		size_t size;
	} want[] = {
		{ID_GPU_INFO, 8},
		{ID_VBIOS_VERSION, VBIOS_SIZE},
		{ID_NVDEC0_STATUS, 1},
		{ID_MSRSCNT, 4 * (size_t)blocks}, /* one counter for each block */
		{ID_CPRINFO, 4},
		{ID_BOARD_ID, 4},
		{ID_PROJECT_SKU_MOD, 2},
		{ID_FWID, FWID_SIZE},
		{ID_PROTECTED_PCIE_STATUS, 1},
		{ID_SYS_ENABLE_STATUS, 2},
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		size_t size = fields->known[want[i].id].size;

		if (has(fields, want[i].id) && size != want[i].size)
			return err_set(err, 0, "field %d has %zu bytes, want %zu", want[i].id, size, want[i].size);
	}
	return 0;
}

/* It starts with a letter or digit: a name such as ".." or "-x" means something else to file systems and programs. */
static bool
is_text_byte(uint8_t c, bool first)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (!first && (c == '.' || c == '_' || c == '-'));
}

static int
read_field(const struct fields *fields, enum id id, char out[GPU_TEXT_MAX + 1], struct err *err)
{
	struct bytes value = fields->known[id];

	while (value.size > 0 && value.data[value.size - 1] == '\0')
		value.size--;
	if (value.size == 0 || value.size > GPU_TEXT_MAX)
		return err_set(err, 0, "field %d has %zu characters, want 1 to %d", id, value.size, GPU_TEXT_MAX);
	for (size_t i = 0; i < value.size; i++)
		if (!is_text_byte(value.data[i], i == 0))
			return err_set(err, 0, "field %d has the byte 0x%02x at %zu, want [0-9A-Za-z][0-9A-Za-z._-]*",
				       id, value.data[i], i);
	memcpy(out, value.data, value.size);
	out[value.size] = '\0';
	return 0;
}

static int
read_text_fields(const struct fields *fields, struct gpu_report *out, struct err *err)
{
	if (has(fields, ID_CHIP_INFO) && read_field(fields, ID_CHIP_INFO, out->chip, err) < 0)
		return -1;
	if (read_field(fields, ID_DRIVER_VERSION, out->driver_version, err) < 0 ||
	    read_field(fields, ID_CHIP_SKU, out->chip_sku, err) < 0 ||
	    read_field(fields, ID_PROJECT, out->project, err) < 0)
		return -1;
	return read_field(fields, ID_PROJECT_SKU, out->project_sku, err);
}

/* b0..b7 stand for version b3.b2.b1.b0.b4; the rest is zero on every device seen. */
static int
read_vbios(const struct fields *fields, struct gpu_report *out, struct err *err)
{
	const uint8_t *b = fields->known[ID_VBIOS_VERSION].data;

	if (b[5] != 0 || b[6] != 0 || b[7] != 0)
		return err_set(err, 0, "field %d (VBIOS version) has more than five parts", ID_VBIOS_VERSION);
	snprintf(out->vbios_version, sizeof(out->vbios_version), "%02X.%02X.%02X.%02X.%02X", b[3], b[2], b[1], b[0],
		 b[4]);
	return 0;
}

static int
read_switch(const struct fields *fields, enum id id, bool *out, struct err *err)
{
	uint8_t value = fields->known[id].data[0];

	if (value != ON && value != OFF)
		return err_set(err, 0, "field %d is 0x%02x, want 0x%02x or 0x%02x", id, value, ON, OFF);
	*out = value == ON;
	return 0;
}

static int
read_switches(const struct fields *fields, struct gpu_report *out, struct err *err)
{
	bool on = false;

	if (read_switch(fields, ID_NVDEC0_STATUS, &on, err) < 0)
		return -1;
	out->nvdec = on ? GPU_NVDEC_ENABLED : GPU_NVDEC_DISABLED;
	out->protected_pcie = -1;
	if (!has(fields, ID_PROTECTED_PCIE_STATUS))
		return 0;
	if (read_switch(fields, ID_PROTECTED_PCIE_STATUS, &on, err) < 0)
		return -1;
	out->protected_pcie = on;
	return 0;
}

/* Little-endian of one to eight bytes. absent is the value of a field that is not there. */
static int
read_number(const struct fields *fields, enum id id, uint64_t absent, uint64_t *out, struct err *err)
{
	struct bytes value = fields->known[id];

	*out = absent;
	if (!has(fields, id))
		return 0;
	if (value.size == 0 || value.size > NUMBER_SIZE_MAX)
		return err_set(err, 0, "field %d has %zu bytes, want 1 to %d", id, value.size, NUMBER_SIZE_MAX);
	*out = 0;
	for (size_t i = value.size; i-- > 0;)
		*out = *out << 8 | value.data[i];
	return 0;
}

/* Before version 1 the flag has no defined meaning; after it, a mode that nobody knows must not pass. */
static int
read_feature_flag(const struct fields *fields, struct gpu_report *out, struct err *err)
{
	uint64_t flag;

	out->feature_flag = -1;
	if (read_number(fields, ID_FEATURE_FLAG, UINT64_MAX, &flag, err) < 0)
		return -1;
	if (!has(fields, ID_FEATURE_FLAG) || out->opaque_version == 0)
		return 0;
	if (flag > FEATURE_FLAG_MAX)
		return err_set(err, 0, "field %d (feature flag) is %llu, want 0 to %d", ID_FEATURE_FLAG,
			       (unsigned long long)flag, FEATURE_FLAG_MAX);
	out->feature_flag = (int64_t)flag;
	return 0;
}

static int
check_required(const struct fields *fields, struct err *err)
{
	static const enum id required[] = {
		ID_DRIVER_VERSION, ID_VBIOS_VERSION, ID_NVDEC0_STATUS, ID_CHIP_SKU, ID_PROJECT, ID_PROJECT_SKU,
	};

	for (size_t i = 0; i < sizeof(required) / sizeof(*required); i++)
		if (!has(fields, required[i]))
			return err_set(err, 0, "field %d is missing", required[i]);
	return 0;
}

static int
read_fields(const struct fields *fields, struct gpu_report *out, struct err *err)
{
	struct bytes pdis = fields->known[ID_SWITCH_PDI];

	if (check_required(fields, err) < 0 || check_sizes(fields, out->spdm.blocks, err) < 0)
		return -1;
	if (has(fields, ID_SWITCH_PDI) && (pdis.size == 0 || pdis.size % PDI_SIZE != 0))
		return err_set(err, 0, "field %d has %zu bytes, want a multiple of %d", ID_SWITCH_PDI, pdis.size,
			       PDI_SIZE);
	out->switch_pdis = pdis;
	out->fwid = fields->known[ID_FWID];
	if (read_text_fields(fields, out, err) < 0 || read_vbios(fields, out, err) < 0 ||
	    read_switches(fields, out, err) < 0)
		return -1;
	return read_feature_flag(fields, out, err);
}

int
gpu_report_parse(struct bytes report, struct gpu_report *out, struct err *err)
{
	struct fields fields = {0};
	uint64_t version;

	*out = (struct gpu_report){0};
	if (report.size > GPU_REPORT_MAX)
		return err_set(err, CODE_REPORT_FORMAT, "%zu bytes, at most %d", report.size, GPU_REPORT_MAX);
	if (spdm_measurements_parse(report, &out->spdm, err) < 0 ||
	    split_opaque(out->spdm.opaque, &fields, out, err) < 0 ||
	    read_number(&fields, ID_OPAQUE_DATA_VERSION, 0, &version, err) < 0)
		goto malformed;
	if (version > OPAQUE_VERSION_MAX)
		return err_set(err, CODE_OPAQUE_VERSION, "field %d (opaque data version) is %llu, at most %d is known",
			       ID_OPAQUE_DATA_VERSION, (unsigned long long)version, OPAQUE_VERSION_MAX);
	out->opaque_version = (unsigned)version;
	if (read_fields(&fields, out, err) == 0)
		return 0;
malformed:
	err->code = CODE_REPORT_FORMAT;
	return -1;
}

char *
gpu_report_driver_rim_id(const struct gpu_report *report, enum gpu_arch arch)
{
	const struct gpu_arch_row *row = gpu_arch_row(arch);

	return row == NULL ? NULL
			   : xprintf("%s%s_%s", row->driver_rim, gpu_arch_product(arch, report->chip),
				     report->driver_version);
}

char *
gpu_report_vbios_rim_id(const struct gpu_report *report)
{
	char digits[GPU_TEXT_MAX + 1];
	size_t used = 0;

	for (const char *c = report->vbios_version; *c != '\0'; c++)
		if (*c != '.')
			digits[used++] = *c;
	digits[used] = '\0';
	return xprintf("NV_GPU_VBIOS_%s_%s_%s_%s", report->project, report->project_sku, report->chip_sku, digits);
}
