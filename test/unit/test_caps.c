/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/caps.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "test/unit/unit.h"

/* A line of /proc/self/status as a number. */
static unsigned long long
status_set(const char *name)
{
	struct buf text = {0};
	struct err err = ERR_INIT;
	unsigned long long value = ~0ull;
	const char *line;

	if (fs_read_file("/proc/self/status", 65536, &text, &err) == 0 &&
	    (line = strstr((char *)text.data, name)) != NULL)
		value = strtoull(line + strlen(name) + 1, NULL, 16);
	buf_free(&text);
	return value;
}

/* In a process of its own, because nothing of it can be taken back. */
static void
in_child(int (*body)(void))
{
	int status;
	pid_t child;

	if (geteuid() != 0) {
		unit_skip("needs root");
		return;
	}
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(body());
	CHECK(waitpid(child, &status, 0) == child);
	if (status != 0)
		printf("# step %d, status 0x%x\n", WEXITSTATUS(status), status);
	CHECK(status == 0);
}

static int
drop(void)
{
	struct err err = ERR_INIT;

	if (caps_seal(&err) != 0 || caps_drop(&err) != 0)
		return 1;
	if (status_set("CapPrm") || status_set("CapEff") || status_set("CapInh") || status_set("CapAmb"))
		return 2;
	if (status_set("CapBnd") != 0)
		return 3;
	if (prctl(PR_GET_SECUREBITS) != 0xef) /* securebits.h: all but KEEP_CAPS itself */
		return 4;
	if (prctl(PR_SET_SECUREBITS, 0) == 0 || setresuid(12345, 12345, 12345) == 0 || chroot("/") == 0)
		return 5;
	if (caps_seal(&err) != 0 || caps_drop(&err) != 0) /* a second time is no error */
		return 6;
	return 0;
}

static void
test_drop(void)
{
	in_child(drop);
}

/* uid 0 gives a program started now nothing back. */
static int
drop_and_exec(void)
{
	struct err err = ERR_INIT;

	if (caps_seal(&err) != 0 || caps_drop(&err) != 0)
		return 1;
	execl("/bin/sh", "sh", "-c", "grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status", (char *)NULL);
	return 2;
}

static void
test_drop_survives_exec(void)
{
	in_child(drop_and_exec);
}

static int
keep(void)
{
	static const int wanted[] = {CAP_SYS_ADMIN, CAP_SETUID};
	const unsigned long long mask = 1ull << CAP_SYS_ADMIN | 1ull << CAP_SETUID;
	struct err err = ERR_INIT;

	if (caps_keep(wanted, 2, &err) != 0)
		return 1;
	if (status_set("CapPrm") != mask || status_set("CapEff") != mask || status_set("CapBnd") != mask)
		return 2;
	if (status_set("CapInh") != 0 || status_set("CapAmb") != 0)
		return 3;
	if (setresuid(0, 0, 0) != 0 || chroot("/") == 0)
		return 4;
	return 0;
}

static void
test_keep(void)
{
	in_child(keep);
}

static int
keep_what_is_gone(void)
{
	static const int wanted[] = {CAP_SYS_ADMIN};
	struct err err = ERR_INIT;

	if (caps_drop(&err) != 0)
		return 1;
	if (caps_keep(wanted, 1, &err) != -1 || err_code(&err) != CODE_WORKER)
		return 2;
	return strcmp(err.text, "capset: EPERM") != 0;
}

static void
test_keep_needs_it(void)
{
	in_child(keep_what_is_gone);
}

int
main(void)
{
	RUN(test_drop);
	RUN(test_drop_survives_exec);
	RUN(test_keep);
	RUN(test_keep_needs_it);
	return unit_end();
}
