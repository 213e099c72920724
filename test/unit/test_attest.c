/* SPDX-License-Identifier: Apache-2.0 */
/* The hook's side of the edge to `cgpu attest`. This program plays the other side as well, told by the image id. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "hook/attest.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "test/unit/unit.h"

#define CONFIG "{\"ociVersion\":\"1.0.2\"}"

static char self[4096];

/* -- the other side -- */

static const char *const names[] = {"attestation.env", "token.jwt", "detached-eat.json", "evidence.json", "jwks.json"};

static const char *
value_of(char *const argv[], const char *option)
{
	size_t size = strlen(option);

	for (; *argv != NULL; argv++)
		if (strncmp(*argv, option, size) == 0 && (*argv)[size] == '=')
			return *argv + size + 1;
	return "";
}

static void
put(enum frame_type type, struct buf *payload)
{
	struct err err = ERR_INIT;

	if (frame_write(3, clock_boot_ms() + 1000, type, buf_bytes(payload), &err) != 0)
		_exit(99);
	buf_free(payload);
}

static void
put_file(const char *name, const char *content)
{
	struct buf payload = {0};

	frame_put_text(&payload, name);
	frame_put_text(&payload, content);
	put(FRAME_FILE, &payload);
}

static void
put_hello(const char *version)
{
	struct buf payload = {0};

	frame_put_text(&payload, version);
	frame_put_text(&payload, "");
	put(FRAME_HELLO, &payload);
}

static void
put_facts(const char *name, uint32_t flags)
{
	struct buf payload = {0};

	frame_put_u32(&payload, flags);
	frame_put_text(&payload, name);
	frame_put_text(&payload, "GPU-1");
	put(FRAME_FACTS, &payload);
}

static void
put_verdict(char *const argv[], uint32_t code, const char *text, bool right)
{
	struct buf payload = {0};
	uint8_t echo[32];

	if (!hex_decode(echo, sizeof(echo), value_of(argv, "--echo"), 64))
		_exit(98);
	echo[31] ^= !right;
	frame_put_u32(&payload, code);
	frame_put_field(&payload, bytes_of(echo, sizeof(echo)));
	frame_put_text(&payload, text);
	put(FRAME_VERDICT, &payload);
}

/* It got what the hook says it gives: fds, environment, the sealed copy, the arguments. */
static bool
is_started_right(char *const argv[])
{
	extern char **environ;
	char content[64] = "";
	struct stat st;
	int fd = open(value_of(argv, "--config-file"), O_RDONLY);

	return fd == 5 && read(fd, content, sizeof(content) - 1) > 0 && strcmp(content, CONFIG) == 0 &&
	       write(4, "x", 1) < 0 && ftruncate(4, 0) < 0 && fstat(0, &st) == 0 && S_ISCHR(st.st_mode) &&
	       fstat(2, &st) == 0 && S_ISCHR(st.st_mode) && environ[0] != NULL &&
	       strncmp(environ[0], "PATH=", 5) == 0 && environ[2] == NULL &&
	       strcmp(value_of(argv, "--gpus"), "0,2") == 0 && strcmp(value_of(argv, "--reply-fd"), "3") == 0 &&
	       strcmp(value_of(argv, "--container-id"), "c1") == 0 && strcmp(argv[2], "--hook") == 0;
}

static bool
is_running_right(char *const argv[])
{
	char want[65] = "ab";

	memset(want + 2, '0', 62);
	return strcmp(value_of(argv, "--config-digest"), want) == 0 && value_of(argv, "--config-file")[0] == '\0' &&
	       strcmp(value_of(argv, "--gpus"), "all") == 0 && strcmp(value_of(argv, "--container-id"), "c1") == 0;
}

/* How many files a part sends, from which on, and the flags of its facts. */
struct part {
	const char *name;
	unsigned first, files;
	uint32_t flags;
};

static const struct part *
part_find(const char *name)
{
	static const struct part parts[] = {
		{"few", 0, 4, 1},	     {"no-files", 0, 0, 1},	  {"exempt", 0, 0, 3},
		{"exempt-files", 0, 5, 3},   {"observed", 0, 1, 5},	  {"observed-files", 0, 5, 5},
		{"observed-none", 0, 0, 5},  {"observed-other", 1, 1, 5}, {"observed-exempt", 0, 1, 7},
		{"observed-refuse", 0, 1, 5}, {"fact-flag", 0, 5, 8},	  {"", 0, 5, 1},
	};
	size_t i = 0;

	while (parts[i].name[0] != '\0' && strcmp(parts[i].name, name) != 0)
		i++;
	return &parts[i];
}

static int
play(char *const argv[])
{
	const char *part = value_of(argv, "--image-id");
	const struct part *how = part_find(part);
	unsigned i;

	if (strcmp(part, "crash") == 0)
		abort();
	if (strcmp(part, "usage") == 0)
		return CODE_USAGE;
	if (strcmp(part, "hang") == 0)
		sleep(60);
	if (strcmp(part, "garbage") == 0)
		return write(3, "<html>not a frame</html>", 24) != 24;
	if (strcmp(part, "running") == 0 ? !is_running_right(argv) : !is_started_right(argv))
		return 97;
	if (strcmp(part, "no-hello") != 0)
		put_hello(strcmp(part, "version") == 0 ? "0.0.0" : PROJECT_VERSION);
	if (strcmp(part, "hello-twice") == 0)
		put_hello(PROJECT_VERSION);
	for (i = 0; i < how->files; i++)
		put_file(names[how->first + i], names[how->first + i]);
	if (strcmp(part, "twice") == 0)
		put_file("token.jwt", "other");
	if (strcmp(part, "foreign") == 0)
		put_file("../token.jwt", "other");
	if (strcmp(part, "no-facts") != 0)
		put_facts(strcmp(part, "fact-name") == 0 ? "GPUS=1\n" : "gpus", how->flags);
	if (strcmp(part, "facts-twice") == 0)
		put_facts("gpus", 1);
	if (strcmp(part, "no-verdict") == 0)
		return 0;
	if (strcmp(part, "refuse") == 0 || strcmp(part, "observed-refuse") == 0)
		put_verdict(argv, CODE_MEASUREMENT, "gpu 0: index 7 differs", true);
	else if (strcmp(part, "code") == 0)
		put_verdict(argv, 222, "?", true);
	else
		put_verdict(argv, CODE_OK, "passed", strcmp(part, "echo") != 0);
	if (strcmp(part, "more") == 0)
		put_file("token.jwt", "other");
	return strcmp(part, "status") == 0 ? CODE_INTERNAL : 0;
}

/* -- the hook's side -- */

/* The code of a run, 0 for a pass. */
static int
run_part(const char *part, struct attest_reply *reply, struct err *err)
{
	const uint32_t minors[] = {0, 2};
	struct attest_request request = {
		.container_id = "c1",
		.config = bytes_of_text(CONFIG),
		.minors = minors,
		.count = 2,
		.bundle = "/b",
		.image_id = part,
	};
	int64_t deadline = clock_boot_ms() + (strcmp(part, "hang") == 0 ? 300 : 20000);
	struct attest_run run;

	*err = (struct err)ERR_INIT;
	*reply = (struct attest_reply){.count = 0};
	if (attest_start(self, &request, &run, err) != 0)
		return err_code(err);
	return attest_finish(&run, deadline, reply, err) == 0 ? 0 : err_code(err);
}

static void
test_pass(void)
{
	struct attest_reply reply;
	struct err err;
	unsigned i;

	CHECK(run_part("pass", &reply, &err) == 0);
	CHECK_TEXT(err.text, "");
	CHECK(reply.count == 5 && !reply.exempt && !reply.observed);
	for (i = 0; i < reply.count; i++)
		CHECK_TEXT(reply.files[i].name, names[i]);
	for (i = 0; i < reply.count; i++)
		CHECK(bytes_equal(reply.files[i].content, bytes_of_text(names[i])));
	CHECK_TEXT(reply.text, "passed");
	CHECK(reply.audit_required && reply.facts == 1 && strcmp(reply.fact[0].name, "gpus") == 0);
	attest_free(&reply);
	CHECK(run_part("exempt", &reply, &err) == 0 && reply.exempt && !reply.observed && reply.count == 0);
	attest_free(&reply);
	CHECK(run_part("observed", &reply, &err) == 0 && reply.observed && !reply.exempt && reply.count == 1);
	CHECK_TEXT(reply.files[0].name, "attestation.env");
	attest_free(&reply);
}

static void
test_refusals(void)
{
	static const struct {
		const char *part;
		int code;
	} rows[] = {
		{"refuse", CODE_MEASUREMENT},
		{"code", CODE_WORKER},
		{"crash", CODE_WORKER},
		{"usage", CODE_WORKER},
		{"hang", CODE_DEADLINE},
		{"garbage", CODE_WORKER},
		{"version", CODE_WORKER},
		{"no-hello", CODE_WORKER},
		{"hello-twice", CODE_WORKER},
		{"few", CODE_WORKER},
		{"twice", CODE_WORKER},
		{"foreign", CODE_WORKER},
		{"no-verdict", CODE_WORKER},
		{"no-files", CODE_WORKER},
		{"echo", CODE_WORKER},
		{"more", CODE_WORKER},
		{"status", CODE_WORKER},
		{"no-facts", CODE_WORKER},
		{"fact-name", CODE_WORKER},
		{"facts-twice", CODE_WORKER},
		{"fact-flag", CODE_WORKER},
		{"exempt-files", CODE_WORKER},
		{"observed-files", CODE_WORKER},
		{"observed-none", CODE_WORKER},
		{"observed-other", CODE_WORKER},
		{"observed-exempt", CODE_WORKER},
		{"observed-refuse", CODE_MEASUREMENT},
	};
	struct attest_reply reply;
	struct err err;
	size_t i;
	int code;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		code = run_part(rows[i].part, &reply, &err);
		printf("# %s: %d %s\n", rows[i].part, code, err.text);
		CHECK(code == rows[i].code);
		attest_free(&reply);
	}
}

/* A container that runs: no configuration is read again. */
static void
test_running(void)
{
	const uint8_t digest[32] = {0xab};
	struct attest_request request = {
		.container_id = "c1", .config_digest = digest, .all = true, .bundle = "/b", .image_id = "running",
	};
	struct attest_reply reply;
	struct attest_run run;
	struct err err = ERR_INIT;

	CHECK(attest_start(self, &request, &run, &err) == 0);
	CHECK(attest_finish(&run, clock_boot_ms() + 20000, &reply, &err) == 0);
	CHECK_TEXT(err.text, "");
	CHECK_TEXT(attest_fact(&reply, "gpus"), "GPU-1");
	CHECK(attest_fact(&reply, "gpu") == NULL);
	attest_free(&reply);
}

static void
test_program(void)
{
	struct attest_request request = {.container_id = "c1", .config = bytes_of_text(CONFIG), .all = true};
	struct attest_run run;
	struct err err = ERR_INIT;

	CHECK(attest_start("/nowhere/cgpu", &request, &run, &err) != 0 && err.code == CODE_WORKER);
	CHECK(attest_start("cgpu", &request, &run, &err) != 0 && err.code == CODE_WORKER);
}

int
main(int argc, char *argv[])
{
	ssize_t size;

	if (argc > 1 && strcmp(argv[1], "attest") == 0)
		return play(argv);
	size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (size <= 0)
		return 1;
	RUN(test_pass);
	RUN(test_refusals);
	RUN(test_running);
	RUN(test_program);
	return unit_end();
}
