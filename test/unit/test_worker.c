/* SPDX-License-Identifier: Apache-2.0 */
/* The line to a worker: this program is started as one that keeps the rules, and as one for each way to break them. */
#include "attest/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "test/unit/emulated.h"
#include "test/unit/unit.h"

#define PATIENCE_MS 30000
#define IMPATIENCE_MS 700
#define MUCH (1u << 20) /* more than a pipe holds */
#define SAID CODE_TLS
#define STEPS 64
#define NO_CODE 9 /* lib/code.def has none of this number */

/* -- the scripted worker ------------------------------------------------------------------------------------------- */
struct script {
	struct frame_reader in;
	struct buf payload, hello; /* as it came */
	uint8_t echo[WORKER_ECHO_SIZE];
};

static void
take(struct script *script, enum frame_type want)
{
	enum frame_type type;
	struct err err = ERR_INIT;

	if (frame_read(&script->in, clock_boot_ms() + PATIENCE_MS, false, &type, &script->payload, &err) != 0 ||
	    type != want)
		_exit(2);
}

static void
put(enum frame_type type, const struct buf *payload)
{
	struct err err = ERR_INIT;

	if (frame_write(STDOUT_FILENO, clock_boot_ms() + PATIENCE_MS, type, buf_bytes(payload), &err) != 0)
		_exit(3);
}

static void
put_text(enum frame_type type, const char *text)
{
	struct buf payload = {0};

	frame_put_text(&payload, text);
	put(type, &payload);
	buf_free(&payload);
}

static void
put_raw(const void *data, size_t size)
{
	if (write(STDOUT_FILENO, data, size) != (ssize_t)size)
		_exit(3);
}

static void
hear_hello(struct script *script)
{
	take(script, FRAME_HELLO);
	buf_add(&script->hello, script->payload.data, script->payload.size);
	memcpy(script->echo, script->hello.data + script->hello.size - WORKER_ECHO_SIZE, WORKER_ECHO_SIZE);
}

static void
greet(struct script *script)
{
	hear_hello(script);
	put(FRAME_HELLO, &script->hello);
}

static void
answer(struct script *script)
{
	greet(script);
	take(script, FRAME_PARAMETERS);
	put_text(FRAME_STEP, "step");
}

/* more: bytes behind what belongs there. */
static void
put_failure(unsigned code, struct bytes text, unsigned more)
{
	struct buf payload = {0};

	frame_put_u32(&payload, code);
	frame_put_field(&payload, text);
	buf_add(&payload, "more", more);
	put(FRAME_FAILURE, &payload);
	buf_free(&payload);
}

static void
put_verdict(const struct script *script, unsigned code, unsigned more)
{
	struct buf payload = {0};

	frame_put_u32(&payload, code);
	frame_put_field(&payload, bytes_of(script->echo, sizeof(script->echo)));
	frame_put_text(&payload, "why");
	buf_add(&payload, "more", more);
	put(FRAME_VERDICT, &payload);
	buf_free(&payload);
}

static void
right(struct script *script)
{
	answer(script);
	put_verdict(script, SAID, 0);
}

static void
hello_of_other_version(struct script *script)
{
	hear_hello(script);
	script->hello.data[4]++;
	put(FRAME_HELLO, &script->hello);
}

static void
hello_of_other_echo(struct script *script)
{
	hear_hello(script);
	script->hello.data[script->hello.size - 1]++;
	put(FRAME_HELLO, &script->hello);
}

static void
hello_without_echo(struct script *script)
{
	hear_hello(script);
	script->hello.size = 0;
	frame_put_text(&script->hello, PROJECT_VERSION);
	frame_put_field(&script->hello, bytes_of(NULL, 0));
	put(FRAME_HELLO, &script->hello);
}

static void
hello_and_more(struct script *script)
{
	hear_hello(script);
	buf_add(&script->hello, "", 1);
	put(FRAME_HELLO, &script->hello);
}

static void
hello_missing(struct script *script)
{
	hear_hello(script);
	put_text(FRAME_STEP, "step");
}

static void
hello_twice(struct script *script)
{
	greet(script);
	put(FRAME_HELLO, &script->hello);
}

static void
verdict_before_step(struct script *script)
{
	greet(script);
	take(script, FRAME_PARAMETERS);
	put_verdict(script, CODE_OK, 0);
}

static void
failure_first(struct script *script)
{
	hear_hello(script);
	put_failure(SAID, bytes_of_text("the reason"), 0);
}

/* Before it read its input, which is more than a pipe holds. */
static void
failure_unread(struct script *script)
{
	greet(script);
	put_failure(SAID, bytes_of_text("the reason"), 0);
}

static void
failure_later(struct script *script)
{
	answer(script);
	put_failure(SAID, bytes_of_text("the reason"), 0);
}

static void
failure_of_machinery(struct script *script)
{
	answer(script);
	put_failure(CODE_WORKER, bytes_of_text("the reason"), 0);
}

static void
failure_and_stays(struct script *script)
{
	failure_later(script);
	pause();
}

static void
failure_that_is_none(struct script *script)
{
	answer(script);
	put_failure(CODE_OK, bytes_of_text("the reason"), 0);
}

static void
failure_of_no_code(struct script *script)
{
	answer(script);
	put_failure(NO_CODE, bytes_of_text("the reason"), 0);
}

/* Cut to eight or to 31 bits it is one. */
static void
failure_of_large_code(struct script *script)
{
	answer(script);
	put_failure(0x80000100u + SAID, bytes_of_text("the reason"), 0);
}

static void
failure_with_nul(struct script *script)
{
	answer(script);
	put_failure(SAID, bytes_of("a\0b", 3), 0);
}

static void
failure_and_more(struct script *script)
{
	answer(script);
	put_failure(SAID, bytes_of_text("the reason"), 1);
}

static void
failure_cut(struct script *script)
{
	answer(script);
	script->payload.size = 0;
	frame_put_u32(&script->payload, SAID);
	put(FRAME_FAILURE, &script->payload);
}

static void
failure_and_frame(struct script *script)
{
	failure_later(script);
	put_text(FRAME_STEP, "step");
}

static void
failure_twice(struct script *script)
{
	failure_later(script);
	put_failure(SAID, bytes_of_text("another"), 0);
}

static void
failure_and_garbage(struct script *script)
{
	failure_later(script);
	put_raw("more", 4);
}

static void
verdict_of_other_echo(struct script *script)
{
	answer(script);
	script->echo[0]++;
	put_verdict(script, CODE_OK, 0);
}

static void
verdict_of_no_code(struct script *script)
{
	answer(script);
	put_verdict(script, NO_CODE, 0);
}

static void
verdict_of_large_code(struct script *script)
{
	answer(script);
	put_verdict(script, 0x80000000u, 0);
}

static void
verdict_and_more(struct script *script)
{
	answer(script);
	put_verdict(script, CODE_OK, 1);
}

static void
verdict_and_frame(struct script *script)
{
	right(script);
	put_text(FRAME_STEP, "step");
}

static void
verdict_twice(struct script *script)
{
	right(script);
	put_verdict(script, CODE_OK, 0);
}

static void
verdict_and_failure(struct script *script)
{
	right(script);
	put_failure(SAID, bytes_of_text("the reason"), 0);
}

static void
verdict_and_garbage(struct script *script)
{
	right(script);
	put_raw("more", 4);
}

static void
verdict_and_exit(struct script *script)
{
	right(script);
	_exit(7);
}

static void
verdict_and_death(struct script *script)
{
	right(script);
	raise(SIGKILL);
}

static void
verdict_and_stays(struct script *script)
{
	right(script);
	pause();
}

static void
verdict_and_lingers(struct script *script)
{
	right(script);
	close(STDOUT_FILENO);
	pause();
}

static void
verdict_unread(struct script *script)
{
	greet(script);
	put_text(FRAME_STEP, "step");
	put_verdict(script, CODE_OK, 0);
}

static void
verdict_unread_closed(struct script *script)
{
	greet(script);
	close(STDIN_FILENO);
	put_text(FRAME_STEP, "step");
	put_verdict(script, CODE_OK, 0);
}

static void
ends(struct script *script)
{
	greet(script);
}

static void
ends_with_status(struct script *script)
{
	greet(script);
	_exit(7);
}

static void
is_killed(struct script *script)
{
	answer(script);
	raise(SIGKILL);
}

static void
is_silent(struct script *script)
{
	(void)script;
	pause();
}

static void
is_silent_later(struct script *script)
{
	answer(script);
	pause();
}

static void
is_silent_in_a_frame(struct script *script)
{
	answer(script);
	put_raw("\0\0\0\0", 4);
	pause();
}

static void
too_large(struct script *script)
{
	static const uint32_t header[] = {FRAME_STEP, 4097};

	greet(script);
	take(script, FRAME_PARAMETERS);
	put_raw(header, sizeof(header));
	pause();
}

static void
too_large_and_ends(struct script *script)
{
	static const uint32_t header[] = {FRAME_STEP, 4097};

	greet(script);
	take(script, FRAME_PARAMETERS);
	put_raw(header, sizeof(header));
}

static void
no_frame(struct script *script)
{
	static const uint32_t header[] = {99, 0};

	greet(script);
	put_raw(header, sizeof(header));
	pause();
}

static void
cut_frame(struct script *script)
{
	static const uint32_t part[] = {FRAME_STEP, 100, 1};

	answer(script);
	put_raw(part, sizeof(part));
}

/* More than a pipe holds, before it reads anything. */
static void
talks_first(struct script *script)
{
	char *text = xprintf("%4000d", 1);

	greet(script);
	for (unsigned i = 0; i < STEPS; i++)
		put_text(FRAME_STEP, text);
	free(text);
	take(script, FRAME_PARAMETERS);
	put_verdict(script, SAID, 0);
}

/* -- the run ------------------------------------------------------------------------------------------------------- */
static const struct worker_role scripted = {"scripted", CODE_DRIVER_HUNG, CODE_DRIVER_CRASHED, 0};

enum { PATIENT, IMPATIENT };

static const struct row {
	const char *name;
	void (*play)(struct script *script);
	unsigned input; /* bytes */
	int patience, code;
	const char *text;
} rows[] = {
	{"right", right, 4, PATIENT, CODE_OK, ""},
	{"right, much input", right, MUCH, PATIENT, CODE_OK, ""},
	{"other version", hello_of_other_version, 4, PATIENT, CODE_WORKER, "scripted: HELLO came back changed"},
	{"other echo", hello_of_other_echo, 4, PATIENT, CODE_WORKER, "scripted: HELLO came back changed"},
	{"no echo", hello_without_echo, 4, PATIENT, CODE_WORKER, "scripted: HELLO came back changed"},
	{"HELLO and more", hello_and_more, 4, PATIENT, CODE_WORKER, "scripted: HELLO came back changed"},
	{"no HELLO", hello_missing, 4, PATIENT, CODE_WORKER, "scripted: frame STEP, want HELLO"},
	{"two HELLO", hello_twice, 4, PATIENT, CODE_WORKER, "scripted: frame HELLO, want STEP"},
	{"order", verdict_before_step, 4, PATIENT, CODE_WORKER, "scripted: frame VERDICT, want STEP"},
	{"FAILURE at once", failure_first, 4, PATIENT, SAID, "the reason"},
	{"FAILURE at once, much input", failure_first, MUCH, PATIENT, SAID, "the reason"},
	{"FAILURE, input unread", failure_unread, MUCH, PATIENT, SAID, "the reason"},
	{"FAILURE later", failure_later, 4, PATIENT, SAID, "the reason"},
	{"FAILURE of the machinery", failure_of_machinery, 4, PATIENT, CODE_WORKER, "scripted: the reason"},
	{"FAILURE, and stays", failure_and_stays, 4, PATIENT, SAID, "the reason"},
	{"FAILURE of code 0", failure_that_is_none, 4, PATIENT, CODE_WORKER, "scripted: FAILURE frame with the code 0"},
	{"FAILURE of no code", failure_of_no_code, 4, PATIENT, CODE_WORKER, "scripted: FAILURE frame with the code 9"},
	{"FAILURE of a large code", failure_of_large_code, 4, PATIENT, CODE_WORKER, "FAILURE frame with the code 2"},
	{"FAILURE with NUL", failure_with_nul, 4, PATIENT, CODE_WORKER, "scripted: malformed FAILURE frame"},
	{"FAILURE with more", failure_and_more, 4, PATIENT, CODE_WORKER, "scripted: malformed FAILURE frame"},
	{"FAILURE, cut", failure_cut, 4, PATIENT, CODE_WORKER, "scripted: malformed FAILURE frame"},
	{"FAILURE and a frame", failure_and_frame, 4, PATIENT, CODE_WORKER, "scripted: more than a FAILURE frame"},
	{"FAILURE and another", failure_twice, 4, PATIENT, CODE_WORKER, "scripted: more than a FAILURE frame"},
	{"FAILURE and garbage", failure_and_garbage, 4, PATIENT, CODE_WORKER, "scripted: more than a FAILURE frame"},
	{"VERDICT of other echo", verdict_of_other_echo, 4, PATIENT, CODE_WORKER, "VERDICT frame without our random"},
	{"VERDICT of no code", verdict_of_no_code, 4, PATIENT, CODE_WORKER, "scripted: malformed VERDICT frame"},
	{"VERDICT of a large code", verdict_of_large_code, 4, PATIENT, CODE_WORKER, "malformed VERDICT frame"},
	{"VERDICT with more", verdict_and_more, 4, PATIENT, CODE_WORKER, "scripted: malformed VERDICT frame"},
	{"VERDICT and a frame", verdict_and_frame, 4, PATIENT, CODE_WORKER, "scripted: frame STEP after the last"},
	{"VERDICT and another", verdict_twice, 4, PATIENT, CODE_WORKER, "scripted: frame VERDICT after the last"},
	{"VERDICT and FAILURE", verdict_and_failure, 4, PATIENT, SAID, "the reason"},
	{"VERDICT and garbage", verdict_and_garbage, 4, PATIENT, CODE_DRIVER_CRASHED, "frame header: end of file"},
	{"VERDICT and exit", verdict_and_exit, 4, PATIENT, CODE_DRIVER_CRASHED, "scripted ended with exit status 7"},
	{"VERDICT and death", verdict_and_death, 4, PATIENT, CODE_DRIVER_CRASHED, "scripted ended by signal 9"},
	{"VERDICT, and stays", verdict_and_stays, 4, IMPATIENT, CODE_DRIVER_HUNG, "no answer before the deadline"},
	{"VERDICT, and lingers", verdict_and_lingers, 4, IMPATIENT, CODE_DRIVER_HUNG, "no answer before the deadline"},
	{"VERDICT, input unread", verdict_unread, MUCH, PATIENT, CODE_WORKER, "VERDICT frame before all input"},
	{"VERDICT, input closed", verdict_unread_closed, MUCH, PATIENT, CODE_WORKER, "VERDICT frame before all input"},
	{"ends", ends, 4, PATIENT, CODE_DRIVER_CRASHED, "scripted ended with exit status 0"},
	{"ends with a status", ends_with_status, 4, PATIENT, CODE_DRIVER_CRASHED, "scripted ended with exit status 7"},
	{"ends, input unread", ends_with_status, MUCH, PATIENT, CODE_DRIVER_CRASHED, "ended with exit status 7"},
	{"killed", is_killed, 4, PATIENT, CODE_DRIVER_CRASHED, "scripted ended by signal 9 (SIGKILL)"},
	{"silent", is_silent, 4, IMPATIENT, CODE_DRIVER_HUNG, "scripted: no answer before the deadline"},
	{"silent, much input", is_silent, MUCH, IMPATIENT, CODE_DRIVER_HUNG, "scripted: no answer before the deadline"},
	{"silent later", is_silent_later, 4, IMPATIENT, CODE_DRIVER_HUNG, "scripted: no answer before the deadline"},
	{"silent in a frame", is_silent_in_a_frame, 4, IMPATIENT, CODE_DRIVER_HUNG, "no answer before the deadline"},
	{"too large", too_large, 4, PATIENT, CODE_WORKER, "scripted: frame STEP has 4097 bytes, ceiling is 4096"},
	{"too large, and ends", too_large_and_ends, 4, PATIENT, CODE_DRIVER_CRASHED, "frame STEP has 4097 bytes"},
	{"no frame", no_frame, 4, PATIENT, CODE_WORKER, "scripted: frame type 99 is unknown"},
	{"talks first", talks_first, MUCH, PATIENT, CODE_WORKER, "scripted: frame STEP, want VERDICT"},
	{"cut frame", cut_frame, 4, PATIENT, CODE_DRIVER_CRASHED, "96 of 100 bytes are missing"},
};

#define ROWS (sizeof(rows) / sizeof(*rows))

static int
play(const char *name)
{
	struct script script = {.in = {.fd = STDIN_FILENO}};
	size_t i = 0;

	while (i < ROWS && strcmp(rows[i].name, name) != 0)
		i++;
	if (i == ROWS)
		return 4;
	rows[i].play(&script);
	buf_free(&script.payload);
	buf_free(&script.hello);
	return 0;
}

static int
start(struct worker *worker, const char *name, int patience, struct err *err)
{
	const char *const args[] = {name, NULL};
	char *self = emulated_built("test/unit/test_worker");
	int64_t deadline = clock_boot_ms() + (patience == PATIENT ? PATIENCE_MS : IMPATIENCE_MS);
	int rc = worker_start(worker, &scripted, self, args, deadline, err);

	free(self);
	return rc;
}

/* What a sanitizer started to look for leaks ends by itself. */
static bool
group_is_gone(pid_t group)
{
	for (int i = 0; i < 500; i++) {
		if (kill(-group, 0) != 0 && errno == ESRCH)
			return true;
		usleep(10000);
	}
	return false;
}

static void
check_gone(struct worker *worker, pid_t group)
{
	enum frame_type type;
	struct err err = ERR_INIT;

	CHECK(worker->child.pid == 0 && worker->to.fd == -1 && worker->from.fd == -1);
	CHECK(worker->to.waiting.data == NULL && worker->payload.data == NULL);
	CHECK(group <= 0 || group_is_gone(group));
	CHECK(worker_receive(worker, &type, &err) == -1 && err_code(&err) == CODE_INTERNAL);
	CHECK(worker_send(worker, FRAME_RECHECK, &(struct buf){0}, &err) == -1 && err_code(&err) == CODE_INTERNAL);
	CHECK(worker_flush(worker, &err) == -1 && err_code(&err) == CODE_INTERNAL);
	CHECK(worker_end(worker, &err) == -1 && err_code(&err) == CODE_INTERNAL);
	worker_kill(worker);
}

static int
exchange(struct worker *worker, const struct row *row, int *verdict, char text[ERR_TEXT_MAX], struct err *err)
{
	struct buf payload = {0};
	int rc;

	buf_reserve(&payload, row->input);
	memset(payload.data, 'x', row->input);
	payload.size = row->input;
	rc = worker_send(worker, FRAME_PARAMETERS, &payload, err);
	CHECK(payload.size == 0);
	buf_free(&payload);
	if (rc == 0)
		rc = worker_expect(worker, FRAME_STEP, err);
	if (rc == 0)
		rc = worker_expect(worker, FRAME_VERDICT, err);
	return rc == 0 ? worker_verdict(worker, verdict, text, err) : rc;
}

static void
test_every_misbehaviour(void)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];
		char text[ERR_TEXT_MAX] = "";
		struct err err = ERR_INIT;
		struct worker worker;
		int verdict = -1, rc = start(&worker, row->name, row->patience, &err), code;
		pid_t group = worker.child.pid;

		if (rc == 0)
			rc = exchange(&worker, row, &verdict, text, &err);
		code = rc == 0 ? CODE_OK : err_code(&err);
		if (code != row->code || strstr(err.text, row->text) == NULL) {
			printf("# %s: code %d: %s\n", row->name, code, err.text);
			unit_bad = true;
		}
		if (rc == 0) {
			CHECK(verdict == SAID);
			CHECK_TEXT(text, "why");
		}
		check_gone(&worker, group);
	}
}

/* What FAILURE says is of one code for a worker whose failures have no cause of their own. */
static void
test_code_of_the_role(void)
{
	static const struct worker_role role = {"scripted", CODE_DEADLINE, CODE_WORKER, CODE_WORKER};
	const char *const args[] = {"FAILURE at once", NULL};
	char *self = emulated_built("test/unit/test_worker");
	struct err err = ERR_INIT;
	struct worker worker;

	CHECK(worker_start(&worker, &role, self, args, clock_boot_ms() + PATIENCE_MS, &err) == 0);
	CHECK(worker_hello(&worker, &err) == -1 && err_code(&err) == CODE_WORKER);
	CHECK_TEXT(err.text, "scripted: the reason");
	check_gone(&worker, 0);
	free(self);
}

/* A random part that could be told beforehand would be none. */
static void
test_echoes_differ(void)
{
	static const uint8_t none[WORKER_ECHO_SIZE];
	struct worker one, other;
	struct err err = ERR_INIT;

	CHECK(start(&one, "right", PATIENT, &err) == 0 && start(&other, "right", PATIENT, &err) == 0);
	CHECK(memcmp(one.echo, other.echo, sizeof(one.echo)) != 0);
	CHECK(memcmp(one.echo, none, sizeof(none)) != 0 && memcmp(other.echo, none, sizeof(none)) != 0);
	worker_kill(&one);
	worker_kill(&other);
}

static void
test_start(void)
{
	const char *const args[] = {NULL};
	struct worker worker, none = {0};
	struct err err = ERR_INIT;

	CHECK(worker_start(&worker, &scripted, "/nonexistent", args, clock_boot_ms() + PATIENCE_MS, &err) == -1);
	CHECK(err_code(&err) == CODE_WORKER);
	check_gone(&worker, 0);
	worker_kill(&none);
}

/* An end that was not asked for by a VERDICT: that of a worker that waits for its input's end. */
static void
test_end(void)
{
	struct worker worker;
	struct err err = ERR_INIT;

	CHECK(start(&worker, "ends", PATIENT, &err) == 0 && worker_hello(&worker, &err) == 0);
	CHECK(worker_hello(&worker, &err) == 0 && worker_end(&worker, &err) == 0);
	check_gone(&worker, 0);
	CHECK(start(&worker, "ends with a status", PATIENT, &err) == 0 && worker_hello(&worker, &err) == 0);
	CHECK(worker_end(&worker, &err) == -1 && err_code(&err) == CODE_DRIVER_CRASHED);
	check_gone(&worker, 0);
	CHECK(start(&worker, "FAILURE, input unread", PATIENT, &err) == 0 && worker_hello(&worker, &err) == 0);
	CHECK(worker_end(&worker, &err) == -1 && err_code(&err) == SAID);
	check_gone(&worker, 0);
}

/* Neither end waits for the other to read first. */
static void
test_both_write(void)
{
	static uint8_t much[MUCH];
	struct buf payload = {0};
	struct worker worker;
	struct err err = ERR_INIT;
	char text[ERR_TEXT_MAX];
	int code = -1;

	CHECK(start(&worker, "talks first", PATIENT, &err) == 0);
	buf_add(&payload, much, sizeof(much));
	CHECK(worker_send(&worker, FRAME_PARAMETERS, &payload, &err) == 0);
	buf_free(&payload);
	for (unsigned i = 0; i < STEPS; i++)
		CHECK(worker_expect(&worker, FRAME_STEP, &err) == 0);
	CHECK(worker_expect(&worker, FRAME_VERDICT, &err) == 0);
	CHECK(worker_verdict(&worker, &code, text, &err) == 0 && code == SAID);
	check_gone(&worker, 0);
}

/* A worker that is gone before it is sent anything has said why. */
static void
test_sent_too_late(void)
{
	for (int flush = 0; flush < 2; flush++) {
		struct worker worker;
		struct err err = ERR_INIT;
		siginfo_t ended;

		CHECK(start(&worker, "FAILURE, input unread", PATIENT, &err) == 0 && worker_hello(&worker, &err) == 0);
		CHECK(waitid(P_PID, (id_t)worker.child.pid, &ended, WEXITED | WNOWAIT) == 0);
		CHECK(worker_send(&worker, FRAME_RECHECK, &(struct buf){0}, &err) == 0);
		CHECK(!flush || worker_flush(&worker, &err) == 0);
		CHECK(worker_expect(&worker, FRAME_STEP, &err) == -1 && err_code(&err) == SAID);
		CHECK_TEXT(err.text, "the reason");
		check_gone(&worker, 0);
	}
}

/* -- the worker's end ---------------------------------------------------------------------------------------------- */

/* One HELLO as it can be. */
static const struct greeting {
	const char *name, *version;
	enum frame_type type;
	unsigned echo, more;
	bool good;
} greetings[] = {
	{"right", PROJECT_VERSION, FRAME_HELLO, 32, 0, true},
	{"other version", PROJECT_VERSION "x", FRAME_HELLO, 32, 0, false},
	{"no version", "", FRAME_HELLO, 32, 0, false},
	{"short echo", PROJECT_VERSION, FRAME_HELLO, 31, 0, false},
	{"long echo", PROJECT_VERSION, FRAME_HELLO, 33, 0, false},
	{"no echo", PROJECT_VERSION, FRAME_HELLO, 0, 0, false},
	{"more", PROJECT_VERSION, FRAME_HELLO, 32, 1, false},
	{"other frame", PROJECT_VERSION, FRAME_PARAMETERS, 32, 0, false},
};

#define GREETINGS (sizeof(greetings) / sizeof(*greetings))

static void
write_greeting(int fd, const struct greeting *greeting)
{
	static const uint8_t echo[33] = {1, 2, 3};
	struct buf payload = {0};
	struct err err = ERR_INIT;

	frame_put_text(&payload, greeting->version);
	frame_put_field(&payload, bytes_of(echo, greeting->echo));
	buf_add(&payload, "more", greeting->more);
	CHECK(frame_write(fd, clock_boot_ms() + PATIENCE_MS, greeting->type, buf_bytes(&payload), &err) == 0);
	buf_free(&payload);
}

static void
check_failure(struct frame_reader *from, const char *text)
{
	struct buf payload = {0};
	struct err err = ERR_INIT;
	enum frame_type type = 0;
	struct cursor cursor;
	struct bytes said;
	uint32_t code;

	CHECK(frame_read(from, clock_boot_ms() + PATIENCE_MS, false, &type, &payload, &err) == 0 &&
	      type == FRAME_FAILURE);
	cursor = cursor_of(buf_bytes(&payload));
	CHECK(frame_get_u32(&cursor, &code) && code != CODE_OK && code_find((int)code) != NULL);
	CHECK(frame_get_field(&cursor, &said) && cursor.left == 0 && said.size > 0 &&
	      memmem(said.data, said.size, text, strlen(text)) != NULL);
	CHECK(frame_read(from, clock_boot_ms() + PATIENCE_MS, true, &type, &payload, &err) == 1);
	buf_free(&payload);
}

static void
test_caller_greets(void)
{
	for (size_t i = 0; i < GREETINGS; i++) {
		const struct greeting *greeting = &greetings[i];
		struct caller caller = {.deadline = clock_boot_ms() + PATIENCE_MS};
		struct frame_reader from = {0};
		struct buf payload = {0};
		struct err err = ERR_INIT;
		enum frame_type type = 0;
		int down[2], up[2], rc;

		CHECK(pipe(down) == 0 && pipe(up) == 0);
		caller.from.fd = down[0];
		caller.to.fd = up[1];
		from.fd = up[0];
		write_greeting(down[1], greeting);
		rc = caller_greet(&caller, &err);
		CHECK(rc == (greeting->good ? 0 : -1) && (rc == 0 || err_code(&err) == CODE_WORKER));
		if (rc < 0)
			caller_fail(&caller, &err);
		else
			CHECK(caller_flush(&caller, &err) == 0);
		close(up[1]);
		if (rc == 0)
			CHECK(frame_read(&from, caller.deadline, false, &type, &payload, &err) == 0 &&
			      type == FRAME_HELLO && payload.size == 8 + strlen(PROJECT_VERSION) + 32);
		else
			check_failure(&from, "");
		buf_free(&payload);
		frame_discard(&caller.to);
		close(down[0]);
		close(down[1]);
		close(up[0]);
	}
}

static void
test_caller_reads(void)
{
	struct caller caller = {.deadline = clock_boot_ms() + PATIENCE_MS};
	struct buf payload = {0};
	struct err err = ERR_INIT;
	enum frame_type type;
	int ends[2];

	CHECK(pipe(ends) == 0);
	caller.from.fd = ends[0];
	CHECK(frame_write(ends[1], caller.deadline, FRAME_RECHECK, (struct bytes){0}, &err) == 0);
	CHECK(caller_expect(&caller, FRAME_REPORTS, &payload, &err) == -1 && err_code(&err) == CODE_WORKER);
	CHECK_TEXT(err.text, "from the run: frame RECHECK, want REPORTS");
	close(ends[1]);
	CHECK(caller_expect(&caller, FRAME_REPORTS, &payload, &err) == -1 && err_code(&err) == CODE_WORKER);
	CHECK(caller_receive(&caller, &type, &payload, &err) == 1);
	close(ends[0]);
	buf_free(&payload);
}

static void
test_caller_parent(void)
{
	static const char *const bad[] = {"", "0", "-1", "x", "1x", "4294967297", "99999999999999999999"};
	pid_t parent = 0;

	CHECK(caller_parent("4711", &parent) && parent == 4711);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!caller_parent(bad[i], &parent));
}

/* -- the real workers ---------------------------------------------------------------------------------------------- */

static pid_t
start_real(char *const argv[], char *const environment[], int *to, struct frame_reader *from)
{
	char *program = emulated_built(argv[0]);
	int down[2], up[2];
	pid_t pid;

	CHECK(pipe2(down, O_CLOEXEC) == 0 && pipe2(up, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(down[0], STDIN_FILENO);
		dup2(up[1], STDOUT_FILENO);
		execve(program, argv, environment);
		_exit(127);
	}
	close(down[0]);
	close(up[1]);
	*to = down[1];
	*from = (struct frame_reader){.fd = up[0]};
	free(program);
	return pid;
}

static void
check_ended(pid_t pid, int to, struct frame_reader *from)
{
	int status = 0;

	close(to);
	close(from->fd);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* Every worker refuses every greeting that is not right, and says so. */
static void
test_workers_refuse_greetings(void)
{
	char parent[16], *library;
	char *collect[] = {"collect", parent, NULL, "/", NULL}, *fetch[] = {"fetch", parent, NULL},
	     *appraise[] = {"appraise", parent, NULL};
	char *const *const workers[] = {collect, fetch, appraise};

	if (!emulated_mint("emulator/libnvidia-ml.so.1", "")) {
		unit_skip("the emulator is not built");
		return;
	}
	collect[2] = library = emulated_path("node/libnvidia-ml.so.1");
	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	for (size_t i = 0; i < GREETINGS * 3; i++) {
		const struct greeting *greeting = &greetings[i / 3];
		struct frame_reader from;
		pid_t pid;
		int to;

		if (greeting->good)
			continue;
		pid = start_real(workers[i % 3], (char *[]){NULL}, &to, &from);
		write_greeting(to, greeting);
		check_failure(&from, "");
		check_ended(pid, to, &from);
	}
	free(library);
}

/* One whose libraries do not start judges nothing. */
static void
test_appraise_without_libraries(void)
{
#ifdef __SANITIZE_ADDRESS__
	unit_skip("the sanitizer wants to be loaded first");
#else
	char parent[16], *argv[] = {"test/unit/appraise", parent, NULL};
	char *library = emulated_built("test/unit/refused_call.so"), *preload = xprintf("LD_PRELOAD=%s", library);
	struct frame_reader from;
	pid_t pid;
	int to;

	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	pid = start_real(argv, (char *[]){preload, "REFUSED_CALL=OSSL_PROVIDER_load", NULL}, &to, &from);
	write_greeting(to, &greetings[0]);
	check_failure(&from, "default provider");
	check_ended(pid, to, &from);
	free(preload);
	free(library);
#endif
}

/* From here on no filter can be loaded, by anybody below. */
static void
forbid_filters(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (filter == NULL || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) != 0 ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
			     SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0)) != 0 ||
	    seccomp_load(filter) != 0)
		_exit(5);
	seccomp_release(filter);
}

/* Nor does one that could not be confined. */
static int
talk_unconfined(const char *name, const char *const args[])
{
	const struct worker_role role = {name, CODE_DEADLINE, CODE_WORKER, CODE_WORKER};
	char *program = emulated_built(name);
	struct err err = ERR_INIT;
	enum frame_type type;
	struct worker worker;
	int rc;

	rc = worker_start(&worker, &role, program, args, clock_boot_ms() + PATIENCE_MS, &err);
	if (rc == 0)
		rc = worker_receive(&worker, &type, &err);
	worker_kill(&worker);
	free(program);
	if (rc < 0 && strstr(err.text, "seccomp: ") != NULL)
		return 0;
	printf("# %s: %s\n", name, rc < 0 ? err.text : "says more than HELLO");
	fflush(stdout);
	return 6;
}

static void
test_workers_unconfined(void)
{
	char *library = emulated_path("node/libnvidia-ml.so.1");
	const char *const args[][3] = {{NULL}, {library, "/", NULL}};
	static const char *const names[] = {"appraise", "collect"};

	for (size_t i = 0; i < 2; i++) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0) {
			forbid_filters();
			_exit(talk_unconfined(names[i], args[i]));
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	free(library);
}

int
main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[0], "scripted") == 0)
		return play(argv[2]);
	RUN(test_every_misbehaviour);
	RUN(test_code_of_the_role);
	RUN(test_echoes_differ);
	RUN(test_start);
	RUN(test_end);
	RUN(test_both_write);
	RUN(test_sent_too_late);
	RUN(test_caller_greets);
	RUN(test_caller_reads);
	RUN(test_caller_parent);
	RUN(test_workers_refuse_greetings);
	RUN(test_appraise_without_libraries);
	RUN(test_workers_unconfined);
	emulated_remove();
	return unit_end();
}
