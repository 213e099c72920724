/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/chain.h"

#include <stdlib.h>
#include <string.h>

#include "attest/collateral/kind.h"
#include "lib/code.h"
#include "lib/der.h"

#define OID_COMPOSITE "2.23.133.5.4.1"
#define OID_TCB_INFO "2.23.133.5.4.1.1"
#define TCB_INFO_FWIDS 6

int
chain_verify(struct bytes pem, const X509 *anchor, int64_t at, struct x509_memo *memo, struct x509_chain *chain,
	     enum x509_verdict *verdict, struct err *err)
{
	*verdict = X509_NO_VERDICT;
	*chain = (struct x509_chain){0};
	if (pem.size > CHAIN_PEM_MAX)
		return err_set(err, CODE_DEVICE_CHAIN, "device chain: %zu bytes, at most %d", pem.size, CHAIN_PEM_MAX);
	if (x509_chain_from_pem(pem, CHAIN_DEVICE_CERTS, memo, chain, err) < 0)
		return err_wrap(err, CODE_DEVICE_CHAIN, "device chain");
	*verdict = x509_chain_verify(chain, anchor, at, memo, err);
	if (*verdict == X509_TRUSTED)
		return 0;
	return err_wrap(err, *verdict == X509_EXPIRED ? CODE_DEVICE_CHAIN_EXPIRED : CODE_DEVICE_CHAIN, "device chain");
}

bool
chain_holds(enum x509_verdict verdict)
{
	return verdict == X509_TRUSTED || verdict == X509_EXPIRED;
}

int
chain_arch_match(const char *model, enum gpu_fwid_form form, const char *chip, struct err *err)
{
	enum gpu_arch arch = gpu_arch_of_chip(model);
	const struct gpu_arch_row *row = gpu_arch_row(arch);

	if (row == NULL)
		return err_set(err, CODE_ARCHITECTURE, "the common name of certificate 1 is '%s', no known GPU", model);
	if (chip[0] != '\0' && gpu_arch_of_chip(chip) != arch)
		return err_set(err, CODE_REPORT_FORMAT, "certificate 1 is of a %s, and the report's chip is %s", model,
			       chip);
	if (form != GPU_FWID_NONE && form != row->fwid)
		return err_set(err, CODE_FIRMWARE_ID,
			       "certificate 1 is of a %s, and certificate 0 has the firmware id as %s", model,
			       form == GPU_FWID_TCB_INFO ? "TcbInfo" : "a composite device id");
	return 0;
}

/* FWID ::= SEQUENCE { hashAlg OBJECT IDENTIFIER, digest OCTET STRING }, here SHA-384 only. */
static bool
take_fwid(struct cursor *cursor, uint8_t out[CHAIN_FWID_SIZE])
{
	static const uint8_t sha384[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};
	struct cursor inside;
	struct bytes algorithm, digest;

	if (!der_open(cursor, DER_SEQUENCE, &inside) || !der_take(&inside, DER_OID, &algorithm) ||
	    !der_take(&inside, DER_OCTETS, &digest) || inside.left != 0)
		return false;
	if (!bytes_equal(algorithm, bytes_of(sha384, sizeof(sha384))) || digest.size != CHAIN_FWID_SIZE)
		return false;
	memcpy(out, digest.data, CHAIN_FWID_SIZE);
	return true;
}

/* SEQUENCE { version INTEGER, deviceID SubjectPublicKeyInfo, fwid FWID }. */
static bool
parse_composite(struct bytes value, uint8_t out[CHAIN_FWID_SIZE])
{
	struct cursor cursor = cursor_of(value), inside;
	struct bytes key;
	uint8_t version;

	if (!der_open(&cursor, DER_SEQUENCE, &inside) || cursor.left != 0)
		return false;
	return der_unsigned(&inside, &version, sizeof(version)) && der_take(&inside, DER_SEQUENCE, &key) &&
	       take_fwid(&inside, out) && inside.left == 0;
}

/* One or more; the first is the running firmware's. */
static bool
parse_fwids(struct bytes value, uint8_t out[CHAIN_FWID_SIZE])
{
	struct cursor cursor = cursor_of(value);
	uint8_t further[CHAIN_FWID_SIZE];

	if (!take_fwid(&cursor, out))
		return false;
	while (cursor.left > 0)
		if (!take_fwid(&cursor, further))
			return false;
	return true;
}

/* SEQUENCE of optional members with rising context tags; [6] holds the firmware ids. */
static bool
parse_tcb_info(struct bytes value, uint8_t out[CHAIN_FWID_SIZE])
{
	struct cursor cursor = cursor_of(value), inside;
	struct der member;
	int last = -1;
	bool found = false;

	if (!der_open(&cursor, DER_SEQUENCE, &inside) || cursor.left != 0)
		return false;
	while (inside.left > 0) {
		if (!der_next(&inside, &member) || (member.tag & 0xc0) != 0x80 || (member.tag & 0x1f) <= last)
			return false;
		last = member.tag & 0x1f;
		if (last != TCB_INFO_FWIDS)
			continue;
		if (member.tag != DER_CONTEXT_CONSTRUCTED(TCB_INFO_FWIDS) || !parse_fwids(member.value, out))
			return false;
		found = true;
	}
	return found;
}

int
chain_fwid_parse(const X509 *leaf, struct chain_fwid *out, struct err *err)
{
	struct bytes composite, tcb_info;
	int composites = x509_extension(leaf, OID_COMPOSITE, &composite);
	int tcb_infos = x509_extension(leaf, OID_TCB_INFO, &tcb_info);
	bool good;

	*out = (struct chain_fwid){0};
	if (composites == 0 && tcb_infos == 0)
		return err_set(err, CODE_FIRMWARE_ID, "the attestation key's certificate has no firmware id (%s or %s)",
			       OID_COMPOSITE, OID_TCB_INFO);
	if (composites < 0 || tcb_infos < 0 || composites + tcb_infos != 1)
		return err_set(err, CODE_FIRMWARE_ID,
			       "the attestation key's certificate has more than one firmware id");
	good = composites ? parse_composite(composite, out->value) : parse_tcb_info(tcb_info, out->value);
	if (!good)
		return err_set(err, CODE_FIRMWARE_ID, "extension %s is not in its DER form with a SHA-384 firmware id",
			       composites ? OID_COMPOSITE : OID_TCB_INFO);
	out->form = composites ? GPU_FWID_COMPOSITE : GPU_FWID_TCB_INFO;
	return 0;
}

int
chain_fwid_match(const struct chain_fwid *fwid, struct bytes reported, struct err *err)
{
	char have[2 * CHAIN_FWID_SIZE + 1];
	char *want;

	if (fwid->form != GPU_FWID_NONE && bytes_equal(bytes_of(fwid->value, CHAIN_FWID_SIZE), reported))
		return 0;
	hex_encode(have, fwid->value, CHAIN_FWID_SIZE);
	want = hex_text(reported);
	err_set(err, CODE_FIRMWARE_ID, "firmware id %s in the certificate, %s in the report", have, want);
	free(want);
	return -1;
}
