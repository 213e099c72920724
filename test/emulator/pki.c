/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emulator/pki.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/gpu_arch.h"

#define OCSP_ADDRESS "OCSP;URI:http://ocsp.ndis.nvidia.com"
#define CRL_ADDRESS "URI:http://crl.ndis.nvidia.com/crl/l1-root.crl"
#define OID_DEVICE_INFO "\x06\x0a\x2b\x06\x01\x04\x01\x83\x1c\x82\x12\x01" /* 1.3.6.1.4.1.412.274.1 */
#define OID_SHA384 "\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02"

_Noreturn void
pki_die(const char *what)
{
	fprintf(stderr, "mint: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

void
pki_check(int ok, const char *what)
{
	if (!ok)
		pki_die(what);
}

EVP_PKEY *
pki_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");

	pki_check(key != NULL, "key");
	return key;
}

static void
add_text(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	pki_check(extension != NULL && X509_add_ext(cert, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
}

static void
add_der(X509 *cert, const char *oid, const struct buf *der)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	X509_EXTENSION *extension;

	pki_check(value != NULL && object != NULL && ASN1_OCTET_STRING_set(value, der->data, (int)der->size) == 1, oid);
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
	pki_check(extension != NULL && X509_add_ext(cert, extension, -1) == 1, oid);
	X509_EXTENSION_free(extension);
	ASN1_OBJECT_free(object);
	ASN1_OCTET_STRING_free(value);
}

static void
add_parts(X509 *cert, X509 *issuer, unsigned parts)
{
	if (parts & PKI_CA)
		add_text(cert, issuer, NID_basic_constraints,
			 parts & PKI_PATH_ZERO ? "critical,CA:TRUE,pathlen:0" : "critical,CA:TRUE");
	if (parts & PKI_SIGNER)
		add_text(cert, issuer, NID_basic_constraints, "critical,CA:FALSE");
	if (parts & PKI_CA)
		add_text(cert, issuer, NID_key_usage,
			 parts & PKI_CRL_SIGN ? "critical,keyCertSign,cRLSign" : "critical,keyCertSign");
	else
		add_text(cert, issuer, NID_key_usage, "critical,digitalSignature");
	if (parts & PKI_RESPONDER) {
		add_text(cert, issuer, NID_ext_key_usage, "OCSPSigning");
		add_text(cert, issuer, NID_id_pkix_OCSP_noCheck, "NULL");
	}
	if (parts & PKI_CRL_POINT)
		add_text(cert, issuer, NID_crl_distribution_points, CRL_ADDRESS);
	if (parts & PKI_AIA)
		add_text(cert, issuer, NID_info_access, OCSP_ADDRESS);
}

static void
add_server(X509 *cert, X509 *issuer, const char *hosts)
{
	add_text(cert, issuer, NID_ext_key_usage, "serverAuth");
	add_text(cert, issuer, NID_subject_alt_name, hosts);
}

static void
add_identifiers(X509 *cert, X509 *issuer)
{
	add_text(cert, issuer, NID_subject_key_identifier, "hash");
	add_text(cert, issuer, NID_authority_key_identifier, "keyid:always");
}

/* "/CN=a/O=b": RDNs in this order. */
static X509_NAME *
name_of(const char *subject)
{
	X509_NAME *name = X509_NAME_new();
	char *copy = xstrdup(subject), *rest = copy + 1, *rdn;

	while ((rdn = strsep(&rest, "/")) != NULL) {
		char *value = strchr(rdn, '=');

		pki_check(value != NULL, subject);
		*value++ = '\0';
		pki_check(X509_NAME_add_entry_by_txt(name, rdn, MBSTRING_ASC, (unsigned char *)value, -1, -1, 0) == 1,
			  subject);
	}
	free(copy);
	return name;
}

static void
set_time(X509 *cert, int64_t from, int64_t to)
{
	pki_check(ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from) != NULL, "notBefore");
	if (to == PKI_NO_END)
		pki_check(ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "99991231235959Z") == 1, "notAfter");
	else
		pki_check(ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)to) != NULL, "notAfter");
}

static void
set_serial(X509 *cert, const uint8_t *serial, size_t size)
{
	uint8_t fresh[16];
	BIGNUM *number;

	if (serial == NULL) {
		pki_check(RAND_bytes(fresh, sizeof(fresh)) == 1, "random bytes");
		fresh[0] = (uint8_t)((fresh[0] & 0x7f) | 0x40);
		serial = fresh;
		size = sizeof(fresh);
	}
	number = BN_bin2bn(serial, (int)size, NULL);
	pki_check(number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL, "serial");
	BN_free(number);
}

/* Everything but extensions and signature. */
static X509 *
begin(const struct pki_request *request, X509 *issuer, EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = name_of(request->subject);

	pki_check(cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1, "certificate");
	set_serial(cert, request->serial, request->serial_size);
	pki_check(X509_set_subject_name(cert, name) == 1, "subject");
	pki_check(X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name) == 1, "issuer");
	set_time(cert, request->from, request->to);
	pki_check(X509_set_pubkey(cert, key) == 1, "public key");
	X509_NAME_free(name);
	return cert;
}

struct pki_entity
pki_issue(const struct pki_request *request, const struct pki_entity *issuer, EVP_PKEY *key)
{
	struct pki_entity made = {.key = key ? key : pki_key()};
	X509 *upper;

	made.cert = begin(request, issuer ? issuer->cert : NULL, made.key);
	upper = issuer ? issuer->cert : made.cert;
	add_parts(made.cert, upper, request->parts);
	if (request->hosts != NULL)
		add_server(made.cert, upper, request->hosts);
	add_identifiers(made.cert, upper);
	pki_check(X509_sign(made.cert, issuer ? issuer->key : made.key, EVP_sha384()) > 0, "signature");
	return made;
}

static void
key_identifier(EVP_PKEY *key, uint8_t out[20])
{
	X509_PUBKEY *public = NULL;
	const unsigned char *point;
	int size;

	pki_check(X509_PUBKEY_set(&public, key) == 1 &&
			  X509_PUBKEY_get0_param(NULL, &point, &size, NULL, public) == 1 &&
			  EVP_Digest(point, (size_t)size, out, NULL, EVP_sha1(), NULL) == 1,
		  "key identifier");
	X509_PUBKEY_free(public);
}

static void
put_tlv(struct buf *out, uint8_t tag, struct buf *content)
{
	uint8_t head[] = {tag, 0x81, (uint8_t)content->size};

	pki_check(content->size < 256, "DER length");
	if (content->size < 128) {
		head[1] = (uint8_t)content->size;
		buf_add(out, head, 2);
	} else {
		buf_add(out, head, 3);
	}
	buf_add(out, content->data, content->size);
	buf_free(content);
}

static void
put_text(struct buf *out, uint8_t tag, const char *text)
{
	struct buf content = {0};

	buf_add_text(&content, text);
	put_tlv(out, tag, &content);
}

/* SEQUENCE { OID sha384, OCTET STRING digest } */
static void
put_fwid(struct buf *out, const uint8_t digest[48])
{
	struct buf content = {0};

	buf_add(&content, OID_SHA384, sizeof(OID_SHA384) - 1);
	buf_add(&content, "\x04\x30", 2);
	buf_add(&content, digest, 48);
	put_tlv(out, 0x30, &content);
}

/* 2.23.133.5.4.1: SEQUENCE { version, public key of the device identity, FWID }. */
static void
add_fwid_hopper(X509 *cert, EVP_PKEY *identity, const uint8_t fwid[48])
{
	struct buf content = {0}, der = {0};
	unsigned char *spki = NULL;
	int size = i2d_PUBKEY(identity, &spki);

	pki_check(size > 0, "public key");
	buf_add(&content, "\x02\x01\x01", 3);
	buf_add(&content, spki, (size_t)size);
	OPENSSL_free(spki);
	put_fwid(&content, fwid);
	put_tlv(&der, 0x30, &content);
	add_der(cert, "2.23.133.5.4.1", &der);
	buf_free(&der);
}

/* 2.23.133.5.4.1.1: TCG DICE TcbInfo, tags [0] vendor to [9] type, two FWIDs of which the second is empty. */
static void
add_fwid_blackwell(X509 *cert, const char *chip, const uint8_t fwid[48])
{
	static const uint8_t zero[48];
	struct buf content = {0}, list = {0}, der = {0};
	char *model = xprintf("%s A01 GSP", chip);

	put_text(&content, 0x80, "NVIDIA");
	put_text(&content, 0x81, model);
	put_text(&content, 0x82, "01");
	buf_add(&content, "\x83\x01\x01\x84\x01\x00\x85\x01\x00", 9);
	put_fwid(&list, fwid);
	put_fwid(&list, zero);
	put_tlv(&content, 0xa6, &list);
	buf_add(&content, "\x87\x05\x00\x80\x00\x00\x01\x88\x01\x01\x89\x01\x00", 13);
	put_tlv(&der, 0x30, &content);
	add_der(cert, "2.23.133.5.4.1.1", &der);
	buf_free(&der);
	free(model);
}

/* GeneralNames with one otherName: DMTF device info, "NVIDIA:GH100:<16 hex>". */
static void
add_device_info(X509 *cert, const char *chip)
{
	struct buf text = {0}, value = {0}, name = {0}, names = {0}, der = {0};
	uint8_t number[8];
	char *info;

	pki_check(RAND_bytes(number, sizeof(number)) == 1, "random bytes");
	info = xprintf("NVIDIA:%s:%02X%02X%02X%02X%02X%02X%02X%02X", chip, number[0], number[1], number[2], number[3],
		       number[4], number[5], number[6], number[7]);
	put_text(&text, 0x0c, info);
	buf_add(&name, OID_DEVICE_INFO, sizeof(OID_DEVICE_INFO) - 1);
	put_tlv(&value, 0xa0, &text);
	buf_add(&name, value.data, value.size);
	put_tlv(&names, 0xa0, &name);
	put_tlv(&der, 0x30, &names);
	add_der(cert, "2.5.29.17", &der);
	buf_free(&value);
	buf_free(&der);
	free(info);
}

struct pki_entity
pki_leaf(const char *chip, const struct pki_entity *brom, int64_t from, const uint8_t fwid[48])
{
	struct pki_entity made = {.key = pki_key()};
	uint8_t serial[20];
	char number[41], *subject;

	key_identifier(made.key, serial);
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	for (size_t i = 0; i < sizeof(serial); i++)
		snprintf(number + 2 * i, 3, "%02X", serial[i]);
	subject = xprintf("/serialNumber=%s/C=US/O=NVIDIA Corporation/CN=%s A01 GSP FMC LF", number, chip);
	made.cert = begin(&(struct pki_request){.subject = subject, .from = from, .to = PKI_NO_END, .serial = serial,
						.serial_size = sizeof(serial)}, brom->cert, made.key);
	add_text(made.cert, brom->cert, NID_key_usage, "critical,digitalSignature");
	add_identifiers(made.cert, brom->cert);
	add_device_info(made.cert, chip);
	if (gpu_arch_of_chip(chip) == GPU_ARCH_HOPPER)
		add_fwid_hopper(made.cert, brom->key, fwid);
	else
		add_fwid_blackwell(made.cert, chip, fwid);
	pki_check(X509_sign(made.cert, brom->key, EVP_sha384()) > 0, "signature");
	free(subject);
	return made;
}

static void
put_bio(struct buf *out, BIO *bio)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);

	buf_add(out, data, (size_t)size);
	BIO_free(bio);
}

void
pki_put_pem(struct buf *out, const X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_check(bio != NULL && PEM_write_bio_X509(bio, cert) == 1, "PEM");
	put_bio(out, bio);
}

void
pki_put_key(struct buf *out, const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_check(bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, "PEM");
	put_bio(out, bio);
}

struct signer
pki_signer(const EVP_PKEY *key)
{
	struct signer signer;
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
	EC_POINT *point = EC_POINT_new(group);
	BN_CTX *scratch = BN_CTX_new();
	BIGNUM *k = BN_new(), *r = BN_new(), *d = NULL;
	const BIGNUM *n = EC_GROUP_get0_order(group);

	pki_check(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1, "secret key");
	pki_check(BN_priv_rand_range(k, n) == 1 && EC_POINT_mul(group, point, k, NULL, NULL, scratch) == 1 &&
			  EC_POINT_get_affine_coordinates(group, point, r, NULL, scratch) == 1 &&
			  BN_nnmod(r, r, n, scratch) == 1 && BN_mod_inverse(k, k, n, scratch) != NULL,
		  "signing");
	BN_bn2binpad(r, signer.r, SIGNER_PART);
	BN_bn2binpad(k, signer.factor, SIGNER_PART);
	pki_check(BN_mod_mul(d, d, r, n, scratch) == 1 && BN_mod_mul(d, d, k, n, scratch) == 1 &&
			  BN_bn2binpad(d, signer.summand, SIGNER_PART) == SIGNER_PART,
		  "signing");
	BN_free(d);
	BN_free(r);
	BN_free(k);
	BN_CTX_free(scratch);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return signer;
}

void
pki_free(struct pki_entity *entity)
{
	EVP_PKEY_free(entity->key);
	X509_free(entity->cert);
	*entity = (struct pki_entity){0};
}
