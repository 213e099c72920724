/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emulator/provision.h"

#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "test/emulator/mint.h"

#define HOSTS "DNS:localhost,IP:127.0.0.1"

static void
put_text(const struct mint *mint, const char *name, char *text, mode_t mode)
{
	struct buf content = {0};

	buf_add_text(&content, text);
	mint_write(mint, name, &content, mode);
	buf_free(&content);
	free(text);
}

/* services/FOLDER/NAME.pem: one certificate and, unless NULL, the one above it. */
static void
put_cert(const struct mint *mint, const char *folder, const char *name, const X509 *cert, const X509 *upper)
{
	char *path = xprintf("services/%s/%s.pem", folder, name);
	struct buf text = {0};

	pki_put_pem(&text, cert);
	if (upper != NULL)
		pki_put_pem(&text, upper);
	mint_write(mint, path, &text, 0644);
	buf_free(&text);
	free(path);
}

static void
put_key(const struct mint *mint, const char *folder, const char *name, const EVP_PKEY *key)
{
	char *path = xprintf("services/%s/%s.key", folder, name);
	struct buf text = {0};

	pki_put_key(&text, key);
	mint_write(mint, path, &text, 0600);
	buf_free(&text);
	free(path);
}

static struct pki_entity
make_root(const struct mint *mint, const char *subject)
{
	int64_t at = mint->options.at, day = PKI_DAY;

	return pki_issue(&(struct pki_request){.subject = subject, .from = at - 100 * day, .to = at + 1000 * day,
					       .parts = PKI_CA | PKI_CRL_SIGN}, NULL, NULL);
}

static void
make_tls(const struct mint *mint)
{
	const struct {
		const char *name, *hosts;
		int64_t days;
		bool alone;
	} kind[] = {{"good", HOSTS, 90, false},
		    {"wrong-host", "DNS:elsewhere.invalid", 90, false},
		    {"expired", HOSTS, -1, false},
		    {"self-signed", HOSTS, 90, true}};
	struct pki_entity ca = make_root(mint, "/CN=Emulated services CA");
	int64_t at = mint->options.at, day = PKI_DAY;

	mint_folder(mint, "services/tls");
	put_cert(mint, ".", "ca", ca.cert, NULL);
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		struct pki_entity server = pki_issue(
			&(struct pki_request){.subject = "/CN=Emulated services", .from = at - 90 * day,
					      .to = at + kind[i].days * day, .hosts = kind[i].hosts},
			kind[i].alone ? NULL : &ca, NULL);

		put_cert(mint, "tls", kind[i].name, server.cert, NULL);
		put_key(mint, "tls", kind[i].name, server.key);
		pki_free(&server);
	}
	pki_free(&ca);
}

static void
make_responder(const struct mint *mint, const char *folder, const struct issuance *of)
{
	const struct {
		const char *name;
		unsigned parts;
		int64_t days;
	} kind[] = {{"good", PKI_RESPONDER, 90}, {"no-purpose", 0, 90}, {"expired", PKI_RESPONDER, -1}};
	EVP_PKEY *key = pki_key();

	put_key(mint, folder, "responder", key);
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		struct pki_entity responder;

		EVP_PKEY_up_ref(key);
		responder = mint_responder(mint, of->issuer, key, kind[i].parts, kind[i].days);
		put_cert(mint, folder, kind[i].name, responder.cert, NULL);
		pki_free(&responder);
	}
	EVP_PKEY_free(key);
}

static void
make_issuance(const struct mint *mint, const struct issuance *of)
{
	char *folder = xprintf("ocsp/%s", of->name), *path = xprintf("services/%s", folder);
	char *issued = xprintf("%s/issued.pem", path);
	struct buf text = {0};

	mint_folder(mint, path);
	put_cert(mint, folder, "issuer", of->issuer->cert, NULL);
	for (unsigned i = 0; i < of->count; i++)
		pki_put_pem(&text, of->issued[i]->cert);
	mint_write(mint, issued, &text, 0644);
	make_responder(mint, folder, of);
	buf_free(&text);
	free(issued);
	free(path);
	free(folder);
}

static void
make_ocsp(const struct mint *mint)
{
	struct issuance list[ISSUANCES_MAX];
	unsigned count = mint_issuances(mint, list);

	mint_folder(mint, "services/ocsp");
	for (unsigned i = 0; i < count; i++)
		make_issuance(mint, &list[i]);
}

static void
make_nras(const struct mint *mint)
{
	static const char *const names[] = {"first", "second"};
	struct pki_entity root = make_root(mint, "/CN=Emulated NRAS CA");
	int64_t at = mint->options.at, day = PKI_DAY;

	mint_folder(mint, "services/nras");
	put_cert(mint, "nras", "root", root.cert, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct pki_entity signer = pki_issue(
			&(struct pki_request){.subject = "/CN=Emulated NRAS signing key", .from = at - 90 * day,
					      .to = at + 90 * day, .parts = PKI_SIGNER}, &root, NULL);

		put_cert(mint, "nras", names[i], signer.cert, root.cert);
		put_key(mint, "nras", names[i], signer.key);
		pki_free(&signer);
	}
	pki_free(&root);
}

static void
make_service_key(const struct mint *mint)
{
	uint8_t secret[16];
	char text[33];

	pki_check(RAND_bytes(secret, sizeof(secret)) == 1, "random bytes");
	hex_encode(text, secret, sizeof(secret));
	put_text(mint, "services/service-key", xprintf("emulated-%s\n", text), 0600);
}

/* Sections of both drop-ins: driver library and anchors. */
static char *
node_text(const char *directory)
{
	return xprintf("[driver]\nnvml-library = %s/node/libnvidia-ml.so.1\n[trust]\ndevice-root = %s/device-root.pem\n"
		       "rim-root = %s/rim-root.pem\n", directory, directory, directory);
}

/* [policy] stands last, so that tests can add to it. Stored answers cannot carry a nonce of ours. */
static void
write_directories_conf(const struct mint *mint, const char *directory)
{
	char *node = node_text(directory), until[32];

	clock_format(clock_wall() + 2 * PKI_DAY, until);
	put_text(mint, "cgpu.conf",
		 xprintf("%s[collateral]\nrim-store = dir\nrim-dir = %s/rim\nocsp-dir = %s/ocsp\nocsp-url =\n"
			 "[policy]\nallow-ocsp-without-nonce = %.10s\n", node, directory, directory, until), 0644);
	free(node);
}

static void
write_services_conf(const struct mint *mint, const char *directory)
{
	unsigned port = mint->options.port;
	char *node = node_text(directory);

	put_text(mint, "services/cgpu.conf",
		 xprintf("%s[collateral]\nrim-dir =\nocsp-dir =\nrim-url = https://localhost:%u\n"
			 "ocsp-url = https://localhost:%u\n[network]\nca-file = %s/services/ca.pem\n"
			 "[remote]\nnras-url = https://localhost:%u\nnras-issuer = " NRAS_ISSUER "\n[policy]\n",
			 node, port, port + 1, directory, port + 2), 0644);
	free(node);
}

void
mint_provision(const struct mint *mint)
{
	char directory[PATH_MAX];

	if (realpath(mint->options.directory, directory) == NULL) {
		fprintf(stderr, "mint: %s: %s\n", mint->options.directory, err_errno(errno));
		exit(1);
	}
	make_tls(mint);
	make_ocsp(mint);
	make_nras(mint);
	make_service_key(mint);
	put_text(mint, "services/port", xprintf("%u\n", mint->options.port), 0644);
	write_directories_conf(mint, directory);
	write_services_conf(mint, directory);
}
