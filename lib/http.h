/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_H
#define LIB_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * HTTPS requests of one run on libcurl's multi interface: all of them overlap, each origin gets at most one connection, which
 * is kept alive and multiplexed where the server speaks HTTP/2 (RFC 9113). TLS 1.2 or later, host name checked, the CA file
 * given and no other; no redirect, cookie, netrc, HSTS, alternative service, content decoding, and no proxy but the one given.
 */

struct http_settings {
	struct bytes ca;        /* PEM bundle */
	const char *proxy;      /* "http://host:port"; "" = none, whatever the environment says */
	const char *key;        /* bearer token for requests that ask for it; "" = none */
	int64_t connect_ms, request_ms; /* one connection, one attempt */
	unsigned retries;       /* attempts after the first, for faults that pass (RFC 9110 9.2.2, 15.6) */
	int64_t deadline;       /* lib/clock.h: of everything */
};

struct http_request {
	const char *url;
	const char *content_type, *accept; /* NULL = no such header */
	struct bytes body;                 /* POST; {NULL, 0} = GET */
	size_t max;                        /* of the answer's body: a longer one ends the request */
	bool with_key;
	bool (*passing)(struct bytes body); /* NULL, or: a 200 that is worth another attempt */
};

struct http_answer {
	unsigned ticket;
	long status;   /* 0 = none came */
	struct buf body;
	struct err err; /* code 0: the body of a 200 is there; else CODE_NETWORK, _TLS, _NETWORK_TIMEOUT, _HTTP_STATUS, _SERVICE_ANSWER, _SERVICE_DENIED */
};

struct http;

/* Loads CA and name service (one lookup that may open files), so that a filter can be set up afterwards. */
struct http *http_new(const struct http_settings *settings, struct err *err);
/* Everything of request but url and headers must stay until its answer. -1: the URL is none of https (or http where plain is allowed). */
int http_start(struct http *http, unsigned ticket, const struct http_request *request, struct err *err);
/* Works on all requests until one has its answer (1; the caller frees body), fd has something to read (0), or nothing is left. */
int http_work(struct http *http, int fd, struct http_answer *out);
/* Keys are wiped. */
void http_free(struct http *http);

#endif
