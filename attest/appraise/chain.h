/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_CHAIN_H
#define ATTEST_APPRAISE_CHAIN_H

#include <stdint.h>

#include "lib/x509.h"
#include "spec/gpu_report.h"

/*
 * What NVIDIA's device certificates say beyond X.509. Subject first: 0 attestation key, made on the device; 1 device
 * identity, whose common name begins with the chip; 2 and 3 NVIDIA's intermediates; 4 root.
 */

#define CHAIN_DEVICE_CERTS 5
/*
 * The first certificate of a chain that a responder is asked about. The device makes its certificate 0 at each start,
 * so the issuer of that one, the device itself, keeps no list and no responder knows it.
 */
#define CHAIN_DEVICE_FIRST 1
#define CHAIN_SIGNER_FIRST 0 /* of a manifest's signer */
#define CHAIN_FWID_SIZE 48 /* SHA-384 */

struct chain_fwid {
	enum gpu_fwid_form form;
	uint8_t value[CHAIN_FWID_SIZE];
};

/*
 * Reads and judges the chain of a GPU. chain is filled wherever it could be read, also if it is not trusted; verdict is
 * X509_TRUSTED only with 0. -1 with CODE_DEVICE_CHAIN or CODE_DEVICE_CHAIN_EXPIRED.
 */
int chain_verify(struct bytes pem, const X509 *anchor, int64_t at, struct x509_memo *memo, struct x509_chain *chain,
		 enum x509_verdict *verdict, struct err *err);

/* Whether the path up to the anchor is right, whatever the time: what its certificates sign may be looked at. */
bool chain_holds(enum x509_verdict verdict);

/*
 * The device's common name, the form of its firmware id and the chip in its report must speak of one known
 * architecture. GPU_FWID_NONE and "" say nothing. -1 with the code of what is odd: CODE_ARCHITECTURE for a name of no
 * known GPU, CODE_REPORT_FORMAT for another chip in the report, CODE_FIRMWARE_ID for the other architecture's form.
 */
int chain_arch_match(const char *model, enum gpu_fwid_form form, const char *chip, struct err *err);

/*
 * The firmware id in the attestation key's certificate, by a full reading of the extension; the form follows from which
 * of the two extensions is there, and exactly one must be. -1 with CODE_FIRMWARE_ID.
 */
int chain_fwid_parse(const X509 *leaf, struct chain_fwid *out, struct err *err);
/* Against the report's. -1 with CODE_FIRMWARE_ID. */
int chain_fwid_match(const struct chain_fwid *fwid, struct bytes reported, struct err *err);

#endif
