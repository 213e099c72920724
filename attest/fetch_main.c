/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fetch worker: fetch PARENT_PID [USER]. Frames in on fd 0, out on fd 1 (order: lib/frame.h). It has the network and nothing
 * else, and ends with its input.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "attest/fetch.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/http.h"
#include "lib/sandbox.h"
#include "spec/rim_service.h"

#define IN 0
#define OUT 1
#define REQUESTS_MAX 1024

static const struct form {
	const char *content_type, *accept;
	size_t max;
} forms[] = {
	[COLLATERAL_DRIVER_RIM] = {NULL, "application/json", RIM_ANSWER_MAX},
	[COLLATERAL_VBIOS_RIM] = {NULL, "application/json", RIM_ANSWER_MAX},
	[COLLATERAL_OCSP] = {"application/ocsp-request", "application/ocsp-response", 0x10000}, /* RFC 6960 A.1 */
	[COLLATERAL_TOKENS] = {"application/json", "application/json", 2 << 20},
	[COLLATERAL_KEY_SET] = {NULL, "application/json", 256 << 10}, /* NVIDIA's has 80 KiB */
};

struct request {
	enum collateral_kind kind;
	char *url, *id;
	uint8_t *body;
	bool used;
};

struct worker {
	int64_t deadline;
	char *proxy, *key;
	struct http *http;
	struct request request[REQUESTS_MAX]; /* by ticket */
	struct err err;                       /* first fault of the protocol */
};

/* What a resolver reads; its modules are loaded before the filter. */
static const char *const resolver_files[] = {
	"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf", "/etc/services",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf", "/etc/ssl/openssl.cnf",
	"/usr/lib/ssl", "/lib", "/usr/lib", "/lib64", "/usr/lib64", "/etc/ld.so.cache", NULL,
};

/* -- start --------------------------------------------------------------------------------------------------------- */
static int
expect(struct worker *worker, enum frame_type want, struct buf *payload)
{
	enum frame_type type;

	if (frame_read(IN, worker->deadline, false, &type, payload, &worker->err) != 0)
		return err_wrap(&worker->err, CODE_WORKER, "from the run");
	return type == want ? 0 : err_set(&worker->err, CODE_WORKER, "frame of type %d, want %d", type, want);
}

static int
greet(struct worker *worker)
{
	struct buf payload = {0};
	int rc = expect(worker, FRAME_HELLO, &payload);
	struct cursor cursor = cursor_of(buf_bytes(&payload));
	struct bytes version;

	if (rc == 0 && (!frame_get_field(&cursor, &version) || !bytes_equal(version, bytes_of_text(PROJECT_VERSION))))
		rc = err_set(&worker->err, CODE_WORKER, "the run is not of version " PROJECT_VERSION);
	payload.size = 0;
	frame_put_text(&payload, PROJECT_VERSION);
	frame_put_field(&payload, bytes_of(NULL, 0));
	if (rc == 0)
		rc = frame_write(OUT, worker->deadline, FRAME_HELLO, buf_bytes(&payload), &worker->err);
	buf_free(&payload);
	return rc;
}

static int
read_settings(struct worker *worker, struct bytes payload)
{
	struct cursor cursor = cursor_of(payload);
	struct http_settings settings = {0};
	int64_t left;
	uint32_t retries;

	if (!frame_get_field(&cursor, &settings.ca) || !frame_get_text(&cursor, &worker->proxy) ||
	    !frame_get_text(&cursor, &worker->key) || !frame_get_i64(&cursor, &settings.connect_ms) ||
	    !frame_get_i64(&cursor, &settings.request_ms) || !frame_get_u32(&cursor, &retries) || !frame_get_i64(&cursor, &left) ||
	    cursor.left != 0)
		return err_set(&worker->err, CODE_WORKER, "settings cannot be read");
	settings.proxy = worker->proxy;
	settings.key = worker->key;
	settings.retries = retries;
	settings.deadline = worker->deadline = clock_boot_ms() + left;
	worker->http = http_new(&settings, &worker->err);
	return worker->http != NULL ? 0 : -1;
}

/* Everything that libraries do once and that could open a file comes before the filter. */
static int
confine(struct worker *worker, int argc, char **argv)
{
	const struct sandbox_paths paths = {resolver_files, NULL};
	struct buf payload = {0};
	char *end = NULL;
	long parent = argc > 1 ? strtol(argv[1], &end, 10) : 0;
	int rc;

	if (argc < 2 || argc > 3 || end == argv[1] || *end != '\0' || parent <= 0)
		return err_set(&worker->err, CODE_WORKER, "usage: fetch PARENT_PID [USER]");
	if (sandbox_prepare(SANDBOX_FETCH, argv[2], (pid_t)parent, &paths, &worker->err) != 0 || greet(worker) != 0)
		return -1;
	rc = expect(worker, FRAME_NETWORK, &payload);
	if (rc == 0)
		rc = read_settings(worker, buf_bytes(&payload));
	if (payload.data != NULL)
		explicit_bzero(payload.data, payload.room);
	buf_free(&payload);
	return rc == 0 ? sandbox_enter(SANDBOX_FETCH, &worker->err) : -1;
}

/* -- requests ------------------------------------------------------------------------------------------------------ */
static int
respond(struct worker *worker, uint32_t ticket, struct bytes content, const struct err *err)
{
	struct buf payload = {0};
	int rc;

	frame_put_u32(&payload, ticket);
	frame_put_u32(&payload, (uint32_t)err->code);
	if (err->code == CODE_OK)
		frame_put_field(&payload, content);
	else
		frame_put_text(&payload, err->text);
	rc = frame_write(OUT, worker->deadline + FETCH_GRACE_MS, FRAME_RESPONSE, buf_bytes(&payload), &worker->err);
	buf_free(&payload);
	free(worker->request[ticket].body);
	worker->request[ticket].body = NULL;
	return rc;
}

/* An OCSPResponse that is nothing but a status: internalError and tryLater may pass (RFC 6960 2.3). */
static bool
is_passing(struct bytes body)
{
	static const uint8_t status[] = {0x30, 0x03, 0x0a, 0x01};

	return body.size == sizeof(status) + 1 && memcmp(body.data, status, sizeof(status)) == 0 &&
	       (body.data[sizeof(status)] == 2 || body.data[sizeof(status)] == 3);
}

static bool
read_request(struct worker *worker, struct bytes payload, uint32_t *ticket, struct http_request *out)
{
	struct cursor cursor = cursor_of(payload);
	struct request *request;
	struct bytes body;
	uint32_t kind, with_key;

	if (!frame_get_u32(&cursor, ticket) || *ticket >= REQUESTS_MAX || worker->request[*ticket].used)
		return false;
	request = &worker->request[*ticket];
	if (!frame_get_u32(&cursor, &kind) || kind < COLLATERAL_DRIVER_RIM || kind > COLLATERAL_KEY_SET ||
	    !frame_get_u32(&cursor, &with_key) || with_key > 1 || !frame_get_text(&cursor, &request->url) ||
	    !frame_get_text(&cursor, &request->id) || !frame_get_field(&cursor, &body) || cursor.left != 0)
		return false;
	request->used = true;
	request->kind = kind;
	*out = (struct http_request){request->url, forms[kind].content_type, forms[kind].accept, {NULL, 0}, forms[kind].max,
				     with_key == 1, kind == COLLATERAL_OCSP ? is_passing : NULL};
	if (forms[kind].content_type == NULL)
		return true;
	request->body = xmemdup(body.data, body.size);
	out->body = bytes_of(request->body, body.size);
	return true;
}

static int
on_request(struct worker *worker, struct bytes payload)
{
	struct http_request request;
	struct err err = ERR_INIT;
	uint32_t ticket;

	if (!read_request(worker, payload, &ticket, &request))
		return err_set(&worker->err, CODE_WORKER, "request cannot be read");
	if (http_start(worker->http, ticket, &request, &err) == 0)
		return 0;
	err_wrap(&err, CODE_USAGE, "address");
	return respond(worker, ticket, bytes_of(NULL, 0), &err);
}

static bool
is_manifest(enum collateral_kind kind)
{
	return kind == COLLATERAL_DRIVER_RIM || kind == COLLATERAL_VBIOS_RIM;
}

static int
on_answer(struct worker *worker, struct http_answer *answer)
{
	const struct request *request = &worker->request[answer->ticket];
	struct err *err = &answer->err;
	struct buf xml = {0};
	int rc;

	if (is_manifest(request->kind) && answer->status == 404)
		err_set(err, request->kind == COLLATERAL_DRIVER_RIM ? CODE_DRIVER_RIM_MISSING : CODE_VBIOS_RIM_MISSING,
			"the service at %s has none", request->url);
	if (is_manifest(request->kind) && err->code == CODE_OK)
		rim_answer_parse(buf_bytes(&answer->body), request->id, &xml, err);
	rc = respond(worker, answer->ticket, is_manifest(request->kind) ? buf_bytes(&xml) : buf_bytes(&answer->body), err);
	buf_free(&xml);
	buf_free(&answer->body);
	return rc;
}

/* Until the run closes its end: 0, or -1 for a broken protocol. */
static int
serve(struct worker *worker)
{
	struct http_answer answer;
	struct buf payload = {0};
	enum frame_type type;
	int rc = 0;

	while (rc == 0) {
		if (http_work(worker->http, IN, &answer) == 1) {
			rc = on_answer(worker, &answer);
			continue;
		}
		rc = frame_read(IN, worker->deadline, true, &type, &payload, &worker->err);
		if (rc == 0)
			rc = type == FRAME_REQUEST ? on_request(worker, buf_bytes(&payload)) : -1;
	}
	buf_free(&payload);
	return rc == 1 ? 0 : -1;
}

static void
say_failure(struct worker *worker)
{
	struct buf payload = {0};

	frame_put_u32(&payload, (uint32_t)err_code(&worker->err));
	frame_put_text(&payload, worker->err.text);
	frame_write(OUT, worker->deadline + FETCH_GRACE_MS, FRAME_FAILURE, buf_bytes(&payload), &worker->err);
	buf_free(&payload);
}

static void
wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

int
main(int argc, char **argv)
{
	struct worker *worker = xcalloc(1, sizeof(*worker));
	int rc;

	worker->deadline = clock_boot_ms() + FETCH_GRACE_MS;
	rc = confine(worker, argc, argv);
	wipe(worker->key);
	worker->key = NULL;
	if (rc != 0)
		say_failure(worker);
	else
		rc = serve(worker);
	http_free(worker->http);
	for (unsigned i = 0; i < REQUESTS_MAX; i++) {
		free(worker->request[i].url);
		free(worker->request[i].id);
		free(worker->request[i].body);
	}
	free(worker->proxy);
	free(worker);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
