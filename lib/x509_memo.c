/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509_memo.h"

#include <stdlib.h>

#include "lib/x509_cert.h"

#define MEMO_MAX 256

struct entry {
	struct buf der;
	X509 *cert;
	int issuer; /* entry whose key verified the signature; -1 = none seen */
};

struct x509_memo {
	struct entry entry[MEMO_MAX];
	int count;
};

struct x509_memo *
x509_memo_new(void)
{
	return xcalloc(1, sizeof(struct x509_memo));
}

void
x509_memo_free(struct x509_memo *memo)
{
	for (int i = 0; memo != NULL && i < memo->count; i++) {
		X509_free(memo->entry[i].cert);
		buf_free(&memo->entry[i].der);
	}
	free(memo);
}

static int
find_entry(const struct x509_memo *memo, struct bytes der)
{
	for (int i = 0; i < memo->count; i++)
		if (bytes_equal(buf_bytes(&memo->entry[i].der), der))
			return i;
	return -1;
}

static int
find_cert(const struct x509_memo *memo, const X509 *cert)
{
	struct buf der = x509_der(cert);
	int at = find_entry(memo, buf_bytes(&der));

	buf_free(&der);
	return at;
}

X509 *
x509_memo_find(const struct x509_memo *memo, struct bytes der)
{
	int at = find_entry(memo, der);

	if (at < 0)
		return NULL;
	X509_up_ref(memo->entry[at].cert);
	return memo->entry[at].cert;
}

void
x509_memo_add(struct x509_memo *memo, const X509 *cert)
{
	X509 *held = (X509 *)cert;

	if (memo->count == MEMO_MAX || find_cert(memo, cert) >= 0)
		return;
	X509_up_ref(held);
	memo->entry[memo->count++] = (struct entry){x509_der(cert), held, -1};
}

bool
x509_memo_has_seen(const struct x509_memo *memo, const X509 *cert, const X509 *issuer)
{
	int at = find_cert(memo, cert);

	return at >= 0 && memo->entry[at].issuer >= 0 && memo->entry[at].issuer == find_cert(memo, issuer);
}

void
x509_memo_saw(struct x509_memo *memo, const X509 *cert, const X509 *issuer)
{
	int at;

	x509_memo_add(memo, cert);
	x509_memo_add(memo, issuer);
	at = find_cert(memo, cert);
	if (at >= 0)
		memo->entry[at].issuer = find_cert(memo, issuer);
}
