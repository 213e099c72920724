/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/fs.h"

static unsigned
table_size(const struct command *command)
{
	unsigned count = 0;

	while (command->options[count].name != NULL)
		count++;
	return count;
}

/* "FILE...", not "N,N...": there the dots are inside one value. */
static bool
is_many(const struct option_entry *entry)
{
	return entry->argument != NULL &&
	       strcmp(entry->argument + strspn(entry->argument, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "...") == 0;
}

int
options_parse(const struct command *command, int argc, char **argv, struct options *out, struct err *err)
{
	struct option table[OPTIONS_MAX + 1] = {0};
	unsigned count = table_size(command);
	int found;

	*out = (struct options){.command = command};
	for (unsigned i = 0; i < count; i++)
		table[i] = (struct option){command->options[i].name, command->options[i].argument != NULL, NULL,
					   (int)i + 256};
	opterr = 0;
	optind = 1;
	while ((found = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (found == ':')
			return err_set(err, CODE_USAGE, "%s: option '%s' needs a value", command->name,
				       argv[optind - 1]);
		if (found < 256)
			return err_set(err, CODE_USAGE, "%s: unknown option '%s'; see %s %s --help", command->name,
				       argv[optind - 1], program_invocation_short_name, command->name);
		if (out->value[found - 256] != NULL && is_many(&command->options[found - 256]) &&
		    out->agains < OPTIONS_MAX)
			out->again[out->agains++] = optarg;
		else if (out->value[found - 256] != NULL)
			return err_set(err, CODE_USAGE, "%s: option '--%s' twice", command->name,
				       table[found - 256].name);
		else
			out->value[found - 256] = optarg ? optarg : "";
	}
	out->operand = argv + optind;
	out->operands = argc - optind;
	return 0;
}

const char *
options_get(const struct options *options, const char *name)
{
	for (unsigned i = 0; options->command->options[i].name != NULL; i++)
		if (strcmp(options->command->options[i].name, name) == 0)
			return options->value[i];
	return NULL;
}

const char *
options_each(const struct options *options, const char *name, unsigned index)
{
	if (index == 0)
		return options_get(options, name);
	return index <= options->agains ? options->again[index - 1] : NULL;
}

bool
options_given(const struct options *options, const char *name)
{
	return options_get(options, name) != NULL;
}

int
options_format(const struct options *options, bool *json, struct err *err)
{
	const char *format = options_get(options, "format");

	*json = format != NULL && strcmp(format, "json") == 0;
	if (format == NULL || *json || strcmp(format, "text") == 0)
		return 0;
	return err_set(err, CODE_USAGE, "--format: '%s' is neither text nor json", format);
}

int
options_operands(const struct options *options, int min, int max, struct err *err)
{
	if (options->operands >= min && options->operands <= max)
		return 0;
	return err_set(err, CODE_USAGE, "%s: %d operands, want %s; see %s %s --help", options->command->name,
		       options->operands, options->command->operands[0] ? options->command->operands : "none",
		       program_invocation_short_name, options->command->name);
}

int
options_file(const struct options *options, const char *name, size_t max, struct buf *out, struct err *err)
{
	const char *path = options_get(options, name);
	int fd, rc;

	if (path == NULL)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, CODE_USAGE, "--%s: %s: %s", name, path, err_errno(errno));
	rc = fs_read_fd(fd, max, out, err);
	close(fd);
	return rc == 0 ? 0 : err_wrap(err, CODE_USAGE, "--%s: %s", name, path);
}

void
options_help(const struct command *command)
{
	printf("usage: %s %s%s%s%s\n%s.\n", program_invocation_short_name, command->name,
	       command->options[0].name ? " [OPTION]..." : "", command->operands[0] ? " " : "", command->operands,
	       command->summary);
	for (unsigned i = 0; command->options[i].name != NULL; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", command->options[i].name,
			 command->options[i].argument ? " " : "",
			 command->options[i].argument ? command->options[i].argument : "");
		printf("  %-34s %s\n", left, command->options[i].help);
	}
}

int
options_open_standard(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -1;
	} while (fd <= STDERR_FILENO);
	return close(fd);
}
