/* SPDX-License-Identifier: Apache-2.0 */
#include "test/oracle/compare.h"

#include <string.h>

#include "lib/crypto.h"
#include "spec/rim_signature.h"
#include "test/oracle/rim.h"
#include "test/oracle/xmldsig.h"

static bool
equal(const struct buf *a, const struct buf *b)
{
	return bytes_equal(buf_bytes(a), buf_bytes(b));
}

/* -- ours ---------------------------------------------------------------------------------------------------------- */

static bool
is_signed(const struct rim_signature *signature, EVP_PKEY *key, struct err *err)
{
	uint8_t digest[SHA384_SIZE];

	crypto_sha384(buf_bytes(&signature->document), digest);
	if (!bytes_equal(buf_bytes(&signature->digest), bytes_of(digest, sizeof(digest)))) {
		err_set(err, 0, "digest");
		return false;
	}
	return key != NULL &&
	       crypto_verify_raw(key, buf_bytes(&signature->signed_info), buf_bytes(&signature->signature), err) == 0;
}

static enum stage
read_ours(struct bytes text, EVP_PKEY *key, struct rim_signature *signature, struct rim *rim, struct err *err)
{
	enum rim_shape shape = rim_signature_read(text, signature, err);

	if (shape != RIM_SIGNED)
		return shape == RIM_NO_XML ? STAGE_NO_XML : STAGE_OTHER_PROFILE;
	if (!is_signed(signature, key, err))
		return STAGE_NOT_SIGNED;
	return rim_parse(buf_bytes(&signature->document), rim, err) == 0 ? STAGE_READ : STAGE_OTHER_CONTENT;
}

/* -- theirs -------------------------------------------------------------------------------------------------------- */

/* Of a copy: the canonical forms are looked at even where the signature is wrong. */
static bool
canonical_of(struct bytes text, struct buf *document, struct buf *signed_info)
{
	struct err err = ERR_INIT;
	struct oracle_xml *xml = oracle_read(text, &err);
	struct oracle_dsig dsig;
	bool good;

	if (xml == NULL || oracle_dsig_find(xml, &dsig, &err) < 0) {
		oracle_free(xml);
		return false;
	}
	good = oracle_canonical(xml, oracle_first(dsig.signature), signed_info);
	oracle_remove(dsig.signature);
	good = oracle_canonical(xml, NULL, document) && good;
	oracle_free(xml);
	return good;
}

static enum stage
read_theirs(struct oracle_xml *xml, EVP_PKEY *key, struct oracle_dsig *dsig, struct rim *rim, struct err *err)
{
	if (xml == NULL)
		return STAGE_NO_XML;
	if (oracle_dsig_find(xml, dsig, err) < 0)
		return STAGE_OTHER_PROFILE;
	(void)oracle_dsig_certificates(dsig, err);
	if (key == NULL || oracle_dsig_verify(dsig, key, err) < 0)
		return STAGE_NOT_SIGNED;
	return oracle_rim_parse(oracle_root(xml), rim, err) == 0 ? STAGE_READ : STAGE_OTHER_CONTENT;
}

/* -- both ---------------------------------------------------------------------------------------------------------- */

static bool
same_certificates(const struct rim_signature *ours, const struct oracle_dsig *theirs)
{
	for (unsigned i = 0; i < ours->certificates && i < RIM_CERTIFICATES_MAX; i++)
		if (!equal(&ours->certificate[i], &theirs->certificate[i]))
			return ours->certificate[i].size == 0; /* no base64: theirs stops there */
	return ours->certificates == theirs->certificates || ours->certificates > RIM_CERTIFICATES_MAX;
}

static const char *
find_fault(struct bytes text, const struct comparison *result, const struct rim_signature *ours,
	   const struct oracle_dsig *theirs)
{
	struct buf document = {0}, signed_info = {0};
	const char *fault = NULL;

	if (result->ours > result->theirs)
		return "ours goes further";
	if (result->ours < STAGE_NOT_SIGNED)
		return NULL;
	if (!canonical_of(text, &document, &signed_info))
		fault = "theirs has no canonical form";
	else if (!equal(&document, &ours->document))
		fault = "the documents differ";
	else if (!equal(&signed_info, &ours->signed_info))
		fault = "the SignedInfos differ";
	else if (!same_certificates(ours, theirs))
		fault = "the certificates differ";
	buf_free(&document);
	buf_free(&signed_info);
	return fault;
}

void
compare_readers(struct bytes text, EVP_PKEY *key, struct comparison *out)
{
	static struct rim our_rim, their_rim;
	struct rim_signature ours;
	struct oracle_dsig theirs = {0};
	struct oracle_xml *xml;

	*out = (struct comparison){.our_err = ERR_INIT, .their_err = ERR_INIT};
	memset(&our_rim, 0, sizeof(our_rim));
	memset(&their_rim, 0, sizeof(their_rim));
	xml = oracle_read(text, &out->their_err);
	out->ours = read_ours(text, key, &ours, &our_rim, &out->our_err);
	out->theirs = read_theirs(xml, key, &theirs, &their_rim, &out->their_err);
	out->fault = find_fault(text, out, &ours, &theirs);
	if (out->fault == NULL && out->ours == STAGE_READ && memcmp(&our_rim, &their_rim, sizeof(our_rim)) != 0)
		out->fault = "the rows differ";
	rim_signature_free(&ours);
	oracle_dsig_free(&theirs);
	oracle_free(xml);
}
