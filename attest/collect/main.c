/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect PARENT LIBRARY DRIVER_ROOT [ready]: the worker that calls NVIDIA's library. It reads orders from standard
 * input and answers on standard output (lib/frame.h); a library that hangs or dies takes only this process with it.
 * With "ready" it keeps the capability to set the ready state.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/collect/machine.h"
#include "config.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/fs.h"
#include "lib/sandbox.h"

#define NO_DEADLINE INT64_MAX /* the run has one, and kills */
#define NODES_MAX 32          /* /dev/nvidia0 and so on: Landlock rules cannot have wildcards */

struct worker {
	struct frame_reader in;
	int out;
	enum sandbox_role role;
	struct library library;
	struct machine machine;
	struct buf payload; /* of the frame being read or written */
	struct buf waiting; /* frames to be sent */
	uint32_t sent;      /* frames since the last DONE */
};

/* Libraries print: what speaks the protocol is moved away before one is loaded, and they get /dev/null. */
static int
take_fds(struct worker *worker, struct err *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	worker->in.fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	worker->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (null < 0 || worker->in.fd < 0 || worker->out < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		return err_set(err, CODE_WORKER, "file descriptors: %s", err_errno(errno));
	close(null);
	return 0;
}

static int
confine_collector(const struct worker *worker, const char *parent, const char *driver_root, struct err *err)
{
	const char *path = worker->library.path;
	char *directory = xprintf("%.*s", (int)(strrchr(path, '/') - path), path);
	const char *const read[] = {
		directory[0] ? directory : "/",
		"/proc/driver/nvidia",
		"/proc/devices",
		"/sys",
		"/etc/ld.so.cache",
		"/lib",
		"/lib64",
		"/usr/lib",
		"/usr/lib64",
		strcmp(driver_root, "/") == 0 ? "/usr/lib" : driver_root, /* never all there is */
		NULL,
	};
	const char *write[NODES_MAX + 3] = {"/dev/nvidiactl", "/dev/nvidia-uvm"};
	char node[NODES_MAX][32];
	int rc;

	for (unsigned i = 0; i < NODES_MAX; i++) {
		snprintf(node[i], sizeof(node[i]), "/dev/nvidia%u", i);
		write[i + 2] = node[i];
	}
	rc = sandbox_prepare(worker->role, NULL, (pid_t)strtol(parent, NULL, 10),
			     &(struct sandbox_paths){.read = read, .read_write = write}, err);
	free(directory);
	return rc;
}

static int
queue_frame(struct worker *worker, enum frame_type type, struct err *err)
{
	int rc = frame_encode(type, buf_bytes(&worker->payload), &worker->waiting, err);

	worker->payload.size = 0;
	worker->sent++;
	return rc;
}

/* Whoever waits for the frames is woken once. */
static int
send_waiting(struct worker *worker, struct err *err)
{
	int rc = fs_write_stream(worker->out, buf_bytes(&worker->waiting), NO_DEADLINE, err);

	worker->waiting.size = 0;
	worker->sent = 0;
	return rc;
}

static int
send_done(struct worker *worker, struct err *err)
{
	frame_put_u32(&worker->payload, worker->sent);
	return queue_frame(worker, FRAME_DONE, err) == 0 ? send_waiting(worker, err) : -1;
}

/* The version must be ours; the random part goes back as it came. */
static int
greet_caller(struct worker *worker, struct err *err)
{
	enum frame_type type;
	struct cursor at;
	struct bytes version, random;
	struct buf answer = {0};
	int rc;

	if (frame_read(&worker->in, NO_DEADLINE, false, &type, &worker->payload, err) != 0)
		return -1;
	if (type != FRAME_HELLO)
		return err_set(err, CODE_WORKER, "frame %d instead of HELLO", type);
	at = cursor_of(buf_bytes(&worker->payload));
	if (!frame_get_field(&at, &version) || !frame_get_field(&at, &random) || at.left != 0)
		return err_set(err, CODE_WORKER, "malformed HELLO");
	if (!bytes_equal(version, bytes_of_text(PROJECT_VERSION)))
		return err_set(err, CODE_WORKER, "the caller has another version, want " PROJECT_VERSION);
	frame_put_text(&answer, PROJECT_VERSION);
	frame_put_field(&answer, random);
	rc = frame_write(worker->out, NO_DEADLINE, FRAME_HELLO, buf_bytes(&answer), err);
	buf_free(&answer);
	worker->payload.size = 0;
	return rc;
}

static int
send_machine(struct worker *worker, struct err *err)
{
	struct machine *machine = &worker->machine;

	worker->payload.size = 0;
	if (machine_read(machine, err) != 0)
		return -1;
	collect_put_states(&worker->payload, &machine->states);
	if (queue_frame(worker, FRAME_STATES, err) != 0)
		return -1;
	for (unsigned i = 0; i < machine->states.gpus; i++) {
		collect_put_identity(&worker->payload, &machine->identity[i]);
		if (queue_frame(worker, FRAME_IDENTITY, err) != 0)
			return -1;
	}
	return send_done(worker, err);
}

static int
send_evidence(struct worker *worker, struct err *err)
{
	uint8_t order[COLLECT_REPORTS_SIZE]; /* nonce, then which GPUs */

	memcpy(order, worker->payload.data, sizeof(order));
	worker->payload.size = 0;
	for (unsigned i = 0; i < worker->machine.states.gpus; i++) {
		struct buf report = {0}, chain = {0};
		int rc;

		if (order[NVML_NONCE_SIZE + i] == 0)
			continue;
		rc = machine_evidence(&worker->machine, i, order, &report, &chain, err);
		frame_put_field(&worker->payload, buf_bytes(&report));
		frame_put_field(&worker->payload, buf_bytes(&chain));
		buf_free(&report);
		buf_free(&chain);
		if (rc != 0 || queue_frame(worker, FRAME_EVIDENCE, err) != 0)
			return -1;
	}
	return send_done(worker, err);
}

/* Sets the ready state, then tells everything anew. */
static int
set_ready(struct worker *worker, struct err *err)
{
	struct cursor at = cursor_of(buf_bytes(&worker->payload));
	uint32_t want;

	if (worker->role != SANDBOX_READY || !frame_get_u32(&at, &want) || want > 1)
		return err_set(err, CODE_WORKER, "frame READY was not to come, or says neither 0 nor 1");
	if (machine_set_ready(&worker->machine, want == 1, err) != 0)
		return -1;
	return send_machine(worker, err);
}

/* The orders: any of them, each once, in this order. */
static const struct order {
	enum frame_type type;
	size_t size;
	int (*answer)(struct worker *worker, struct err *err);
} orders[] = {
	{FRAME_REPORTS, COLLECT_REPORTS_SIZE, send_evidence},
	{FRAME_RECHECK, 0, send_machine},
	{FRAME_READY, 4, set_ready},
};

#define ORDERS (sizeof(orders) / sizeof(orders[0]))

/* Until the caller closes its end. */
static int
serve_orders(struct worker *worker, struct err *err)
{
	enum frame_type type;
	size_t next = 0;
	int rc;

	if (machine_start(&worker->machine, err) != 0 || send_machine(worker, err) != 0)
		return -1;
	while ((rc = frame_read(&worker->in, NO_DEADLINE, true, &type, &worker->payload, err)) == 0) {
		while (next < ORDERS && orders[next].type != type)
			next++;
		if (next == ORDERS || worker->payload.size != orders[next].size)
			return err_set(err, CODE_WORKER, "frame %d of %zu bytes was not to come", type,
				       worker->payload.size);
		if (orders[next++].answer(worker, err) != 0)
			return -1;
	}
	return rc < 0 ? -1 : machine_stop(&worker->machine, err);
}

static int
work(struct worker *worker, char **argv, struct err *err)
{
	if (library_open(argv[2], &worker->library, err) != 0 ||
	    confine_collector(worker, argv[1], argv[3], err) != 0 || greet_caller(worker, err) != 0 ||
	    library_load(&worker->library, err) != 0)
		return -1;
	library_close(&worker->library);
	if (sandbox_enter(worker->role, err) != 0)
		return -1;
	return serve_orders(worker, err);
}

static void
send_failure(struct worker *worker, const struct err *err)
{
	struct err ignored = ERR_INIT;

	worker->payload.size = 0;
	frame_put_u32(&worker->payload, err->code != 0 ? (uint32_t)err->code : CODE_WORKER);
	frame_put_text(&worker->payload, err->text);
	if (queue_frame(worker, FRAME_FAILURE, &ignored) == 0)
		(void)send_waiting(worker, &ignored);
}

int
main(int argc, char **argv)
{
	struct worker worker = {.library = LIBRARY_INIT, .machine.library = &worker.library};
	bool ready = argc == 5 && strcmp(argv[4], "ready") == 0;
	struct err err = ERR_INIT;
	int rc;

	if ((argc != 4 && !ready) || take_fds(&worker, &err) != 0)
		return CODE_WORKER;
	worker.role = ready ? SANDBOX_READY : SANDBOX_COLLECT;
	rc = work(&worker, argv, &err);
	if (rc != 0)
		send_failure(&worker, &err);
	library_close(&worker.library);
	buf_free(&worker.payload);
	buf_free(&worker.waiting);
	return rc == 0 ? 0 : 1;
}
