/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the kinds of collateral: what every row must have, what names say, and when a need may be repeated. */
#include <string.h>

#include "attest/collateral/need.h"
#include "lib/code.h"
#include "test/unit/unit.h"

#define QUESTION "0123456789abcdef0123456789abcdef01234567-0a"
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
test_rows_are_whole(void)
{
	CHECK(kind_row(0) == NULL && kind_row(COLLATERAL_KINDS) == NULL && kind_row(UINT32_MAX) == NULL);
	for (enum collateral_kind i = 1; i < COLLATERAL_KINDS; i++) {
		const struct kind_row *kind = kind_row(i);

		CHECK(kind != NULL && kind->name[0] != '\0' && kind->max > 0);
		/* A stored file has a name and a step. */
		CHECK((kind->ending != NULL) == (kind->fits != NULL) && (kind->ending != NULL) == (kind->step != NULL));
		/*
		 * What a run asks for comes from a service, by the name or by a path, and has a code for when nobody
		 * has it.
		 */
		CHECK(kind_is_asked(i) == (kind->service != SERVICE_NONE));
		CHECK(kind_is_asked(i) == (kind->missing != CODE_OK && kind->accept != NULL && kind->answer_max > 0));
		CHECK(!kind_is_asked(i) || kind->path != NULL || kind->fits != NULL);
		/* A question goes out in a body. What is dropped from the cache is asked for again. */
		CHECK(!kind->asks || kind->content_type != NULL);
		CHECK((kind->cache != CACHE_NONE) == ((kind->again & 1u << ORIGIN_CACHE) != 0));
		for (enum collateral_kind k = 1; k < i; k++)
			CHECK(strcmp(kind->name, kind_row(k)->name) != 0);
	}
	CHECK(!kind_is_asked(0) && !kind_is_asked(COLLATERAL_CHAIN) && !kind_is_asked(COLLATERAL_KINDS));
}

static void
test_kind_of_a_name(void)
{
	static const struct {
		enum collateral_service service;
		const char *name;
		enum collateral_kind kind;
	} rows[] = {
		{SERVICE_RIM, "NV_GPU_DRIVER_GH100_535.104.05", COLLATERAL_DRIVER_RIM},
		{SERVICE_RIM, "NV_GPU_CC_DRIVER_GB100_570.86", COLLATERAL_DRIVER_RIM},
		{SERVICE_RIM, "NV_GPU_VBIOS_1010_0200_882_96009F0001", COLLATERAL_VBIOS_RIM},
		{SERVICE_RIM, "NV_GPU_VBIOS_1010_0200_882_96009f0001", COLLATERAL_KINDS},
		{SERVICE_RIM, "NV_GPU_VBIOS_1010_0200_882_96009F000", COLLATERAL_KINDS},
		{SERVICE_RIM, "NV_GPU_DRIVER_GH100_", COLLATERAL_KINDS},
		{SERVICE_RIM, "NV_GPU_DRIVER_GH100_../x", COLLATERAL_KINDS},
		{SERVICE_RIM, "NV_SWITCH_BIOS_1", COLLATERAL_KINDS},
		{SERVICE_RIM, QUESTION, COLLATERAL_KINDS},
		{SERVICE_RIM, "", COLLATERAL_KINDS},
		{SERVICE_OCSP, QUESTION, COLLATERAL_OCSP},
		{SERVICE_OCSP, QUESTION KIND_SHA384, COLLATERAL_OCSP},
		{SERVICE_OCSP, QUESTION "-sha256", COLLATERAL_KINDS},
		{SERVICE_OCSP, QUESTION "0", COLLATERAL_KINDS},
		{SERVICE_OCSP, "0123456789abcdef0123456789abcdef01234567-0A", COLLATERAL_KINDS},
		{SERVICE_OCSP, "NV_GPU_DRIVER_GH100_535.104.05", COLLATERAL_KINDS},
		{SERVICE_NONE, DIGEST, COLLATERAL_CHAIN},
		{SERVICE_NONE, DIGEST "0", COLLATERAL_KINDS},
		{SERVICE_NRAS, "", COLLATERAL_KINDS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (kind_of_name(rows[i].service, rows[i].name) != rows[i].kind)
			printf("# row %zu: %s\n", i, rows[i].name);
		CHECK(kind_of_name(rows[i].service, rows[i].name) == rows[i].kind);
	}
	CHECK(kind_first(COLLATERAL_VBIOS_RIM) == COLLATERAL_DRIVER_RIM);
	CHECK(kind_first(COLLATERAL_DRIVER_RIM) == COLLATERAL_DRIVER_RIM);
	CHECK(kind_first(COLLATERAL_OCSP) == COLLATERAL_OCSP && kind_first(COLLATERAL_CHAIN) == COLLATERAL_CHAIN);
}

static void
test_rim_id(void)
{
	struct rim_id id;

	CHECK(kind_read_rim_id("NV_GPU_CC_DRIVER_GB202_575.57.08", &id) && id.kind == COLLATERAL_DRIVER_RIM);
	CHECK_TEXT(id.product, "GB202");
	CHECK_TEXT(id.version, "575.57.08");
	CHECK(kind_read_rim_id("NV_GPU_VBIOS_1010_0200_882_96009F0001", &id) && id.kind == COLLATERAL_VBIOS_RIM);
	CHECK_TEXT(id.product, "");
	CHECK_TEXT(id.version, "96.00.9F.00.01");
}

/* One that does not hold is asked for once more where the row says so, and only once. */
static void
test_what_is_repeated(void)
{
	static const unsigned stored = 1u << ORIGIN_DIRECTORY | 1u << ORIGIN_CACHE;
	static const unsigned want[COLLATERAL_KINDS] = {
		[COLLATERAL_DRIVER_RIM] = stored, [COLLATERAL_VBIOS_RIM] = stored,
		[COLLATERAL_OCSP] = stored,	  [COLLATERAL_KEY_SET] = stored | 1u << ORIGIN_NETWORK,
	};

	for (enum collateral_kind kind = 1; kind < COLLATERAL_KINDS; kind++) {
		for (enum collateral_origin origin = ORIGIN_NONE; origin <= ORIGIN_NETWORK; origin++) {
			struct collateral need = {.kind = kind, .origin = origin};

			CHECK(need_may_repeat(&need) == ((want[kind] & 1u << origin) != 0));
			need.again = true;
			CHECK(!need_may_repeat(&need));
			need.again = false;
			need.err.code = CODE_NETWORK;
			CHECK(!need_may_repeat(&need));
		}
	}
}

int
main(void)
{
	RUN(test_rows_are_whole);
	RUN(test_kind_of_a_name);
	RUN(test_rim_id);
	RUN(test_what_is_repeated);
	return unit_end();
}
