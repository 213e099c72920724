/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_RIM_SIGNATURE_H
#define SPEC_RIM_SIGNATURE_H

#include "lib/buf.h"
#include "lib/err.h"

/*
 * How a reference manifest is signed: one profile of XML Signature (W3C, 2008), nothing else. One enveloped signature,
 * last child of the root, over the whole document; Canonical XML 1.1, ECDSA P-384 with SHA-384, SHA-384 digest;
 * certificates in one X509Data, signer first. This is the reading alone: nothing is verified, no key is looked at.
 */

#define RIM_CERTIFICATES_MAX 6

enum rim_shape { RIM_SIGNED, RIM_NO_XML, RIM_OTHER_PROFILE };

/* What is not base64 (RFC 4648, white space aside) or empty has size 0. */
struct rim_signature {
	struct buf document;    /* canonical, without the signature: SHA-384 of it is digest */
	struct buf signed_info; /* canonical: signature is over it */
	struct buf digest;
	struct buf signature; /* r then s, 48 bytes each, where it is one of the profile */
	unsigned certificates; /* all that stand there: more than RIM_CERTIFICATES_MAX are counted, not kept */
	struct buf certificate[RIM_CERTIFICATES_MAX]; /* DER, not looked at */
};

/* All of text is read, whatever its shape: what is no XML is told first. code 0 in err. Free out in any case. */
enum rim_shape rim_signature_read(struct bytes text, struct rim_signature *out, struct err *err);
void rim_signature_free(struct rim_signature *signature);

#endif
