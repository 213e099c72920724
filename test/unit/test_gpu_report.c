/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/gpu_report.h"

#include <stdlib.h>

#include "lib/code.h"
#include "test/unit/unit.h"

#define BLOCKS 3
#define RECORD_AT 45 /* 37 bytes of request, 8 of response */
#define BLOCK_SIZE 55

struct field {
	uint16_t id;
	const char *data;
	uint16_t size;
};

/* What every report must have; the order does not matter. */
#define REQUIRED                                                                                                       \
	{6, "\x00\x9f\x00\x96\x01\x00\x00\x00", 8}, {15, "882\0\0\0", 6}, {17, "1010", 5}, {18, "0200", 5},            \
		{3, "550.90.07", 10}, {11, "\x55", 1}

static void
add_u16(struct buf *out, unsigned value)
{
	uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

	buf_add(out, bytes, 2);
}

static struct buf
make(const struct field *fields, size_t count)
{
	static const uint8_t head[] = {0x11, 0x60, 0, 0, BLOCKS, BLOCKS * BLOCK_SIZE, 0, 0};
	uint8_t filler[96];
	struct buf report = {0}, opaque = {0};

	memset(filler, 0x5a, sizeof(filler));
	buf_add(&report, "\x11\xe0\x01\xff", 4);
	buf_add(&report, filler, 32);
	buf_add(&report, "", 1);
	buf_add(&report, head, sizeof(head));
	for (uint8_t i = 1; i <= BLOCKS; i++) {
		const uint8_t block[] = {i, 1, 51, 0, 1, 48, 0};

		buf_add(&report, block, sizeof(block));
		buf_add(&report, filler, 48);
	}
	buf_add(&report, filler, 32);
	for (size_t i = 0; i < count; i++) {
		add_u16(&opaque, fields[i].id);
		add_u16(&opaque, fields[i].size);
		buf_add(&opaque, fields[i].data, fields[i].size);
	}
	add_u16(&report, (unsigned)opaque.size);
	buf_add(&report, opaque.data, opaque.size);
	buf_add(&report, filler, 96);
	buf_free(&opaque);
	return report;
}

static int
parse(const struct field *fields, size_t count, struct gpu_report *report)
{
	struct buf bytes = make(fields, count);
	struct err err = ERR_INIT;
	int code = gpu_report_parse(buf_bytes(&bytes), report, &err) == 0 ? CODE_OK : err.code;

	if (code != CODE_OK)
		CHECK(err.text[0] != '\0');
	buf_free(&bytes);
	return code;
}

#define PARSE(...)                                                                                                     \
	parse((const struct field[]){REQUIRED, ##__VA_ARGS__},                                                         \
	      sizeof((const struct field[]){REQUIRED, ##__VA_ARGS__}) / sizeof(struct field), &report)

static void
test_fields(void)
{
	static const char counters[4 * BLOCKS];
	struct gpu_report report;
	char *id;

	CHECK(PARSE() == CODE_OK);
	CHECK_TEXT(report.driver_version, "550.90.07");
	CHECK_TEXT(report.vbios_version, "96.00.9F.00.01");
	CHECK(report.spdm.blocks == BLOCKS && report.nvdec == GPU_NVDEC_DISABLED && report.protected_pcie == -1);
	CHECK(report.fwid.data == NULL && report.opaque_version == 0 && report.feature_flag == -1);
	id = gpu_report_vbios_rim_id(&report);
	CHECK_TEXT(id, "NV_GPU_VBIOS_1010_0200_882_96009F0001");
	free(id);
	id = gpu_report_driver_rim_id(&report, GPU_ARCH_HOPPER);
	CHECK_TEXT(id, "NV_GPU_DRIVER_GH100_550.90.07");
	free(id);
	id = gpu_report_driver_rim_id(&report, GPU_ARCH_BLACKWELL);
	CHECK_TEXT(id, "NV_GPU_CC_DRIVER_GB100_550.90.07");
	free(id);
	CHECK(PARSE({35, "GB110\0\0", 7}, {34, "\1\0", 2}, {36, "\2\0", 2}, {21, "\xaa", 1}, {12, counters, 12}) ==
	      CODE_OK);
	CHECK(report.opaque_version == 1 && report.feature_flag == 2 && report.protected_pcie == 1);
	id = gpu_report_driver_rim_id(&report, GPU_ARCH_BLACKWELL);
	CHECK_TEXT(id, "NV_GPU_CC_DRIVER_GB110_550.90.07");
	free(id);
	CHECK(PARSE({200, "x", 1}, {0xffff, "", 0}) == CODE_OK && report.unknown_count == 2 &&
	      report.unknown_ids[0] == 200);
}

static void
test_field_rules(void)
{
	static const char many[200];
	struct gpu_report report;

	CHECK(PARSE({3, "550.90.07", 10}) == CODE_REPORT_FORMAT); /* twice */
	CHECK(PARSE({200, "", 0}, {200, "", 0}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({0, "", 0}) == CODE_REPORT_FORMAT); /* padding */
	CHECK(PARSE({255, "x", 1}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({20, many, 47}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({20, many, 49}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({20, many, 0}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({21, "\x01", 1}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({22, many, 7}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({22, many, 16}) == CODE_OK && report.switch_pdis.size == 16);
	CHECK(PARSE({12, many, 8}) == CODE_REPORT_FORMAT); /* counters of two blocks, and there are three */
	CHECK(PARSE({35, "GB/00", 6}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({35, "\0\0", 2}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({34, "\2\0", 2}) == CODE_OPAQUE_VERSION);
	CHECK(PARSE({34, "\0\0\0\0\0\0\0\1", 8}) == CODE_OPAQUE_VERSION);
	CHECK(PARSE({34, many, 9}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({34, many, 0}) == CODE_REPORT_FORMAT);
	CHECK(PARSE({34, "\1", 1}, {36, "\3\0", 2}) == CODE_REPORT_FORMAT); /* a mode that nobody knows */
	CHECK(PARSE({36, "\3\0", 2}) == CODE_OK && report.feature_flag == -1);
}

/* One required field changed or left out. */
static void
test_required(void)
{
	static const struct field all[] = {REQUIRED};
	static const struct field wrong[] = {
		{6, "\x00\x9f\x00\x96\x01\x00\x00", 7},
		{6, "\x00\x9f\x00\x96\x01\x00\x00\x01", 8},
		{15, "", 0},
		{17, "10/10", 6},
		{18, "\0\0\0\0", 4},
		{3, "550\n", 5},
		{3, "550\0.90", 7},
		{3, "550.90.07 ", 11},
		{3, "550..\x80", 7},
		{3, "..", 3},
		{3, "-550", 5},
		{17, ".", 2},
		{11, "\x00", 1},
		{11, "\x54", 1},
		{11, "\x55\x55", 2},
		{11, "", 0},
	};
	const size_t count = sizeof(all) / sizeof(*all);
	struct field fields[sizeof(all) / sizeof(*all)];
	char text[GPU_TEXT_MAX + 2];
	struct gpu_report report;

	for (size_t i = 0; i < count; i++) {
		memcpy(fields, all, sizeof(all));
		fields[i] = fields[count - 1];
		CHECK(parse(fields, count - 1, &report) == CODE_REPORT_FORMAT);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		for (size_t k = 0; k < count; k++)
			fields[k] = all[k].id == wrong[i].id ? wrong[i] : all[k];
		CHECK(parse(fields, count, &report) == CODE_REPORT_FORMAT);
	}
	memset(text, '1', sizeof(text));
	memcpy(fields, all, sizeof(all));
	fields[4] = (struct field){3, text, GPU_TEXT_MAX};
	CHECK(parse(fields, count, &report) == CODE_OK && strlen(report.driver_version) == GPU_TEXT_MAX);
	fields[4].size++;
	CHECK(parse(fields, count, &report) == CODE_REPORT_FORMAT);
}

static void
test_unknown_fields(void)
{
	struct field fields[6 + 17] = {REQUIRED};
	struct gpu_report report;

	for (unsigned i = 0; i < 17; i++)
		fields[6 + i] = (struct field){(uint16_t)(100 + i), "", 0};
	CHECK(parse(fields, 6 + 16, &report) == CODE_OK && report.unknown_count == 16);
	CHECK(parse(fields, 6 + 17, &report) == CODE_REPORT_FORMAT);
}

/* Everything outside nonces, values and signature has one allowed value: any other byte there refuses. */
static void
test_layout(void)
{
	static const struct field all[] = {REQUIRED};
	struct buf bytes = make(all, sizeof(all) / sizeof(*all));
	const size_t opaque_at = RECORD_AT + BLOCKS * BLOCK_SIZE + 32;
	struct gpu_report report;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < opaque_at + 2; i++) {
		bool value = i > RECORD_AT && (i - RECORD_AT) % BLOCK_SIZE >= 7 && i < opaque_at - 32;
		bool is_free = (i >= 4 && i < 36) || value || (i >= opaque_at - 32 && i < opaque_at);

		bytes.data[i] ^= 0x01;
		CHECK((gpu_report_parse(buf_bytes(&bytes), &report, &err) == 0) == is_free);
		bytes.data[i] ^= 0x01;
	}
	for (size_t size = 0; size < bytes.size; size++) {
		uint8_t *exact = xmemdup(bytes.data, size);

		CHECK(gpu_report_parse(bytes_of(exact, size), &report, &err) < 0 && err.code == CODE_REPORT_FORMAT);
		free(exact);
	}
	buf_add(&bytes, "", 1);
	CHECK(gpu_report_parse(buf_bytes(&bytes), &report, &err) < 0);
	buf_free(&bytes);
}

static void
test_split(void)
{
	uint8_t data[300] = {0};
	struct bytes content, signature;
	struct err err = ERR_INIT;

	CHECK(spdm_measurements_split(bytes_of(data, 0), &content, &signature, &err) < 0);
	CHECK(spdm_measurements_split(bytes_of(data, 175), &content, &signature, &err) < 0);
	CHECK(spdm_measurements_split(bytes_of(data, 300), &content, &signature, &err) == 0);
	CHECK(content.size == 204 && signature.size == 96 && signature.data == data + 204);
}

int
main(void)
{
	RUN(test_fields);
	RUN(test_field_rules);
	RUN(test_required);
	RUN(test_unknown_fields);
	RUN(test_layout);
	RUN(test_split);
	return unit_end();
}
