/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cdi/commands.h"
#include "cdi/generate.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/spawn.h"

#define STATUS_SIZE_MAX (1 << 20)
#define STATUS_DEADLINE_MS 60000

static const struct option_entry table[] = {
	{"output", "FILE", "where the specification goes (default standard output)"},
	{"format", "yaml|json", "its form (default yaml)"},
	{"kind", "VENDOR/CLASS", "its kind (default " GENERATE_KIND ")"},
	{"driver-root", "DIRECTORY", "below which the driver's files lie (default /)"},
	{"library-dirs", "DIRECTORY:...", "where in there its libraries are (default those of distributions)"},
	{NULL, NULL, NULL},
};

/* The GPUs, as the program that may touch them tells; whether their modes please it is no matter here. */
static int
ask_status(struct json **out, struct err *err)
{
	char *argv[] = {"cgpu", "status", "--format", "json", NULL};
	int64_t deadline = clock_boot_ms() + STATUS_DEADLINE_MS;
	struct buf text = {0};
	struct spawn child;
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(err, CODE_INTERNAL, "pipe: %s", err_errno(errno));
	rc = spawn_start(PATH_CGPU, argv, (int[]){-1, ends[1], STDERR_FILENO}, 3, &child, err);
	close(ends[1]);
	if (rc == 0 && fs_read_stream(ends[0], STATUS_SIZE_MAX, deadline, &text, err) != 0)
		rc = err_wrap(err, CODE_WORKER, "cgpu status");
	close(ends[0]);
	if (rc == 0)
		spawn_wait(&child, deadline, &(struct err)ERR_INIT);
	else
		spawn_kill(&child);
	*out = rc == 0 ? json_read(buf_bytes(&text), &json_limits_default, err) : NULL;
	buf_free(&text);
	return *out != NULL ? 0 : rc != 0 ? -1 : err_wrap(err, CODE_WORKER, "cgpu status");
}

static int
generate(const struct options *options, enum cdi_format format, char **text, struct err *err)
{
	const char *root = options_get(options, "driver-root"), *kind = options_get(options, "kind"), *version;
	struct json *status = NULL;
	struct driver driver = {0};
	struct facts facts;
	int rc = -1;

	if (facts_read("", &facts, err) == 0 && ask_status(&status, err) == 0 &&
	    generate_check_status(status, &version, err) == 0 &&
	    driver_find(root != NULL ? root : "/", options_get(options, "library-dirs"), version, &driver, err) == 0)
		rc = generate_spec(&(struct generate_machine){status, &facts, &driver, ""},
				   kind != NULL ? kind : GENERATE_KIND, options_get(options, "output"), format, text,
				   err);
	if (rc == 0 && generate_missing(status) != NULL)
		fprintf(stderr,
			"cgpu-cdi: GPUs are missing (%s): the others are named by their minor numbers, and there is no "
			"device \"all\"\n",
			generate_missing(status));
	driver_free(&driver);
	json_free(status);
	return rc;
}

static int
run(const struct options *options, struct err *err)
{
	const char *kind = options_get(options, "kind");
	enum cdi_format format = CDI_YAML;
	char *text = NULL;
	bool given;
	int rc;

	if (options_operands(options, 0, 0, err) != 0 || commands_format(options, &format, &given, err) != 0)
		return err_code(err);
	if (kind != NULL && !cdi_kind_valid(kind)) {
		err_set(err, CODE_USAGE, "--kind: '%s' is not vendor/class", kind);
		return err_code(err);
	}
	rc = generate(options, format, &text, err);
	if (rc == 0)
		rc = commands_deliver(options, text, err);
	free(text);
	return rc == 0 ? CODE_OK : err_code(err);
}

const struct command command_generate = {"generate", "", "Write a gated specification for the GPUs of this machine",
					 table, run};
