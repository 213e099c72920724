/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/gpu_evidence.h"

#include <stdlib.h>
#include <string.h>

#include "lib/code.h"
#include "lib/json.h"

#define REPORT_MAX 0x2000 /* NVML's buffers */
#define CHAIN_MAX 0x4000

static const struct json_limits limits = {
	.bytes = 1 << 20, .string = 64 << 10, .depth = 8, .values = 4096,
};

static int
read_base64(const struct json *item, const char *name, size_t max, struct buf *out, struct err *err)
{
	const char *text = json_text(json_get(item, name));

	if (text == NULL)
		return err_set(err, 0, "no text '%s'", name);
	if (!base64_decode(out, text, strlen(text)) || out->size == 0)
		return err_set(err, 0, "'%s' is not strict base64", name);
	if (out->size > max)
		return err_set(err, 0, "'%s' has %zu bytes, at most %zu", name, out->size, max);
	return 0;
}

static int
read_evidence_item(const struct json *item, struct gpu_evidence *out, struct err *err)
{
	const char *arch = json_text(json_get(item, "arch")), *nonce = json_text(json_get(item, "nonce"));

	if (item == NULL || json_type(item) != JSON_OBJECT)
		return err_set(err, 0, "not an object");
	if (arch == NULL || strlen(arch) > 32)
		return err_set(err, 0, "no text 'arch' of at most 32 bytes");
	out->arch = xstrdup(arch);
	if (nonce == NULL || !hex_decode(out->nonce, sizeof(out->nonce), nonce, strlen(nonce)))
		return err_set(err, 0, "'nonce' is not 64 hex digits");
	if (read_base64(item, "evidence", REPORT_MAX, &out->report, err) != 0)
		return -1;
	return read_base64(item, "certificate", CHAIN_MAX, &out->chain_pem, err);
}

static int
read_evidence_list(const struct json *root, struct gpu_evidence list[GPU_MAX], unsigned *count,
		   struct err *err)
{
	if (json_type(root) == JSON_OBJECT)
		root = json_get(root, "evidences");
	if (root == NULL || json_type(root) != JSON_ARRAY)
		return err_set(err, 0, "neither an array nor an object with an array 'evidences'");
	if (json_count(root) == 0 || json_count(root) > GPU_MAX)
		return err_set(err, 0, "%zu items, want 1 to %d", json_count(root), GPU_MAX);
	for (size_t i = 0; i < json_count(root); i++) {
		(*count)++;
		if (read_evidence_item(json_at(root, i), &list[i], err) != 0)
			return err_wrap(err, 0, "item %zu", i);
	}
	return 0;
}

int
gpu_evidence_parse(struct bytes text, struct gpu_evidence list[GPU_MAX], unsigned *count, struct err *err)
{
	struct json *root = json_read(text, &limits, err);
	int rc = -1;

	*count = 0;
	memset(list, 0, GPU_MAX * sizeof(list[0]));
	if (root != NULL)
		rc = read_evidence_list(root, list, count, err);
	if (rc != 0) {
		err_wrap(err, CODE_EVIDENCE_FORMAT, "evidence");
		gpu_evidence_free(list, *count);
		*count = 0;
	}
	json_free(root);
	return rc;
}

static void
print_base64(struct json_out *out, const char *name, struct bytes value)
{
	struct buf text = {0};

	base64_encode(&text, value);
	json_out_name(out, name);
	json_out_bytes(out, buf_bytes(&text));
	buf_free(&text);
}

char *
gpu_evidence_print(const struct gpu_evidence *list, unsigned count)
{
	struct json_out *out = json_out_new(true);
	char nonce[65];

	json_out_array(out);
	for (unsigned i = 0; i < count; i++) {
		hex_encode(nonce, list[i].nonce, sizeof(list[i].nonce));
		json_out_object(out);
		json_out_member_text(out, "arch", list[i].arch);
		json_out_member_text(out, "nonce", nonce);
		print_base64(out, "evidence", buf_bytes(&list[i].report));
		print_base64(out, "certificate", buf_bytes(&list[i].chain_pem));
		json_out_end(out);
	}
	json_out_end(out);
	return json_out_finish(out);
}

int
gpu_evidence_hex(struct bytes text, struct buf *report, struct err *err)
{
	struct buf digits = {0};
	uint8_t bytes[REPORT_MAX];
	size_t size;
	int rc = -1;

	for (size_t i = 0; i < text.size; i++) {
		char c = (char)text.data[i], next = i + 1 < text.size ? (char)text.data[i + 1] : '\0';

		if (strchr(" \t\r\n", c) != NULL && c != '\0')
			continue;
		if ((c == '0' || c == '\\') && next == 'x')
			i++;
		else
			buf_add(&digits, &c, 1);
	}
	size = digits.size / 2;
	if (size == 0 || size > sizeof(bytes))
		err_set(err, CODE_EVIDENCE_FORMAT, "report text: %zu hex digits, want 2 to %d", digits.size,
			2 * REPORT_MAX);
	else if (!hex_decode(bytes, size, (const char *)digits.data, digits.size))
		err_set(err, CODE_EVIDENCE_FORMAT, "report text: something other than pairs of hex digits");
	else
		rc = 0;
	if (rc == 0)
		buf_add(report, bytes, size);
	buf_free(&digits);
	return rc;
}

void
gpu_evidence_free(struct gpu_evidence *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		free(list[i].arch);
		buf_free(&list[i].report);
		buf_free(&list[i].chain_pem);
		list[i] = (struct gpu_evidence){0};
	}
}
