/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collect/client.h"

#include <string.h>

#include "lib/code.h"

static const struct worker_role collect_role = {"collect", CODE_DRIVER_HUNG, CODE_DRIVER_CRASHED, 0};

void
collected_free(struct collected *collected)
{
	buf_free(&collected->report);
	buf_free(&collected->chain_pem);
}

int
collect_start(const char *worker, const char *library, const char *driver_root, bool ready, int64_t deadline,
	      struct collector *collector, struct err *err)
{
	const char *const args[] = {library, driver_root, ready ? "ready" : NULL, NULL};

	collector->gpus = 0;
	if (worker_start(&collector->worker, &collect_role, worker, args, deadline, err) != 0)
		return -1;
	return worker_hello(&collector->worker, err);
}

static int
expect_done(struct worker *worker, uint32_t frames, struct err *err)
{
	struct cursor at;
	uint32_t told;

	if (worker_expect(worker, FRAME_DONE, err) != 0)
		return -1;
	at = cursor_of(buf_bytes(&worker->payload));
	if (frame_get_u32(&at, &told) && told == frames)
		return 0;
	err_set(err, 0, "DONE frame does not count %u frames", frames);
	return worker_broken(worker, err);
}

static int
receive_machine(struct worker *worker, struct collect_states *states,
		struct collect_identity identity[GPU_MAX], struct err *err)
{
	if (worker_expect(worker, FRAME_STATES, err) != 0)
		return -1;
	if (collect_get_states(buf_bytes(&worker->payload), states, err) != 0)
		return worker_broken(worker, err);
	for (unsigned i = 0; i < states->gpus; i++) {
		if (worker_expect(worker, FRAME_IDENTITY, err) != 0)
			return -1;
		if (collect_get_identity(buf_bytes(&worker->payload), &identity[i], err) != 0)
			return worker_broken(worker, err);
	}
	return expect_done(worker, 1 + states->gpus, err);
}

int
collect_states(struct collector *collector, struct collect_states *states,
	       struct collect_identity identity[GPU_MAX], struct err *err)
{
	if (receive_machine(&collector->worker, states, identity, err) != 0)
		return -1;
	collector->gpus = states->gpus;
	return 0;
}

/* Sends an order and frees it. */
static int
send_order(struct worker *worker, enum frame_type type, struct buf *payload, struct err *err)
{
	int rc = worker_send(worker, type, payload, err);

	buf_free(payload);
	return rc;
}

int
collect_recheck(struct collector *collector, struct collect_states *states,
		struct collect_identity identity[GPU_MAX], struct err *err)
{
	if (send_order(&collector->worker, FRAME_RECHECK, &(struct buf){0}, err) != 0)
		return -1;
	return receive_machine(&collector->worker, states, identity, err);
}

int
collect_ready(struct collector *collector, bool ready, struct collect_states *states,
	      struct collect_identity identity[GPU_MAX], struct err *err)
{
	struct buf payload = {0};

	frame_put_u32(&payload, ready);
	if (send_order(&collector->worker, FRAME_READY, &payload, err) != 0)
		return -1;
	return receive_machine(&collector->worker, states, identity, err);
}

static int
receive_evidence(struct worker *worker, struct collected *out, struct err *err)
{
	struct cursor at;
	struct bytes report, chain;

	if (worker_expect(worker, FRAME_EVIDENCE, err) != 0)
		return -1;
	at = cursor_of(buf_bytes(&worker->payload));
	if (!frame_get_field(&at, &report) || !frame_get_field(&at, &chain) || at.left != 0 || report.size == 0 ||
	    chain.size == 0) {
		err_set(err, 0, "malformed EVIDENCE frame");
		return worker_broken(worker, err);
	}
	buf_add(&out->report, report.data, report.size);
	buf_add(&out->chain_pem, chain.data, chain.size);
	return 0;
}

int
collect_reports(struct collector *collector, const uint8_t nonce[32], const bool wanted[GPU_MAX],
		struct collected out[GPU_MAX], struct err *err)
{
	uint8_t order[COLLECT_REPORTS_SIZE] = {0};
	struct buf payload = {0};
	unsigned count = 0;
	int rc;

	memcpy(order, nonce, 32);
	for (unsigned i = 0; i < collector->gpus; i++)
		order[32 + i] = wanted[i];
	buf_add(&payload, order, sizeof(order));
	rc = send_order(&collector->worker, FRAME_REPORTS, &payload, err);
	for (unsigned i = 0; rc == 0 && i < collector->gpus; i++) {
		if (!wanted[i])
			continue;
		rc = receive_evidence(&collector->worker, &out[i], err);
		count++;
	}
	return rc == 0 ? expect_done(&collector->worker, count, err) : rc;
}

int
collect_end(struct collector *collector, struct err *err)
{
	return worker_end(&collector->worker, err);
}

void
collect_kill(struct collector *collector)
{
	worker_kill(&collector->worker);
}
