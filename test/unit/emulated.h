/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_EMULATED_H
#define TEST_UNIT_EMULATED_H

/* An emulated node for tests: minted into a new directory below /tmp, with the library beside its description. */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/fs.h"

static char emulated_dir[64];

/* A program or library of the build that this test is part of: O/test/unit/test_x is its place. */
static inline char *
emulated_built(const char *name)
{
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		abort();
	return xprintf("%s/%s", dirname(dirname(dirname(self))), name);
}

static inline char *
emulated_path(const char *name)
{
	return xprintf("%s/%s", emulated_dir, name);
}

static inline int
emulated_execute(char *const argv[])
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		;
	return status;
}

static inline void
emulated_write(const char *name, const char *text)
{
	char *path = emulated_path(name);
	FILE *file = fopen(path, "we");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
	free(path);
}

static inline void
emulated_read(const char *name, struct buf *out)
{
	struct err err = ERR_INIT;
	char *path = emulated_path(name);

	if (fs_read_file(path, 1 << 24, out, &err) != 0)
		abort();
	free(path);
}

static inline void
emulated_remove(void)
{
	if (emulated_dir[0] != '\0' && emulated_execute((char *[]){"rm", "-rf", "--", emulated_dir, NULL}) != 0)
		abort();
	emulated_dir[0] = '\0';
}

/* options: words of mint's command line, separated by spaces. false: there is no such node. */
static inline bool
emulated_mint(const char *library, const char *options)
{
	char *words = xstrdup(options), *rest = words, *word, *built = emulated_built(library);
	char *mint = emulated_built("emulator/mint"), *argv[24] = {mint, "--library", built};
	int used = 3, status;

	emulated_remove();
	strcpy(emulated_dir, "/tmp/cgpu-node.XXXXXX");
	if (mkdtemp(emulated_dir) == NULL)
		abort();
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			argv[used++] = word;
	argv[used] = emulated_dir;
	status = emulated_execute(argv);
	free(mint);
	free(built);
	free(words);
	return status == 0;
}

#endif
