/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a GPU's attestation report. Views stay inside of it, texts keep to what ids, file names and logs can
 * bear.
 */
/* Seeds: spdm */
#include <stdlib.h>
#include <string.h>

#include "spec/gpu_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_view(struct bytes view, const uint8_t *data, size_t size)
{
	if (view.size > 0 && (view.data < data || view.size > size || view.data + view.size > data + size))
		abort();
}

static void
check_text(const char *text)
{
	static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-";

	if (strlen(text) > GPU_TEXT_MAX || strspn(text, allowed) != strlen(text))
		abort();
}

static void
check_id(char *id)
{
	check_text(id + (strlen(id) > GPU_TEXT_MAX ? strlen(id) - GPU_TEXT_MAX : 0));
	free(id);
}

static void
check_report(const struct gpu_report *report, const uint8_t *data, size_t size)
{
	const char *const texts[] = {report->driver_version, report->vbios_version, report->chip_sku,
				     report->project,        report->project_sku,   report->chip};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check_text(texts[i]);
	check_view(report->fwid, data, size);
	check_view(report->switch_pdis, data, size);
	check_view(report->spdm.opaque, data, size);
	check_view(report->spdm.signature, data, size);
	if (report->spdm.blocks > SPDM_BLOCKS_MAX || report->unknown_count > 16)
		abort();
	for (unsigned i = 0; i < report->spdm.blocks; i++) {
		if (report->spdm.block[i].value.size != 48)
			abort();
		check_view(report->spdm.block[i].value, data, size);
	}
	check_id(gpu_report_driver_rim_id(report, GPU_ARCH_HOPPER));
	check_id(gpu_report_vbios_rim_id(report));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes content, signature;
	struct gpu_report report = {0};
	struct err err = ERR_INIT;

	if (spdm_measurements_split(bytes_of(data, size), &content, &signature, &err) == 0) {
		check_view(content, data, size);
		check_view(signature, data, size);
	}
	if (gpu_report_parse(bytes_of(data, size), &report, &err) == 0)
		check_report(&report, data, size);
	return 0;
}
