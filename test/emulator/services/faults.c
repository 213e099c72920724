/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/services/faults.conf: lines "TARGET FAULT [ARGUMENT]", read at each request; # begins a comment. A line that is
 * not understood is answered with status 500 and stands in the log. TARGET: rim, ocsp, nras (tokens), jwks (its key
 * set).
 *
 * For every target:
 *   slow MS               the first byte comes that late
 *   drip MS               the body comes byte by byte, one in so many milliseconds
 *   endless               a body without end
 *   huge-headers [KIB]    so many KiB of headers (400) before the right body
 *   gzip [MIB]            Content-Encoding: gzip, the right body and so many MiB (64) of zeros after it
 *   redirect STATUS URL   301, 302, 307, 308
 *   status N [SECONDS]    that status, with Retry-After where SECONDS are given
 *   flaky N               the first N requests get status 503, the others are right
 *   truncated             half of the body that Content-Length promises
 *   empty                 200 without body
 *   html                  200 with a page of HTML
 *   close                 the connection (HTTP/2: the stream) ends without an answer
 *   need-key [STATUS]     401 or that status to whom does not show the bearer token of DIR/services/service-key
 * Read by services.sh at the start of a service, not here; jwks shares its server with nras:
 *   tls KIND              wrong-host, expired, self-signed; 1.1: no later version
 *   http1                 HTTP/1.1 alone
 * rim, for all manifests or for those whose id contains ID:
 *   404 [ID]  wrong-id [ID]  bad-base64 [ID]  not-json [ID]
 *   damaged [ID]          one digit of the signature is changed
 *   other-version [ID]    a signed manifest that speaks of another version
 * ocsp, for all certificates or for CERT (brom ica identity rim-signer rim-l3 rim-ca leaf0..):
 *   try-later [CERT]  internal-error [CERT]  unauthorized [CERT]  malformed [CERT]
 *   revoked [CERT]  hold [CERT]  unknown [CERT]
 *   stale [CERT]  future [CERT]  wrong-nonce [CERT]  no-nonce [CERT]  other-serial [CERT]
 *   no-purpose [CERT]     the responder's certificate lacks id-kp-OCSPSigning
 *   expired-responder [CERT]
 *   garbage [CERT]        no DER
 * nras:
 *   rollover              tokens by the second key; the first request for the key set still gets the old one
 *   endless-rollover      tokens name a key that never comes
 *   other-ueid            the token of GPU-0 is about another GPU
 *   overall-only          the overall result is true, GPU-0's own is not
 *   failed [CODE]         the overall result is false, GPU-0 says why in x-nvidia-error-details (4013)
 *   missing-device        one GPU less than was asked about
 *   expired  other-nonce  other-issuer  alg-none  wrong-digest
 *   other-x5c             the first key stands in the key set with the certificates of the second
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "test/emulator/services/service.h"

#define FILE_MAX 65536
enum { RIM = 1 << TARGET_RIM, OCSP = 1 << TARGET_OCSP, NRAS = 1 << TARGET_NRAS, ANY = (1 << TARGETS) - 1 };

const char *const target_names[TARGETS] = {"rim", "ocsp", "nras", "jwks"};

static const struct {
	const char *name;
	unsigned targets; /* a bit for each */
} known[] = {
	{"slow", ANY}, {"drip", ANY}, {"endless", ANY}, {"huge-headers", ANY}, {"gzip", ANY}, {"redirect", ANY},
	{"status", ANY}, {"flaky", ANY}, {"truncated", ANY}, {"empty", ANY}, {"html", ANY}, {"close", ANY},
	{"need-key", ANY}, {"tls", ANY}, {"http1", ANY},
	{"404", RIM}, {"wrong-id", RIM}, {"bad-base64", RIM}, {"not-json", RIM}, {"damaged", RIM},
	{"other-version", RIM},
	{"try-later", OCSP}, {"internal-error", OCSP}, {"unauthorized", OCSP}, {"malformed", OCSP},
	{"revoked", OCSP}, {"hold", OCSP}, {"unknown", OCSP}, {"stale", OCSP}, {"future", OCSP},
	{"wrong-nonce", OCSP}, {"no-nonce", OCSP}, {"other-serial", OCSP}, {"no-purpose", OCSP},
	{"expired-responder", OCSP}, {"garbage", OCSP},
	{"rollover", NRAS}, {"endless-rollover", NRAS}, {"other-ueid", NRAS}, {"overall-only", NRAS},
	{"failed", NRAS}, {"missing-device", NRAS}, {"expired", NRAS}, {"other-nonce", NRAS},
	{"other-issuer", NRAS}, {"alg-none", NRAS}, {"wrong-digest", NRAS}, {"other-x5c", NRAS},
};

static unsigned counter[TARGETS];

static bool
is_known(const char *name, enum target target)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, name) == 0)
			return known[i].targets >> target & 1;
	}
	return false;
}

static bool
find_target(const char *name, enum target *out)
{
	for (enum target i = 0; i < TARGETS; i++) {
		if (strcmp(target_names[i], name) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static void
read_line(struct faults *faults, char *line)
{
	char *rest = line, *target = strsep(&rest, " "), *name = strsep(&rest, " ");
	struct fault fault;

	if (target[0] == '\0' || target[0] == '#')
		return;
	if (name == NULL || !find_target(target, &fault.target) || !is_known(name, fault.target)) {
		free(faults->wrong);
		faults->wrong = xprintf("%s %s", target, name ? name : "");
		return;
	}
	fault = (struct fault){fault.target, xstrdup(name), xstrdup(rest ? rest : ""), false};
	faults->list = xrealloc(faults->list, (faults->count + 1) * sizeof(fault));
	faults->list[faults->count++] = fault;
}

static void
watch(const char *path)
{
	static struct timespec seen;
	static ino_t number;
	struct stat now = {0};

	stat(path, &now);
	if (now.st_ino == number && memcmp(&now.st_mtim, &seen, sizeof(seen)) == 0)
		return;
	number = now.st_ino;
	seen = now.st_mtim;
	memset(counter, 0, sizeof(counter));
}

void
faults_read(struct faults *faults, const char *folder)
{
	char *path = xprintf("%s/faults.conf", folder), *rest, *line;
	struct err err = ERR_INIT;
	struct buf text = {0};

	*faults = (struct faults){0};
	watch(path);
	if (access(path, F_OK) == 0) {
		if (fs_read_file(path, FILE_MAX, &text, &err) != 0)
			faults->wrong = xstrdup(err.text);
		rest = (char *)text.data;
		while ((line = strsep(&rest, "\n")) != NULL)
			read_line(faults, line);
	}
	buf_free(&text);
	free(path);
}

void
faults_free(struct faults *faults)
{
	for (unsigned i = 0; i < faults->count; i++) {
		free(faults->list[i].name);
		free(faults->list[i].argument);
	}
	free(faults->list);
	free(faults->wrong);
}

static struct fault *
find(struct faults *faults, enum target target, const char *name, const char *subject)
{
	for (unsigned i = 0; i < faults->count; i++) {
		struct fault *fault = &faults->list[i];

		if (fault->target == target && strcmp(fault->name, name) == 0 &&
		    (subject == NULL || strstr(subject, fault->argument) != NULL)) {
			fault->used = true;
			return fault;
		}
	}
	return NULL;
}

const char *
fault_argument(struct faults *faults, enum target target, const char *name)
{
	struct fault *fault = find(faults, target, name, NULL);

	return fault ? fault->argument : NULL;
}

bool
fault_chosen(struct faults *faults, enum target target, const char *name)
{
	return find(faults, target, name, NULL) != NULL;
}

bool
fault_about(struct faults *faults, enum target target, const char *name, const char *subject)
{
	return find(faults, target, name, subject) != NULL;
}

unsigned
fault_count(enum target target)
{
	return ++counter[target];
}
