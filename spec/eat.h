/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_EAT_H
#define SPEC_EAT_H

#include <stdbool.h>

#include "lib/buf.h"

/*
 * Claims about one GPU as NVIDIA's attestation SDK names and types them (claims version 3.0), an entity attestation
 * token's payload (RFC 9711) without what its signer adds: iss, iat, nbf, exp, jti. Texts that are NULL are written as
 * null.
 */

struct eat_chain {
	char expiration[32];     /* "2026-06-01T02:08:29Z"; "" is written as null */
	const char *status;      /* "valid", "invalid", "revoked", "expired" */
	const char *ocsp_status; /* "good", "revoked", "unknown", "undefined" */
	const char *reason;      /* RFC 5280 CRLReason: "keyCompromise" */
	bool nonce_matches, response_valid;
};

struct eat_rim {
	bool fetched, signature_verified, version_match, measurements_available;
	struct eat_chain chain;
};

struct eat_mismatch {
	unsigned index;       /* as in the manifest: 0-based */
	const char *source;   /* "Driver", "Firmware" */
	struct bytes golden;
	struct bytes runtime; /* {NULL, 0}: the report has no such block; written as size 0, "NA" */
};

struct eat_gpu {
	const char *measres; /* "success", "fail", "not-run" */
	bool secure;         /* secboot true and dbgstat "disabled"; else both null */
	const char *nonce;   /* lower-case hex */
	const char *hardware_model, *ueid, *oemid;
	const char *driver_version, *vbios_version;
	bool arch_check;
	bool fwid_match, report_parsed, nonce_match, signature_verified;
	struct eat_chain chain;
	struct eat_rim driver, vbios;
	bool vbios_no_conflict;
	const char *warning;
	const struct eat_mismatch *mismatch;
	unsigned mismatches;
	struct bytes switch_pdis; /* n * 8 bytes as in the report; {NULL, 0}: no such claim */
	/* ours; written only where there is something to say */
	bool fwid_absent;
	const char *const *loosening; /* policy keys that were needed, NULL-terminated; NULL = none */
	const unsigned *unknown_ids;
	unsigned unknown_count;
};

/* One JSON object in new memory. */
char *eat_gpu_encode(const struct eat_gpu *gpu);

#endif
