/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_H
#define LIB_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * HTTPS requests of one run on libcurl's multi interface: all of them overlap, each origin gets at most one connection,
 * which is kept alive and multiplexed where the server speaks HTTP/2 (RFC 9113). TLS 1.2 or later, host name checked,
 * the CA bundle given and no other; no redirect, cookie, netrc, HSTS, alternative service, content decoding, and no
 * proxy but the one given.
 */

struct http_settings {
	struct bytes ca;    /* PEM bundle: lib/ca.h */
	const char *proxy;  /* "http://host:port"; "" = none, whatever the environment says */
	const char *key;    /* bearer token for requests that ask for it; "" = none */
	int64_t connect_ms; /* name, connection and TLS; whoever waits for the same connection shares its fate */
	int64_t request_ms; /* one attempt, from the moment when the connection is its own */
	unsigned retries;   /* attempts after the first, for faults that pass (RFC 9110 9.2.2, 15.6) */
	int64_t deadline;   /* lib/clock.h: of everything */
};

struct http_request {
	const char *url;
	const char *content_type, *accept; /* NULL = no such header */
	struct bytes body;                 /* POST; {NULL, 0} = GET */
	size_t max;                        /* of the answer's body: a longer one ends the request */
	bool with_key;
	/* NULL, or: a 200 that is worth another attempt; that of the last one is the answer. */
	bool (*passing)(struct bytes body);
};

struct http_answer {
	unsigned ticket;
	long status; /* of the last attempt; 0 = none came */
	struct buf body;
	/* code 0: the body of a 200 is there; else CODE_NETWORK, _TLS, _NETWORK_TIMEOUT, _DEADLINE, _HTTP_STATUS,
	 * _SERVICE_ANSWER, _SERVICE_DENIED */
	struct err err;
};

struct http;

/* Starts libcurl and OpenSSL, which read their configuration, so that a filter can be set up afterwards. NULL: a bundle
 * without certificates (CODE_TLS), a proxy or key of another form (CODE_USAGE). */
struct http *http_new(const struct http_settings *settings, struct err *err);
/* Everything of request but url and headers must stay until its answer. -1 with CODE_USAGE: url_check() of lib/url.h
 * refuses the URL; plain http is what its reader allowed. */
int http_start(struct http *http, unsigned ticket, const struct http_request *request, struct err *err);
/* Works on all requests until one has its answer (1; the caller frees body), or fd has something to read or ended (0).
 * -1: nothing is left to work on, and fd is -1 or the deadline passed. */
int http_work(struct http *http, int fd, struct http_answer *out);
/* Keys are wiped. */
void http_free(struct http *http);

#endif
