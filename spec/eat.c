/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/eat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

#define PDI_SIZE 8

/* NVIDIA's names are long and regular: PREFIX-rest. */
static void
put_flag(struct json_out *out, const char *prefix, const char *rest, bool value)
{
	char name[96];

	snprintf(name, sizeof(name), "%s-%s", prefix, rest);
	json_out_member_bool(out, name, value);
}

static void
put_chain(struct json_out *out, const char *prefix, const struct eat_chain *chain)
{
	char name[96];

	snprintf(name, sizeof(name), "%s-cert-chain", prefix);
	json_out_name(out, name);
	json_out_object(out);
	json_out_member_text(out, "x-nvidia-cert-expiration-date", chain->expiration[0] ? chain->expiration : NULL);
	json_out_member_text(out, "x-nvidia-cert-status", chain->status);
	json_out_member_text(out, "x-nvidia-cert-ocsp-status", chain->ocsp_status);
	json_out_member_text(out, "x-nvidia-cert-revocation-reason", chain->reason);
	json_out_member_bool(out, "x-nvidia-cert-ocsp-nonce-matches", chain->nonce_matches);
	json_out_member_bool(out, "x-nvidia-cert-ocsp-response-valid", chain->response_valid);
	json_out_end(out);
}

static void
put_rim(struct json_out *out, const char *prefix, const struct eat_rim *rim)
{
	put_flag(out, prefix, "fetched", rim->fetched);
	put_chain(out, prefix, &rim->chain);
	put_flag(out, prefix, "signature-verified", rim->signature_verified);
	put_flag(out, prefix, "version-match", rim->version_match);
	put_flag(out, prefix, "measurements-available", rim->measurements_available);
}

static void
put_report(struct json_out *out, const struct eat_gpu *gpu)
{
	static const char prefix[] = "x-nvidia-gpu-attestation-report";

	put_chain(out, prefix, &gpu->chain);
	put_flag(out, prefix, "cert-chain-fwid-match", gpu->fwid_match);
	put_flag(out, prefix, "parsed", gpu->report_parsed);
	put_flag(out, prefix, "nonce-match", gpu->nonce_match);
	put_flag(out, prefix, "signature-verified", gpu->signature_verified);
}

static void
put_mismatch(struct json_out *out, const struct eat_mismatch *mismatch)
{
	json_out_object(out);
	json_out_member_integer(out, "index", mismatch->index);
	json_out_member_integer(out, "goldenSize", (int64_t)mismatch->golden.size);
	json_out_member_hex(out, "goldenValue", mismatch->golden);
	json_out_member_integer(out, "runtimeSize", (int64_t)mismatch->runtime.size);
	if (mismatch->runtime.data == NULL)
		json_out_member_text(out, "runtimeValue", "NA");
	else
		json_out_member_hex(out, "runtimeValue", mismatch->runtime);
	json_out_member_text(out, "measurementSource", mismatch->source);
	json_out_end(out);
}

static void
put_mismatches(struct json_out *out, const struct eat_gpu *gpu)
{
	json_out_name(out, "x-nvidia-mismatch-measurement-records");
	if (gpu->mismatches == 0) {
		json_out_null(out);
		return;
	}
	json_out_array(out);
	for (unsigned i = 0; i < gpu->mismatches; i++)
		put_mismatch(out, &gpu->mismatch[i]);
	json_out_end(out);
}

static int
compare_pdis(const void *a, const void *b)
{
	return memcmp(a, b, PDI_SIZE);
}

/* The report lists one per link, byte-reversed: the claim lists each switch once, in order. */
static void
put_switch_pdis(struct json_out *out, struct bytes pdis)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t count = pdis.size / PDI_SIZE;
	uint8_t *list = xcalloc(count + 1, PDI_SIZE);

	for (size_t i = 0; i < count * PDI_SIZE; i++)
		list[i / PDI_SIZE * PDI_SIZE + (PDI_SIZE - 1 - i % PDI_SIZE)] = pdis.data[i];
	qsort(list, count, PDI_SIZE, compare_pdis);
	json_out_name(out, "x-nvidia-gpu-switch-pdis");
	json_out_array(out);
	for (size_t i = 0; i < count; i++) {
		char text[2 * PDI_SIZE + 1] = "";

		if (i > 0 && memcmp(list + i * PDI_SIZE, list + (i - 1) * PDI_SIZE, PDI_SIZE) == 0)
			continue;
		for (size_t k = 0; k < PDI_SIZE; k++) {
			text[2 * k] = digits[list[i * PDI_SIZE + k] >> 4];
			text[2 * k + 1] = digits[list[i * PDI_SIZE + k] & 15];
		}
		json_out_text(out, text);
	}
	json_out_end(out);
	free(list);
}

static void
put_own(struct json_out *out, const struct eat_gpu *gpu)
{
	if (gpu->fwid_absent)
		json_out_member_bool(out, "x-cgpu-fwid-absent", true);
	if (gpu->loosening != NULL && gpu->loosening[0] != NULL) {
		json_out_name(out, "x-cgpu-loosening");
		json_out_array(out);
		for (unsigned i = 0; gpu->loosening[i] != NULL; i++)
			json_out_text(out, gpu->loosening[i]);
		json_out_end(out);
	}
	if (gpu->unknown_count != 0) {
		json_out_name(out, "x-cgpu-unknown-opaque-ids");
		json_out_array(out);
		for (unsigned i = 0; i < gpu->unknown_count; i++)
			json_out_integer(out, gpu->unknown_ids[i]);
		json_out_end(out);
	}
}

char *
eat_gpu_encode(const struct eat_gpu *gpu)
{
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	json_out_member_text(out, "x-nvidia-device-type", "gpu");
	json_out_member_text(out, "x-nvidia-gpu-claims-version", "3.0");
	json_out_member_text(out, "measres", gpu->measres);
	json_out_name(out, "secboot");
	if (gpu->secure)
		json_out_bool(out, true);
	else
		json_out_null(out);
	json_out_member_text(out, "dbgstat", gpu->secure ? "disabled" : NULL);
	json_out_member_text(out, "eat_nonce", gpu->nonce);
	json_out_member_text(out, "hwmodel", gpu->hardware_model);
	json_out_member_text(out, "ueid", gpu->ueid);
	json_out_member_text(out, "oemid", gpu->oemid);
	json_out_member_bool(out, "x-nvidia-gpu-arch-check", gpu->arch_check);
	json_out_member_text(out, "x-nvidia-gpu-driver-version", gpu->driver_version);
	json_out_member_text(out, "x-nvidia-gpu-vbios-version", gpu->vbios_version);
	put_report(out, gpu);
	put_rim(out, "x-nvidia-gpu-driver-rim", &gpu->driver);
	put_rim(out, "x-nvidia-gpu-vbios-rim", &gpu->vbios);
	json_out_member_bool(out, "x-nvidia-gpu-vbios-index-no-conflict", gpu->vbios_no_conflict);
	json_out_member_text(out, "x-nvidia-attestation-warning", gpu->warning);
	put_mismatches(out, gpu);
	if (gpu->switch_pdis.data != NULL)
		put_switch_pdis(out, gpu->switch_pdis);
	put_own(out, gpu);
	json_out_end(out);
	return json_out_finish(out);
}
