/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/fetch/wire.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"

#define TIME_MAX_MS 86400000
#define RETRIES_MAX 100

void
fetch_put_network(struct buf *payload, const struct fetch_settings *settings)
{
	frame_put_i64(payload, settings->connect_ms);
	frame_put_i64(payload, settings->request_ms);
	frame_put_u32(payload, settings->retries);
	frame_put_i64(payload, clock_left_ms(settings->deadline - FETCH_WORDS_MS));
	frame_put_field(payload, settings->ca);
	frame_put_text(payload, settings->proxy);
	frame_put_text(payload, settings->key);
}

static bool
get_time(struct cursor *cursor, int64_t *ms)
{
	return frame_get_i64(cursor, ms) && *ms >= 0 && *ms <= TIME_MAX_MS;
}

bool
fetch_get_network(struct bytes payload, struct http_settings *out)
{
	struct cursor cursor = cursor_of(payload);
	char *proxy = NULL, *key = NULL;
	uint32_t retries;
	int64_t left;

	*out = (struct http_settings){0};
	if (!get_time(&cursor, &out->connect_ms) || !get_time(&cursor, &out->request_ms) ||
	    !frame_get_u32(&cursor, &retries) || retries > RETRIES_MAX || !get_time(&cursor, &left) ||
	    !frame_get_field(&cursor, &out->ca) || !frame_get_text(&cursor, &proxy))
		return false;
	out->retries = retries;
	out->deadline = clock_boot_ms() + left;
	out->proxy = proxy;
	if (!frame_get_text(&cursor, &key) || cursor.left != 0) {
		out->key = key;
		fetch_free_network(out);
		return false;
	}
	out->key = key;
	return true;
}

void
fetch_free_network(struct http_settings *settings)
{
	if (settings->key != NULL)
		explicit_bzero((char *)settings->key, strlen(settings->key));
	free((char *)settings->key);
	free((char *)settings->proxy);
	settings->key = settings->proxy = NULL;
}

void
fetch_put_request(struct buf *payload, uint32_t ticket, const struct fetch_request *request)
{
	frame_put_u32(payload, ticket);
	frame_put_u32(payload, request->kind);
	frame_put_u32(payload, request->with_key);
	frame_put_text(payload, request->url);
	frame_put_text(payload, request->id != NULL ? request->id : "");
	frame_put_field(payload, request->body);
}

static bool
get_head(struct cursor *cursor, uint32_t *ticket, struct fetch_request *out)
{
	uint32_t kind, with_key;

	if (!frame_get_u32(cursor, ticket) || !frame_get_u32(cursor, &kind) || !kind_is_asked(kind) ||
	    !frame_get_u32(cursor, &with_key) || with_key > 1)
		return false;
	out->kind = kind;
	out->with_key = with_key == 1;
	return true;
}

bool
fetch_get_request(struct bytes payload, uint32_t *ticket, struct fetch_request *out)
{
	struct cursor cursor = cursor_of(payload);
	char *url = NULL, *id = NULL;
	bool posts = false, ok;

	*out = (struct fetch_request){0};
	ok = get_head(&cursor, ticket, out) && frame_get_text(&cursor, &url) && frame_get_text(&cursor, &id) &&
	     frame_get_field(&cursor, &out->body) && cursor.left == 0;
	if (ok)
		posts = kind_row(out->kind)->content_type != NULL;
	out->url = url;
	out->id = id;
	if (ok && (out->body.size > 0) == posts) {
		if (!posts)
			out->body.data = NULL;
		return true;
	}
	fetch_free_request(out);
	return false;
}

void
fetch_free_request(struct fetch_request *request)
{
	free((char *)request->url);
	free((char *)request->id);
	request->url = request->id = NULL;
}

void
fetch_put_response(struct buf *payload, uint32_t ticket, const struct err *err, struct bytes body)
{
	frame_put_u32(payload, ticket);
	frame_put_u32(payload, (uint32_t)err->code);
	frame_put_field(payload, err->code == CODE_OK ? body : bytes_of_text(err->text));
}

bool
fetch_get_response(struct bytes payload, uint32_t *ticket, struct err *err, struct bytes *body)
{
	struct cursor cursor = cursor_of(payload);
	uint32_t code;

	if (!frame_get_u32(&cursor, ticket) || !frame_get_u32(&cursor, &code) || code > 255 ||
	    code_find((int)code) == NULL || !frame_get_field(&cursor, body) || cursor.left != 0)
		return false;
	*err = (struct err)ERR_INIT;
	if (code != CODE_OK)
		err_set(err, (int)code, "%.*s", (int)body->size, (const char *)body->data);
	return true;
}
