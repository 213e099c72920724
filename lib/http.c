/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http.h"

#include <curl/curl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/random.h"
#include "lib/url.h"

#define HEADERS_MAX 65536
#define STALL_SECONDS 5 /* slower than a byte a second for so long is an end */
#define BACKOFF_MS 100  /* doubles with each attempt */
#define BACKOFF_MAX_MS 3000
#define AGENT "oci-cgpu-hook/" PROJECT_VERSION

struct transfer {
	struct transfer *next;
	unsigned ticket, attempts;
	CURL *easy;
	char *url, *origin;
	struct http_request request;
	struct curl_slist *headers;
	struct buf body;
	size_t header_bytes;
	bool encoded;       /* the answer has a content coding that nobody asked for */
	bool too_large;
	int64_t not_before; /* of the next attempt */
	bool running;
	char reason[CURL_ERROR_SIZE];
};

struct http {
	struct http_settings settings;
	char *proxy, *key;
	struct buf ca;
	CURLM *multi;
	struct transfer *first;
};

/* -- what comes in ------------------------------------------------------------------------------------------------- */
static size_t
on_body(char *data, size_t one, size_t size, void *context)
{
	struct transfer *transfer = context;

	transfer->too_large = transfer->too_large || transfer->body.size + size > transfer->request.max;
	if (transfer->too_large || transfer->encoded)
		return one == 1 && size == 0 ? 1 : 0; /* another number than size ends the transfer */
	buf_add(&transfer->body, data, size);
	return size;
}

static bool
has_name(const char *line, size_t size, const char *name)
{
	size_t length = strlen(name);

	return size > length && strncasecmp(line, name, length) == 0 && line[length] == ':';
}

static size_t
on_header(char *line, size_t one, size_t size, void *context)
{
	static const char coding[] = "content-encoding", identity[] = "identity";
	struct transfer *transfer = context;

	(void)one;
	transfer->header_bytes += size;
	if (has_name(line, size, coding)) {
		const char *value = line + sizeof(coding);
		size_t left = size - sizeof(coding);

		for (; left > 0 && (*value == ' ' || *value == '\t'); left--)
			value++;
		transfer->encoded = left < sizeof(identity) - 1 || strncasecmp(value, identity, sizeof(identity) - 1) != 0;
	}
	transfer->too_large = transfer->too_large || transfer->header_bytes > HEADERS_MAX;
	return transfer->too_large ? 0 : size;
}

/* -- one attempt --------------------------------------------------------------------------------------------------- */
static void
add_header(struct transfer *transfer, const char *name, const char *value)
{
	char *line = xprintf("%s%s", name, value);

	transfer->headers = curl_slist_append(transfer->headers, line);
	explicit_bzero(line, strlen(line));
	free(line);
}

static void
set_headers(struct http *http, struct transfer *transfer)
{
	const struct http_request *request = &transfer->request;

	if (request->content_type != NULL)
		add_header(transfer, "Content-Type: ", request->content_type);
	if (request->accept != NULL)
		add_header(transfer, "Accept: ", request->accept);
	add_header(transfer, "Expect:", ""); /* no round trip before the body */
	if (request->with_key && http->key[0] != '\0')
		add_header(transfer, "Authorization: Bearer ", http->key);
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

/* Whatever a variable, a file in a home directory or an answer could add to a request is off. */
static void
set_rules(struct http *http, struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	struct curl_blob ca = {http->ca.data, http->ca.size, CURL_BLOB_NOCOPY};

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, url_is_plain(transfer->url) ? "http" : "https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, http->proxy);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, AGENT);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
}

static long
at_most(int64_t ms, int64_t left)
{
	return (long)(ms < left ? ms : left > 0 ? left : 1);
}

static void
begin(struct http *http, struct transfer *transfer)
{
	int64_t left = clock_left_ms(http->settings.deadline);

	transfer->body.size = transfer->header_bytes = 0;
	transfer->encoded = transfer->too_large = false;
	transfer->reason[0] = '\0';
	transfer->attempts++;
	transfer->running = true;
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS, at_most(http->settings.connect_ms, left));
	curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, at_most(http->settings.request_ms, left));
	curl_easy_setopt(transfer->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(transfer->easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	curl_multi_add_handle(http->multi, transfer->easy);
}

static void
transfer_free(struct http *http, struct transfer *transfer)
{
	if (transfer->running)
		curl_multi_remove_handle(http->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	for (struct curl_slist *line = transfer->headers; line != NULL; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(transfer->headers);
	buf_free(&transfer->body);
	free(transfer->url);
	free(transfer->origin);
	free(transfer);
}

/* -- judging an attempt -------------------------------------------------------------------------------------------- */
static int
code_of(CURLcode result)
{
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return CODE_NETWORK_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_USE_SSL_FAILED:
		return CODE_TLS;
	case CURLE_WRITE_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_PARTIAL_FILE:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return CODE_SERVICE_ANSWER;
	default:
		return CODE_NETWORK;
	}
}

static int
judge_status(const struct transfer *transfer, long status, struct err *err)
{
	if (status == 401 || status == 403)
		return err_set(err, CODE_SERVICE_DENIED, "%s: HTTP status %ld%s", transfer->origin, status,
			       transfer->request.with_key ? "" : "; no service key was sent");
	if (status >= 300 && status < 400)
		return err_set(err, CODE_HTTP_STATUS, "%s: HTTP status %ld: redirects are not followed", transfer->origin, status);
	if (status != 200)
		return err_set(err, CODE_HTTP_STATUS, "%s: HTTP status %ld, want 200", transfer->origin, status);
	return 0;
}

static int
judge(const struct transfer *transfer, CURLcode result, long status, struct err *err)
{
	if (transfer->too_large)
		return err_set(err, CODE_SERVICE_ANSWER, "%s: answer with more than %zu bytes, or headers with more than %d",
			       transfer->origin, transfer->request.max, HEADERS_MAX);
	if (transfer->encoded)
		return err_set(err, CODE_SERVICE_ANSWER, "%s: answer in a content coding that was not asked for", transfer->origin);
	if (result != CURLE_OK)
		return err_set(err, code_of(result), "%s: %s", transfer->origin,
			       transfer->reason[0] ? transfer->reason : curl_easy_strerror(result));
	return judge_status(transfer, status, err);
}

/* Faults that may be over at the next attempt (RFC 9110 15.5.9, 15.6; RFC 6585 4); a refusal by TLS is not one of them. */
static bool
may_pass(const struct transfer *transfer, long status, const struct err *err)
{
	static const long passing[] = {408, 429, 500, 502, 503, 504};

	if (err->code == CODE_OK)
		return transfer->request.passing != NULL && transfer->request.passing(buf_bytes(&transfer->body));
	if (err->code == CODE_NETWORK || err->code == CODE_NETWORK_TIMEOUT)
		return true;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (err->code == CODE_HTTP_STATUS && status == passing[i])
			return true;
	return false;
}

/* Full jitter: those who failed together do not come back together. */
static bool
schedule(const struct http *http, struct transfer *transfer)
{
	curl_off_t wanted = 0;
	int64_t ceiling = (int64_t)BACKOFF_MS << transfer->attempts, pause;
	uint32_t random;

	if (transfer->attempts > http->settings.retries)
		return false;
	random_bytes(&random, sizeof(random));
	ceiling = ceiling < BACKOFF_MAX_MS ? ceiling : BACKOFF_MAX_MS;
	pause = random % (ceiling + 1);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &wanted);
	if (wanted * 1000 > pause)
		pause = wanted * 1000;
	if (pause >= clock_left_ms(http->settings.deadline))
		return false;
	transfer->not_before = clock_boot_ms() + pause;
	return true;
}

static void
unlink_transfer(struct http *http, struct transfer *transfer)
{
	struct transfer **at = &http->first;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
}

static void
answer(struct http *http, struct transfer *transfer, long status, const struct err *err, struct http_answer *out)
{
	*out = (struct http_answer){.ticket = transfer->ticket, .status = status, .err = *err};
	if (err->code == CODE_OK) {
		out->body = transfer->body;
		transfer->body = (struct buf){0};
	}
	unlink_transfer(http, transfer);
	transfer_free(http, transfer);
}

/* True if the transfer came to its end: an answer, or no attempt is left. */
static bool
finish(struct http *http, struct transfer *transfer, CURLcode result, struct http_answer *out)
{
	struct err err = ERR_INIT;
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(http->multi, transfer->easy);
	transfer->running = false;
	judge(transfer, result, status, &err);
	if (may_pass(transfer, status, &err) && schedule(http, transfer))
		return false;
	if (err.code != CODE_OK && transfer->attempts > 1)
		err_wrap(&err, 0, "%u attempts", transfer->attempts);
	answer(http, transfer, status, &err, out);
	return true;
}

/* -- all of them --------------------------------------------------------------------------------------------------- */

/* The first lookup loads the name service's modules, which a filter would not allow afterwards. */
static void
prime_resolver(void)
{
	struct addrinfo *found = NULL;

	if (getaddrinfo("localhost", "443", &(struct addrinfo){.ai_socktype = SOCK_STREAM}, &found) == 0)
		freeaddrinfo(found);
}

struct http *
http_new(const struct http_settings *settings, struct err *err)
{
	struct http *http = xcalloc(1, sizeof(*http));

	http->settings = *settings;
	http->proxy = xstrdup(settings->proxy);
	http->key = xstrdup(settings->key);
	buf_add(&http->ca, settings->ca.data, settings->ca.size);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (http->multi = curl_multi_init()) == NULL) {
		err_set(err, CODE_INTERNAL, "libcurl does not start");
		http_free(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
	prime_resolver();
	return http;
}

int
http_start(struct http *http, unsigned ticket, const struct http_request *request, struct err *err)
{
	struct transfer *transfer;

	/* http was judged by whoever configured it. */
	if (url_check(request->url, true, err) != 0)
		return -1;
	transfer = xcalloc(1, sizeof(*transfer));
	transfer->ticket = ticket;
	transfer->request = *request;
	transfer->url = xstrdup(request->url);
	transfer->origin = url_origin(request->url);
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL) {
		transfer_free(http, transfer);
		return err_set(err, CODE_INTERNAL, "libcurl gives no handle");
	}
	curl_easy_setopt(transfer->easy, CURLOPT_URL, transfer->url);
	set_rules(http, transfer);
	set_headers(http, transfer);
	if (request->body.data != NULL) {
		curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, request->body.data);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
	}
	transfer->next = http->first;
	http->first = transfer;
	begin(http, transfer);
	return 0;
}

static bool
take_finished(struct http *http, struct http_answer *out)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct transfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		if (finish(http, transfer, message->data.result, out))
			return true;
	}
	return false;
}

/* Milliseconds until something has to be done that no socket tells. */
static int
next_pause(struct http *http)
{
	int pause = clock_left_ms(http->settings.deadline);

	for (struct transfer *transfer = http->first; transfer != NULL; transfer = transfer->next) {
		int left = transfer->running ? pause : clock_left_ms(transfer->not_before);

		if (left == 0 && !transfer->running)
			begin(http, transfer);
		pause = left < pause ? left : pause;
	}
	return pause;
}

int
http_work(struct http *http, int fd, struct http_answer *out)
{
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
	int running;

	while (http->first != NULL || fd >= 0) {
		int pause;

		if (http->first != NULL && clock_left_ms(http->settings.deadline) == 0) {
			struct err err = ERR_INIT;

			err_set(&err, CODE_NETWORK_TIMEOUT, "%s: no answer within the deadline", http->first->origin);
			answer(http, http->first, 0, &err, out);
			return 1;
		}
		curl_multi_perform(http->multi, &running);
		if (take_finished(http, out))
			return 1;
		/* Only now: what has just failed may have been planned anew. */
		pause = http->first != NULL ? next_pause(http) : clock_left_ms(http->settings.deadline);
		extra.revents = 0;
		if (curl_multi_poll(http->multi, &extra, fd >= 0 ? 1 : 0, pause, NULL) != CURLM_OK)
			return 0;
		if (fd >= 0 && (extra.revents != 0 || (http->first == NULL && clock_left_ms(http->settings.deadline) == 0)))
			return 0;
	}
	return 0;
}

void
http_free(struct http *http)
{
	if (http == NULL)
		return;
	while (http->first != NULL) {
		struct transfer *transfer = http->first;

		http->first = transfer->next;
		transfer_free(http, transfer);
	}
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	explicit_bzero(http->key, strlen(http->key));
	free(http->key);
	free(http->proxy);
	buf_free(&http->ca);
	curl_global_cleanup();
	free(http);
}
