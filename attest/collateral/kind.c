/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/kind.h"

#include <stdio.h>
#include <string.h>

#include "lib/code.h"
#include "spec/gpu_arch.h"
#include "spec/rim_service.h"

#define NAME_MAX_ID 200 /* a file name with its ending, and with what temporary names add */
#define STORED (1u << ORIGIN_DIRECTORY | 1u << ORIGIN_CACHE)
#define JSON_TYPE "application/json"

/* -- names --------------------------------------------------------------------------------------------------------- */
static bool
is_word(const char *text, size_t size)
{
	return size > 0 && text[0] != '.' && text[0] != '-' && text[0] != '_' &&
	       strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-") >= size;
}

static bool
copy_word(char out[65], const char *text, size_t size)
{
	if (size > 64 || !is_word(text, size))
		return false;
	memcpy(out, text, size);
	out[size] = '\0';
	return true;
}

/* "96005E0001" is 96.00.5E.00.01: a VBIOS version is five bytes in upper-case hex. */
static bool
read_vbios_version(const char *text, char out[65])
{
	if (strlen(text) != 10 || strspn(text, "0123456789ABCDEF") != 10)
		return false;
	snprintf(out, 65, "%.2s.%.2s.%.2s.%.2s.%.2s", text, text + 2, text + 4, text + 6, text + 8);
	return true;
}

bool
kind_read_rim_id(const char *id, struct rim_id *out)
{
	static const char vbios[] = "NV_GPU_VBIOS_";
	const char *rest, *version, *last = strrchr(id, '_');

	*out = (struct rim_id){.kind = COLLATERAL_DRIVER_RIM};
	if (strlen(id) > NAME_MAX_ID || !is_word(id, strlen(id)))
		return false;
	if (gpu_arch_of_driver_rim(id, &rest) != GPU_ARCH_UNKNOWN) {
		version = strchr(rest, '_');
		return version != NULL && copy_word(out->product, rest, (size_t)(version - rest)) &&
		       copy_word(out->version, version + 1, strlen(version + 1));
	}
	out->kind = COLLATERAL_VBIOS_RIM;
	return strncmp(id, vbios, strlen(vbios)) == 0 && last > id + strlen(vbios) &&
	       read_vbios_version(last + 1, out->version);
}

static bool
is_driver_rim_id(const char *name)
{
	struct rim_id id;

	return kind_read_rim_id(name, &id) && id.kind == COLLATERAL_DRIVER_RIM;
}

static bool
is_vbios_rim_id(const char *name)
{
	struct rim_id id;

	return kind_read_rim_id(name, &id) && id.kind == COLLATERAL_VBIOS_RIM;
}

/* What revocation questions are called (attest/appraise/revocation.h). */
static bool
is_question_name(const char *name)
{
	static const char digits[] = "0123456789abcdef";
	size_t serial = strspn(name, digits) == 40 && name[40] == '-' ? strspn(name + 41, digits) : 0;
	const char *rest = name + 41 + serial;

	return serial >= 2 && serial <= 40 && serial % 2 == 0 && (*rest == '\0' || strcmp(rest, KIND_SHA384) == 0);
}

static bool
is_digest_name(const char *name)
{
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

/* -- the table ----------------------------------------------------------------------------------------------------- */
#define MANIFEST                                                                                                       \
	.step = "rim", .ending = "xml", .max = 1 << 20, .xml = true, .service = SERVICE_RIM, .accept = JSON_TYPE,      \
	.answer_max = RIM_SERVICE_MAX, .cache = CACHE_RIMS, .again = STORED

static const struct kind_row kinds[COLLATERAL_KINDS] = {
	[COLLATERAL_DRIVER_RIM] = {MANIFEST,
				   .name = "driver-rim",
				   .fits = is_driver_rim_id,
				   .missing = CODE_DRIVER_RIM_MISSING},
	[COLLATERAL_VBIOS_RIM] = {MANIFEST,
				  .name = "vbios-rim",
				  .fits = is_vbios_rim_id,
				  .missing = CODE_VBIOS_RIM_MISSING},
	[COLLATERAL_CHAIN] = {.name = "chain",
			      .step = "chain",
			      .fits = is_digest_name,
			      .ending = "pem",
			      .max = CHAIN_PEM_MAX},
	[COLLATERAL_OCSP] = {.name = "ocsp",
			     .step = "ocsp",
			     .fits = is_question_name,
			     .ending = "der",
			     .max = 1 << 16,
			     .asks = true,
			     .service = SERVICE_OCSP,
			     .path = "",
			     .content_type = "application/ocsp-request",
			     .accept = "application/ocsp-response",
			     .answer_max = 1 << 16,
			     .cache = CACHE_ANSWERS,
			     .missing = CODE_OCSP_MISSING,
			     .again = STORED,
			     .age_max = KIND_AGE_POLICY},
	/* Made for this run: never kept, and asked for once. */
	[COLLATERAL_TOKENS] = {.name = "tokens",
			       .max = 1 << 20,
			       .service = SERVICE_NRAS,
			       .path = "v4/attest/gpu",
			       .content_type = JSON_TYPE,
			       .accept = JSON_TYPE,
			       .answer_max = 1 << 20,
			       .missing = CODE_USAGE},
	/* NVIDIA's has 80 KiB. Keys that the service withdrew must not live on, and it may change them at any time. */
	[COLLATERAL_KEY_SET] = {.name = "key-set",
				.max = 256 << 10,
				.service = SERVICE_NRAS,
				.path = ".well-known/jwks.json",
				.accept = JSON_TYPE,
				.answer_max = 256 << 10,
				.cache = CACHE_KEY_SETS,
				.missing = CODE_USAGE,
				.again = STORED | 1u << ORIGIN_NETWORK,
				.age_max = 900,
				.pause = 10},
};

const struct kind_row *
kind_row(unsigned number)
{
	return number < COLLATERAL_KINDS && kinds[number].name != NULL ? &kinds[number] : NULL;
}

bool
kind_is_asked(unsigned number)
{
	const struct kind_row *kind = kind_row(number);

	return kind != NULL && kind->service != SERVICE_NONE;
}

enum collateral_kind
kind_of_name(enum collateral_service service, const char *name)
{
	for (enum collateral_kind i = 0; i < COLLATERAL_KINDS; i++)
		if (kinds[i].fits != NULL && kinds[i].service == service && kinds[i].fits(name))
			return i;
	return COLLATERAL_KINDS;
}

enum collateral_kind
kind_first(enum collateral_kind kind)
{
	for (enum collateral_kind i = 0; i < kind; i++)
		if (kinds[i].name != NULL && kinds[i].service == kinds[kind].service)
			return i;
	return kind;
}
