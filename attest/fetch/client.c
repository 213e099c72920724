/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/fetch/client.h"

#include <stdlib.h>
#include <string.h>

#include "attest/worker.h"
#include "lib/clock.h"
#include "lib/code.h"

#define LATE "no answer before the deadline"

static const struct worker_role fetch_role = {"fetch", CODE_DEADLINE, CODE_WORKER, 0};

struct answer {
	bool there, taken;
	char *question; /* method and URL */
	struct buf body;
	struct err err;
};

struct fetcher {
	struct worker worker;
	struct answer *answers; /* by ticket */
	unsigned count;
	struct err broken; /* once the worker cannot be used any more */
};

/* -- from the worker ----------------------------------------------------------------------------------------------- */

/* The worker is gone. One whose own deadline passed, a little before ours, was late. */
static int
give_up(struct fetcher *fetcher, struct err *err)
{
	if (clock_left_ms(fetcher->worker.deadline) <= FETCH_WORDS_MS)
		err_set(err, CODE_DEADLINE, "fetch: " LATE);
	fetcher->broken = *err;
	return -1;
}

static int
on_response(struct fetcher *fetcher, struct err *err)
{
	struct answer *answer;
	struct bytes body;
	uint32_t ticket;
	struct err cause;

	if (!fetch_get_response(buf_bytes(&fetcher->worker.payload), &ticket, &cause, &body) ||
	    ticket >= fetcher->count || fetcher->answers[ticket].there) {
		err_set(err, 0, "RESPONSE frame malformed, or to no request");
		return worker_broken(&fetcher->worker, err);
	}
	answer = &fetcher->answers[ticket];
	answer->there = true;
	answer->err = cause;
	if (cause.code == CODE_OK)
		buf_add(&answer->body, body.data, body.size);
	return 0;
}

/* Takes one answer, whatever it is about. */
static int
take_response(struct fetcher *fetcher, struct err *err)
{
	if (worker_expect(&fetcher->worker, FRAME_RESPONSE, err) == 0 && on_response(fetcher, err) == 0)
		return 0;
	return give_up(fetcher, err);
}

/* -- start and end ------------------------------------------------------------------------------------------------- */

/* At once, while the run looks for what to ask. The payload holds the key. */
static int
send_settings(const struct fetch_settings *settings, struct fetcher *fetcher, struct err *err)
{
	struct buf payload = {0};
	int rc;

	fetch_put_network(&payload, settings);
	rc = worker_send(&fetcher->worker, FRAME_NETWORK, &payload, err);
	explicit_bzero(payload.data, payload.room);
	buf_free(&payload);
	return rc == 0 && worker_flush(&fetcher->worker, err) == 0 ? 0 : give_up(fetcher, err);
}

struct fetcher *
fetch_start(const struct fetch_settings *settings, struct err *err)
{
	struct fetcher *fetcher = xcalloc(1, sizeof(*fetcher));
	const char *const args[] = {settings->user, NULL};

	if (worker_start(&fetcher->worker, &fetch_role, settings->path, args, settings->deadline, err) == 0 &&
	    send_settings(settings, fetcher, err) == 0)
		return fetcher;
	fetch_end(fetcher);
	return NULL;
}

void
fetch_end(struct fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	worker_kill(&fetcher->worker);
	for (unsigned i = 0; i < fetcher->count; i++) {
		buf_free(&fetcher->answers[i].body);
		free(fetcher->answers[i].question);
	}
	free(fetcher->answers);
	free(fetcher);
}

/* -- requests ------------------------------------------------------------------------------------------------------ */
int
fetch_send(struct fetcher *fetcher, const struct fetch_request *request, struct err *err)
{
	unsigned ticket = fetcher->count;
	struct buf payload = {0};
	int rc;

	if (fetcher->broken.code != CODE_OK) {
		*err = fetcher->broken;
		return -1;
	}
	if (ticket == FETCH_TICKETS_MAX)
		return err_set(err, CODE_WORKER, "fetch: more than %d requests", FETCH_TICKETS_MAX);
	fetch_put_request(&payload, ticket, request);
	rc = worker_send(&fetcher->worker, FRAME_REQUEST, &payload, err);
	buf_free(&payload);
	if (rc != 0)
		return -1;
	fetcher->answers = xrealloc(fetcher->answers, (ticket + 1) * sizeof(*fetcher->answers));
	fetcher->answers[ticket] = (struct answer){
		.question = xprintf("%s %.600s", request->body.data != NULL ? "POST" : "GET", request->url)};
	fetcher->count++;
	return (int)ticket;
}

int
fetch_take(struct fetcher *fetcher, int ticket, struct buf *out, struct err *err)
{
	struct answer *answer = ticket >= 0 && (unsigned)ticket < fetcher->count ? &fetcher->answers[ticket] : NULL;

	if (answer == NULL || answer->taken)
		return err_set(err, CODE_INTERNAL, "fetch: ticket %d has no answer to take", ticket);
	while (!answer->there && fetcher->broken.code == CODE_OK)
		take_response(fetcher, err);
	/* On a loaded machine the worker itself may not come to say what it waited for. */
	if (!answer->there && fetcher->broken.code == CODE_DEADLINE)
		return err_set(err, CODE_DEADLINE, "%s: " LATE, answer->question);
	if (!answer->there) {
		*err = fetcher->broken;
		return -1;
	}
	answer->taken = true;
	if (answer->err.code != CODE_OK) {
		*err = answer->err;
		return -1;
	}
	buf_free(out);
	*out = answer->body;
	answer->body = (struct buf){0};
	return 0;
}

unsigned
fetch_count(const struct fetcher *fetcher)
{
	return fetcher->count;
}
