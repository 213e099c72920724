/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook HOOK NOTHING STATE ROUNDS: starts HOOK createRuntime and NOTHING in turn, both with STATE on standard input, and
 * prints the median and the 90th percentile of each in microseconds, from before fork to after wait.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static long
run_us(const char *program, const char *state)
{
	long begin = now_us();
	int status = -1;
	pid_t pid = vfork();

	if (pid == 0) {
		close(STDIN_FILENO);
		if (open(state, O_RDONLY) != STDIN_FILENO)
			_exit(126);
		execl(program, program, "createRuntime", NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "%s: status 0x%x\n", program, status);
		exit(1);
	}
	return now_us() - begin;
}

static int
compare(const void *a, const void *b)
{
	long left = *(const long *)a, right = *(const long *)b;

	return left < right ? -1 : left > right;
}

int
main(int argc, char *argv[])
{
	int rounds = argc == 5 ? atoi(argv[4]) : 0, i;
	long *hook, *nothing;

	if (rounds < 10)
		return 2;
	hook = calloc((size_t)rounds, sizeof(*hook));
	nothing = calloc((size_t)rounds, sizeof(*nothing));
	if (hook == NULL || nothing == NULL)
		return 1;
	for (i = 0; i < rounds; i++) {
		hook[i] = run_us(argv[1], argv[3]);
		nothing[i] = run_us(argv[2], argv[3]);
	}
	qsort(hook, (size_t)rounds, sizeof(*hook), compare);
	qsort(nothing, (size_t)rounds, sizeof(*nothing), compare);
	printf("hook without GPU: median %ld us, 90%% %ld us; a static program that does nothing: median %ld us, 90%% "
	       "%ld us\n",
	       hook[rounds / 2], hook[rounds * 9 / 10], nothing[rounds / 2], nothing[rounds * 9 / 10]);
	return 0;
}
