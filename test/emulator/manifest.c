/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emulator/manifest.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <openssl/ecdsa.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define NS_SWID "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
#define NS_SHA384 "http://www.w3.org/2001/04/xmlenc#sha384"
#define NS_RIM "https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/"
#define NS_DSIG "http://www.w3.org/2000/09/xmldsig#"
#define C14N11 "http://www.w3.org/2006/12/xml-c14n11"
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"

static void
put_head(struct buf *out, const struct manifest *manifest)
{
	uint8_t tag[48];
	char *id;

	pki_check(RAND_bytes(tag, sizeof(tag)) == 1, "random bytes");
	id = hex_text(bytes_of(tag, sizeof(tag)));
	buf_printf(out, "<SoftwareIdentity xmlns=\"" NS_SWID "\" xmlns:ns0=\"" NS_SWID "\" xmlns:ns2=\"" NS_SHA384 "\""
		   " corpus=\"false\" name=\"%s\" patch=\"false\" supplemental=\"false\" tagId=\"%s\" version=\"1.0\""
		   " tagVersion=\"0\">\n", manifest->product, id);
	buf_add_text(out, "    <ns0:Entity name=\"NVIDIA Corporation\" role=\"softwareCreator tagCreator\"/>\n");
	buf_printf(out, "    <ns0:Meta xmlns:ns1=\"" NS_RIM "\" colloquialVersion=\"%s\" edition=\"GPU\" product=\"%s\""
		   " revision=\"r1\" PayloadType=\"direct\" ns1:BindingSpec=\"RIMIM\" ns1:BindingSpecVersion=\"1.01\""
		   " ns1:PlatformManufacturerId=\"5703\" ns1:PlatformManufacturerStr=\"NVIDIA Corporation\""
		   " ns1:PlatformModel=\"%s\" ns1:FirmwareManufacturer=\"NVIDIA Corporation\""
		   " ns1:FirmwareManufacturerId=\"5703\"/>\n", manifest->version, manifest->product, manifest->product);
	free(id);
}

static void
put_rows(struct buf *out, const struct manifest *manifest)
{
	char hash[97];

	buf_add_text(out, "    <ns0:Payload xmlns:SHA384=\"" NS_SHA384 "\">\n");
	for (unsigned i = 0; i < MANIFEST_ROWS; i++) {
		const struct manifest_row *row = &manifest->row[i];

		buf_printf(out,
			   "        <ns0:Resource type=\"Measurement\" index=\"%u\" active=\"%s\" alternatives=\"%u\"",
			   i, row->active ? "True" : "False", row->alternatives);
		for (unsigned j = 0; j < row->alternatives; j++) {
			hex_encode(hash, row->hash[j], 48);
			buf_printf(out, " ns2:Hash%u=\"%s\"", j, hash);
		}
		buf_printf(out, " name=\"Measurement_%u\" size=\"48\"/>\n", i);
	}
	buf_add_text(out, "    </ns0:Payload>\n");
}

/* XML-DSig's form of an ECDSA signature (xmldsig-core1 6.4.3): r then s, big-endian, 48 bytes each. */
static void
put_signature_value(struct buf *out, EVP_PKEY *key, const xmlChar *text, int size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[256], raw[96];
	const uint8_t *at = der;
	size_t length = sizeof(der);
	ECDSA_SIG *signature;

	pki_check(EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
		  EVP_DigestSign(context, der, &length, text, (size_t)size) == 1, "manifest signature");
	signature = d2i_ECDSA_SIG(NULL, &at, (long)length);
	pki_check(signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 48) == 48 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 48, 48) == 48, "manifest signature");
	base64_encode(out, bytes_of(raw, sizeof(raw)));
	ECDSA_SIG_free(signature);
	EVP_MD_CTX_free(context);
}

static void
put_digest(struct buf *out, const struct buf *unsigned_text)
{
	xmlDoc *doc = xmlReadMemory((const char *)unsigned_text->data, (int)unsigned_text->size, NULL, NULL,
				    XML_PARSE_NONET);
	xmlChar *text = NULL;
	uint8_t digest[48];
	int size;

	pki_check(doc != NULL, "manifest text");
	size = xmlC14NDocDumpMemory(doc, NULL, XML_C14N_1_1, NULL, 0, &text);
	pki_check(size > 0 && EVP_Digest(text, (size_t)size, digest, NULL, EVP_sha384(), NULL) == 1, "manifest digest");
	base64_encode(out, bytes_of(digest, sizeof(digest)));
	xmlFree(text);
	xmlFreeDoc(doc);
}

static void
put_signed_info(struct buf *out, const struct buf *unsigned_text)
{
	buf_add_text(out, "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"" C14N11
			  "\"/><ds:SignatureMethod Algorithm=\"" MORE
			  "ecdsa-sha384\"/><ds:Reference URI=\"\"><ds:Transforms><ds:Transform Algorithm=\"" NS_DSIG
			  "enveloped-signature\"/><ds:Transform Algorithm=\"" C14N11
			  "\"/></ds:Transforms><ds:DigestMethod Algorithm=\"" MORE "sha384\"/><ds:DigestValue>");
	put_digest(out, unsigned_text);
	buf_add_text(out, "</ds:DigestValue></ds:Reference></ds:SignedInfo>");
}

static void
put_certificates(struct buf *out, const struct pki_entity *const chain[4])
{
	buf_add_text(out, "<ds:KeyInfo><ds:X509Data>");
	for (unsigned i = 0; i < 4; i++) {
		struct buf pem = {0};
		const char *start, *end;

		pki_put_pem(&pem, chain[i]->cert);
		start = strchr((const char *)pem.data, '\n') + 1;
		end = strstr(start, "-----END");
		buf_add_text(out, "<ds:X509Certificate>");
		buf_add(out, start, (size_t)(end - start));
		buf_add_text(out, "</ds:X509Certificate>");
		buf_free(&pem);
	}
	buf_add_text(out, "</ds:X509Data></ds:KeyInfo>");
}

static int
inside_signed_info(void *context, xmlNode *node, xmlNode *parent)
{
	const xmlNode *at = node->type == XML_NAMESPACE_DECL || node->type == XML_ATTRIBUTE_NODE ? parent : node;

	(void)context;
	for (; at != NULL; at = at->parent) {
		if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, "SignedInfo") == 0)
			return 1;
	}
	return 0;
}

/* Canonical form of SignedInfo where it stands: namespaces of the elements around it belong to it. */
static void
sign(struct buf *out, const char *whole, EVP_PKEY *key)
{
	xmlDoc *doc = xmlReadMemory(whole, (int)strlen(whole), NULL, NULL, XML_PARSE_NONET);
	xmlOutputBuffer *sink = xmlAllocOutputBuffer(NULL);

	pki_check(doc != NULL && sink != NULL, "signed text");
	pki_check(xmlC14NExecute(doc, inside_signed_info, NULL, XML_C14N_1_1, NULL, 0, sink) >= 0, "canonical form");
	xmlOutputBufferFlush(sink);
	put_signature_value(out, key, xmlOutputBufferGetContent(sink), (int)xmlOutputBufferGetSize(sink));
	xmlOutputBufferClose(sink);
	xmlFreeDoc(doc);
}

void
manifest_write(const struct manifest *manifest, const struct pki_entity *const chain[4], struct buf *out)
{
	struct buf body = {0}, info = {0}, bare = {0}, value = {0};
	char *whole;

	put_head(&body, manifest);
	put_rows(&body, manifest);
	buf_add(&bare, body.data, body.size);
	buf_add_text(&bare, "</SoftwareIdentity>");
	put_signed_info(&info, &bare);
	whole = xprintf("%s<ds:Signature xmlns:ds=\"" NS_DSIG "\">%s</ds:Signature></SoftwareIdentity>", body.data,
			info.data);
	sign(&value, whole, chain[0]->key);
	buf_printf(out, "%s<ds:Signature xmlns:ds=\"" NS_DSIG "\">%s<ds:SignatureValue>%s</ds:SignatureValue>",
		   body.data, info.data, value.data);
	put_certificates(out, chain);
	buf_add_text(out, "</ds:Signature></SoftwareIdentity>\n");
	free(whole);
	buf_free(&value);
	buf_free(&bare);
	buf_free(&info);
	buf_free(&body);
}

void
manifest_damage(struct buf *xml)
{
	char *value = strstr((char *)xml->data, "<ds:SignatureValue>");

	pki_check(value != NULL, "no signature value");
	value += strlen("<ds:SignatureValue>") + 40;
	*value = *value == 'A' ? 'B' : 'A';
}
