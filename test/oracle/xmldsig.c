/* SPDX-License-Identifier: Apache-2.0 */
#include "test/oracle/xmldsig.h"

#include <stdlib.h>
#include <string.h>
#include <xmlsec/xmlsec.h> /* the others do not include it */
#include <xmlsec/errors.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmldsig.h>

#include "lib/crypto.h"

#define C14N11 "http://www.w3.org/2006/12/xml-c14n11"
#define ENVELOPED "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
#define ECDSA_SHA384 "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
#define SHA384 "http://www.w3.org/2001/04/xmldsig-more#sha384"

/* -- shape: the one tree that a signature may have ------------------------------------------------------------------
 */

struct shape {
	const char *name;
	const char *attribute; /* the only one; NULL: none at all */
	const char *value;
	const struct shape *child; /* up to one without name; NULL: text */
	bool repeat; /* once or more, and the last */
};

static const struct shape transform_shapes[] = {{"Transform", "Algorithm", ENVELOPED, NULL, false},
						{"Transform", "Algorithm", C14N11, NULL, false},
						{0}};
static const struct shape reference_shapes[] = {{"Transforms", NULL, NULL, transform_shapes, false},
						{"DigestMethod", "Algorithm", SHA384, NULL, false},
						{"DigestValue", NULL, NULL, NULL, false},
						{0}};
static const struct shape info_shapes[] = {{"CanonicalizationMethod", "Algorithm", C14N11, NULL, false},
					   {"SignatureMethod", "Algorithm", ECDSA_SHA384, NULL, false},
					   {"Reference", "URI", "", reference_shapes, false},
					   {0}};
static const struct shape data_shapes[] = {{"X509Certificate", NULL, NULL, NULL, true}, {0}};
static const struct shape key_shapes[] = {{"X509Data", NULL, NULL, data_shapes, false}, {0}};
static const struct shape signature_shapes[] = {{"SignedInfo", NULL, NULL, info_shapes, false},
						{"SignatureValue", NULL, NULL, NULL, false},
						{"KeyInfo", NULL, NULL, key_shapes, false},
						{0}};
static const struct shape signature_shape = {"Signature", NULL, NULL, signature_shapes, false};

static int
check_attributes(const oracle_node *node, const struct shape *shape, struct err *err)
{
	struct oracle_attribute attribute;
	const char *value = shape->attribute ? oracle_attribute(node, NULL, shape->attribute) : NULL;

	if (shape->attribute != NULL && (value == NULL || strcmp(value, shape->value) != 0))
		return err_set(err, 0, "%s: %s is '%s', want '%s'", shape->name, shape->attribute,
			       value ? value : "(none)", shape->value);
	if (oracle_attribute_at(node, shape->attribute != NULL, &attribute))
		return err_set(err, 0, "%s: further attribute, want %s", shape->name,
			       shape->attribute ? shape->attribute : "none");
	return 0;
}

static int check_shape(const oracle_node *node, const struct shape *shape, struct err *err);

static int
check_children(const oracle_node *node, const struct shape *parent, struct err *err)
{
	const oracle_node *child = oracle_first(node);

	if (!oracle_blank(node))
		return err_set(err, 0, "%s: text between elements", parent->name);
	for (const struct shape *shape = parent->child; shape->name != NULL; shape++) {
		do {
			if (child == NULL)
				return err_set(err, 0, "%s: no %s", parent->name, shape->name);
			if (check_shape(child, shape, err) < 0)
				return -1;
			child = oracle_next(child);
		} while (shape->repeat && child != NULL);
	}
	if (child != NULL)
		return err_set(err, 0, "%s: further element %s", parent->name, oracle_name(child));
	return 0;
}

static int
check_shape(const oracle_node *node, const struct shape *shape, struct err *err)
{
	if (!oracle_is(node, ORACLE_SPACE, shape->name))
		return err_set(err, 0, "element %s, want %s of " ORACLE_SPACE, oracle_name(node), shape->name);
	if (check_attributes(node, shape, err) < 0)
		return -1;
	if (shape->child != NULL)
		return check_children(node, shape, err);
	if (oracle_first(node) != NULL)
		return err_set(err, 0, "%s: element %s inside, want text", shape->name,
			       oracle_name(oracle_first(node)));
	if (shape->attribute != NULL && !oracle_blank(node))
		return err_set(err, 0, "%s: text inside", shape->name);
	return 0;
}

/* Elements of XML Signature outside its one place could only be there to mislead a search. */
static const oracle_node *
find_stray(const oracle_node *node, const oracle_node *signature)
{
	const oracle_node *found = NULL;

	if (node == signature)
		return NULL;
	if (strcmp(oracle_space(node), ORACLE_SPACE) == 0)
		return node;
	for (const oracle_node *child = oracle_first(node); child != NULL && found == NULL; child = oracle_next(child))
		found = find_stray(child, signature);
	return found;
}

int
oracle_dsig_find(struct oracle_xml *xml, struct oracle_dsig *out, struct err *err)
{
	oracle_node *last = NULL;
	const oracle_node *stray;

	*out = (struct oracle_dsig){.xml = xml};
	for (oracle_node *child = oracle_first(oracle_root(xml)); child != NULL; child = oracle_next(child))
		last = child;
	if (last == NULL || !oracle_is(last, ORACLE_SPACE, "Signature"))
		return err_set(err, 0, "the last element below the root is %s, want Signature",
			       last ? oracle_name(last) : "missing");
	stray = find_stray(oracle_root(xml), last);
	if (stray != NULL)
		return err_set(err, 0, "element %s of " ORACLE_SPACE " outside the one signature", oracle_name(stray));
	if (check_shape(last, &signature_shape, err) < 0)
		return err_wrap(err, 0, "Signature");
	out->signature = last;
	return 0;
}

/* -- values -------------------------------------------------------------------------------------------------------- */

static oracle_node *
child_of(const oracle_node *node, const char *name)
{
	oracle_node *child = oracle_first(node);

	while (child != NULL && !oracle_is(child, ORACLE_SPACE, name))
		child = oracle_next(child);
	return child;
}

/*
 * Base64 with white space in it (XML Schema part 2, 3.2.16: signers break lines, and tools indent them); lib/base64.c
 * wants none.
 */
static bool
decode(const oracle_node *node, struct buf *out)
{
	static const char space[] = " \t\r\n";
	const char *text = node != NULL ? oracle_text(node) : NULL;
	struct buf joined = {0};
	bool good;

	for (size_t size; text != NULL && *text != '\0'; text += size + strspn(text + size, space)) {
		size = strcspn(text, space);
		buf_add(&joined, text, size);
	}
	good = joined.size > 0 && base64_decode(out, (const char *)joined.data, joined.size);
	buf_free(&joined);
	return good;
}

static int
check_value(const oracle_node *node, const char *name, size_t want, struct err *err)
{
	struct buf value = {0};
	int rc = 0;

	if (!decode(child_of(node, name), &value))
		rc = err_set(err, 0, "%s is not base64", name);
	else if (value.size != want)
		rc = err_set(err, 0, "%s has %zu bytes, want %zu", name, value.size, want);
	buf_free(&value);
	return rc;
}

int
oracle_dsig_certificates(struct oracle_dsig *dsig, struct err *err)
{
	const oracle_node *node = oracle_first(child_of(child_of(dsig->signature, "KeyInfo"), "X509Data"));

	for (; node != NULL; node = oracle_next(node)) {
		if (dsig->certificates == ORACLE_CERTIFICATES_MAX)
			return err_set(err, 0, "more than %d certificates", ORACLE_CERTIFICATES_MAX);
		if (!decode(node, &dsig->certificate[dsig->certificates++]))
			return err_set(err, 0, "certificate %u is not base64", dsig->certificates - 1);
	}
	return 0;
}

void
oracle_dsig_free(struct oracle_dsig *dsig)
{
	for (unsigned i = 0; i < dsig->certificates; i++)
		buf_free(&dsig->certificate[i]);
	*dsig = (struct oracle_dsig){0};
}

/* -- verification -------------------------------------------------------------------------------------------------- */

static void
print_nothing(const char *file, int line, const char *function, const char *object, const char *subject, int reason,
	      const char *message)
{
	(void)file, (void)line, (void)function, (void)object, (void)subject, (void)reason, (void)message;
}

/* Without xmlSecOpenSSLAppInit, which reads openssl.cnf, and without its loading of crypto back ends. */
int
oracle_dsig_init(struct err *err)
{
	static bool done;

	if (done)
		return 0;
	crypto_init();
	oracle_init();
	xmlSecErrorsSetCallback(print_nothing);
	if (xmlSecInit() < 0 || xmlSecOpenSSLInit() < 0)
		return err_set(err, 0, "xmlsec does not start");
	xmlSecErrorsSetCallback(print_nothing); /* both set their own */
	done = true;
	return 0;
}

static xmlSecKey *
key_from(EVP_PKEY *key)
{
	xmlSecKeyData *data;
	xmlSecKey *out = NULL;

	if (EVP_PKEY_up_ref(key) != 1)
		return NULL;
	data = xmlSecOpenSSLEvpKeyAdopt(key);
	if (data == NULL) {
		EVP_PKEY_free(key);
		return NULL;
	}
	out = xmlSecKeyCreate();
	if (out == NULL || xmlSecKeySetValue(out, data) < 0) {
		xmlSecKeyDataDestroy(data);
		if (out != NULL)
			xmlSecKeyDestroy(out);
		return NULL;
	}
	return out;
}

/* Lists as strict as check_shape(): the library must not do more than what was looked at. */
static bool
restrict_context(xmlSecDSigCtx *context)
{
	context->enabledReferenceUris = xmlSecTransformUriTypeEmpty;
	context->keyInfoReadCtx.maxRetrievalMethodLevel = 0;
	context->keyInfoReadCtx.maxEncryptedKeyLevel = 0;
	return xmlSecDSigCtxEnableReferenceTransform(context, xmlSecTransformEnvelopedId) == 0 &&
	       xmlSecDSigCtxEnableReferenceTransform(context, xmlSecTransformInclC14N11Id) == 0 &&
	       xmlSecDSigCtxEnableReferenceTransform(context, xmlSecOpenSSLTransformSha384Id) == 0 &&
	       xmlSecDSigCtxEnableSignatureTransform(context, xmlSecTransformInclC14N11Id) == 0 &&
	       xmlSecDSigCtxEnableSignatureTransform(context, xmlSecOpenSSLTransformEcdsaSha384Id) == 0;
}

/* 0 only if the library says so in every place where it says something. */
static int
read_status(xmlSecDSigCtx *context, const xmlSecKey *ours, struct err *err)
{
	const xmlSecDSigReferenceCtx *reference;

	if (xmlSecPtrListGetSize(&context->signedInfoReferences) != 1)
		return err_set(err, 0, "not one reference was digested");
	reference = xmlSecPtrListGetItem(&context->signedInfoReferences, 0);
	if (reference == NULL || reference->status != xmlSecDSigStatusSucceeded)
		return err_set(err, 0, "the digest is wrong: the document was changed");
	if (context->status != xmlSecDSigStatusSucceeded || context->signKey != ours)
		return err_set(err, 0, "the signature value is wrong");
	return 0;
}

static int
verify(oracle_node *signature, EVP_PKEY *key, struct err *err)
{
	xmlSecDSigCtx *context = xmlSecDSigCtxCreate(NULL);
	xmlSecKey *ours = key_from(key);
	int rc = -1;

	if (context == NULL || ours == NULL || !restrict_context(context)) {
		err_set(err, 0, "xmlsec takes no key");
		goto out;
	}
	context->signKey = ours;
	if (xmlSecDSigCtxVerify(context, signature) < 0)
		err_set(err, 0, "not verified by xmlsec");
	else
		rc = read_status(context, ours, err);
	context->signKey = NULL;
out:
	if (ours != NULL)
		xmlSecKeyDestroy(ours);
	if (context != NULL)
		xmlSecDSigCtxDestroy(context);
	return rc;
}

int
oracle_dsig_verify(struct oracle_dsig *dsig, EVP_PKEY *key, struct err *err)
{
	const oracle_node *info = child_of(dsig->signature, "SignedInfo");
	oracle_node *keys = child_of(dsig->signature, "KeyInfo");

	if (!crypto_is_p384(key))
		return err_set(err, 0, "the signer's key is not P-384");
	if (check_value(child_of(info, "Reference"), "DigestValue", SHA384_SIZE, err) < 0 ||
	    check_value(dsig->signature, "SignatureValue", P384_RAW_SIGNATURE, err) < 0 || oracle_dsig_init(err) < 0)
		return -1;
	/* Not signed, and not to be read: the enveloped transform would drop it with the rest of the signature. */
	if (keys != NULL)
		oracle_remove(keys);
	if (verify(dsig->signature, key, err) < 0)
		return -1;
	oracle_remove(dsig->signature);
	dsig->signature = NULL;
	return 0;
}
