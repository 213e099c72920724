/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fetch worker: fetch PARENT_PID [USER]. Frames in on fd 0, out on fd 1 (order: lib/frame.h). It has network and
 * nothing else, and believes nothing of what comes in; it ends with the end of file on fd 0.
 */
#include <malloc.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/fetch/wire.h"
#include "attest/worker.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/sandbox.h"
#include "spec/rim_service.h"

#define GREETING_MS 10000

/* What name lookups and OpenSSL read. */
static const char *const resolver_files[] = {
	"/etc/resolv.conf",
	"/run/systemd/resolve",
	"/run/resolvconf",
	"/run/NetworkManager",
	"/etc/hosts",
	"/etc/nsswitch.conf",
	"/etc/host.conf",
	"/etc/gai.conf",
	"/etc/ssl/openssl.cnf",
	"/etc/pki/tls/openssl.cnf",
	"/etc/crypto-policies",
	"/usr/share/crypto-policies",
	NULL,
};

struct fetch_process {
	struct caller caller;
	struct http_settings settings;
	struct http *http;
	struct job *job[FETCH_TICKETS_MAX]; /* by ticket; NULL again once it has its answer */
	unsigned jobs;
	struct err err; /* first fault of the protocol */
};

struct job {
	struct fetch_request request;
	struct buf payload; /* body points into it */
};

/* -- start --------------------------------------------------------------------------------------------------------- */
static int
read_network(struct fetch_process *process)
{
	struct buf payload = {0};
	int rc = caller_expect(&process->caller, FRAME_NETWORK, &payload, &process->err);

	if (rc == 0 && !fetch_get_network(buf_bytes(&payload), &process->settings))
		rc = err_set(&process->err, CODE_WORKER, "malformed NETWORK frame");
	if (rc == 0) {
		process->caller.deadline = process->settings.deadline + FETCH_WORDS_MS;
		process->http = http_new(&process->settings, &process->err);
		rc = process->http != NULL ? 0 : -1;
	}
	fetch_free_network(&process->settings);
	if (payload.data != NULL)
		explicit_bzero(payload.data, payload.room);
	buf_free(&payload);
	return rc;
}

/*
 * Names come from /etc/hosts and DNS, whatever nsswitch.conf lists: its other modules are foreign code that would be
 * loaded at the first lookup. One arena of memory: each thread's own would reserve 64 MiB of what the limit allows.
 */
static void
keep_lean(void)
{
	__nss_configure_lookup("hosts", "files dns");
	mallopt(M_ARENA_MAX, 1);
}

static int
confine_fetcher(struct fetch_process *process, int argc, char **argv)
{
	const struct sandbox_paths paths = {resolver_files, NULL};
	pid_t parent;

	if (argc < 2 || argc > 3 || !caller_parent(argv[1], &parent))
		return err_set(&process->err, CODE_WORKER, "usage: fetch PARENT_PID [USER]");
	if (sandbox_prepare(SANDBOX_FETCH, argv[2], parent, &paths, &process->err) < 0 ||
	    caller_greet(&process->caller, &process->err) < 0)
		return -1;
	keep_lean();
	return read_network(process) == 0 ? sandbox_enter(SANDBOX_FETCH, &process->err) : -1;
}

/* -- answers ------------------------------------------------------------------------------------------------------- */

/* An OCSPResponse that is internalError or tryLater and nothing else (RFC 6960 4.2.1). */
static bool
is_busy(struct bytes body)
{
	static const uint8_t front[] = {0x30, 0x03, 0x0a, 0x01};

	return body.size == sizeof(front) + 1 && memcmp(body.data, front, sizeof(front)) == 0 &&
	       (body.data[sizeof(front)] == 2 || body.data[sizeof(front)] == 3);
}

/* The body becomes what the run wants of it. */
static void
open_envelope(const struct job *job, struct http_answer *answer)
{
	struct buf document = {0};

	if (rim_service_parse(buf_bytes(&answer->body), job->request.id, &document, &answer->err) != 0)
		err_wrap(&answer->err, CODE_SERVICE_ANSWER, "GET %.600s: answer", job->request.url);
	buf_free(&answer->body);
	answer->body = document;
}

/* -- requests ------------------------------------------------------------------------------------------------------ */
static void
job_free(struct job *job)
{
	if (job == NULL)
		return;
	fetch_free_request(&job->request);
	buf_free(&job->payload);
	free(job);
}

static int
respond(struct fetch_process *process, unsigned ticket, struct http_answer *answer)
{
	struct buf payload = {0};
	int rc;

	fetch_put_response(&payload, ticket, &answer->err, buf_bytes(&answer->body));
	rc = caller_send(&process->caller, FRAME_RESPONSE, &payload, &process->err);
	if (rc == 0)
		rc = caller_flush(&process->caller, &process->err);
	buf_free(&payload);
	buf_free(&answer->body);
	job_free(process->job[ticket]);
	process->job[ticket] = NULL;
	return rc;
}

static int
on_answer(struct fetch_process *process, struct http_answer *answer)
{
	const struct job *job = process->job[answer->ticket];
	const struct kind_row *kind = kind_row(job->request.kind);

	/* Only the address of the RIM service names one document. */
	if (kind->service == SERVICE_RIM && answer->status == 404)
		answer->err.code = kind->missing;
	else if (kind->service == SERVICE_RIM && answer->err.code == CODE_OK)
		open_envelope(job, answer);
	return respond(process, answer->ticket, answer);
}

static int
begin_job(struct fetch_process *process, unsigned ticket)
{
	const struct fetch_request *request = &process->job[ticket]->request;
	const struct kind_row *kind = kind_row(request->kind);
	struct http_answer answer = {.ticket = ticket};
	const struct http_request http_request = {
		.url = request->url,
		.content_type = kind->content_type,
		.accept = kind->accept,
		.body = request->body,
		.max = kind->answer_max,
		.with_key = request->with_key,
		.passing = kind->service == SERVICE_OCSP ? is_busy : NULL,
	};

	if (http_start(process->http, ticket, &http_request, &answer.err) == 0)
		return 0;
	return respond(process, ticket, &answer);
}

/* 1: the run has closed its end. */
static int
on_frame(struct fetch_process *process)
{
	struct job *job = xcalloc(1, sizeof(*job));
	enum frame_type type;
	uint32_t ticket;
	int rc = caller_receive(&process->caller, &type, &job->payload, &process->err);

	if (rc == 0 && (type != FRAME_REQUEST || !fetch_get_request(buf_bytes(&job->payload), &ticket, &job->request) ||
			ticket != process->jobs || process->jobs == FETCH_TICKETS_MAX))
		rc = err_set(&process->err, CODE_WORKER, "REQUEST frame malformed or out of order");
	if (rc != 0) {
		job_free(job);
		return rc;
	}
	process->job[process->jobs++] = job;
	return begin_job(process, ticket);
}

/* Until the run closes its end, or the deadline passes and nothing is left to say. */
static int
serve_requests(struct fetch_process *process)
{
	struct http_answer answer;
	int rc = 0;

	while (rc == 0) {
		int event = frame_waits(&process->caller.from) ? 0 : http_work(process->http, STDIN_FILENO, &answer);

		rc = event == 1 ? on_answer(process, &answer) : event == 0 ? on_frame(process) : 1;
	}
	return rc > 0 ? 0 : -1;
}

int
main(int argc, char **argv)
{
	static struct fetch_process process;
	int rc;

	process.caller = (struct caller){
		.from.fd = STDIN_FILENO, .to.fd = STDOUT_FILENO, .deadline = clock_boot_ms() + GREETING_MS};
	rc = confine_fetcher(&process, argc, argv);
	if (rc == 0)
		rc = serve_requests(&process);
	if (rc < 0)
		caller_fail(&process.caller, &process.err);
	http_free(process.http);
	for (unsigned i = 0; i < process.jobs; i++)
		job_free(process.job[i]);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
