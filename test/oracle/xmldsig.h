/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ORACLE_XMLDSIG_H
#define TEST_ORACLE_XMLDSIG_H

#include <openssl/evp.h>

#include "test/oracle/xml.h"

/*
 * One profile of XML Signature (W3C, 2008), nothing else: one enveloped signature, last child of the root, over the
 * whole document; Canonical XML 1.1, ECDSA P-384 with SHA-384, SHA-384 digest; certificates in one X509Data, leaf
 * first. The signer's key always comes from the caller; nothing in the document is taken for a key.
 */

#define ORACLE_CERTIFICATES_MAX 6
#define ORACLE_SPACE "http://www.w3.org/2000/09/xmldsig#"

struct oracle_dsig {
	struct oracle_xml *xml; /* borrowed */
	oracle_node *signature; /* NULL once verified */
	unsigned certificates;
	struct buf certificate[ORACLE_CERTIFICATES_MAX]; /* DER, not looked at */
};

/* What the libraries do once, before a sandbox is entered; oracle_dsig_verify does it where it was not done. */
int oracle_dsig_init(struct err *err);
/* The shape of the tree. -1 with code 0. */
int oracle_dsig_find(struct oracle_xml *xml, struct oracle_dsig *out, struct err *err);
/* The certificates as bytes: strict base64 in lines. -1 with code 0. */
int oracle_dsig_certificates(struct oracle_dsig *dsig, struct err *err);
/*
 * 0 only if key is P-384 and made the signature, and the digest is right. The signature is then gone from the document:
 * what is left is what was signed. -1 with code 0. KeyInfo is gone either way: once per document.
 */
int oracle_dsig_verify(struct oracle_dsig *dsig, EVP_PKEY *key, struct err *err);
void oracle_dsig_free(struct oracle_dsig *dsig); /* not the document */

#endif
