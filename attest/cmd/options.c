/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
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

static bool
is_many(const struct option_entry *entry)
{
	const char *tail = entry->argument != NULL ? strstr(entry->argument, "...") : NULL;

	return tail != NULL && tail[3] == '\0';
}

int
options_parse(const struct command *command, int argc, char **argv, struct options *out, struct err *err)
{
	struct option table[OPTIONS_MAX + 1] = {0};
	unsigned count = table_size(command);
	int found;

	*out = (struct options){.command = command};
	for (unsigned i = 0; i < count; i++)
		table[i] = (struct option){command->options[i].name, command->options[i].argument != NULL, NULL, (int)i + 256};
	opterr = 0;
	optind = 1;
	while ((found = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (found == ':')
			return err_set(err, CODE_USAGE, "%s: option '%s' needs a value", command->name, argv[optind - 1]);
		if (found < 256)
			return err_set(err, CODE_USAGE, "%s: unknown option '%s'; see cgpu %s --help", command->name,
				       argv[optind - 1], command->name);
		if (out->value[found - 256] != NULL && is_many(&command->options[found - 256]) && out->agains < OPTIONS_MAX)
			out->again[out->agains++] = optarg;
		else if (out->value[found - 256] != NULL)
			return err_set(err, CODE_USAGE, "%s: option '--%s' twice", command->name, table[found - 256].name);
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
	return err_set(err, CODE_USAGE, "%s: %d operands, want %s; see cgpu %s --help", options->command->name, options->operands,
		       options->command->operands[0] ? options->command->operands : "none", options->command->name);
}

int
options_at(const struct options *options, int64_t *at, struct err *err)
{
	const char *text = options_get(options, "at");

	*at = clock_wall();
	if (text == NULL || clock_parse(text, at))
		return 0;
	return err_set(err, CODE_USAGE, "--at: '%s' is not a time like 2026-06-01T00:00:00Z", text);
}

int
options_nonce(const struct options *options, uint8_t nonce[32], bool *given, struct err *err)
{
	const char *text = options_get(options, "nonce");

	*given = text != NULL;
	if (text == NULL || hex_decode(nonce, 32, text, strlen(text)))
		return 0;
	return err_set(err, CODE_USAGE, "--nonce: '%s' is not 64 hex digits", text);
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
	printf("usage: cgpu %s%s%s%s\n%s.\n", command->name, command->options[0].name ? " [OPTION]..." : "",
	       command->operands[0] ? " " : "", command->operands, command->summary);
	for (unsigned i = 0; command->options[i].name != NULL; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", command->options[i].name, command->options[i].argument ? " " : "",
			 command->options[i].argument ? command->options[i].argument : "");
		printf("  %-34s %s\n", left, command->options[i].help);
	}
}
