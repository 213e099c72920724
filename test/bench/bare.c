/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare NODE REPORT: verifies each distinct signature that stands behind one emulated GPU once, with OpenSSL and xmlsec
 * as they come, and prints how many there were. NODE was made by mint; REPORT is the signed report (gpu_report.h). No
 * policy, no comparison, no other process: what any verifier has to pay.
 */
#include <err.h>
#include <glob.h>
#include <libxml/parser.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <xmlsec/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmltree.h>

#define CERTS_MAX 64
#define FILE_MAX 65536
#define SIGNATURE_SIZE 96 /* r and s */

static X509 *known[CERTS_MAX]; /* no two alike */
static bool verified[CERTS_MAX];
static unsigned certs, verifications;

static size_t
read_file(const char *path, unsigned char *out)
{
	FILE *file = fopen(path, "re");
	size_t size = file ? fread(out, 1, FILE_MAX, file) : 0;

	if (size == 0 || size == FILE_MAX)
		errx(1, "%s: cannot be read", path);
	fclose(file);
	return size;
}

static unsigned
keep(X509 *cert)
{
	for (unsigned i = 0; i < certs; i++)
		if (X509_cmp(known[i], cert) == 0)
			return i;
	if (cert == NULL || certs == CERTS_MAX)
		errx(1, "certificate %u", certs);
	known[certs] = cert;
	return certs++;
}

/* Returns the first one. */
static unsigned
keep_pem(const char *path)
{
	unsigned first = CERTS_MAX;
	BIO *file = BIO_new_file(path, "r");
	X509 *cert;

	while (file != NULL && (cert = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL) {
		unsigned at = keep(cert);

		first = first == CERTS_MAX ? at : first;
	}
	BIO_free(file);
	if (first == CERTS_MAX)
		errx(1, "%s: no certificate", path);
	return first;
}

static EVP_PKEY *
key_of_issuer(const X509 *cert)
{
	for (unsigned i = 0; i < certs; i++)
		if (X509_NAME_cmp(X509_get_subject_name(known[i]), X509_get_issuer_name(cert)) == 0)
			return X509_get0_pubkey(known[i]);
	errx(1, "a certificate has no issuer");
}

/* What signed itself is an anchor. */
static void
verify_cert(unsigned at)
{
	if (verified[at] || X509_NAME_cmp(X509_get_subject_name(known[at]), X509_get_issuer_name(known[at])) == 0)
		return;
	if (X509_verify(known[at], key_of_issuer(known[at])) != 1)
		errx(1, "certificate %u: signature", at);
	verified[at] = true;
	verifications++;
}

static void
verify_report(const char *path, EVP_PKEY *key)
{
	static unsigned char report[FILE_MAX];
	size_t whole = read_file(path, report), size = whole > SIGNATURE_SIZE ? whole - SIGNATURE_SIZE : 0;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	int der_size;

	ECDSA_SIG_set0(pair, BN_bin2bn(report + size, SIGNATURE_SIZE / 2, NULL),
		       BN_bin2bn(report + size + SIGNATURE_SIZE / 2, SIGNATURE_SIZE / 2, NULL));
	der_size = i2d_ECDSA_SIG(pair, &der);
	if (EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, key) != 1 ||
	    EVP_DigestVerify(ctx, der, (size_t)der_size, report, size) != 1)
		errx(1, "%s: signature", path);
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	EVP_MD_CTX_free(ctx);
	verifications++;
}

static X509 *
read_signer(const xmlNode *node)
{
	unsigned char der[FILE_MAX];
	const unsigned char *at = der;
	xmlChar *text = xmlNodeGetContent(node);
	EVP_ENCODE_CTX *base64 = EVP_ENCODE_CTX_new();
	int size = 0;

	EVP_DecodeInit(base64);
	if (xmlStrlen(text) < FILE_MAX && EVP_DecodeUpdate(base64, der, &size, text, xmlStrlen(text)) < 0)
		size = 0;
	EVP_ENCODE_CTX_free(base64);
	xmlFree(text);
	return d2i_X509(NULL, &at, size);
}

/* The signer comes first. */
static unsigned
keep_signers(xmlNode *signature)
{
	xmlNode *data = xmlSecFindNode(signature, xmlSecNodeX509Data, xmlSecDSigNs);
	unsigned first = CERTS_MAX;

	for (xmlNode *node = data ? xmlFirstElementChild(data) : NULL; node != NULL;
	     node = xmlNextElementSibling(node)) {
		unsigned at = keep(read_signer(node));

		first = first == CERTS_MAX ? at : first;
	}
	return first;
}

static void
verify_manifest(const char *path)
{
	xmlDoc *doc = xmlReadFile(path, NULL, XML_PARSE_NONET);
	xmlNode *signature = doc ? xmlSecFindNode(xmlDocGetRootElement(doc), xmlSecNodeSignature, xmlSecDSigNs) : NULL;
	unsigned signer = signature ? keep_signers(signature) : CERTS_MAX;
	xmlSecDSigCtx *ctx = xmlSecDSigCtxCreate(NULL);

	if (signer == CERTS_MAX)
		errx(1, "%s: no signer", path);
	ctx->signKey = xmlSecKeyCreate();
	xmlSecKeySetValue(ctx->signKey, xmlSecOpenSSLEvpKeyAdopt(X509_get_pubkey(known[signer])));
	if (xmlSecDSigCtxVerify(ctx, signature) < 0 || ctx->status != xmlSecDSigStatusSucceeded)
		errx(1, "%s: signature", path);
	xmlSecDSigCtxDestroy(ctx);
	xmlFreeDoc(doc);
	verifications++;
}

static void
verify_answer(const char *path)
{
	static unsigned char der[FILE_MAX];
	const unsigned char *at = der;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)read_file(path, der));
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
	X509 *signer = NULL;

	if (basic == NULL || OCSP_basic_verify(basic, NULL, NULL, OCSP_NOVERIFY) != 1 ||
	    OCSP_resp_get0_signer(basic, &signer, NULL) != 1)
		errx(1, "%s: signature", path);
	verifications++;
	X509_up_ref(signer);
	verify_cert(keep(signer));
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
}

static void
for_each(const char *node, const char *pattern, void (*verify)(const char *path))
{
	char path[4096];
	glob_t found;

	snprintf(path, sizeof(path), "%s/%s", node, pattern);
	if (glob(path, 0, NULL, &found) != 0)
		errx(1, "%s: nothing there", path);
	for (size_t i = 0; i < found.gl_pathc; i++)
		verify(found.gl_pathv[i]);
	globfree(&found);
}

int
main(int argc, char **argv)
{
	char path[4096];

	if (argc != 3)
		errx(2, "usage: bare NODE REPORT");
	xmlSecInit();
	xmlSecOpenSSLAppInit(NULL);
	xmlSecOpenSSLInit();
	snprintf(path, sizeof(path), "%s/node/gpu0.pem", argv[1]);
	verify_report(argv[2], X509_get0_pubkey(known[keep_pem(path)]));
	for_each(argv[1], "rim/*.xml", verify_manifest);
	for (unsigned i = 0; i < certs; i++)
		verify_cert(i);
	for_each(argv[1], "ocsp/*.der", verify_answer);
	printf("%u\n", verifications);
	return 0;
}
