/* SPDX-License-Identifier: Apache-2.0 */
/*
 * campaign LIBRARY RUNS PROGRAM accept|refuse COMMAND...: runs COMMAND once for each call of each kind that PROGRAM
 * (the command itself, or a worker that it starts) makes, and lets that call fail; RUNS > 0 takes that many of them,
 * evenly. A run is right if it ends with a documented exit code, not by a signal, and refuse: never with 0; accept:
 * with 0 only if its output is the same to the byte, that is, if the fault did not matter. TAP, one line for each kind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "test/fault/control.h"

#define RUN_MS 60000

static const struct kind {
	const char *name;
	int number;
} kinds[FAULT_KINDS] = {
	[FAULT_ALLOC] = {"alloc", ENOMEM}, [FAULT_OPEN] = {"open", EMFILE},   [FAULT_READ] = {"read", EIO},
	[FAULT_WRITE] = {"write", EIO},    [FAULT_POLL] = {"poll", ENOMEM},   [FAULT_RANDOM] = {"getrandom", ENOSYS},
	[FAULT_FORK] = {"fork", EAGAIN},
};

struct campaign {
	struct fault_control *control;
	unsigned runs;
	bool accept;
	char **command;
	struct buf usual; /* output without a fault */
	unsigned count[128], killed, wrong;
};

static struct fault_control *
map_control(const char *library)
{
	char *path = xprintf("%s.control", library);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	void *map = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(struct fault_control)) == 0)
		map = mmap(NULL, sizeof(struct fault_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	free(path);
	return map == MAP_FAILED ? NULL : map;
}

/* The wait status; standard output in out, standard error goes away. */
static int
run(char **command, struct buf *out)
{
	struct err err = ERR_INIT;
	int ends[2], status = -1;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(ends[1], 1);
		dup2(null, 2);
		execv(command[0], command);
		_exit(127);
	}
	close(ends[1]);
	if (fs_read_stream(ends[0], 16u << 20, clock_boot_ms() + RUN_MS, out, &err) != 0) {
		printf("# %s\n", err.text);
		kill(child, SIGKILL);
	}
	close(ends[0]);
	waitpid(child, &status, 0);
	return status;
}

static bool
is_right(struct campaign *campaign, int status, const struct buf *out)
{
	int code;

	if (!WIFEXITED(status))
		return false;
	code = WEXITSTATUS(status);
	if (code_find(code) == NULL)
		return false;
	campaign->count[code]++;
	if (code != CODE_OK)
		return true;
	return campaign->accept && bytes_equal(buf_bytes(out), buf_bytes(&campaign->usual));
}

static void
fail_one(struct campaign *campaign, enum fault_kind kind, unsigned at)
{
	struct buf out = {0};
	int status;

	campaign->control->fail_at = at;
	campaign->control->count = 0;
	status = run(campaign->command, &out);
	if (!is_right(campaign, status, &out)) {
		campaign->wrong++;
		printf("# %s %u of %s: %s %d\n", kinds[kind].name, at, campaign->control->program,
		       WIFSIGNALED(status) ? "signal" : "exit status",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	buf_free(&out);
}

static void
fail_kind(struct campaign *campaign, enum fault_kind kind)
{
	struct fault_control *control = campaign->control;
	struct buf out = {0};
	unsigned calls, runs = 0;

	control->kind = kind;
	control->number = kinds[kind].number;
	control->fail_at = control->count = 0;
	run(campaign->command, &out);
	buf_free(&out);
	calls = control->count;
	campaign->wrong =
		kind == FAULT_ALLOC && calls == 0; /* every program allocates: the library is not in this one */
	memset(campaign->count, 0, sizeof(campaign->count));
	for (unsigned at = 1; at <= calls; runs++) {
		fail_one(campaign, kind, at);
		/* All of the first ones, where starting up is; then evenly. */
		at += campaign->runs == 0 || calls <= campaign->runs || at < campaign->runs / 4
			      ? 1
			      : calls / campaign->runs + 1;
	}
	printf("%s %d %s %s: %u calls, %u runs, ended with", campaign->wrong ? "not ok" : "ok", (int)kind + 1,
	       control->program, kinds[kind].name, calls, runs);
	for (unsigned code = 0; code < 128; code++)
		if (campaign->count[code] > 0)
			printf(" %s:%u", code_name((int)code), campaign->count[code]);
	printf("\n");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct campaign campaign = {0};
	unsigned wrong = 0;
	int status;

	if (argc < 6 || (campaign.control = map_control(argv[1])) == NULL)
		return 2;
	campaign.runs = (unsigned)strtoul(argv[2], NULL, 10);
	campaign.accept = strcmp(argv[4], "accept") == 0;
	campaign.command = argv + 5;
	snprintf(campaign.control->program, sizeof(campaign.control->program), "%s", argv[3]);
	status = run(campaign.command, &campaign.usual);
	if (!WIFEXITED(status) || (WEXITSTATUS(status) == 0) != campaign.accept) {
		printf("not ok 1 without a fault: status 0x%x\n1..1\n", status);
		return 1;
	}
	for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++) {
		fail_kind(&campaign, kind);
		wrong += campaign.wrong;
	}
	printf("1..%d\n", FAULT_KINDS);
	buf_free(&campaign.usual);
	return wrong != 0;
}
