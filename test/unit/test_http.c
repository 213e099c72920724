/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS client against servers on 127.0.0.1 that behave and that do not. */
#include "lib/http.h"

#include <signal.h>
#include <sys/stat.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "test/unit/https_server.h"
#include "test/unit/unit.h"

#define PATIENCE_MS 20000
#define MAX 100000
#define KEY "service-key-0123456789"

static struct identity root, good;
static struct buf bundle;

/* What a test sees of its requests, by ticket. */
#define REQUESTS_MAX 16
static struct http_answer answers[REQUESTS_MAX];
static unsigned answered;

static struct http_settings
settings_of_test(void)
{
	return (struct http_settings){
		.ca = buf_bytes(&bundle),
		.proxy = "",
		.key = KEY,
		.connect_ms = 3000,
		.request_ms = 3000,
		.retries = 0,
		.deadline = clock_boot_ms() + PATIENCE_MS,
	};
}

static void
forget_answers(void)
{
	for (unsigned i = 0; i < REQUESTS_MAX; i++) {
		buf_free(&answers[i].body);
		answers[i] = (struct http_answer){0};
	}
	answered = 0;
}

static void
take_all(struct http *http)
{
	struct http_answer answer;

	while (http_work(http, -1, &answer) == 1) {
		CHECK(answer.ticket < REQUESTS_MAX && answers[answer.ticket].ticket == 0);
		answers[answer.ticket] = answer;
		answers[answer.ticket].ticket = 1; /* seen */
		answered++;
	}
}

static struct http *
client(const struct http_settings *settings)
{
	struct err err = ERR_INIT;
	struct http *http = http_new(settings, &err);

	if (http == NULL)
		CHECK_TEXT(err.text, "a client");
	forget_answers();
	return http;
}

static char *
url_of(const struct server *server, const char *path)
{
	return xprintf("%s://127.0.0.1:%u%s", server->tls != NULL ? "https" : "http", server->port, path);
}

static void
start(struct http *http, unsigned ticket, const struct server *server, struct http_request request)
{
	struct err err = ERR_INIT;
	char *url = url_of(server, request.url);

	request.url = url;
	request.max = request.max != 0 ? request.max : MAX;
	CHECK(http_start(http, ticket, &request, &err) == 0);
	free(url);
}

/* One GET with these settings; the answer is answers[0]. */
static void
get_with(const struct server *server, const struct http_settings *settings)
{
	struct http *http = client(settings);

	start(http, 0, server, (struct http_request){.url = "/x"});
	take_all(http);
	CHECK(answered == 1);
	http_free(http);
}

static void
get(const struct server *server)
{
	const struct http_settings settings = settings_of_test();

	get_with(server, &settings);
}

static void
check_answer(unsigned ticket, const char *body)
{
	CHECK(answers[ticket].status == 200);
	CHECK(answers[ticket].err.code == CODE_OK);
	CHECK_TEXT(answers[ticket].err.text, "");
	CHECK(bytes_equal(buf_bytes(&answers[ticket].body), bytes_of_text(body)));
}

/* The reason stands behind "GET URL: ". */
static void
check_fault(unsigned ticket, int code, const char *reason)
{
	if (answers[ticket].err.code != code || strstr(answers[ticket].err.text, reason) == NULL)
		printf("# ticket %u: code %d: %s\n", ticket, answers[ticket].err.code, answers[ticket].err.text);
	CHECK(answers[ticket].err.code == code);
	CHECK(strstr(answers[ticket].err.text, reason) != NULL);
	CHECK(strstr(answers[ticket].err.text, "127.0.0.1:") != NULL);
	CHECK(answers[ticket].body.data == NULL);
}

static unsigned
count(const char *text, const char *what)
{
	unsigned found = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		found++;
	return found;
}

/* -- what is asked ------------------------------------------------------------------------------------------------- */
static bool
serve_ok(struct connection *connection)
{
	return connection_answer(connection, 200, "", bytes_of_text("hello"));
}

static bool
serve_tempting(struct connection *connection)
{
	return connection_answer(
	    connection, 200,
	    "Set-Cookie: a=b\r\nStrict-Transport-Security: max-age=9\r\nAlt-Svc: h2=\"127.0.0.1:1\"\r\n"
		"Content-Encoding: identity\r\n",
	    bytes_of_text("hello"));
}

static void
test_get(void)
{
	const struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http = client(&settings);
	char *want;

	server_start(&server, &good, serve_tempting);
	start(http, 0, &server, (struct http_request){.url = "/a/b", .accept = "application/json"});
	take_all(http);
	check_answer(0, "hello");
	start(http, 1, &server, (struct http_request){.url = "/c"});
	take_all(http);
	check_answer(1, "hello");
	http_free(http);
	server_stop(&server);
	want = xprintf("GET /a/b HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: oci-cgpu-hook/" PROJECT_VERSION
		       "\r\nAccept:application/json\r\n\r\n"
		       "GET /c HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: oci-cgpu-hook/" PROJECT_VERSION "\r\n\r\n",
		       server.port, server.port);
	CHECK_TEXT(server_log(&server), want);
	CHECK(server.connections == 1);
	free(want);
	server_free(&server);
}

static void
test_post(void)
{
	const struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http = client(&settings);
	char *body = xcalloc(1, 400001);

	memset(body, 'b', 400000);
	server_start(&server, &good, serve_ok);
	start(http, 0, &server,
	      (struct http_request){
		  .url = "/", .content_type = "application/ocsp-request", .body = bytes_of(body, 400000)});
	take_all(http);
	check_answer(0, "hello");
	http_free(http);
	server_stop(&server);
	CHECK(strncmp(server_log(&server), "POST / HTTP/1.1\r\n", 17) == 0);
	CHECK(count(server_log(&server), "Content-Type:application/ocsp-request\r\n") == 1);
	CHECK(count(server_log(&server), "Content-Type") == 1 && strstr(server_log(&server), "Expect") == NULL);
	CHECK(strstr(server_log(&server), body) != NULL);
	server_free(&server);
	free(body);
}

static bool
serve_slowly(struct connection *connection)
{
	return server_waits(connection, 60) && serve_ok(connection);
}

/* HTTP/1.1: one after the other on one connection, each once; the time in the queue is nobody's fault. */
static void
test_queue(void)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http;

	settings.request_ms = 400;
	http = client(&settings);
	server_start(&server, &good, serve_slowly);
	for (unsigned i = 0; i < 10; i++)
		start(http, i, &server, (struct http_request){.url = "/x"});
	take_all(http);
	CHECK(answered == 10);
	for (unsigned i = 0; i < 10; i++)
		check_answer(i, "hello");
	http_free(http);
	server_stop(&server);
	CHECK(server.connections == 1 && server.requests == 10);
	server_free(&server);
}

/* Two origins at the same time: the sum would be above the limit. */
static void
test_overlap(void)
{
	const struct http_settings settings = settings_of_test();
	struct server one = {0}, two = {0};
	struct http *http = client(&settings);
	int64_t begin;

	server_start(&one, &good, serve_slowly);
	server_start(&two, &good, serve_slowly);
	begin = clock_boot_ms();
	for (unsigned i = 0; i < 10; i++)
		start(http, i, i % 2 ? &one : &two, (struct http_request){.url = "/x"});
	take_all(http);
	CHECK(answered == 10);
	printf("# 10 requests of 60 ms to two servers took %lld ms\n", (long long)(clock_boot_ms() - begin));
	http_free(http);
	server_stop(&one);
	server_stop(&two);
	CHECK(one.connections == 1 && one.requests == 5 && two.connections == 1 && two.requests == 5);
	server_free(&one);
	server_free(&two);
}

static bool
serve_denied(struct connection *connection)
{
	return connection_answer(connection, 403, "", bytes_of_text("who are you"));
}

static void
test_key(void)
{
	const struct http_settings settings = settings_of_test();
	struct server one = {0}, two = {0};
	struct http *http = client(&settings);

	server_start(&one, &good, serve_ok);
	server_start(&two, &good, serve_denied);
	start(http, 0, &one, (struct http_request){.url = "/with", .with_key = true});
	start(http, 1, &one, (struct http_request){.url = "/without"});
	start(http, 2, &two, (struct http_request){.url = "/without"});
	start(http, 3, &two, (struct http_request){.url = "/with", .with_key = true});
	take_all(http);
	check_answer(0, "hello");
	check_answer(1, "hello");
	check_fault(2, CODE_SERVICE_DENIED, "/without: HTTP status 403, asked without a service key");
	check_fault(3, CODE_SERVICE_DENIED, "/with: HTTP status 403, asked with a service key");
	CHECK(strstr(answers[3].err.text, KEY) == NULL);
	http_free(http);
	server_stop(&one);
	server_stop(&two);
	CHECK(count(server_log(&one), "Authorization: Bearer " KEY "\r\n") == 1 &&
	      count(server_log(&one), "Authorization") == 1);
	CHECK(count(server_log(&two), "Authorization: Bearer " KEY "\r\n") == 1 &&
	      count(server_log(&two), "Authorization") == 1);
	server_free(&one);
	server_free(&two);
}

/* -- statuses and retries ------------------------------------------------------------------------------------------ */

/* The status stands in the path. */
static bool
serve_status(struct connection *connection)
{
	return connection_answer(connection, atoi(strchr(connection->head, '/') + 1),
				 "Location: https://127.0.0.1:1/\r\n", bytes_of_text("HTTP/1.1 \033[1mhello"));
}

static void
test_statuses(void)
{
	static const struct {
		const char *path;
		int code;
		const char *reason;
	} table[] = {
		{"/206", CODE_HTTP_STATUS, "HTTP status 206, want 200"},
		{"/301", CODE_HTTP_STATUS, "HTTP status 301: redirects are not followed"},
		{"/302", CODE_HTTP_STATUS, "HTTP status 302: redirects are not followed"},
		{"/307", CODE_HTTP_STATUS, "HTTP status 307: redirects are not followed"},
		{"/308", CODE_HTTP_STATUS, "HTTP status 308: redirects are not followed"},
		{"/400", CODE_HTTP_STATUS, "HTTP status 400, want 200"},
		{"/401", CODE_SERVICE_DENIED, "HTTP status 401"},
		{"/403", CODE_SERVICE_DENIED, "HTTP status 403"},
		{"/404", CODE_HTTP_STATUS, "HTTP status 404, want 200"},
		{"/407", CODE_HTTP_STATUS, "HTTP status 407, want 200"},
		{"/500", CODE_HTTP_STATUS, "HTTP status 500, want 200"},
		{"/503", CODE_HTTP_STATUS, "HTTP status 503, want 200"},
	};
	const unsigned all = sizeof(table) / sizeof(*table);
	const struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http = client(&settings);

	server_start(&server, &good, serve_status);
	for (unsigned i = 0; i < all; i++)
		start(http, i, &server, (struct http_request){.url = table[i].path});
	take_all(http);
	CHECK(answered == all);
	for (unsigned i = 0; i < all; i++) {
		check_fault(i, table[i].code, table[i].reason);
		CHECK(answers[i].status == atoi(table[i].path + 1) && strstr(answers[i].err.text, "hello") == NULL);
	}
	http_free(http);
	server_stop(&server);
	CHECK(server.requests == all);
	server_free(&server);
}

static unsigned faults; /* so many requests fail, then one succeeds */
static int fault_status;
static const char *fault_headers = "";

static bool
serve_after_faults(struct connection *connection)
{
	if (connection->request >= faults)
		return serve_ok(connection);
	return connection_answer(connection, fault_status, fault_headers, bytes_of_text("busy"));
}

static unsigned
requests_until_answer(int status, unsigned bad, unsigned retries)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};
	unsigned requests;

	fault_status = status;
	faults = bad;
	settings.retries = retries;
	server_start(&server, &good, serve_after_faults);
	get_with(&server, &settings);
	server_stop(&server);
	CHECK(server.connections == 1);
	requests = server.requests;
	server_free(&server);
	return requests;
}

static void
test_retries(void)
{
	static const int passing[] = {408, 429, 500, 502, 503, 504}, others[] = {301, 400, 401, 404, 501, 505};

	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++) {
		CHECK(requests_until_answer(passing[i], 1, 1) == 2);
		check_answer(0, "hello");
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		CHECK(requests_until_answer(others[i], 1, 1) == 1 && answers[0].err.code != CODE_OK);
	CHECK(requests_until_answer(503, 2, 2) == 3);
	check_answer(0, "hello");
	CHECK(requests_until_answer(503, 3, 2) == 3);
	check_fault(0, CODE_HTTP_STATUS, "HTTP status 503, want 200 (3 attempts)");
	CHECK(requests_until_answer(503, 3, 0) == 1);
	check_fault(0, CODE_HTTP_STATUS, "HTTP status 503, want 200");
	CHECK(strstr(answers[0].err.text, "attempts") == NULL);
}

static void
test_retry_after(void)
{
	int64_t begin = clock_boot_ms(), took;

	fault_headers = "Retry-After: 1\r\n";
	CHECK(requests_until_answer(429, 1, 1) == 2);
	took = clock_boot_ms() - begin;
	check_answer(0, "hello");
	CHECK(took >= 1000 && took < PATIENCE_MS / 2);
	/* Longer than there is time: nobody waits for it. */
	fault_headers = "Retry-After: 3600\r\n";
	begin = clock_boot_ms();
	CHECK(requests_until_answer(429, 1, 1) == 1);
	check_fault(0, CODE_HTTP_STATUS, "HTTP status 429");
	fault_headers = "Retry-After: 99999999999999999999\r\n";
	CHECK(requests_until_answer(503, 1, 0) == 1);
	CHECK(clock_boot_ms() - begin < PATIENCE_MS / 2);
	fault_headers = "";
}

static bool
is_busy(struct bytes body)
{
	return bytes_equal(body, bytes_of_text("busy"));
}

static unsigned
ask_busy(unsigned bad, unsigned retries)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http;
	unsigned requests;

	fault_status = 200;
	faults = bad;
	settings.retries = retries;
	http = client(&settings);
	server_start(&server, &good, serve_after_faults);
	start(http, 0, &server, (struct http_request){.url = "/x", .passing = is_busy});
	take_all(http);
	http_free(http);
	server_stop(&server);
	requests = server.requests;
	server_free(&server);
	return requests;
}

static void
test_passing(void)
{
	CHECK(ask_busy(2, 3) == 3);
	check_answer(0, "hello");
	CHECK(ask_busy(9, 1) == 2);
	check_answer(0, "busy");
}

/* -- connections that break ---------------------------------------------------------------------------------------- */
static bool
serve_nothing(struct connection *connection)
{
	(void)connection;
	return false;
}

static bool
serve_half(struct connection *connection)
{
	connection_printf(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	return false;
}

static bool
serve_half_a_header(struct connection *connection)
{
	connection_printf(connection, "HTTP/1.1 200 OK\r\nContent-Le");
	return false;
}

static bool
serve_broken_chunk(struct connection *connection)
{
	connection_printf(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nhalf");
	return false;
}

static void
check_broken(serve_fn serve, const struct identity *identity)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};

	settings.retries = 1;
	server_start(&server, identity, serve);
	get_with(&server, &settings);
	if (answers[0].err.code == CODE_OK)
		CHECK_TEXT(server_log(&server), "broken");
	check_fault(0, CODE_NETWORK, "the connection broke off: ");
	CHECK(strstr(answers[0].err.text, "(2 attempts)") != NULL);
	server_stop(&server);
	CHECK(server.requests == 2 && server.connections == 2);
	server_free(&server);
}

static void
test_broken_answers(void)
{
	check_broken(serve_nothing, &good);
	check_broken(serve_half, &good);
	check_broken(serve_half_a_header, &good);
	check_broken(serve_broken_chunk, &good);
	check_broken(serve_nothing, NULL);
	check_broken(serve_half, NULL);
}

static void
test_no_connection(void)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http;

	server_start(&server, &good, serve_ok);
	server_stop(&server); /* nobody listens there any more */
	settings.retries = 1;
	http = client(&settings);
	for (unsigned i = 0; i < 5; i++)
		start(http, i, &server, (struct http_request){.url = "/x"});
	take_all(http);
	CHECK(answered == 5);
	for (unsigned i = 0; i < 5; i++)
		check_fault(i, CODE_NETWORK, "no connection: ECONNREFUSED (2 attempts)");
	http_free(http);
	server_free(&server);
}

static void
test_handshake_that_breaks(void)
{
	struct http_settings settings = settings_of_test();
	struct server server = {.drop = true};

	settings.retries = 1;
	server_start(&server, &good, serve_ok);
	get_with(&server, &settings);
	check_fault(0, CODE_NETWORK, "the connection broke off while TLS was set up (2 attempts)");
	server_stop(&server);
	CHECK(server.connections == 2);
	server_free(&server);
}

/* The server closes after each answer: a new connection, and nothing asked twice. */
static bool
serve_and_close(struct connection *connection)
{
	serve_ok(connection);
	return false;
}

static void
test_closed_between_requests(void)
{
	const struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http = client(&settings);

	server_start(&server, &good, serve_and_close);
	for (unsigned i = 0; i < 3; i++) {
		start(http, i, &server, (struct http_request){.url = "/x"});
		take_all(http);
		check_answer(i, "hello");
	}
	http_free(http);
	server_stop(&server);
	CHECK(server.requests == 3 && server.connections == 3);
	server_free(&server);
}

/* -- time ---------------------------------------------------------------------------------------------------------- */
static bool
serve_never(struct connection *connection)
{
	server_waits(connection, -1);
	return false;
}

static bool
serve_slow_headers(struct connection *connection)
{
	connection_printf(connection, "HTTP/1.1 200 OK\r\n");
	while (connection_printf(connection, "a: b\r\n") && server_waits(connection, 20))
		;
	return false;
}

static bool
serve_slow_body(struct connection *connection)
{
	connection_printf(connection, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
	while (connection_printf(connection, ".") && server_waits(connection, 20))
		;
	return false;
}

static void
check_slow(serve_fn serve)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};
	int64_t begin = clock_boot_ms(), took;

	settings.request_ms = 150;
	settings.retries = 1;
	server_start(&server, &good, serve);
	get_with(&server, &settings);
	took = clock_boot_ms() - begin;
	check_fault(0, CODE_NETWORK_TIMEOUT, "no whole answer within 150 ms (2 attempts)");
	CHECK(took >= 300 && took < PATIENCE_MS / 2);
	server_free(&server);
	/* And no longer than there is time for all. */
	settings = settings_of_test();
	settings.deadline = clock_boot_ms() + 200;
	begin = clock_boot_ms();
	server_start(&server, &good, serve);
	get_with(&server, &settings);
	took = clock_boot_ms() - begin;
	check_fault(0, CODE_DEADLINE, "no answer before the deadline");
	CHECK(took >= 195 && took < settings.request_ms);
	server_free(&server);
}

static void
test_slow_answers(void)
{
	check_slow(serve_never);
	check_slow(serve_slow_headers);
	check_slow(serve_slow_body);
}

static bool
serve_busy_for_long(struct connection *connection)
{
	return connection_answer(connection, 503, "", bytes_of_text("")) && server_waits(connection, 50);
}

/* The last words tell what went wrong before. */
static void
test_deadline_while_retrying(void)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};

	settings.retries = 1000;
	settings.deadline = clock_boot_ms() + 2500;
	server_start(&server, &good, serve_busy_for_long);
	get_with(&server, &settings);
	CHECK(answers[0].err.code == CODE_DEADLINE || answers[0].err.code == CODE_HTTP_STATUS);
	check_fault(0, answers[0].err.code, "HTTP status 503, want 200");
	server_free(&server);
}

static void
test_slow_connections(void)
{
	struct http_settings settings = settings_of_test();
	struct server server = {.no_handshake = true};
	struct http *http;
	int64_t begin = clock_boot_ms(), took;

	settings.connect_ms = 1000;
	http = client(&settings);
	server_start(&server, &good, serve_ok);
	for (unsigned i = 0; i < 5; i++)
		start(http, i, &server, (struct http_request){.url = "/x"});
	take_all(http);
	took = clock_boot_ms() - begin;
	for (unsigned i = 0; i < 5; i++)
		check_fault(i, CODE_NETWORK_TIMEOUT, "no connection within 1000 ms");
	CHECK(answered == 5 && took >= 1000 && took < 5000); /* not 5 times as long */
	http_free(http);
	server_free(&server);
}

/* -- answers that are none ----------------------------------------------------------------------------------------- */
static bool
serve_endlessly(struct connection *connection)
{
	char chunk[4096] = {0};

	connection_printf(connection, "HTTP/1.1 200 OK\r\n\r\n");
	while (connection_send(connection, chunk, sizeof(chunk)))
		;
	return false;
}

static bool
serve_declared(struct connection *connection)
{
	return connection_printf(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n") &&
	       serve_endlessly(connection);
}

static bool
serve_endless_503(struct connection *connection)
{
	connection_printf(connection, "HTTP/1.1 503 No\r\nContent-Length: 1073741824\r\n\r\n");
	return serve_endlessly(connection);
}

static bool
serve_exactly(struct connection *connection)
{
	char *body = xcalloc(1, MAX + 1);
	bool more = connection_answer(connection, 200, "", bytes_of(body, MAX + (connection->request > 0)));

	free(body);
	return more;
}

static bool
serve_many_headers(struct connection *connection)
{
	connection_printf(connection, "HTTP/1.1 200 OK\r\n");
	while (connection_printf(connection, "Header: 0123456789012345678901234567890123456789\r\n"))
		;
	return false;
}

static bool
serve_long_header(struct connection *connection)
{
	connection_printf(connection, "HTTP/1.1 200 OK\r\nHeader: ");
	while (connection_printf(connection, "0123456789012345678901234567890123456789"))
		;
	return false;
}

static bool
serve_endless_informational(struct connection *connection)
{
	while (connection_printf(connection, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
		;
	return false;
}

static bool
serve_gzip(struct connection *connection)
{
	return connection_answer(connection, 200, "content-ENCODING:  gzip \r\n", bytes_of_text("\x1f\x8b"));
}

static bool
serve_two_codings(struct connection *connection)
{
	return connection_answer(connection, 200, "Content-Encoding: identity\r\nContent-Encoding: br\r\n",
				 bytes_of_text("x"));
}

static bool
serve_ssh(struct connection *connection)
{
	connection_printf(connection, "SSH-2.0-OpenSSH_9.2\r\n");
	return false;
}

static void
check_answer_refused(serve_fn serve, int code, const char *reason)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};
	int64_t begin = clock_boot_ms();

	server_start(&server, &good, serve);
	get_with(&server, &settings);
	check_fault(0, code, reason);
	CHECK(clock_boot_ms() - begin < 3000);
	server_stop(&server);
	CHECK(server.requests == 1);
	server_free(&server);
}

static void
test_refused_answers(void)
{
	check_answer_refused(serve_endlessly, CODE_SERVICE_ANSWER, "an answer of more than 100000 bytes");
	check_answer_refused(serve_declared, CODE_SERVICE_ANSWER, "an answer of more than 100000 bytes");
	check_answer_refused(serve_endless_503, CODE_HTTP_STATUS, "HTTP status 503");
	check_answer_refused(serve_many_headers, CODE_SERVICE_ANSWER, "headers of more than 65536 bytes");
	check_answer_refused(serve_endless_informational, CODE_SERVICE_ANSWER, "headers of more than 65536 bytes");
	check_answer_refused(serve_gzip, CODE_SERVICE_ANSWER, "Content-Encoding");
	check_answer_refused(serve_two_codings, CODE_SERVICE_ANSWER, "Content-Encoding");
	check_answer_refused(serve_ssh, CODE_SERVICE_ANSWER, "the answer is not HTTP");
}

/* libcurl ends a line of 100 KiB by itself, with a result that changed over its versions. */
static void
test_long_header(void)
{
	struct server server = {0};

	server_start(&server, &good, serve_long_header);
	get(&server);
	CHECK(answers[0].err.code == CODE_NETWORK || answers[0].err.code == CODE_SERVICE_ANSWER);
	server_free(&server);
}

static void
test_ceiling(void)
{
	const struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http = client(&settings);

	server_start(&server, &good, serve_exactly);
	start(http, 0, &server, (struct http_request){.url = "/x"});
	take_all(http);
	CHECK(answers[0].err.code == CODE_OK && answers[0].body.size == MAX);
	start(http, 1, &server, (struct http_request){.url = "/x"});
	take_all(http);
	check_fault(1, CODE_SERVICE_ANSWER, "an answer of more than 100000 bytes");
	http_free(http);
	server_free(&server);
}

/* -- TLS ----------------------------------------------------------------------------------------------------------- */
static void
check_untrusted(const struct identity *identity, const char *reason)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};

	settings.retries = 3;
	server_start(&server, identity, serve_ok);
	get_with(&server, &settings);
	check_fault(0, CODE_TLS, reason);
	server_stop(&server);
	CHECK(server.connections == 1 && server.requests == 0);
	server_free(&server);
}

static void
test_certificates(void)
{
	struct identity stranger = identity_make("stranger", NULL, NULL, -1, 1);
	struct identity wrong_host = identity_make("127.0.0.1", "DNS:other.example,IP:127.0.0.2", &root, -1, 1);
	struct identity expired = identity_make("expired", "IP:127.0.0.1", &root, -3, -1);
	struct identity early = identity_make("early", "IP:127.0.0.1", &root, 1, 3);
	struct identity alone = identity_make("alone", "IP:127.0.0.1", NULL, -1, 1);
	struct identity foreign = identity_make("foreign", "IP:127.0.0.1", &stranger, -1, 1);
	/* The trusted root's name, with another key. */
	struct identity impostor_root = identity_make("test root", NULL, NULL, -1, 1);
	struct identity impostor = identity_make("impostor", "IP:127.0.0.1", &impostor_root, -1, 1);

	check_untrusted(&wrong_host, "TLS: SSL: no alternative certificate subject name matches");
	check_untrusted(&expired, "certificate has expired");
	check_untrusted(&early, "certificate is not yet valid");
	check_untrusted(&alone, "self-signed certificate");
	check_untrusted(&foreign, "unable to get local issuer certificate");
	check_untrusted(&impostor, "unable to get local issuer certificate");
	identity_free(&stranger);
	identity_free(&wrong_host);
	identity_free(&expired);
	identity_free(&early);
	identity_free(&alone);
	identity_free(&foreign);
	identity_free(&impostor_root);
	identity_free(&impostor);
}

static void
test_old_tls(void)
{
	struct server server = {0};

	server_start(&server, &good, serve_ok);
	SSL_CTX_set_security_level(server.tls, 0);
	SSL_CTX_set_min_proto_version(server.tls, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(server.tls, TLS1_1_VERSION);
	get(&server);
	check_fault(0, CODE_TLS, "TLS: ");
	server_stop(&server);
	CHECK(server.requests == 0);
	server_free(&server);
	server_start(&server, &good, serve_ok);
	SSL_CTX_set_max_proto_version(server.tls, TLS1_2_VERSION);
	get(&server);
	check_answer(0, "hello");
	server_free(&server);
}

/* TLS that is none. */
static void
test_plain_server_under_https(void)
{
	const struct http_settings settings = settings_of_test();
	struct http_request request = {.max = MAX};
	struct server server = {0};
	struct http *http = client(&settings);
	struct err err = ERR_INIT;
	char *url;

	server_start(&server, NULL, serve_ssh);
	server.drop = false;
	url = xprintf("https://127.0.0.1:%u/", server.port);
	request.url = url;
	CHECK(http_start(http, 0, &request, &err) == 0);
	server_free(&server); /* what waits in its socket is reset */
	take_all(http);
	CHECK(answers[0].err.code == CODE_NETWORK || answers[0].err.code == CODE_TLS);
	http_free(http);
	free(url);
}

static void
check_bundle(const struct buf *pem, const struct identity *identity, int code)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};

	settings.ca = buf_bytes(pem);
	server_start(&server, identity, serve_ok);
	get_with(&server, &settings);
	if (answers[0].err.code != code)
		CHECK_TEXT(answers[0].err.text, code == CODE_OK ? "" : "a refusal");
	server_free(&server);
}

static void
test_bundles(void)
{
	struct identity middle = identity_make("middle", NULL, &root, -1, 1);
	struct identity below = identity_make("below", "IP:127.0.0.1", &middle, -1, 1);
	struct identity older = identity_make("test root", NULL, NULL, -1, 1); /* a root with the same name */
	struct buf pem = {0};

	/* Text between certificates, and two of one name. */
	buf_add_text(&pem, "# a comment\n\n");
	identity_pem(&older, &pem);
	buf_add_text(&pem, "\n# another\n");
	buf_add(&pem, bundle.data, bundle.size);
	check_bundle(&pem, &good, CODE_OK);
	check_bundle(&pem, &below, CODE_TLS); /* the server does not send the one between */
	/* An intermediate is trusted as such. */
	pem.size = 0;
	identity_pem(&middle, &pem);
	check_bundle(&pem, &below, CODE_OK);
	check_bundle(&pem, &good, CODE_TLS);
	/* A certificate of a server, given by itself. */
	pem.size = 0;
	identity_pem(&good, &pem);
	check_bundle(&pem, &good, CODE_OK);
	buf_free(&pem);
	identity_free(&middle);
	identity_free(&below);
	identity_free(&older);
}

/* -- proxies ------------------------------------------------------------------------------------------------------- */
static void
relay(struct connection *from, int to)
{
	struct pollfd end[] = {{from->server->stop[0], POLLIN, 0}, {from->fd, POLLIN, 0}, {to, POLLIN, 0}};
	char chunk[16384];

	while (poll(end, 3, -1) > 0 && end[0].revents == 0) {
		int reader = end[1].revents != 0 ? 1 : 2;
		ssize_t got = recv(end[reader].fd, chunk, sizeof(chunk), 0);

		if (got <= 0 || send(end[3 - reader].fd, chunk, (size_t)got, MSG_NOSIGNAL) != got)
			return;
	}
}

/* CONNECT 127.0.0.1:PORT, or an answer of its own. */
static bool
serve_proxy(struct connection *connection)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port = 0;

	if (fault_status != 0)
		return connection_answer(connection, fault_status, "", bytes_of_text("")) && close(to) == 0;
	sscanf(connection->head, "CONNECT 127.0.0.1:%u ", &port);
	address.sin_port = htons((uint16_t)port);
	if (connect(to, (struct sockaddr *)&address, sizeof(address)) == 0) {
		connection_printf(connection, "HTTP/1.1 200 Go\r\nContent-Encoding: gzip\r\n\r\n");
		relay(connection, to);
	}
	close(to);
	return false;
}

static void
test_proxy(void)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0}, proxy = {0};
	struct http *http;
	char *url, *want;

	fault_status = 0;
	server_start(&server, &good, serve_ok);
	server_start(&proxy, NULL, serve_proxy);
	url = xprintf("http://127.0.0.1:%u", proxy.port);
	settings.proxy = url;
	http = client(&settings);
	for (unsigned i = 0; i < 3; i++)
		start(http, i, &server, (struct http_request){.url = "/x", .accept = "a/b", .with_key = true});
	take_all(http);
	for (unsigned i = 0; i < 3; i++)
		check_answer(i, "hello");
	http_free(http);
	server_stop(&proxy);
	server_stop(&server);
	want =
	    xprintf("CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: oci-cgpu-hook/" PROJECT_VERSION
			"\r\nProxy-Connection: Keep-Alive\r\n\r\n",
		    server.port, server.port);
	CHECK_TEXT(server_log(&proxy), want);
	CHECK(server.requests == 3 && server.connections == 1);
	free(want);
	free(url);
	server_free(&proxy);
	server_free(&server);
}

static void
test_proxy_that_refuses(void)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0}, proxy = {0};
	char *url, *want;

	fault_status = 407;
	server_start(&server, &good, serve_ok);
	server_start(&proxy, NULL, serve_proxy);
	url = xprintf("http://127.0.0.1:%u", proxy.port);
	settings.proxy = url;
	settings.retries = 1;
	get_with(&server, &settings);
	check_fault(0, CODE_NETWORK, "the proxy answers with HTTP status 407");
	CHECK(strstr(answers[0].err.text, "attempts") == NULL);
	fault_status = 503;
	get_with(&server, &settings);
	check_fault(0, CODE_NETWORK, "the proxy answers with HTTP status 503 (2 attempts)");
	server_stop(&proxy);
	get_with(&server, &settings);
	want = xprintf("no connection to the proxy %s: ECONNREFUSED (2 attempts)", url);
	check_fault(0, CODE_NETWORK, want);
	server_stop(&server);
	CHECK(server.connections == 0);
	free(want);
	free(url);
	server_free(&proxy);
	server_free(&server);
}

static void
test_environment_counts_for_nothing(void)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	struct server server = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	server_start(&server, &good, serve_ok);
	get(&server);
	check_answer(0, "hello");
	server_free(&server);
	server_start(&server, NULL, serve_ok);
	get(&server);
	check_answer(0, "hello");
	server_free(&server);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	unsetenv("SSL_CERT_FILE");
}

/* -- the interface itself ------------------------------------------------------------------------------------------ */
static void
check_settings_refused(struct http_settings settings, int code, const char *reason)
{
	struct err err = ERR_INIT;
	struct http *http = http_new(&settings, &err);

	CHECK(http == NULL && err_code(&err) == code);
	if (strstr(err.text, reason) == NULL)
		CHECK_TEXT(err.text, reason);
	http_free(http);
}

static void
test_settings(void)
{
	static const char *const proxies[] = {"127.0.0.1:1", "https://127.0.0.1:1", "socks5://127.0.0.1:1",
					      "http://u:p@127.0.0.1:1", "http://127.0.0.1:1 "};
	static const char *const keys[] = {"a b", "a\r\nX: y", "a\n", "\xc3\xbc", "a\x7f"};
	struct http_settings settings;

	for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++) {
		settings = settings_of_test();
		settings.proxy = proxies[i];
		check_settings_refused(settings, CODE_USAGE, "proxy");
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		settings = settings_of_test();
		settings.key = keys[i];
		check_settings_refused(settings, CODE_USAGE,
				       "the service key is not one word of visible ASCII characters");
	}
	settings = settings_of_test();
	settings.ca = bytes_of(NULL, 0);
	check_settings_refused(settings, CODE_TLS, "CA bundle: no certificate");
	settings.ca = bytes_of_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
	check_settings_refused(settings, CODE_TLS, "CA bundle: no certificate");
	settings.ca = bytes_of_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	check_settings_refused(settings, CODE_TLS, "CA bundle: no certificate");
	settings.ca = bytes_of_text("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
	check_settings_refused(settings, CODE_TLS, "CA bundle: certificate 1: ");
	settings.ca = bytes_of_text("-----BEGIN CERTIFICATE-----\nAAAA\n");
	check_settings_refused(settings, CODE_TLS, "CA bundle: certificate 1: ");
}

static void
test_addresses(void)
{
	static const char *const urls[] = {"ftp://127.0.0.1/",     "file:///etc/passwd",         "https://127.0.0.1/?x",
					   "https://u@127.0.0.1/", "https://127.0.0.1/\r\nX: y", "dict://127.0.0.1/"};
	const struct http_settings settings = settings_of_test();
	struct http *http = client(&settings);
	struct http_answer answer;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
		CHECK(http_start(http, 0, &(struct http_request){.url = urls[i], .max = 1}, &err) == -1 &&
		      err_code(&err) == CODE_USAGE);
	CHECK(http_work(http, -1, &answer) == -1);
	http_free(http);
}

static void
test_fd(void)
{
	struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http = client(&settings);
	struct http_answer answer = {0};
	int ends[2];

	CHECK(pipe(ends) == 0);
	server_start(&server, &good, serve_slowly);
	CHECK(write(ends[1], "x", 1) == 1);
	CHECK(http_work(http, ends[0], &answer) == 0);
	CHECK(read(ends[0], &(char){0}, 1) == 1);
	start(http, 3, &server, (struct http_request){.url = "/x"});
	CHECK(http_work(http, ends[0], &answer) == 1 && answer.ticket == 3 && answer.err.code == CODE_OK);
	buf_free(&answer.body);
	close(ends[1]);
	CHECK(http_work(http, ends[0], &answer) == 0); /* the end of file */
	close(ends[0]);
	http_free(http);
	server_free(&server);
	/* Nothing to do, and the time is up. */
	settings.deadline = clock_boot_ms() + 50;
	http = client(&settings);
	CHECK(pipe(ends) == 0);
	CHECK(http_work(http, ends[0], &answer) == -1);
	close(ends[0]);
	close(ends[1]);
	http_free(http);
}

/* With requests under way. */
static void
test_early_end(void)
{
	const struct http_settings settings = settings_of_test();
	struct server server = {0};
	struct http *http = client(&settings);
	struct http_answer answer;
	int ends[2];

	CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
	server_start(&server, &good, serve_never);
	for (unsigned i = 0; i < 3; i++)
		start(http, i, &server, (struct http_request){.url = "/x", .with_key = true});
	CHECK(http_work(http, ends[0], &answer) == 0);
	http_free(http);
	server_free(&server);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN); /* the servers' */
	root = identity_make("test root", NULL, NULL, -1, 1);
	good = identity_make("good", "IP:127.0.0.1,DNS:localhost", &root, -1, 1);
	identity_pem(&root, &bundle);
	RUN(test_get);
	RUN(test_post);
	RUN(test_queue);
	RUN(test_overlap);
	RUN(test_key);
	RUN(test_statuses);
	RUN(test_retries);
	RUN(test_retry_after);
	RUN(test_passing);
	RUN(test_broken_answers);
	RUN(test_no_connection);
	RUN(test_handshake_that_breaks);
	RUN(test_closed_between_requests);
	RUN(test_slow_answers);
	RUN(test_deadline_while_retrying);
	RUN(test_slow_connections);
	RUN(test_refused_answers);
	RUN(test_long_header);
	RUN(test_ceiling);
	RUN(test_certificates);
	RUN(test_old_tls);
	RUN(test_plain_server_under_https);
	RUN(test_bundles);
	RUN(test_proxy);
	RUN(test_proxy_that_refuses);
	RUN(test_environment_counts_for_nothing);
	RUN(test_settings);
	RUN(test_addresses);
	RUN(test_fd);
	RUN(test_early_end);
	forget_answers();
	identity_free(&root);
	identity_free(&good);
	buf_free(&bundle);
	return unit_end();
}
