/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/rewrite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cdi/commands.h"
#include "cdi/inventory.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"

#define STDIN_DEADLINE_MS 600000 /* the vendor's tool at the other end of the pipe asks the driver first */

/* The new text for target (NULL = standard output); *out is NULL where a file of a directory is to be left alone. */
static int
rewrite_text(const struct rewrite *rewrite, const struct options *options, struct bytes in, const char *target,
	     const struct facts *facts, char **out, struct err *err)
{
	enum cdi_format format;
	struct cdi_spec spec;
	bool given;
	int rc = -1;

	*out = NULL;
	if (cdi_spec_parse(in, &spec, err) == 0 && commands_format(options, &format, &given, err) == 0)
		rc = facts != NULL && !rewrite->concerns(&spec, facts)
			     ? 0
			     : rewrite->write(&spec, target, given ? format : spec.format, out, err);
	cdi_spec_free(&spec);
	return rc;
}

/* Whether the file holds this already: whoever watches the directory is not to be called for nothing. */
static bool
holds(const char *path, const char *text)
{
	struct buf have = {0};
	bool same = fs_read_file(path, CDI_SIZE_MAX, &have, &(struct err)ERR_INIT) == 0 &&
		    bytes_equal(bytes_of_text(text), buf_bytes(&have));

	buf_free(&have);
	return same;
}

/* No link is followed: what it leads to would be replaced by nobody. target may be path itself. */
static int
rewrite_file(const struct rewrite *rewrite, const struct options *options, const char *path, const char *target,
	     const struct facts *facts, struct err *err)
{
	struct buf in = {0};
	char *out = NULL;
	int rc = -1;

	if (fs_read_file(path, CDI_SIZE_MAX, &in, err) != 0)
		err_wrap(err, CODE_CDI_SPEC, "%s", options->command->name);
	else if (rewrite_text(rewrite, options, buf_bytes(&in), target, facts, &out, err) != 0)
		err_wrap(err, 0, "%s", path);
	else if (out == NULL || holds(target, out))
		rc = 0;
	else if (fs_write_atomic(target, bytes_of_text(out), 0644, err) != 0)
		err_wrap(err, CODE_USAGE, "%s", options->command->name);
	else
		rc = printf("%s: %s\n", target, rewrite->done) < 0
			     ? err_set(err, CODE_USAGE, "standard output: write failed")
			     : 0;
	free(out);
	buf_free(&in);
	return rc;
}

/* What can be gated is gated, whatever is wrong with other files; the first error is the answer. */
static int
rewrite_list(const struct rewrite *rewrite, const struct options *options, const char *path, const char *target,
	     struct dirent **list, int count, struct err *err)
{
	struct facts facts;
	int code = CODE_OK, specs = 0;

	if (facts_read("", &facts, err) != 0)
		return -1;
	for (int i = 0; i < count; i++) {
		char *file = xprintf("%s/%s", path, list[i]->d_name);
		char *other = xprintf("%s/%s", target, list[i]->d_name);
		struct err one = ERR_INIT;

		specs += cdi_inventory_is_spec_name(list[i]->d_name);
		if (cdi_inventory_is_spec_name(list[i]->d_name) &&
		    rewrite_file(rewrite, options, file, other, &facts, &one) != 0) {
			if (code != CODE_OK)
				err_print(&one, "cgpu-cdi");
			else
				*err = one;
			code = err_code(err);
		}
		free(file);
		free(other);
	}
	if (specs == 0 && path != target)
		printf("%s: no CDI specification is there\n", path);
	return code == CODE_OK ? 0 : -1;
}

/* The files of a directory, into another one or in place. */
static int
rewrite_directory(const struct rewrite *rewrite, const struct options *options, const char *path, const char *target,
		  struct err *err)
{
	struct dirent **list;
	int count = scandir(path, &list, NULL, alphasort), rc;

	if (count < 0)
		return err_set(err, CODE_USAGE, "%s: %s", path, err_errno(errno));
	if (mkdir(target, 0755) != 0 && errno != EEXIST)
		rc = err_set(err, CODE_USAGE, "%s: mkdir: %s", target, err_errno(errno));
	else
		rc = rewrite_list(rewrite, options, path, target, list, count, err);
	for (int i = 0; i < count; i++)
		free(list[i]);
	free(list);
	return rc;
}

static int
read_spec_text(const char *path, struct buf *out, struct err *err)
{
	int fd = path == NULL ? STDIN_FILENO : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_set(err, CODE_USAGE, "%s: open: %s", path, err_errno(errno));
	if (path == NULL)
		return fs_read_stream(fd, CDI_SIZE_MAX, clock_boot_ms() + STDIN_DEADLINE_MS, out, err) == 0
			       ? 0
			       : err_wrap(err, CODE_CDI_SPEC, "standard input");
	rc = fs_read_fd(fd, CDI_SIZE_MAX, out, err);
	close(fd);
	return rc == 0 ? 0 : err_wrap(err, CODE_CDI_SPEC, "%s", path);
}

static int
rewrite_stream(const struct rewrite *rewrite, const struct options *options, const char *path, struct err *err)
{
	struct buf in = {0};
	char *out = NULL;
	int rc = -1;

	if (read_spec_text(path, &in, err) == 0) {
		rc = rewrite_text(rewrite, options, buf_bytes(&in), options_get(options, "output"), NULL, &out, err);
		if (rc != 0)
			err_wrap(err, 0, "%s", path != NULL ? path : "standard input");
		else
			rc = commands_deliver(options, out, err);
	}
	free(out);
	buf_free(&in);
	return rc;
}

static bool
is_directory(const char *path)
{
	struct stat status;

	return path != NULL && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int
rewrite_run(const struct options *options, const struct rewrite *rewrite, struct err *err)
{
	const char *path = options->operands > 0 && strcmp(options->operand[0], "-") != 0 ? options->operand[0] : NULL;
	const char *output = options_get(options, "output");
	bool in_place = options_given(options, "in-place"), given;
	enum cdi_format format;
	int rc;

	if (options_operands(options, 0, 1, err) != 0 || commands_format(options, &format, &given, err) != 0)
		return err_code(err);
	if (in_place && (path == NULL || output != NULL)) {
		err_set(err, CODE_USAGE, "--in-place: want a file or directory, and no --output");
		return err_code(err);
	}
	if (!is_directory(path))
		rc = in_place ? rewrite_file(rewrite, options, path, path, NULL, err)
			      : rewrite_stream(rewrite, options, path, err);
	else if (in_place || output != NULL)
		rc = rewrite_directory(rewrite, options, path, in_place ? path : output, err);
	else
		rc = err_set(err, CODE_USAGE, "%s: a directory is rewritten --in-place, or to the --output directory",
			     path);
	return rc == 0 ? CODE_OK : err_code(err);
}
