/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/x509.h"
#include "test/emulator/pki.h"
#include "test/emulator/services/service.h"

static FILE *
open_file(const char *path)
{
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	return file;
}

static STACK_OF(X509) *
read_certs(const char *folder, const char *name)
{
	char *path = xprintf("%s/%s.pem", folder, name);
	FILE *file = open_file(path);
	STACK_OF(X509) *list = sk_X509_new_null();
	X509 *cert;

	while ((cert = PEM_read_X509(file, NULL, NULL, NULL)) != NULL)
		pki_check(sk_X509_push(list, cert) > 0, path);
	pki_check(sk_X509_num(list) > 0, path);
	ERR_clear_error(); /* of the end of the file */
	fclose(file);
	free(path);
	return list;
}

static X509 *
read_cert(const char *folder, const char *name)
{
	STACK_OF(X509) *list = read_certs(folder, name);
	X509 *cert = sk_X509_shift(list);

	sk_X509_pop_free(list, X509_free);
	return cert;
}

static EVP_PKEY *
read_key(const char *folder, const char *name)
{
	char *path = xprintf("%s/%s.key", folder, name);
	FILE *file = open_file(path);
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);

	pki_check(key != NULL, path);
	fclose(file);
	free(path);
	return key;
}

static void
load_responder(struct services *services, const char *parent, const char *subject)
{
	struct responder *responder = &services->responder[services->responders++];
	char *folder = xprintf("%s/%s", parent, subject);

	*responder = (struct responder){
		.subject = xstrdup(subject),
		.issuer = read_cert(folder, "issuer"),
		.good = read_cert(folder, "good"),
		.no_purpose = read_cert(folder, "no-purpose"),
		.expired = read_cert(folder, "expired"),
		.key = read_key(folder, "responder"),
		.issued = read_certs(folder, "issued"),
	};
	free(folder);
}

static void
load_responders(struct services *services)
{
	char *folder = xprintf("%s/ocsp", services->folder);
	DIR *list = opendir(folder);
	struct dirent *entry;

	pki_check(list != NULL, folder);
	while ((entry = readdir(list)) != NULL) {
		if (entry->d_name[0] != '.' && services->responders < RESPONDERS_MAX)
			load_responder(services, folder, entry->d_name);
	}
	closedir(list);
	free(folder);
}

/* Named as the genuine ones are, after the certificate. */
static void
load_signing_key(struct signing_key *signing, const char *folder, const char *name)
{
	struct buf der;
	uint8_t hash[SHA256_SIZE];
	char text[17];

	signing->key = read_key(folder, name);
	signing->chain = read_certs(folder, name);
	der = x509_der(sk_X509_value(signing->chain, 0));
	crypto_sha256(buf_bytes(&der), hash);
	hex_encode(text, hash, 8);
	signing->kid = xprintf("nv-eat-kid-emulated-%s", text);
	buf_free(&der);
}

static void
load_service_key(struct services *services)
{
	char *path = xprintf("%s/service-key", services->folder), text[128] = "";
	FILE *file = open_file(path);

	pki_check(fgets(text, sizeof(text), file) != NULL, path);
	text[strcspn(text, "\n")] = '\0';
	services->service_key = xstrdup(text);
	fclose(file);
	free(path);
}

void
services_load(struct services *services, const char *folder)
{
	char *nras = xprintf("%s/nras", folder), *signer = xprintf("%s/ocsp/rim-signer", folder);
	X509 *cert = read_cert(signer, "issued");
	int64_t from;

	*services = (struct services){.folder = folder};
	load_service_key(services);
	load_responders(services);
	load_signing_key(&services->signing[0], nras, "first");
	load_signing_key(&services->signing[1], nras, "second");
	pki_check(x509_validity(cert, &from, &services->rim_signer_end), "validity of the manifests' signer");
	X509_free(cert);
	free(signer);
	free(nras);
}
