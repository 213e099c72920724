/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "test/emulator/pki.h"
#include "test/emulator/services/service.h"

#define HEADERS_KIB 400
#define BOMB_MIB 64

void
reply_error(struct reply *reply, unsigned status, const char *text)
{
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	json_out_member_text(out, "message", text);
	json_out_end(out);
	reply_json(reply, json_out_finish(out));
	reply->status = status;
}

void
reply_json(struct reply *reply, char *text)
{
	reply->status = 200;
	reply->type = "application/json";
	reply->body.size = 0;
	buf_add_text(&reply->body, text);
	free(text);
}

static unsigned
number_or(const char *argument, unsigned otherwise)
{
	return argument[0] != '\0' ? (unsigned)strtoul(argument, NULL, 10) : otherwise;
}

/* -- instead ------------------------------------------------------------------------------------------------------- */

static bool
lacks_key(const struct services *services, const struct question *question)
{
	char *wanted = xprintf("Bearer %s", services->service_key);
	bool lacks = question->authorization == NULL || strcmp(question->authorization, wanted) != 0;

	free(wanted);
	return lacks;
}

/* "STATUS REST" */
static void
reply_status(struct reply *reply, const char *argument, const char *header)
{
	const char *rest = strchr(argument, ' ');

	reply_error(reply, number_or(argument, 500), "chosen in faults.conf");
	if (rest != NULL)
		buf_printf(&reply->headers, "%s: %s\r\n", header, rest + 1);
}

bool
manners_instead(const struct services *services, const struct question *question, struct faults *faults,
		struct reply *reply)
{
	enum target target = question->target;
	const char *argument;

	if (faults->wrong != NULL) {
		reply_error(reply, 500, faults->wrong);
	} else if (lacks_key(services, question) && (argument = fault_argument(faults, target, "need-key")) != NULL) {
		reply_error(reply, number_or(argument, 401), "UNAUTHORIZED");
	} else if ((argument = fault_argument(faults, target, "flaky")) != NULL &&
		   question->number <= number_or(argument, 1)) {
		reply_error(reply, 503, "SERVICE_UNAVAILABLE");
	} else if ((argument = fault_argument(faults, target, "status")) != NULL) {
		reply_status(reply, argument, "Retry-After");
	} else if ((argument = fault_argument(faults, target, "redirect")) != NULL) {
		reply_status(reply, argument, "Location");
	} else if (fault_chosen(faults, target, "html")) {
		*reply = (struct reply){.status = 200, .type = "text/html"};
		buf_add_text(&reply->body, "<!DOCTYPE html><html><body><h1>Something went wrong</h1></body></html>\n");
	} else if (fault_chosen(faults, target, "empty")) {
		*reply = (struct reply){.status = 200, .type = "application/json"};
	} else {
		return false;
	}
	return true;
}

/* -- around -------------------------------------------------------------------------------------------------------- */

static void
deflate_part(z_stream *stream, const void *data, size_t size, int flush, struct buf *out)
{
	uint8_t part[65536];

	stream->next_in = (Bytef *)(uintptr_t)data;
	stream->avail_in = (uInt)size;
	do {
		stream->next_out = part;
		stream->avail_out = sizeof(part);
		pki_check(deflate(stream, flush) != Z_STREAM_ERROR, "gzip");
		buf_add(out, part, sizeof(part) - stream->avail_out);
	} while (stream->avail_out == 0);
}

static void
make_bomb(struct reply *reply, unsigned mib)
{
	uint8_t *zeros = xcalloc(1, 1 << 20);
	struct buf packed = {0};
	z_stream stream = {0};

	pki_check(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "gzip");
	deflate_part(&stream, reply->body.data, reply->body.size, Z_NO_FLUSH, &packed);
	for (unsigned i = 0; i < mib; i++)
		deflate_part(&stream, zeros, 1 << 20, Z_NO_FLUSH, &packed);
	deflate_part(&stream, zeros, 0, Z_FINISH, &packed);
	deflateEnd(&stream);
	free(zeros);
	buf_free(&reply->body);
	reply->body = packed;
	buf_add_text(&reply->headers, "Content-Encoding: gzip\r\n");
}

static void
add_headers(struct reply *reply, unsigned kib)
{
	char line[1025];

	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	for (unsigned i = 0; i < kib; i++)
		buf_printf(&reply->headers, "X-Filler-%04u: %s\r\n", i, line + 17);
}

static void
choose_manner(const struct question *question, struct faults *faults, struct reply *reply)
{
	enum target target = question->target;
	const char *argument;

	if (fault_chosen(faults, target, "close")) {
		reply->manner = MANNER_CLOSE;
	} else if (fault_chosen(faults, target, "endless")) {
		reply->manner = MANNER_ENDLESS;
	} else if (fault_chosen(faults, target, "truncated")) {
		reply->manner = MANNER_TRUNCATED;
	} else if ((argument = fault_argument(faults, target, "drip")) != NULL) {
		reply->manner = MANNER_DRIP;
		reply->drip_ms = number_or(argument, 1000);
	}
}

void
manners_around(const struct question *question, struct faults *faults, struct reply *reply)
{
	enum target target = question->target;
	const char *argument;

	if ((argument = fault_argument(faults, target, "gzip")) != NULL)
		make_bomb(reply, number_or(argument, BOMB_MIB));
	if ((argument = fault_argument(faults, target, "huge-headers")) != NULL)
		add_headers(reply, number_or(argument, HEADERS_KIB));
	if ((argument = fault_argument(faults, target, "slow")) != NULL)
		reply->delay_ms = number_or(argument, 1000);
	choose_manner(question, faults, reply);
}
