/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "test/unit/unit.h"

static int64_t
soon(void)
{
	return clock_boot_ms() + 10000;
}

/* One frame as raw bytes through a pipe whose writer is then closed. */
static int
read_raw(const void *data, size_t size, bool end_ok, struct err *err)
{
	enum frame_type type;
	struct buf payload = {0};
	struct frame_reader from = {0};
	int ends[2], rc;

	if (pipe(ends) != 0 || write(ends[1], data, size) != (ssize_t)size)
		abort();
	close(ends[1]);
	from.fd = ends[0];
	rc = frame_read(&from, soon(), end_ok, &type, &payload, err);
	close(ends[0]);
	buf_free(&payload);
	return rc;
}

static void
test_round_trip(void)
{
	struct buf payload = {0}, back = {0};
	struct err err = ERR_INIT;
	enum frame_type type = 0;
	struct cursor cursor;
	uint32_t number = 0;
	struct bytes field = {0};
	char *text = NULL;
	struct frame_reader from = {0};
	int ends[2];

	CHECK(pipe(ends) == 0);
	from.fd = ends[0];
	frame_put_u32(&payload, 0xdeadbeef);
	frame_put_field(&payload, bytes_of("a\0b", 3));
	frame_put_text(&payload, "name");
	frame_put_text(&payload, "");
	CHECK(frame_write(ends[1], soon(), FRAME_STEP, buf_bytes(&payload), &err) == 0);
	CHECK(frame_write(ends[1], soon(), FRAME_RECHECK, (struct bytes){0}, &err) == 0);
	CHECK(frame_read(&from, soon(), false, &type, &back, &err) == 0 && type == FRAME_STEP);
	cursor = cursor_of(buf_bytes(&back));
	CHECK(frame_get_u32(&cursor, &number) && number == 0xdeadbeef);
	CHECK(frame_get_field(&cursor, &field) && bytes_equal(field, bytes_of("a\0b", 3)));
	CHECK(frame_get_text(&cursor, &text));
	CHECK_TEXT(text, "name");
	free(text);
	CHECK(frame_get_text(&cursor, &text));
	CHECK_TEXT(text, "");
	free(text);
	CHECK(cursor.left == 0 && !frame_get_u32(&cursor, &number));
	CHECK(frame_read(&from, soon(), false, &type, &back, &err) == 0 && type == FRAME_RECHECK && back.size == 0);
	close(ends[0]);
	close(ends[1]);
	buf_free(&payload);
	buf_free(&back);
}

static void
test_end_of_file(void)
{
	static const uint32_t header[] = {FRAME_NEED, 8, 1};
	struct err err = ERR_INIT;

	CHECK(read_raw("", 0, true, &err) == 1);
	CHECK(read_raw("", 0, false, &err) == -1);
	CHECK_TEXT(err.text, "end of file instead of a frame");
	CHECK(read_raw(header, 7, true, &err) == -1);
	CHECK_TEXT(err.text, "frame header: end of file, 1 of 8 bytes are missing");
	CHECK(read_raw(header, 8, true, &err) == -1);
	CHECK_TEXT(err.text, "frame NEED: end of file, all of 8 bytes are missing");
	CHECK(read_raw(header, 12, true, &err) == -1);
	CHECK_TEXT(err.text, "frame NEED: end of file, 4 of 8 bytes are missing");
}

static void
test_types_and_ceilings(void)
{
	static const uint32_t none[] = {0, 0}, unknown[] = {FRAME_READY + 1, 0}, far[] = {0xffffffff, 0};
	static const uint32_t large[] = {FRAME_DONE, 5}, huge[] = {FRAME_FILE, 0xffffffff};
	static const uint8_t zero[4097];
	struct err err = ERR_INIT;

	CHECK(read_raw(none, 8, true, &err) == -1);
	CHECK(read_raw(unknown, 8, true, &err) == -1);
	CHECK(read_raw(far, 8, true, &err) == -1);
	CHECK_TEXT(err.text, "frame type 4294967295 is unknown");
	CHECK(read_raw(large, 8, true, &err) == -1);
	CHECK_TEXT(err.text, "frame DONE has 5 bytes, ceiling is 4");
	CHECK(read_raw(huge, 8, true, &err) == -1);
	CHECK(frame_write(1, soon(), FRAME_VERDICT, bytes_of(zero, 4097), &err) == -1);
	CHECK(frame_write(1, soon(), (enum frame_type)77, bytes_of(zero, 1), &err) == -1);
}

/* What fetch brings is passed on to appraise: larger than that it would be a fault of the machinery. */
static void
test_answers_pass_on(void)
{
	static const uint8_t zero[(1 << 20) + 65];
	struct bytes most = bytes_of(zero, sizeof(zero) - 1), more = bytes_of(zero, sizeof(zero));
	struct frame_writer out = {.fd = -1};
	struct buf payload = {0};
	struct err err = ERR_INIT;

	buf_add(&payload, most.data, most.size);
	CHECK(frame_add(&out, FRAME_RESPONSE, &payload, &err) == 0 && payload.size == 0);
	buf_add(&payload, more.data, more.size);
	CHECK(frame_add(&out, FRAME_RESPONSE, &payload, &err) != 0 && payload.size == 0);
	buf_add(&payload, most.data, most.size);
	CHECK(frame_add(&out, FRAME_COLLATERAL, &payload, &err) == 0);
	CHECK(out.waiting.size == 2 * (FRAME_HEADER + most.size));
	frame_discard(&out);
	buf_free(&payload);
}

static void
test_fields_are_checked(void)
{
	static const uint8_t nul[] = {2, 0, 0, 0, 'a', 0}, small[] = {9, 0, 0, 0, 'a'};
	struct cursor cursor = cursor_of(bytes_of(nul, sizeof(nul)));
	struct bytes field;
	char *text;

	CHECK(!frame_get_text(&cursor, &text) && cursor.left == sizeof(nul));
	CHECK(frame_get_field(&cursor, &field) && field.size == 2);
	cursor = cursor_of(bytes_of(small, sizeof(small)));
	CHECK(!frame_get_field(&cursor, &field) && cursor.left == sizeof(small));
}

/* More than a pipe holds, so that both sides wait for each other. */
static void
test_large_frame(int (*make)(int ends[2]))
{
	struct buf content = {0}, back = {0};
	struct err err = ERR_INIT;
	struct frame_reader from = {0};
	enum frame_type type = 0;
	int ends[2], status;
	pid_t writer;

	for (uint32_t i = 0; i < 250000; i++)
		buf_add(&content, &i, 4);
	CHECK(make(ends) == 0);
	writer = fork();
	if (writer == 0) {
		close(ends[0]);
		_exit(frame_write(ends[1], soon(), FRAME_COLLATERAL, buf_bytes(&content), &err) != 0);
	}
	close(ends[1]);
	from.fd = ends[0];
	CHECK(frame_read(&from, soon(), false, &type, &back, &err) == 0 && type == FRAME_COLLATERAL);
	CHECK(bytes_equal(buf_bytes(&content), buf_bytes(&back)));
	close(ends[0]);
	CHECK(waitpid(writer, &status, 0) == writer && status == 0);
	buf_free(&content);
	buf_free(&back);
}

static int
make_pipe(int ends[2])
{
	return pipe(ends);
}

/* The writer then waits for room itself, and writes what there is room for. */
static int
make_nonblocking(int ends[2])
{
	return pipe2(ends, O_NONBLOCK);
}

static int
make_sockets(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}

static void
test_large_frames(void)
{
	test_large_frame(make_pipe);
	test_large_frame(make_nonblocking);
	test_large_frame(make_sockets);
}

/* Small and large ones that come together, and one whose front is read with the one before. */
static void
test_frames_together(void)
{
	static const struct {
		enum frame_type type;
		size_t size;
	} sent[] = {{FRAME_RECHECK, 0},	    {FRAME_STEP, 4000},	  {FRAME_EVIDENCE, 30000}, {FRAME_DONE, 4},
		    {FRAME_EVIDENCE, 5000}, {FRAME_CLAIMS, 4088}, {FRAME_DONE, 4}};
	static uint8_t content[30000];
	struct buf payload = {0}, back = {0};
	struct frame_writer to = {0};
	struct frame_reader from = {0};
	struct err err = ERR_INIT;
	enum frame_type type = 0;
	int ends[2];

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 7);
	CHECK(pipe(ends) == 0);
	to.fd = ends[1];
	for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++) {
		buf_add(&payload, content, sent[i].size);
		CHECK(frame_add(&to, sent[i].type, &payload, &err) == 0);
	}
	CHECK(frame_flush(&to, soon(), &err) == 0 && to.waiting.size == 0);
	CHECK(frame_flush(&to, soon(), &err) == 0);
	frame_discard(&to);
	buf_free(&payload);
	close(ends[1]);
	from.fd = ends[0];
	for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++) {
		CHECK(frame_read(&from, soon(), false, &type, &back, &err) == 0 && type == sent[i].type);
		CHECK(back.size == sent[i].size && (back.size == 0 || memcmp(back.data, content, back.size) == 0));
		CHECK(i > 0 || frame_waits(&from));
	}
	CHECK(!frame_waits(&from) && frame_read(&from, soon(), true, &type, &back, &err) == 1);
	close(ends[0]);
	buf_free(&back);
}

/* More than a pipe holds is sent piece by piece, in order, by a writer that never waits. */
static void
test_push(void)
{
	static uint8_t large[200000];
	struct frame_writer to = {0};
	struct buf payload = {0}, back = {0};
	struct err err = ERR_INIT;
	size_t before = SIZE_MAX;
	int ends[2];

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (uint8_t)(i * 13);
	CHECK(pipe2(ends, O_NONBLOCK) == 0);
	to.fd = ends[1];
	buf_add(&payload, large, sizeof(large));
	CHECK(frame_add(&to, FRAME_FILE, &payload, &err) == 0);
	while (to.sent != before) {
		before = to.sent;
		CHECK(frame_push(&to, &err) == 0);
	}
	CHECK(to.waiting.size == FRAME_HEADER + sizeof(large) && to.sent > 0 && to.sent < to.waiting.size);
	while (to.waiting.size > 0) {
		uint8_t chunk[30000];
		ssize_t got = read(ends[0], chunk, sizeof(chunk));

		CHECK(got > 0 && frame_push(&to, &err) == 0);
		if (got <= 0)
			break;
		buf_add(&back, chunk, (size_t)got);
	}
	for (ssize_t got = 1; got > 0;) {
		uint8_t chunk[30000];

		got = read(ends[0], chunk, sizeof(chunk));
		buf_add(&back, chunk, got > 0 ? (size_t)got : 0);
	}
	CHECK(back.size == FRAME_HEADER + sizeof(large) && memcmp(back.data + FRAME_HEADER, large, sizeof(large)) == 0);
	close(ends[0]);
	buf_add(&payload, large, 4);
	CHECK(frame_add(&to, FRAME_DONE, &payload, &err) == 0);
	CHECK(frame_push(&to, &err) == -1 && errno == EPIPE && to.waiting.size > 0);
	CHECK(frame_flush(&to, soon(), &err) == -1 && errno == EPIPE && to.waiting.size > 0);
	frame_discard(&to);
	CHECK(to.waiting.data == NULL && to.sent == 0);
	close(ends[1]);
	buf_free(&payload);
	buf_free(&back);
}

static void
test_deadline(void)
{
	static const uint8_t large[200000];
	struct buf payload = {0};
	struct err err = ERR_INIT;
	enum frame_type type;
	int64_t start = clock_boot_ms();
	struct frame_reader from = {0};
	int ends[2];

	CHECK(pipe(ends) == 0);
	from.fd = ends[0];
	CHECK(frame_read(&from, start + 50, true, &type, &payload, &err) == -1);
	CHECK_TEXT(err.text, "frame header: the deadline passed");
	CHECK(frame_write(ends[1], clock_boot_ms() + 50, FRAME_FILE, bytes_of(large, sizeof(large)), &err) == -1);
	CHECK_TEXT(err.text, "frame FILE: the deadline passed");
	CHECK(clock_boot_ms() - start < 5000);
	close(ends[0]);
	close(ends[1]);
	buf_free(&payload);
}

static void
test_peer_gone_is_no_signal(void)
{
	struct sigaction action;
	struct err err = ERR_INIT;
	sigset_t mask;
	int ends[2];

	CHECK(pipe(ends) == 0);
	close(ends[0]);
	CHECK(frame_write(ends[1], soon(), FRAME_RECHECK, (struct bytes){0}, &err) == -1);
	CHECK_TEXT(err.text, "frame RECHECK: write: EPIPE");
	CHECK(sigpending(&mask) == 0 && !sigismember(&mask, SIGPIPE));
	CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && !sigismember(&mask, SIGPIPE));
	CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	close(ends[1]);
}

int
main(void)
{
	RUN(test_round_trip);
	RUN(test_end_of_file);
	RUN(test_types_and_ceilings);
	RUN(test_answers_pass_on);
	RUN(test_fields_are_checked);
	RUN(test_large_frames);
	RUN(test_frames_together);
	RUN(test_push);
	RUN(test_deadline);
	RUN(test_peer_gone_is_no_signal);
	return unit_end();
}
