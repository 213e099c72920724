/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collect/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/random.h"

#define RANDOM_SIZE 32
#define END_GRACE_MS 1000 /* between the end of its output and the end of a process */

static void
close_fds(struct collector *collector)
{
	if (collector->to >= 0)
		close(collector->to);
	if (collector->from.fd >= 0)
		close(collector->from.fd);
	collector->to = collector->from.fd = -1;
}

void
collect_kill(struct collector *collector)
{
	if (collector->child.pid <= 0)
		return;
	close_fds(collector);
	spawn_kill(&collector->child);
}

void
collected_free(struct collected *collected)
{
	buf_free(&collected->report);
	buf_free(&collected->chain_pem);
}

/* After the exchange broke: late, dead, or talking nonsense. err holds what the frame layer said. */
static int
broken(struct collector *collector, struct err *err)
{
	struct err end = ERR_INIT;
	int64_t soon = clock_boot_ms() + END_GRACE_MS;
	int rc;

	if (clock_left_ms(collector->deadline) == 0) {
		collect_kill(collector);
		return err_set(err, CODE_DRIVER_HUNG, "the driver library did not answer before the deadline");
	}
	/* The pipes stay open until it has ended: closing them would end it. */
	rc = spawn_wait(&collector->child, soon < collector->deadline ? soon : collector->deadline, &end);
	close_fds(collector);
	if (rc == 0)
		return err_wrap(err, CODE_DRIVER_CRASHED, "collect ended with status 0 in the middle");
	if (end.code == CODE_DEADLINE)
		return err_wrap(err, CODE_WORKER, "collect");
	return err_set(err, CODE_DRIVER_CRASHED, "the process that called the driver library %s", end.text);
}

/* A FAILURE frame: code and text of the worker, if it is a code at all. */
static int
take_failure(struct collector *collector, struct bytes payload, struct err *err)
{
	struct cursor at = cursor_of(payload);
	uint32_t code;
	char *text;

	collect_kill(collector);
	if (!frame_get_u32(&at, &code) || !frame_get_text(&at, &text))
		return err_set(err, CODE_WORKER, "collect: malformed FAILURE");
	if (code == CODE_OK || code > 255 || code_find((int)code) == NULL)
		err_set(err, CODE_WORKER, "collect: unknown code %u: %s", code, text);
	else
		err_set(err, (int)code, "%s", text);
	free(text);
	return -1;
}

static int
ask_collector(struct collector *collector, enum frame_type type, struct bytes payload, struct err *err)
{
	if (collector->child.pid <= 0)
		return err_set(err, CODE_INTERNAL, "collect is not running");
	/* A worker that failed early does not read: its FAILURE is what the answer will show. */
	if (frame_write(collector->to, collector->deadline, type, payload, err) != 0 && errno != EPIPE)
		return broken(collector, err);
	return 0;
}

static int
await_answer(struct collector *collector, enum frame_type want, struct buf *payload, struct err *err)
{
	enum frame_type type;

	if (frame_read(&collector->from, collector->deadline, false, &type, payload, err) != 0)
		return broken(collector, err);
	if (type == FRAME_FAILURE)
		return take_failure(collector, buf_bytes(payload), err);
	if (type == want)
		return 0;
	collect_kill(collector);
	return err_set(err, CODE_WORKER, "collect: frame %d, want frame %d", type, want);
}

/* A frame of the right type with wrong content. */
static int
malformed(struct collector *collector, struct err *err)
{
	collect_kill(collector);
	return err_wrap(err, CODE_WORKER, "collect");
}

static int
answer_done(struct collector *collector, uint32_t frames, struct buf *payload, struct err *err)
{
	struct cursor at;
	uint32_t told;

	if (await_answer(collector, FRAME_DONE, payload, err) != 0)
		return -1;
	at = cursor_of(buf_bytes(payload));
	if (frame_get_u32(&at, &told) && told == frames)
		return 0;
	err_set(err, 0, "DONE does not count %u frames", frames);
	return malformed(collector, err);
}

/* HELLO both ways: one version, and our random part back. */
static int
greet_worker(struct collector *collector, struct err *err)
{
	struct buf hello = {0}, back = {0};
	uint8_t random[RANDOM_SIZE];
	int rc;

	random_bytes(random, sizeof(random));
	frame_put_text(&hello, PROJECT_VERSION);
	frame_put_field(&hello, bytes_of(random, sizeof(random)));
	rc = ask_collector(collector, FRAME_HELLO, buf_bytes(&hello), err);
	if (rc == 0)
		rc = await_answer(collector, FRAME_HELLO, &back, err);
	if (rc == 0 && !bytes_equal(buf_bytes(&hello), buf_bytes(&back))) {
		err_set(err, 0, "HELLO came back changed: the package's programs are of two versions");
		rc = malformed(collector, err);
	}
	buf_free(&back);
	buf_free(&hello);
	return rc;
}

/* Pipes by their ends: 0 and 2 are the worker's. */
static int
make_pipes(int end[4], struct err *err)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_set(err, CODE_WORKER, "pipe: %s", err_errno(errno));
	if (pipe2(from, O_CLOEXEC | O_NONBLOCK) != 0) {
		err_set(err, CODE_WORKER, "pipe: %s", err_errno(errno));
		close(to[0]);
		close(to[1]);
		return -1;
	}
	end[0] = to[0];
	end[1] = to[1];
	end[2] = from[1];
	end[3] = from[0];
	return 0;
}

int
collect_start(const char *worker, const char *library, const char *driver_root, bool ready, int64_t deadline,
	      struct collector *collector, struct err *err)
{
	char parent[16],
		*argv[] = {"collect", parent, (char *)library, (char *)driver_root, ready ? "ready" : NULL, NULL};
	int end[4] = {-1, -1, -1, -1}, rc;

	*collector = (struct collector){.child = {0, -1}, .to = -1, .from = {.fd = -1}, .deadline = deadline};
	if (make_pipes(end, err) != 0)
		return -1;
	snprintf(parent, sizeof(parent), "%d", getpid());
	rc = spawn_start(worker, argv, (const int[]){end[0], end[2], -1}, 3, &collector->child, err);
	close(end[0]);
	close(end[2]);
	collector->to = end[1];
	collector->from.fd = end[3];
	if (rc != 0) {
		close_fds(collector);
		return -1;
	}
	return greet_worker(collector, err);
}

static int
receive(struct collector *collector, struct collect_states *states, struct collect_identity identity[COLLECT_GPUS_MAX],
	struct buf *payload, struct err *err)
{
	if (await_answer(collector, FRAME_STATES, payload, err) != 0)
		return -1;
	if (collect_get_states(buf_bytes(payload), states, err) != 0)
		return malformed(collector, err);
	for (unsigned i = 0; i < states->gpus; i++) {
		if (await_answer(collector, FRAME_IDENTITY, payload, err) != 0)
			return -1;
		if (collect_get_identity(buf_bytes(payload), &identity[i], err) != 0)
			return malformed(collector, err);
	}
	return answer_done(collector, 1 + states->gpus, payload, err);
}

int
collect_states(struct collector *collector, struct collect_states *states,
	       struct collect_identity identity[COLLECT_GPUS_MAX], struct err *err)
{
	struct buf payload = {0};
	int rc = receive(collector, states, identity, &payload, err);

	if (rc == 0)
		collector->gpus = states->gpus;
	buf_free(&payload);
	return rc;
}

int
collect_recheck(struct collector *collector, struct collect_states *states,
		struct collect_identity identity[COLLECT_GPUS_MAX], struct err *err)
{
	struct buf payload = {0};
	int rc = ask_collector(collector, FRAME_RECHECK, (struct bytes){NULL, 0}, err);

	if (rc == 0)
		rc = receive(collector, states, identity, &payload, err);
	buf_free(&payload);
	return rc;
}

int
collect_ready(struct collector *collector, bool ready, struct collect_states *states,
	      struct collect_identity identity[COLLECT_GPUS_MAX], struct err *err)
{
	struct buf payload = {0};
	int rc;

	frame_put_u32(&payload, ready);
	rc = ask_collector(collector, FRAME_READY, buf_bytes(&payload), err);
	if (rc == 0)
		rc = receive(collector, states, identity, &payload, err);
	buf_free(&payload);
	return rc;
}

static int
receive_evidence(struct collector *collector, struct collected *out, struct buf *payload, struct err *err)
{
	struct cursor at;
	struct bytes report, chain;

	if (await_answer(collector, FRAME_EVIDENCE, payload, err) != 0)
		return -1;
	at = cursor_of(buf_bytes(payload));
	if (!frame_get_field(&at, &report) || !frame_get_field(&at, &chain) || at.left != 0 || report.size == 0 ||
	    chain.size == 0) {
		err_set(err, 0, "malformed EVIDENCE");
		return malformed(collector, err);
	}
	buf_add(&out->report, report.data, report.size);
	buf_add(&out->chain_pem, chain.data, chain.size);
	return 0;
}

int
collect_reports(struct collector *collector, const uint8_t nonce[32], const bool wanted[COLLECT_GPUS_MAX],
		struct collected out[COLLECT_GPUS_MAX], struct err *err)
{
	uint8_t order[COLLECT_REPORTS_SIZE] = {0};
	struct buf payload = {0};
	unsigned count = 0;
	int rc;

	memcpy(order, nonce, 32);
	for (unsigned i = 0; i < collector->gpus; i++)
		order[32 + i] = wanted[i];
	rc = ask_collector(collector, FRAME_REPORTS, bytes_of(order, sizeof(order)), err);
	for (unsigned i = 0; rc == 0 && i < collector->gpus; i++) {
		if (!wanted[i])
			continue;
		rc = receive_evidence(collector, &out[i], &payload, err);
		count++;
	}
	if (rc == 0)
		rc = answer_done(collector, count, &payload, err);
	buf_free(&payload);
	return rc;
}

int
collect_end(struct collector *collector, struct err *err)
{
	struct buf payload = {0};
	enum frame_type type;
	int rc;

	if (collector->child.pid <= 0)
		return err_set(err, CODE_INTERNAL, "collect is not running");
	close(collector->to);
	collector->to = -1;
	rc = frame_read(&collector->from, collector->deadline, true, &type, &payload, err);
	if (rc == 0 && type == FRAME_FAILURE) {
		rc = take_failure(collector, buf_bytes(&payload), err);
	} else if (rc == 1) {
		close_fds(collector);
		rc = spawn_wait(&collector->child, collector->deadline, err);
		if (rc != 0)
			err_wrap(err, err->code == CODE_DEADLINE ? CODE_DRIVER_HUNG : CODE_DRIVER_CRASHED, "collect");
	} else {
		if (rc == 0)
			err_set(err, 0, "frame %d after the end", type);
		rc = broken(collector, err);
	}
	buf_free(&payload);
	return rc;
}
