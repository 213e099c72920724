/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/fs.h"
#include "test/emulator/manifest.h"
#include "test/emulator/services/service.h"

/* The RIM service: GET /v1/rim/ID gives the manifest in base64 in a JSON object. */

#define PREFIX "/v1/rim/"
#define MANIFEST_MAX (1 << 20)

static int
read_manifest(const struct services *services, const char *id, struct faults *faults, struct buf *xml)
{
	const char *folder = fault_about(faults, TARGET_RIM, "other-version", id) ? "rim" : "../rim";
	char *path = xprintf("%s/%s/%s.xml", services->folder, folder, id);
	struct err err = ERR_INIT;
	int rc = fs_read_file(path, MANIFEST_MAX, xml, &err);

	if (rc == 0 && fault_about(faults, TARGET_RIM, "damaged", id))
		manifest_damage(xml);
	free(path);
	return rc;
}

static void
write_envelope(const char *id, const struct buf *xml, struct faults *faults, struct json_out *out)
{
	bool wrong = fault_about(faults, TARGET_RIM, "wrong-id", id);
	struct buf text = {0};
	uint8_t hash[SHA256_SIZE];
	char updated[32];

	clock_format(clock_wall(), updated);
	crypto_sha256(buf_bytes(xml), hash);
	base64_encode(&text, buf_bytes(xml));
	if (fault_about(faults, TARGET_RIM, "bad-base64", id))
		text.data[text.size / 2] = '*';
	json_out_object(out);
	json_out_member_text(out, "id", wrong ? "NV_GPU_DRIVER_GX999_1.2.3" : id);
	json_out_name(out, "rim");
	json_out_bytes(out, buf_bytes(&text));
	json_out_member_hex(out, "sha256", bytes_of(hash, sizeof(hash)));
	json_out_member_text(out, "last_updated", updated);
	json_out_member_text(out, "rim_format", "TCG");
	json_out_member_text(out, "request_id", "11111111-2222-4333-8444-555555555555");
	json_out_end(out);
	buf_free(&text);
}

static bool
id_is_plain(const char *id)
{
	static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.";

	return id[0] != '\0' && id[0] != '.' && id[strspn(id, plain)] == '\0';
}

void
rim_answer(const struct services *services, const struct question *question, struct faults *faults, struct reply *reply)
{
	const char *id = question->path + strlen(PREFIX);
	struct json_out *out;
	struct buf xml = {0};

	if (strncmp(question->path, PREFIX, strlen(PREFIX)) != 0 || !id_is_plain(id)) {
		reply_error(reply, 404, "NOT_FOUND");
	} else if (strcmp(question->method, "GET") != 0) {
		reply_error(reply, 405, "METHOD_NOT_ALLOWED");
	} else if (fault_about(faults, TARGET_RIM, "404", id) || read_manifest(services, id, faults, &xml) != 0) {
		reply_error(reply, 404, "RIM_NOT_FOUND");
	} else {
		out = json_out_new(false);
		write_envelope(id, &xml, faults, out);
		reply_json(reply, json_out_finish(out));
		if (fault_about(faults, TARGET_RIM, "not-json", id))
			reply->body.data[reply->body.size - 1] = ']';
	}
	buf_free(&xml);
}
