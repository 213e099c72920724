/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config.h"
#include "lib/ca.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/random.h"
#include "lib/url.h"

#define HEADERS_MAX 65536 /* of one attempt, informational answers included */
#define BACKOFF_MS 100    /* doubles with each attempt */
#define BACKOFF_MAX_MS 30000
#define CONNECTIONS_MAX 16 /* kept open: one for each origin */
#define AGENT "oci-cgpu-hook/" PROJECT_VERSION

struct transfer {
	struct transfer *next;
	struct http *http;
	struct http_request request;
	char *url, *origin;
	CURL *easy;
	struct curl_slist *headers;
	char reason[CURL_ERROR_SIZE];
	/* of this attempt */
	bool active;  /* libcurl has it */
	int64_t sent; /* when it got its connection; 0 = not yet */
	size_t header_size;
	bool whole_headers; /* of the last of them, informational ones included: libcurl takes the half for all */
	bool encoded;       /* the body has a content coding that nobody asked for */
	bool too_long;
	/* of all */
	unsigned attempts;
	int64_t due;     /* of the next attempt */
	struct err last; /* why the one before failed */
	bool done;
	struct http_answer answer;
};

struct http {
	struct http_settings settings; /* without ca */
	char *proxy, *key;
	X509_STORE *trust;
	CURLM *multi;
	struct transfer *first;
};

/* -- what comes in ------------------------------------------------------------------------------------------------- */
static size_t
on_body(char *data, size_t one, size_t size, void *context)
{
	struct transfer *transfer = context;

	(void)one;
	transfer->too_long = size > transfer->request.max - transfer->answer.body.size;
	if (transfer->too_long || transfer->encoded)
		return CURL_WRITEFUNC_ERROR;
	buf_add(&transfer->answer.body, data, size);
	return size;
}

/* A Content-Encoding other than identity (RFC 9110 8.4). line ends with CR LF, not with NUL. */
static bool
is_coding(const char *line, size_t size)
{
	static const char name[] = "content-encoding:", identity[] = "identity";
	size_t at = sizeof(name) - 1;

	if (size < at || strncasecmp(line, name, at) != 0)
		return false;
	while (at < size && strchr(" \t", line[at]) != NULL)
		at++;
	while (size > at && strchr(" \t\r\n", line[size - 1]) != NULL)
		size--;
	return size - at != sizeof(identity) - 1 || strncasecmp(line + at, identity, size - at) != 0;
}

static size_t
on_header(char *line, size_t one, size_t size, void *context)
{
	struct transfer *transfer = context;

	(void)one;
	transfer->header_size += size;
	if (size > 5 && memcmp(line, "HTTP/", 5) == 0)
		transfer->whole_headers = false;
	else if (line[0] == '\r' || line[0] == '\n')
		transfer->whole_headers = true;
	transfer->encoded = transfer->encoded || is_coding(line, size);
	return transfer->header_size > HEADERS_MAX ? CURL_WRITEFUNC_ERROR : size;
}

/* The connection is there, and is this request's: its time runs from now on. */
static int
on_connection(void *context, char *ip, char *local_ip, int port, int local_port)
{
	struct transfer *transfer = context;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	transfer->sent = clock_boot_ms();
	return CURL_PREREQFUNC_OK;
}

static CURLcode
on_tls(CURL *easy, void *context, void *trust)
{
	(void)easy;
	SSL_CTX_set1_cert_store(context, trust);
	return CURLE_OK;
}

/* -- one attempt --------------------------------------------------------------------------------------------------- */
static void
add_header(struct transfer *transfer, const char *name, const char *value)
{
	char *line = xprintf("%s%s", name, value);
	struct curl_slist *list = curl_slist_append(transfer->headers, line);

	explicit_bzero(line, strlen(line));
	free(line);
	if (list == NULL)
		_exit(CODE_INTERNAL); /* memory is out: lib/buf.h */
	transfer->headers = list;
}

/* A name without value takes a header away that libcurl adds by itself. */
static void
set_headers(struct transfer *transfer)
{
	const struct http_request *request = &transfer->request;

	add_header(transfer, "Accept:", request->accept != NULL ? request->accept : "");
	if (request->body.data != NULL)
		add_header(transfer, "Content-Type:", request->content_type != NULL ? request->content_type : "");
	add_header(transfer, "Expect:", ""); /* no round trip before the body */
	if (request->with_key && transfer->http->key[0] != '\0')
		add_header(transfer, "Authorization: Bearer ", transfer->http->key);
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	/* The proxy gets none of them. */
	curl_easy_setopt(transfer->easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
}

static void
set_request(struct transfer *transfer)
{
	const struct bytes *body = &transfer->request.body;
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, url_is_plain(transfer->url) ? "http" : "https");
	if (body->data != NULL) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->size);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body->data);
	}
	curl_easy_setopt(easy, CURLOPT_USERAGENT, AGENT);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	set_headers(transfer);
}

static void
set_trust(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, transfer->http->trust);
}

/* Whatever a variable, a file in a home directory or an answer could add to a request is off. */
static void
set_rules(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PROXY, transfer->http->proxy);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, NULL);
	curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* nobody waits for a name lookup that hangs */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->http->settings.connect_ms);
}

static void
set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connection);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
}

static void
begin(struct transfer *transfer)
{
	transfer->answer.body.size = transfer->header_size = 0;
	transfer->encoded = transfer->too_long = transfer->whole_headers = false;
	transfer->reason[0] = '\0';
	transfer->sent = 0;
	transfer->attempts++;
	transfer->active = true;
	curl_multi_add_handle(transfer->http->multi, transfer->easy);
}

static void
end(struct transfer *transfer)
{
	if (transfer->active)
		curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	transfer->active = false;
}

/* -- judging an attempt: true if another one may go better --------------------------------------------------------- */

/* RFC 9110 15.5.9, 15.6; RFC 6585 4. */
static bool
status_passes(long status)
{
	static const long passing[] = {408, 429, 500, 502, 503, 504};

	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
		if (status == passing[i])
			return true;
	return false;
}

static bool
judge_http_status(const struct transfer *transfer, long status, struct err *err)
{
	if (status == 401 || status == 403)
		err_set(err, CODE_SERVICE_DENIED, "HTTP status %ld, asked with%s a service key", status,
			transfer->request.with_key && transfer->http->key[0] != '\0' ? "" : "out");
	else if (status >= 300 && status < 400)
		err_set(err, CODE_HTTP_STATUS, "HTTP status %ld: redirects are not followed", status);
	else
		err_set(err, CODE_HTTP_STATUS, "HTTP status %ld, want 200", status);
	return status_passes(status);
}

static bool
judge_timeout(const struct transfer *transfer, struct err *err)
{
	const struct http_settings *settings = &transfer->http->settings;

	if (transfer->sent != 0)
		err_set(err, CODE_NETWORK_TIMEOUT, "no whole answer within %lld ms", (long long)settings->request_ms);
	else
		err_set(err, CODE_NETWORK_TIMEOUT, "no connection within %lld ms, name lookup and TLS included",
			(long long)settings->connect_ms);
	return true;
}

static bool
judge_connect(const struct transfer *transfer, struct err *err)
{
	const char *proxy = transfer->http->proxy;
	long number = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
	err_set(err, CODE_NETWORK, "no connection%s%s: %s", proxy[0] ? " to the proxy " : "", proxy,
		number != 0 ? err_errno((int)number) : curl_easy_strerror(CURLE_COULDNT_CONNECT));
	return true;
}

/* libcurl has one result for a peer that refuses TLS, which OpenSSL tells in its own form, and for one that is gone. */
static bool
judge_tls(const struct transfer *transfer, CURLcode result, struct err *err)
{
	const char *reason = transfer->reason[0] != '\0' ? transfer->reason : curl_easy_strerror(result);
	long verified = X509_V_OK;

	curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &verified);
	if (verified != X509_V_OK && verified != X509_V_ERR_UNSPECIFIED) { /* libcurl's "not yet" */
		err_set(err, CODE_TLS, "TLS: the server's certificate: %s", X509_verify_cert_error_string(verified));
		return false;
	}
	if (result == CURLE_SSL_CONNECT_ERROR &&
	    (strstr(reason, "error:") == NULL || strstr(reason, "unexpected eof") != NULL)) {
		err_set(err, CODE_NETWORK, "the connection broke off while TLS was set up");
		return true;
	}
	err_set(err, CODE_TLS, "TLS: %s", reason);
	return false;
}

static bool
judge_proxy(long status, struct err *err)
{
	err_set(err, CODE_NETWORK, "the proxy answers with HTTP status %ld", status);
	return status_passes(status);
}

/* libcurl's own words for a result name no errno, in contrast to its error buffer. */
static bool
judge_fault(const struct transfer *transfer, CURLcode result, struct err *err)
{
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		err_set(err, CODE_NETWORK, "the name of the %s is not known",
			result == CURLE_COULDNT_RESOLVE_HOST ? "host" : "proxy");
		return true;
	case CURLE_COULDNT_CONNECT:
		return judge_connect(transfer, err);
	case CURLE_OPERATION_TIMEDOUT:
		return judge_timeout(transfer, err);
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		err_set(err, CODE_NETWORK, "the connection broke off: %s", curl_easy_strerror(result));
		return true;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return judge_tls(transfer, result, err);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		err_set(err, CODE_SERVICE_ANSWER, "the answer is not HTTP");
		return false;
	default:
		err_set(err, CODE_NETWORK, "%s", curl_easy_strerror(result));
		return false;
	}
}

/* What a service did wrong although the connection is sound. */
static bool
judge_answer(const struct transfer *transfer, struct err *err)
{
	if (transfer->header_size > HEADERS_MAX)
		err_set(err, CODE_SERVICE_ANSWER, "headers of more than %d bytes", HEADERS_MAX);
	else if (transfer->encoded)
		err_set(err, CODE_SERVICE_ANSWER, "an answer with a Content-Encoding, which was not asked for");
	else if (transfer->too_long)
		err_set(err, CODE_SERVICE_ANSWER, "an answer of more than %zu bytes", transfer->request.max);
	return false;
}

static bool
judge_transfer(struct transfer *transfer, CURLcode result, struct err *err)
{
	bool ours = transfer->header_size > HEADERS_MAX || transfer->encoded || transfer->too_long;
	long *status = &transfer->answer.status, proxy = 0;

	*status = 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, status);
	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
	if (result == CURLE_OK && !transfer->whole_headers)
		result = CURLE_PARTIAL_FILE;
	if (result != CURLE_OK && !ours)
		return transfer->sent == 0 && proxy >= 300 ? judge_proxy(proxy, err)
							   : judge_fault(transfer, result, err);
	if (*status != 200 && transfer->header_size <= HEADERS_MAX)
		return judge_http_status(transfer, *status, err);
	if (ours)
		return judge_answer(transfer, err);
	return transfer->request.passing != NULL && transfer->request.passing(buf_bytes(&transfer->answer.body));
}

/* -- after an attempt ---------------------------------------------------------------------------------------------- */

/* Full jitter, so that those who failed together do not come back together; at least what the service asked for. */
static bool
schedule(struct transfer *transfer)
{
	const struct http_settings *settings = &transfer->http->settings;
	int64_t ceiling = (int64_t)BACKOFF_MS << (transfer->attempts - 1), pause;
	curl_off_t wanted = 0;
	uint32_t random;

	if (transfer->attempts > settings->retries)
		return false;
	random_bytes(&random, sizeof(random));
	pause = random % ((ceiling < BACKOFF_MAX_MS ? ceiling : BACKOFF_MAX_MS) + 1);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &wanted);
	if (wanted > clock_left_ms(settings->deadline) / 1000)
		return false;
	transfer->due = clock_boot_ms() + (wanted * 1000 > pause ? wanted * 1000 : pause);
	return transfer->due < settings->deadline;
}

static void
conclude(struct transfer *transfer, const struct err *cause)
{
	struct http_answer *answer = &transfer->answer;
	char attempts[32] = "";

	transfer->done = true;
	if (cause->code == CODE_OK)
		return;
	if (transfer->attempts > 1)
		snprintf(attempts, sizeof(attempts), " (%u attempts)", transfer->attempts);
	err_set(&answer->err, cause->code, "%s %.600s: %.300s%s", transfer->request.body.data != NULL ? "POST" : "GET",
		transfer->url, cause->text, attempts);
	buf_free(&answer->body);
}

static void
judge_and_conclude(struct transfer *transfer, const struct err *cause, bool passes)
{
	if (passes && schedule(transfer))
		transfer->last = *cause;
	else
		conclude(transfer, cause);
}

/* A connection that does not come about is the fault of all who wait for it: each for itself would wait that long. */
static void
finish(struct transfer *transfer, CURLcode result)
{
	struct err cause = ERR_INIT;
	bool passes = judge_transfer(transfer, result, &cause), connecting = result != CURLE_OK && transfer->sent == 0;

	end(transfer);
	judge_and_conclude(transfer, &cause, passes);
	for (struct transfer *other = transfer->http->first; connecting && other != NULL; other = other->next) {
		if (!other->active || other->sent != 0 || strcmp(other->origin, transfer->origin) != 0)
			continue;
		end(other);
		judge_and_conclude(other, &cause, passes);
	}
}

static void
finish_by_deadline(struct transfer *transfer)
{
	struct err cause = ERR_INIT;

	end(transfer);
	err_set(&cause, CODE_DEADLINE, "no answer before the deadline%s%.300s",
		transfer->last.text[0] != '\0' ? "; before: " : "", transfer->last.text);
	conclude(transfer, &cause);
}

/* -- all of them --------------------------------------------------------------------------------------------------- */

/* The end of an attempt, or the begin of the next; 0 = sockets alone tell. */
static int64_t
turn_of(const struct transfer *transfer)
{
	if (!transfer->active)
		return transfer->due;
	return transfer->sent != 0 ? transfer->sent + transfer->http->settings.request_ms : 0;
}

/* Begins what is due, ends what is late. */
static void
keep_time(struct http *http)
{
	int64_t now = clock_boot_ms();

	for (struct transfer *transfer = http->first; transfer != NULL; transfer = transfer->next) {
		if (transfer->done)
			continue;
		if (now >= http->settings.deadline)
			finish_by_deadline(transfer);
		else if (!transfer->active && now >= transfer->due)
			begin(transfer);
		else if (transfer->active && transfer->sent != 0 && now >= turn_of(transfer))
			finish(transfer, CURLE_OPERATION_TIMEDOUT);
	}
}

static int
pause_ms(const struct http *http)
{
	int64_t next = http->settings.deadline;

	for (const struct transfer *transfer = http->first; transfer != NULL; transfer = transfer->next) {
		int64_t turn = turn_of(transfer);

		if (turn != 0 && turn < next)
			next = turn;
	}
	return clock_left_ms(next);
}

static void
take_results(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		CURLcode result = message->data.result;
		struct transfer *transfer = NULL;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		finish(transfer, result);
	}
}

static void
transfer_free(struct transfer *transfer)
{
	end(transfer);
	curl_easy_cleanup(transfer->easy);
	for (struct curl_slist *line = transfer->headers; line != NULL; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(transfer->headers);
	buf_free(&transfer->answer.body);
	free(transfer->url);
	free(transfer->origin);
	free(transfer);
}

static bool
take_answer(struct http *http, struct http_answer *out)
{
	for (struct transfer **at = &http->first; *at != NULL; at = &(*at)->next) {
		struct transfer *transfer = *at;

		if (!transfer->done)
			continue;
		*out = transfer->answer;
		transfer->answer.body = (struct buf){0};
		*at = transfer->next;
		transfer_free(transfer);
		return true;
	}
	return false;
}

/* Data, or the end of them, which libcurl's poll does not tell. */
static bool
is_readable(int fd)
{
	return poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0) > 0;
}

int
http_work(struct http *http, int fd, struct http_answer *out)
{
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
	int running;

	for (;;) {
		keep_time(http);
		curl_multi_perform(http->multi, &running);
		take_results(http);
		if (take_answer(http, out))
			return 1;
		if (fd >= 0 && is_readable(fd))
			return 0;
		if (http->first == NULL && (fd < 0 || clock_left_ms(http->settings.deadline) == 0))
			return -1;
		curl_multi_poll(http->multi, &extra, fd >= 0 ? 1 : 0, pause_ms(http), NULL);
	}
}

int
http_start(struct http *http, unsigned ticket, const struct http_request *request, struct err *err)
{
	struct transfer *transfer;

	if (url_check(request->url, true, err) != 0)
		return -1;
	transfer = xcalloc(1, sizeof(*transfer));
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL) {
		free(transfer);
		return err_set(err, CODE_INTERNAL, "libcurl gives no handle");
	}
	transfer->http = http;
	transfer->request = *request;
	transfer->url = xstrdup(request->url);
	transfer->origin = url_origin(request->url);
	transfer->answer.ticket = ticket;
	set_request(transfer);
	set_trust(transfer);
	set_rules(transfer);
	set_callbacks(transfer);
	transfer->next = http->first;
	http->first = transfer;
	return 0;
}

static int
check_settings(const struct http_settings *settings, struct err *err)
{
	if (settings->proxy[0] != '\0' && url_check(settings->proxy, true, err) != 0)
		return err_wrap(err, CODE_USAGE, "proxy");
	if (settings->proxy[0] != '\0' && !url_is_plain(settings->proxy))
		return err_set(err, CODE_USAGE, "proxy '%s' is not of the form http://HOST:PORT", settings->proxy);
	for (const char *at = settings->key; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return err_set(err, CODE_USAGE, "the service key is not one word of visible ASCII characters");
	return 0;
}

/* Our trust store fits no other TLS library. */
static int
start_libraries(struct http *http, struct bytes ca, struct err *err)
{
	if (curl_global_sslset(CURLSSLBACKEND_OPENSSL, NULL, NULL) != CURLSSLSET_OK)
		return err_set(err, CODE_INTERNAL, "libcurl does not use OpenSSL");
	if (curl_global_init(CURL_GLOBAL_SSL) != CURLE_OK || (http->multi = curl_multi_init()) == NULL)
		return err_set(err, CODE_INTERNAL, "libcurl does not start");
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
	http->trust = ca_store(ca, err);
	return http->trust != NULL ? 0 : -1;
}

struct http *
http_new(const struct http_settings *settings, struct err *err)
{
	struct http *http;

	if (check_settings(settings, err) != 0)
		return NULL;
	http = xcalloc(1, sizeof(*http));
	http->settings = *settings;
	http->proxy = xstrdup(settings->proxy);
	http->key = xstrdup(settings->key);
	if (start_libraries(http, settings->ca, err) == 0)
		return http;
	http_free(http);
	return NULL;
}

void
http_free(struct http *http)
{
	if (http == NULL)
		return;
	while (http->first != NULL) {
		struct transfer *transfer = http->first;

		http->first = transfer->next;
		transfer_free(transfer);
	}
	curl_multi_cleanup(http->multi);
	X509_STORE_free(http->trust);
	explicit_bzero(http->key, strlen(http->key));
	free(http->key);
	free(http->proxy);
	free(http);
}
