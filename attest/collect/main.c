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
#include "attest/worker.h"
#include "lib/code.h"
#include "lib/sandbox.h"

#define NO_DEADLINE INT64_MAX /* the run has one, and kills */
#define NODES_MAX 32          /* /dev/nvidia0 and so on: Landlock rules cannot have wildcards */

struct collect_process {
	struct caller caller;
	enum sandbox_role role;
	struct library library;
	struct machine machine;
	struct buf payload; /* of the frame being read or written */
	uint32_t sent;      /* frames since the last DONE */
};

/* Libraries print: what speaks the protocol is moved away before one is loaded, and they get /dev/null. */
static int
take_fds(struct collect_process *process, struct err *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	process->caller.from.fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	process->caller.to.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (null < 0 || process->caller.from.fd < 0 || process->caller.to.fd < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		return err_set(err, CODE_WORKER, "file descriptors: %s", err_errno(errno));
	close(null);
	return 0;
}

static int
confine_collector(const struct collect_process *process, const char *parent, const char *driver_root, struct err *err)
{
	const char *path = process->library.path;
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
	pid_t run;
	int rc;

	for (unsigned i = 0; i < NODES_MAX; i++) {
		snprintf(node[i], sizeof(node[i]), "/dev/nvidia%u", i);
		write[i + 2] = node[i];
	}
	if (caller_parent(parent, &run))
		rc = sandbox_prepare(process->role, NULL, run,
				     &(struct sandbox_paths){.read = read, .read_write = write}, err);
	else
		rc = err_set(err, CODE_WORKER, "'%s' is no process id", parent);
	free(directory);
	return rc;
}

static int
queue_frame(struct collect_process *process, enum frame_type type, struct err *err)
{
	process->sent++;
	return caller_send(&process->caller, type, &process->payload, err);
}

static int
send_done(struct collect_process *process, struct err *err)
{
	frame_put_u32(&process->payload, process->sent);
	process->sent = 0;
	if (caller_send(&process->caller, FRAME_DONE, &process->payload, err) != 0)
		return -1;
	return caller_flush(&process->caller, err);
}

/* At once: the run waits for it. */
static int
greet_run(struct collect_process *process, struct err *err)
{
	return caller_greet(&process->caller, err) == 0 ? caller_flush(&process->caller, err) : -1;
}

static int
send_machine(struct collect_process *process, struct err *err)
{
	struct machine *machine = &process->machine;

	process->payload.size = 0;
	if (machine_read(machine, err) != 0)
		return -1;
	collect_put_states(&process->payload, &machine->states);
	if (queue_frame(process, FRAME_STATES, err) != 0)
		return -1;
	for (unsigned i = 0; i < machine->states.gpus; i++) {
		collect_put_identity(&process->payload, &machine->identity[i]);
		if (queue_frame(process, FRAME_IDENTITY, err) != 0)
			return -1;
	}
	return send_done(process, err);
}

static int
send_evidence(struct collect_process *process, struct err *err)
{
	uint8_t order[COLLECT_REPORTS_SIZE]; /* nonce, then which GPUs */

	memcpy(order, process->payload.data, sizeof(order));
	process->payload.size = 0;
	for (unsigned i = 0; i < process->machine.states.gpus; i++) {
		struct buf report = {0}, chain = {0};
		int rc;

		if (order[NVML_NONCE_SIZE + i] == 0)
			continue;
		rc = machine_evidence(&process->machine, i, order, &report, &chain, err);
		frame_put_field(&process->payload, buf_bytes(&report));
		frame_put_field(&process->payload, buf_bytes(&chain));
		buf_free(&report);
		buf_free(&chain);
		if (rc != 0 || queue_frame(process, FRAME_EVIDENCE, err) != 0)
			return -1;
	}
	return send_done(process, err);
}

/* Sets the ready state, then tells everything anew. */
static int
set_ready(struct collect_process *process, struct err *err)
{
	struct cursor at = cursor_of(buf_bytes(&process->payload));
	uint32_t want;

	if (process->role != SANDBOX_READY || !frame_get_u32(&at, &want) || want > 1)
		return err_set(err, CODE_WORKER, "frame READY is out of order, or says neither 0 nor 1");
	if (machine_set_ready(&process->machine, want == 1, err) != 0)
		return -1;
	return send_machine(process, err);
}

/* The orders: any of them, each once, in this order. */
static const struct order {
	enum frame_type type;
	size_t size;
	int (*answer)(struct collect_process *process, struct err *err);
} orders[] = {
	{FRAME_REPORTS, COLLECT_REPORTS_SIZE, send_evidence},
	{FRAME_RECHECK, 0, send_machine},
	{FRAME_READY, 4, set_ready},
};

#define ORDERS (sizeof(orders) / sizeof(orders[0]))

/* Until the caller closes its end. */
static int
serve_orders(struct collect_process *process, struct err *err)
{
	enum frame_type type;
	size_t next = 0;
	int rc;

	if (machine_start(&process->machine, err) != 0 || send_machine(process, err) != 0)
		return -1;
	while ((rc = caller_receive(&process->caller, &type, &process->payload, err)) == 0) {
		while (next < ORDERS && orders[next].type != type)
			next++;
		if (next == ORDERS || process->payload.size != orders[next].size)
			return err_set(err, CODE_WORKER, "frame %s of %zu bytes is out of order", frame_name(type),
				       process->payload.size);
		if (orders[next++].answer(process, err) != 0)
			return -1;
	}
	return rc < 0 ? -1 : machine_stop(&process->machine, err);
}

static int
work(struct collect_process *process, char **argv, struct err *err)
{
	if (library_open(argv[2], &process->library, err) != 0 ||
	    confine_collector(process, argv[1], argv[3], err) != 0 || greet_run(process, err) != 0 ||
	    library_load(&process->library, err) != 0)
		return -1;
	library_close(&process->library);
	if (sandbox_enter(process->role, err) != 0)
		return -1;
	return serve_orders(process, err);
}

int
main(int argc, char **argv)
{
	struct collect_process process = {
		.caller.deadline = NO_DEADLINE, .library = LIBRARY_INIT, .machine.library = &process.library};
	bool ready = argc == 5 && strcmp(argv[4], "ready") == 0;
	struct err err = ERR_INIT;
	int rc;

	if ((argc != 4 && !ready) || take_fds(&process, &err) != 0)
		return CODE_WORKER;
	process.role = ready ? SANDBOX_READY : SANDBOX_COLLECT;
	rc = work(&process, argv, &err);
	if (rc != 0)
		caller_fail(&process.caller, &err);
	library_close(&process.library);
	buf_free(&process.payload);
	frame_discard(&process.caller.to);
	return rc == 0 ? 0 : 1;
}
