/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_XMLDSIG_H
#define LIB_XMLDSIG_H

#include <openssl/evp.h>

#include "lib/xml.h"

/*
 * One profile of XML Signature (W3C, 2008), nothing else: one enveloped signature, last child of the root, over the whole
 * document; Canonical XML 1.1, ECDSA P-384 with SHA-384, SHA-384 digest; certificates in one X509Data, leaf first.
 * The signer's key always comes from the caller; nothing in the document is taken for a key.
 */

#define XMLDSIG_CERTIFICATES_MAX 6
#define XMLDSIG_SPACE "http://www.w3.org/2000/09/xmldsig#"

struct xmldsig {
	struct xml *xml;     /* borrowed */
	xml_node *signature; /* NULL once verified */
	unsigned certificates;
	struct buf certificate[XMLDSIG_CERTIFICATES_MAX]; /* DER, not looked at */
};

/* What the libraries do once, before a sandbox is entered; xmldsig_verify does it where it was not done. */
int xmldsig_init(struct err *err);
/* The shape of the tree. -1 with code 0. */
int xmldsig_find(struct xml *xml, struct xmldsig *out, struct err *err);
/* The certificates as bytes: strict base64 in lines. -1 with code 0. */
int xmldsig_certificates(struct xmldsig *dsig, struct err *err);
/*
 * 0 only if key is P-384 and made the signature, and the digest is right. The signature is then gone from the document:
 * what is left is what was signed. -1 with code 0. KeyInfo is gone either way: once per document.
 */
int xmldsig_verify(struct xmldsig *dsig, EVP_PKEY *key, struct err *err);
void xmldsig_free(struct xmldsig *dsig); /* not the document */

#endif
