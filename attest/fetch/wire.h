/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_FETCH_WIRE_H
#define ATTEST_FETCH_WIRE_H

#include "attest/collateral/kind.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/http.h"

/*
 * Payloads between the run and the fetch worker; order of the frames: lib/frame.h. Readers return false for a payload
 * that is short, long or holds a value that cannot be.
 *
 *   NETWORK   i64 connect ms, i64 request ms, u32 retries, i64 ms left, field CA bundle, field proxy, field key
 *   REQUEST   u32 ticket, u32 kind, u32 with key, field URL, field id, field body
 *   RESPONSE  u32 ticket, u32 code (CODE_OK or why there is none), field: bytes or text
 */

struct fetch_settings {
	const char *path, *user; /* of the program; user NULL: ids stay */
	struct bytes ca;
	const char *proxy, *key; /* "" = none */
	int64_t connect_ms, request_ms;
	unsigned retries;
	int64_t deadline; /* lib/clock.h */
};

/*
 * The kind's row says method, headers, ceiling and form. Of the RIM service's JSON envelope the XML comes back.
 */
struct fetch_request {
	enum collateral_kind kind;
	const char *url;
	const char *id; /* RIMs: what the envelope must repeat */
	struct bytes body;
	bool with_key;
};

#define FETCH_TICKETS_MAX 4096 /* of one run; they count from 0 */
#define FETCH_WORDS_MS 100     /* before the run's deadline requests end: the worker still says what they waited for */

/* The key comes last: nothing is moved after it was added. Who holds such a payload wipes it. */
void fetch_put_network(struct buf *payload, const struct fetch_settings *settings);
/* ca is a view into payload; proxy and key are in new memory: fetch_free_network. deadline is by our clock. */
bool fetch_get_network(struct bytes payload, struct http_settings *out);
void fetch_free_network(struct http_settings *settings); /* wipes the key */

void fetch_put_request(struct buf *payload, uint32_t ticket, const struct fetch_request *request);
/* url and id in new memory: fetch_free_request; body is a view into payload, there for POST alone. */
bool fetch_get_request(struct bytes payload, uint32_t *ticket, struct fetch_request *out);
void fetch_free_request(struct fetch_request *request);

void fetch_put_response(struct buf *payload, uint32_t ticket, const struct err *err, struct bytes body);
/* body is a view into payload; err has code 0 where it is there. */
bool fetch_get_response(struct bytes payload, uint32_t *ticket, struct err *err, struct bytes *body);

#endif
