/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/code.h"
#include "test/corpus/corpus.h"

/* The words of PROFILE.md for our codes. */
static const struct {
	int code;
	const char *kind;
} kinds[] = {
	{CODE_STATE, "state"},
	{CODE_CONFIG, "config"},
	{CODE_ROOTFS, "config"},
	{CODE_VM_RUNTIME, "config"},
	{CODE_RAW_DEVICE, "config"},
	{CODE_ATTACH_TARGET, "config"},
	{CODE_DEVICE_CHAIN, "chain"},
	{CODE_DEVICE_CHAIN_EXPIRED, "chain"},
	{CODE_ARCHITECTURE, "chain"},
	{CODE_FIRMWARE_ID, "fwid"},
	{CODE_REPORT_SIGNATURE, "signature"},
	{CODE_REPORT_FORMAT, "report"},
	{CODE_OPAQUE_VERSION, "report"},
	{CODE_NONCE, "nonce"},
	{CODE_RIM_FORMAT, "rim-profile"},
	{CODE_RIM_PROFILE, "rim-profile"},
	{CODE_RIM_SIGNATURE, "rim-signature"},
	{CODE_RIM_CHAIN, "rim-chain"},
	{CODE_RIM_EXPIRED, "rim-chain"},
	{CODE_RIM_CONTENT, "rim-content"},
	{CODE_RIM_VERSION, "rim-content"},
	{CODE_RIM_PRODUCT, "rim-content"},
	{CODE_RIM_CONFLICT, "appraisal"},
	{CODE_MEASUREMENT, "appraisal"},
	{CODE_OCSP_FORMAT, "ocsp"},
	{CODE_OCSP_STATUS, "ocsp"},
	{CODE_OCSP_RESPONDER, "ocsp"},
	{CODE_OCSP_NONCE, "ocsp"},
	{CODE_OCSP_STALE, "ocsp"},
	{CODE_OCSP_REVOKED, "ocsp"},
	{CODE_OCSP_HOLD, "ocsp"},
	{CODE_OCSP_UNKNOWN, "ocsp"},
	{CODE_OCSP_OTHER, "ocsp"},
	{CODE_TOKEN_FORMAT, "token"},
	{CODE_TOKEN_SET, "envelope"},
	{CODE_TOKEN_SIGNATURE, "token"},
	{CODE_TOKEN_TIME, "token"},
	{CODE_TOKEN_CLAIM, "token"},
	{CODE_REMOTE_REFUSED, "token"},
	{CODE_REMOTE_MISMATCH, "token"},
	{CODE_KEY_SET, "keyset"},
};

const char *
corpus_kind(int code)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].code == code)
			return kinds[i].kind;
	}
	return "-";
}
