/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives of collateral: what is read is printed and read again, and judged against roots that vouch for nothing in
 * it. The bytes are taken as an archive, and as the content of one item of each kind.
 */
#include <stdlib.h>
#include <string.h>

#include "attest/collateral/archive.h"
#include "attest/policy/roots.h"
#include "lib/code.h"
#include "lib/crypto.h"

#define AT 1780272000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_names(const struct archive *archive)
{
	for (unsigned i = 0; i < archive->items; i++) {
		const char *name = archive->item[i].name;

		if (name[0] == '.' || name[0] == '\0' || strchr(name, '/') != NULL || strlen(name) > 200 ||
		    archive_find(archive, name) != &archive->item[i])
			abort();
	}
}

static void
check_printed(const struct archive *archive)
{
	char *text = archive_print(archive), *again;
	struct archive back;

	if (archive_parse(bytes_of_text(text), &back, &(struct err)ERR_INIT) == 0) {
		again = archive_print(&back);
		if (strcmp(text, again) != 0)
			abort();
		free(again);
		archive_free(&back);
	} else if (strlen(text) <= ARCHIVE_MAX) {
		abort();
	}
	free(text);
}

static void
judge(struct bytes text)
{
	const struct archive_trust trust = {roots_device(), roots_rim(), AT, {.max_age = 86400}};
	struct archive archive;
	struct steps steps = {0};
	struct err err = ERR_INIT;

	if (archive_parse(text, &archive, &err) != 0) {
		if (err.code != CODE_ARCHIVE)
			abort();
		return;
	}
	check_names(&archive);
	check_printed(&archive);
	archive_judge(&archive, &trust, &steps);
	if (steps.count != archive.items + 1)
		abort();
	steps_free(&steps);
	archive_free(&archive);
}

static void
judge_items(struct bytes content)
{
	struct archive archive = {.created = AT};
	char *text;

	archive_add(&archive, COLLATERAL_DRIVER_RIM, "NV_GPU_DRIVER_GH100_1", content, AT);
	archive_add(&archive, COLLATERAL_VBIOS_RIM, "NV_GPU_VBIOS_1_2_3_96009F0001", content, AT);
	archive_add(&archive, COLLATERAL_CHAIN, NULL, content, AT);
	archive_add(&archive, COLLATERAL_OCSP, "0123456789012345678901234567890123456789-01", content, AT);
	text = archive_print(&archive);
	judge(bytes_of_text(text));
	archive_free(&archive);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	crypto_init();
	judge(bytes_of(data, size));
	if (size > 0)
		judge_items(bytes_of(data, size));
	return 0;
}
