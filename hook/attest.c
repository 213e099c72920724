/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/attest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/fs.h"
#include "lib/random.h"

#define ARGS_MAX 24
#define END_MS 500 /* for a run that refused or broke off to end by itself */

/* What a passed verdict brings: the first five always, each exactly once, the others by the policy's verifier. */
#define FILES_ALWAYS 5
static const struct {
	const char *name;
	size_t max;
} wanted[ATTEST_FILES] = {
	{"attestation.env", 64u << 10}, {"token.jwt", 1u << 20},	 {"detached-eat.json", 4u << 20},
	{"evidence.json", 4u << 20},	{"jwks.json", 256u << 10},
	{"run.jwt", 64u << 10},		{"run-jwks.json", 64u << 10},
	{"remote-eat.json", 4u << 20},	{"remote-jwks.json", 256u << 10},
};

/* -- the question -- */

struct args {
	char *item[ARGS_MAX]; /* NULL-terminated; own memory */
	unsigned count;
};

/* name and value in one word, so that no value can be taken for an option. */
static void
args_add(struct args *args, const char *name, const char *value)
{
	if (value == NULL || args->count + 1 >= ARGS_MAX)
		return;
	args->item[args->count++] = value[0] != '\0' ? xprintf("%s=%s", name, value) : xstrdup(name);
}

static void
args_free(struct args *args)
{
	while (args->count > 0)
		free(args->item[--args->count]);
}

static char *
gpus_text(const struct attest_request *request)
{
	struct buf text = {0};
	unsigned i;

	if (request->all)
		return xstrdup("all");
	for (i = 0; i < request->count; i++)
		buf_printf(&text, "%s%u", i > 0 ? "," : "", request->minors[i]);
	return buf_steal_text(&text);
}

static void
make_args(const struct attest_request *request, const uint8_t echo[ATTEST_ECHO], struct args *args)
{
	char hex[2 * ATTEST_ECHO + 1], digest[65], *gpus = gpus_text(request);

	hex_encode(hex, echo, ATTEST_ECHO);
	args_add(args, "cgpu", "");
	args_add(args, "attest", "");
	args_add(args, "--hook", "");
	args_add(args, "--container-id", request->container_id);
	if (request->config_digest != NULL) {
		hex_encode(digest, request->config_digest, 32);
		args_add(args, "--config-digest", digest);
		args_add(args, "--running", "");
	} else {
		args_add(args, "--config-file", "/proc/self/fd/4");
	}
	args_add(args, "--gpus", gpus);
	args_add(args, "--reply-fd", "3");
	args_add(args, "--echo", hex);
	args_add(args, "--bundle", request->bundle);
	args_add(args, "--image-id", request->image_id);
	args_add(args, "--namespace", request->name_space);
	args_add(args, "--challenge", request->challenge);
	args_add(args, "--privileged", request->privileged ? "" : NULL);
	args_add(args, "--shared-pid", request->shared_pid ? "" : NULL);
	args_add(args, "--before-driver", request->before_driver ? "" : NULL);
	free(gpus);
}

/* The digest in the token has to be of the bytes that were decided on, so they go by a file that nobody can change. */
static int
seal_config(struct bytes config, struct err *err)
{
	int fd = memfd_create("config.json", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_set(err, CODE_WORKER, "memfd_create: %s", err_errno(errno));
	if (fs_write_fd(fd, config, err) != 0)
		err_wrap(err, CODE_WORKER, "copy of config.json");
	else if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
		err_set(err, CODE_WORKER, "copy of config.json: seal: %s", err_errno(errno));
	else
		return fd;
	close(fd);
	return -1;
}

int
attest_start(const char *program, const struct attest_request *request, struct attest_run *run, struct err *err)
{
	struct args args = {.count = 0};
	int ends[2], config, result;

	*run = (struct attest_run){.program = program, .child = {0, -1}, .fd = -1};
	random_bytes(run->echo, sizeof(run->echo));
	/* Of an empty one nothing is read where the digest is given. */
	config = seal_config(request->config, err);
	if (config < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		close(config);
		return err_set(err, CODE_WORKER, "pipe: %s", err_errno(errno));
	}
	make_args(request, run->echo, &args);
	result = spawn_start(program, args.item, (const int[]){-1, -1, -1, ends[1], config}, 5, &run->child, err);
	args_free(&args);
	close(config);
	close(ends[1]);
	if (result == 0)
		run->fd = ends[0];
	else
		close(ends[0]);
	return result;
}

/* -- the answer -- */

static int
read_hello(struct bytes payload, struct err *err)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes version, echo;

	if (!frame_get_field(&cursor, &version) || !frame_get_field(&cursor, &echo) || cursor.left != 0)
		return err_set(err, CODE_WORKER, "frame HELLO is malformed");
	if (!bytes_equal(version, bytes_of_text(PROJECT_VERSION)))
		return err_set(err, CODE_WORKER, "its version is %.*s, want %s",
			       (int)(version.size > 64 ? 64 : version.size), (const char *)version.data,
			       PROJECT_VERSION);
	return 0;
}

static int
read_file(struct bytes payload, struct attest_reply *reply, struct err *err)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes name, content;
	unsigned i, k;

	if (!frame_get_field(&cursor, &name) || !frame_get_field(&cursor, &content) || cursor.left != 0)
		return err_set(err, CODE_WORKER, "frame FILE is malformed");
	for (i = 0; i < ATTEST_FILES && !bytes_equal(name, bytes_of_text(wanted[i].name)); i++)
		;
	if (i == ATTEST_FILES)
		return err_set(err, CODE_WORKER, "a file has an unknown name");
	for (k = 0; k < reply->count; k++)
		if (reply->files[k].name == wanted[i].name)
			return err_set(err, CODE_WORKER, "file %s came twice", wanted[i].name);
	if (content.size == 0 || content.size > wanted[i].max)
		return err_set(err, CODE_WORKER, "file %s has %zu bytes, want 1 to %zu", wanted[i].name, content.size,
			       wanted[i].max);
	buf_add(&reply->content[k], content.data, content.size);
	reply->files[k] = (struct attach_file){wanted[i].name, buf_bytes(&reply->content[k])};
	reply->count++;
	return 0;
}

static int
read_facts(struct bytes payload, struct attest_reply *reply, struct err *err)
{
	struct cursor cursor = cursor_of(payload);
	uint32_t flags = 0;
	bool whole = frame_get_u32(&cursor, &flags) &&
		     (flags & ~(FRAME_FACT_AUDIT | FRAME_FACT_EXEMPT | FRAME_FACT_OBSERVE)) == 0;

	reply->audit_required = (flags & FRAME_FACT_AUDIT) != 0;
	reply->exempt = (flags & FRAME_FACT_EXEMPT) != 0;
	reply->observed = (flags & FRAME_FACT_OBSERVE) != 0;
	whole = whole && !(reply->exempt && reply->observed);
	while (whole && cursor.left > 0 && reply->facts < ATTEST_FACTS) {
		struct attest_fact *fact = &reply->fact[reply->facts];

		whole = frame_get_text(&cursor, &fact->name);
		if (!whole)
			break;
		reply->facts++;
		whole = frame_get_text(&cursor, &fact->value) &&
			fact->name[strspn(fact->name, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
	}
	return whole && cursor.left == 0 ? 0 : err_set(err, CODE_WORKER, "frame FACTS is malformed");
}

/* All that always belong to a pass, the first alone of a refusal that is only observed, none of an exemption. */
static int
check_files(const struct attest_reply *reply, struct err *err)
{
	unsigned want = reply->exempt ? 0 : reply->observed ? 1 : FILES_ALWAYS, always = 0;

	for (unsigned i = 0; i < reply->count; i++)
		for (unsigned k = 0; k < FILES_ALWAYS; k++)
			always += reply->files[i].name == wanted[k].name;
	if (always != want || (want != FILES_ALWAYS && reply->count != want))
		return err_set(err, CODE_WORKER, "the verdict came with %u files, %u of the %u that belong to it",
			       reply->count, always, want);
	if (reply->observed && reply->files[0].name != wanted[0].name)
		return err_set(err, CODE_WORKER, "the verdict came with %s, want %s", reply->files[0].name,
			       wanted[0].name);
	return 0;
}

/* 0 only for a pass that is complete, or where the policy lets the container start without. */
static int
read_verdict(struct bytes payload, const uint8_t want[ATTEST_ECHO], struct attest_reply *reply, struct err *err)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes echo;
	uint32_t code;

	if (!frame_get_u32(&cursor, &code) || !frame_get_field(&cursor, &echo) ||
	    !frame_get_text(&cursor, &reply->text) || cursor.left != 0)
		return err_set(err, CODE_WORKER, "frame VERDICT is malformed");
	if (!bytes_equal(echo, bytes_of(want, ATTEST_ECHO)))
		return err_set(err, CODE_WORKER, "the verdict answers another question");
	if (code != CODE_OK && code < 256 && code_find((int)code) != NULL)
		return err_set(err, (int)code, "%s", reply->text);
	if (code != CODE_OK)
		return err_set(err, CODE_WORKER, "the verdict has the unknown code %u", code);
	return check_files(reply, err);
}

/* Nothing may follow the verdict. */
static int
read_end(struct frame_reader *from, int64_t deadline, struct err *err)
{
	struct buf payload = {0};
	enum frame_type type;
	int result = frame_read(from, deadline, true, &type, &payload, err);

	buf_free(&payload);
	if (result == 0)
		return err_set(err, CODE_WORKER, "there is more after the verdict");
	return result > 0 ? 0 : -1;
}

/*
 * HELLO, FILE*, FACTS, VERDICT, end of file. 0, or -1 with the verdict's code, CODE_WORKER, or 0 for a stream that
 * broke off.
 */
static int
read_reply(const struct attest_run *run, int64_t deadline, struct attest_reply *reply, struct err *err)
{
	struct frame_reader from = {.fd = run->fd};
	struct buf payload = {0};
	enum frame_type type, last = 0;
	int result;

	do {
		result = frame_read(&from, deadline, false, &type, &payload, err);
		if (result != 0)
			break;
		if ((type == FRAME_HELLO) != (last == 0) || (type == FRAME_VERDICT) != (last == FRAME_FACTS))
			result = err_set(err, CODE_WORKER, "frame of type %d is out of order", (int)type);
		else if (type == FRAME_HELLO)
			result = read_hello(buf_bytes(&payload), err);
		else if (type == FRAME_FILE)
			result = read_file(buf_bytes(&payload), reply, err);
		else if (type == FRAME_FACTS)
			result = read_facts(buf_bytes(&payload), reply, err);
		else if (type == FRAME_VERDICT)
			result = read_verdict(buf_bytes(&payload), run->echo, reply, err);
		else
			result = err_set(err, CODE_WORKER, "frame of type %d is out of order", (int)type);
		last = type;
	} while (result == 0 && last != FRAME_VERDICT);
	if (result == 0)
		result = read_end(&from, deadline, err);
	buf_free(&payload);
	return result;
}

int
attest_finish(struct attest_run *run, int64_t deadline, struct attest_reply *reply, struct err *err)
{
	struct err ended = ERR_INIT;
	int result, waited;

	*reply = (struct attest_reply){.count = 0};
	result = read_reply(run, deadline, reply, err);
	close(run->fd);
	run->fd = -1;
	if (result == 0)
		return spawn_wait(&run->child, deadline, err) == 0 ? 0 : err_wrap(err, 0, "%s attest", run->program);
	if (clock_left_ms(deadline) == 0)
		err_set(err, CODE_DEADLINE, "%s attest gave no verdict in time", run->program);
	waited = spawn_wait(&run->child, clock_boot_ms() + END_MS, &ended);
	/* A stream that broke off: how the process ended is the better half of the cause. */
	if (err->code == 0 && waited != 0)
		err_wrap(err, CODE_WORKER, "%s attest: %s", run->program, ended.text);
	else if (err->code == 0 || err->code == CODE_WORKER)
		err_wrap(err, CODE_WORKER, "%s attest", run->program);
	return -1;
}

const char *
attest_fact(const struct attest_reply *reply, const char *name)
{
	unsigned i;

	for (i = 0; i < reply->facts; i++)
		if (strcmp(reply->fact[i].name, name) == 0)
			return reply->fact[i].value;
	return NULL;
}

void
attest_free(struct attest_reply *reply)
{
	unsigned i;

	for (i = 0; i < reply->count; i++)
		buf_free(&reply->content[i]);
	for (i = 0; i < reply->facts; i++) {
		free(reply->fact[i].name);
		free(reply->fact[i].value);
	}
	free(reply->text);
	*reply = (struct attest_reply){.count = 0};
}
