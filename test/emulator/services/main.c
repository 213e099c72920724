/* SPDX-License-Identifier: Apache-2.0 */
/*
 * services DIR/services: what the emulated RIM service, OCSP responder and remote verifier answer, as a FastCGI program
 * behind nginx (services.sh). Goes to the background as soon as its socket is there, and leaves its id in
 * run/services.pid. faults.c lists the faults. One line of JSON for each request in requests.log:
 *
 *   time        boot clock, ms, at arrival
 *   service     rim, ocsp, nras
 *   connection  "address:port" of the client: one TLS connection
 *   protocol    "HTTP/2.0", "HTTP/1.1"
 *   method path key digest    key: header Authorization or null; digest: SHA-256 of the body, null without one
 *   serial hash subject nonce ocsp only: what was asked for, with commas where several are, and whether a nonce came
 *   status fault              of the answer; fault: names of those that took effect, or null
 */
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/fs.h"
#include "test/emulator/services/service.h"

#define THREADS 64 /* slow answers must not make others wait */
#define BODY_MAX (4 << 20)

static struct services services;
static int listener, journal;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

_Noreturn static void
fail(const char *what)
{
	fprintf(stderr, "services: %s: %s\n", what, err_errno(errno));
	exit(1);
}

/* -- log ----------------------------------------------------------------------------------------------------------- */

static void
put_digest(struct json_out *out, struct bytes body)
{
	uint8_t hash[SHA256_SIZE];

	crypto_sha256(body, hash);
	if (body.size > 0)
		json_out_member_hex(out, "digest", bytes_of(hash, sizeof(hash)));
	else
		json_out_member_text(out, "digest", NULL);
}

static void
put_faults(struct json_out *out, const struct faults *faults)
{
	struct buf names = {0};

	for (unsigned i = 0; i < faults->count; i++) {
		if (faults->list[i].used)
			buf_printf(&names, "%s%s", names.size > 0 ? "," : "", faults->list[i].name);
	}
	if (faults->wrong != NULL)
		buf_printf(&names, "not understood: %s", faults->wrong);
	json_out_member_text(out, "fault", (const char *)names.data);
	buf_free(&names);
}

static void
write_log(const struct question *question, const struct reply *reply, const struct faults *faults, int64_t at)
{
	struct json_out *out = json_out_new(false);
	char *text, *line;

	json_out_object(out);
	json_out_member_integer(out, "time", at);
	json_out_member_text(out, "service", question->service);
	json_out_member_text(out, "connection", question->connection);
	json_out_member_text(out, "protocol", question->protocol);
	json_out_member_text(out, "method", question->method);
	json_out_member_text(out, "path", question->path);
	json_out_member_text(out, "key", question->authorization);
	put_digest(out, question->body);
	if (question->target == TARGET_OCSP) {
		json_out_member_text(out, "serial", (const char *)question->serials.data);
		json_out_member_text(out, "hash", (const char *)question->hashes.data);
		json_out_member_text(out, "subject", (const char *)question->subjects.data);
		json_out_member_bool(out, "nonce", question->with_nonce);
	}
	json_out_member_integer(out, "status", reply->manner == MANNER_CLOSE ? 0 : reply->status);
	put_faults(out, faults);
	json_out_end(out);
	text = json_out_finish(out);
	line = xprintf("%s\n", text);
	if (write(journal, line, strlen(line)) != (ssize_t)strlen(line))
		fail("requests.log");
	free(line);
	free(text);
}

/* -- answer -------------------------------------------------------------------------------------------------------- */

static void
answer(struct question *question, struct faults *faults, struct reply *reply)
{
	switch (question->target) {
	case TARGET_RIM:
		rim_answer(&services, question, faults, reply);
		break;
	case TARGET_OCSP:
		ocsp_answer(&services, question, faults, reply);
		break;
	case TARGET_NRAS:
		nras_answer(&services, question, faults, reply);
		break;
	case TARGET_JWKS:
	case TARGETS:
		jwks_answer(&services, question, faults, reply);
		break;
	}
}

static void
make_reply(struct question *question, struct reply *reply)
{
	int64_t at = clock_boot_ms();
	struct faults faults;

	pthread_mutex_lock(&lock);
	faults_read(&faults, services.folder);
	question->number = fault_count(question->target);
	if (!manners_instead(&services, question, &faults, reply))
		answer(question, &faults, reply);
	manners_around(question, &faults, reply);
	write_log(question, reply, &faults, at);
	faults_free(&faults);
	pthread_mutex_unlock(&lock);
}

static void
pause_ms(unsigned ms)
{
	struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&time, NULL);
}

static void
put_bytes(const struct reply *reply, FCGX_Stream *out)
{
	static const char filler[4096] = {0};
	const char *body = (const char *)reply->body.data;
	size_t size = reply->body.size;

	switch (reply->manner) {
	case MANNER_WHOLE:
	case MANNER_CLOSE:
		FCGX_PutStr(body, (int)size, out);
		break;
	case MANNER_TRUNCATED:
		FCGX_PutStr(body, (int)(size / 2), out);
		break;
	case MANNER_DRIP:
		for (size_t i = 0; i < size && FCGX_PutChar(body[i], out) != EOF && FCGX_FFlush(out) == 0; i++)
			pause_ms(reply->drip_ms);
		break;
	case MANNER_ENDLESS:
		while (FCGX_PutStr(filler, sizeof(filler), out) != EOF)
			;
		break;
	}
}

/* nginx ends a connection without an answer where it is sent to @close. */
static void
send_reply(const struct reply *reply, FCGX_Stream *out)
{
	pause_ms(reply->delay_ms);
	if (reply->manner == MANNER_CLOSE) {
		FCGX_PutS("X-Accel-Redirect: @close\r\n\r\n", out);
		return;
	}
	FCGX_FPrintF(out, "Status: %d\r\nContent-Type: %s\r\n", (int)reply->status, reply->type);
	if (reply->manner != MANNER_ENDLESS)
		FCGX_FPrintF(out, "Content-Length: %ld\r\n", (long)reply->body.size);
	FCGX_PutStr((const char *)reply->headers.data, (int)reply->headers.size, out);
	FCGX_PutS("\r\n", out);
	put_bytes(reply, out);
}

/* -- FastCGI ------------------------------------------------------------------------------------------------------- */

static const char *
parameter(const FCGX_Request *request, const char *name)
{
	const char *value = FCGX_GetParam(name, request->envp);

	return value ? value : "";
}

static enum target
target_of(const char *service, const char *path)
{
	if (strcmp(service, "nras") == 0)
		return strcmp(path, "/.well-known/jwks.json") == 0 ? TARGET_JWKS : TARGET_NRAS;
	return strcmp(service, "ocsp") == 0 ? TARGET_OCSP : TARGET_RIM;
}

static void
read_body(FCGX_Stream *in, struct buf *body)
{
	char part[65536];
	int size;

	while (body->size < BODY_MAX && (size = FCGX_GetStr(part, sizeof(part), in)) > 0)
		buf_add(body, part, (size_t)size);
}

static void
serve(FCGX_Request *request)
{
	struct question question = {
		.service = parameter(request, "SERVICE"),
		.connection = parameter(request, "CONNECTION"),
		.protocol = parameter(request, "SERVER_PROTOCOL"),
		.method = parameter(request, "REQUEST_METHOD"),
		.path = parameter(request, "REQUEST_URI"),
		.type = parameter(request, "CONTENT_TYPE"),
		.authorization = FCGX_GetParam("HTTP_AUTHORIZATION", request->envp),
	};
	struct reply reply = {0};
	struct buf body = {0};

	question.target = target_of(question.service, question.path);
	read_body(request->in, &body);
	question.body = buf_bytes(&body);
	make_reply(&question, &reply);
	send_reply(&reply, request->out);
	buf_free(&question.serials);
	buf_free(&question.hashes);
	buf_free(&question.subjects);
	buf_free(&reply.headers);
	buf_free(&reply.body);
	buf_free(&body);
}

static void *
serve_all(void *unused)
{
	FCGX_Request request;

	FCGX_InitRequest(&request, listener, 0);
	while (FCGX_Accept_r(&request) == 0) {
		serve(&request);
		FCGX_Finish_r(&request);
	}
	return unused;
}

/* -- start --------------------------------------------------------------------------------------------------------- */

static void
open_places(const char *folder)
{
	char *path = xprintf("%s/run/services.sock", folder), *log = xprintf("%s/requests.log", folder);

	listener = FCGX_OpenSocket(path, 256);
	if (listener < 0)
		fail(path);
	journal = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (journal < 0)
		fail(log);
	free(log);
	free(path);
}

/* The parent ends when the child is known by its id. */
static void
go_to_background(const char *folder)
{
	char *path = xprintf("%s/run/services.pid", folder), text[16];
	struct err err = ERR_INIT;
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child > 0) {
		snprintf(text, sizeof(text), "%d\n", (int)child);
		if (fs_write_atomic(path, bytes_of_text(text), 0644, &err) != 0)
			kill(child, SIGTERM);
		_exit(err.text[0] != '\0');
	}
	setsid();
	free(path);
}

int
main(int argc, char **argv)
{
	pthread_t thread;

	if (argc != 2) {
		fputs("usage: services DIR/services\n", stderr);
		return 2;
	}
	crypto_init();
	services_load(&services, argv[1]);
	FCGX_Init();
	signal(SIGPIPE, SIG_IGN);
	open_places(argv[1]);
	go_to_background(argv[1]);
	for (unsigned i = 1; i < THREADS; i++) {
		if (pthread_create(&thread, NULL, serve_all, NULL) != 0)
			fail("thread");
	}
	serve_all(NULL);
	return 0;
}
