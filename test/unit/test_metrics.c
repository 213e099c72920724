/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/metrics.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "test/unit/unit.h"

static char folder[] = "/tmp/test-metrics-XXXXXX", path[64];

static void
test_counts(void)
{
	struct metrics sum = {.hits = 0}, out;

	metrics_count(&sum, LOG_ALLOWED, CODE_OK, 100);
	metrics_count(&sum, LOG_REFUSED, CODE_CC_OFF, 101);
	metrics_count(&sum, LOG_REFUSED, CODE_CC_OFF, 60000);
	metrics_count(&sum, LOG_OBSERVED, CODE_OK, -5);
	CHECK(sum.starts[LOG_ALLOWED] == 1 && sum.starts[LOG_REFUSED] == 2 && sum.starts[LOG_OBSERVED] == 1);
	CHECK(sum.refused[CODE_CC_OFF] == 2 && sum.refused[CODE_OK] == 0);
	CHECK(sum.duration[0] == 2 && sum.duration[1] == 1 && sum.duration[METRICS_BUCKETS - 1] == 1);
	CHECK(sum.duration_ms == 60201);
	sum.last_success = 7;
	CHECK(!metrics_read(path, &out) && out.starts[LOG_ALLOWED] == 0);
	metrics_add(path, &sum);
	sum.last_success = 5;
	metrics_add(path, &sum);
	CHECK(metrics_read(path, &out) && out.refused[CODE_CC_OFF] == 4 && out.duration_ms == 2 * 60201 &&
	      out.last_success == 7);
}

static void
test_at_once(void)
{
	struct metrics one = {.requests = 1}, out;
	unsigned lost = 0;

	CHECK(unlink(path) == 0);
	for (int i = 0; i < 8; i++) {
		if (fork() == 0) {
			for (int k = 0; k < 50; k++)
				metrics_add(path, &one);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	CHECK(metrics_read(path, &out) && out.requests <= 400);
	lost = 400 - (unsigned)out.requests;
	printf("# %u of 400 were not counted\n", lost);
	CHECK(lost < 200);
}

/* A counter that is not to be had costs a start nothing but milliseconds. */
static void
test_held(void)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR);
	struct metrics one = {.requests = 1}, before, after;
	int64_t start;

	CHECK(metrics_read(path, &before));
	CHECK(fcntl(fd, F_OFD_SETLK, &all) == 0);
	start = clock_boot_ms();
	metrics_add(path, &one);
	CHECK(clock_boot_ms() - start < 5000);
	CHECK(!metrics_read(path, &after));
	close(fd);
	CHECK(metrics_read(path, &after) && after.requests == before.requests);
}

static void
test_not_a_sum(void)
{
	struct metrics one = {.requests = 1}, out;
	char other[80];
	int fd;

	CHECK(truncate(path, 100) == 0 && !metrics_read(path, &out) && out.requests == 0);
	metrics_add(path, &one);
	CHECK(metrics_read(path, &out) && out.requests == 1);
	fd = open(path, O_WRONLY);
	CHECK(write(fd, "cgpu metrics 9", 15) == 15);
	close(fd);
	CHECK(!metrics_read(path, &out));
	metrics_add(path, &one);
	CHECK(metrics_read(path, &out) && out.requests == 1);
	snprintf(other, sizeof(other), "%s/link", folder);
	CHECK(symlink(path, other) == 0);
	metrics_add(other, &one);
	CHECK(!metrics_read(other, &out) && metrics_read(path, &out) && out.requests == 1);
	snprintf(other, sizeof(other), "%s/fifo", folder);
	CHECK(mkfifo(other, 0600) == 0);
	metrics_add(other, &one);
	CHECK(!metrics_read(other, &out));
	metrics_add("/nonexistent/metrics", &one);
	metrics_add("/dev/full", &one);
	CHECK(!metrics_read("/dev/full", &out));
	if (geteuid() == 0) {
		CHECK(chown(path, 65534, 65534) == 0 && !metrics_read(path, &out));
		CHECK(chown(path, 0, 0) == 0);
	}
}

/* Every number of the table belongs to a group, and no class is without one. */
static void
test_classes(void)
{
	CHECK_TEXT(code_class_name(code_class(CODE_USAGE)), "general");
	CHECK_TEXT(code_class_name(code_class(CODE_CC_OFF)), "mode");
	CHECK_TEXT(code_class_name(code_class(CODE_RIM_CONFLICT)), "manifest");
	CHECK_TEXT(code_class_name(code_class(CODE_READY_RIGHTS)), "ready");
	CHECK_TEXT(code_class_name(code_class(CODE_OCSP_MISSING)), "revocation");
	CHECK_TEXT(code_class_name(code_class(CODE_AUDIT)), "runtime");
	CHECK_TEXT(code_class_name(code_class(CODE_CDI_SHADOWED)), "cdi");
}

int
main(void)
{
	char command[80];

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/metrics", folder);
	RUN(test_counts);
	RUN(test_at_once);
	RUN(test_held);
	RUN(test_not_a_sum);
	RUN(test_classes);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		return 1;
	return unit_end();
}
