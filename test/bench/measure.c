/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure ROUNDS STDIN COMMAND... [-- COMMAND...]...: runs the commands in turn, ROUNDS times, with STDIN as standard
 * input and their output thrown away; prints for each: median wall time and the least CPU time of it and all its reaped
 * descendants in milliseconds, and the largest resident size of any of them in KiB. In turn, because a loaded machine
 * drifts; the least, because what other work does to caches and pages only ever adds.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 8
#define ROUNDS_MAX 1000

struct series {
	char **argv;
	double wall[ROUNDS_MAX], cpu[ROUNDS_MAX];
	long resident;
};

static struct series series[COMMANDS_MAX];

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static double
milliseconds(struct timeval time)
{
	return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

static void
run_once(struct series *one, unsigned round, const char *input)
{
	double start = now();
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int in = open(input, O_RDONLY), out = open("/dev/null", O_WRONLY);

		dup2(in, 0);
		dup2(out, 1);
		execvp(one->argv[0], one->argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		err(1, "%s", one->argv[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(1, "%s: status %d", one->argv[0], WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	one->wall[round] = now() - start;
	one->cpu[round] = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
	one->resident = usage.ru_maxrss > one->resident ? usage.ru_maxrss : one->resident;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static double
least(const double *values, unsigned count)
{
	double found = values[0];

	for (unsigned i = 1; i < count; i++)
		found = values[i] < found ? values[i] : found;
	return found;
}

int
main(int argc, char **argv)
{
	unsigned rounds = argc > 3 ? (unsigned)atoi(argv[1]) : 0, count = 0;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		errx(2, "usage: measure ROUNDS STDIN COMMAND... [-- COMMAND...]...");
	series[count++].argv = argv + 3;
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		argv[i] = NULL;
		if (count == COMMANDS_MAX)
			errx(2, "more than %d commands", COMMANDS_MAX);
		series[count++].argv = argv + i + 1;
	}
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < count; i++)
			run_once(&series[i], round, argv[2]);
	for (unsigned i = 0; i < count; i++)
		printf("%.3f %.3f %ld\n", median(series[i].wall, rounds), least(series[i].cpu, rounds),
		       series[i].resident);
	return 0;
}
