/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cdi/commands.h"
#include "config.h"
#include "lib/code.h"

#define PROGRAM "cgpu-cdi"

static const struct command *const commands[] = {&command_guard, &command_unguard, &command_generate, &command_check,
						 &command_list};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
help(void)
{
	printf("usage: %s COMMAND [OPTION]... [OPERAND]\n", PROGRAM);
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	printf("`%s COMMAND --help` lists the options of a command; %s --version tells the version.\n", PROGRAM,
	       PROGRAM);
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Who asked for a report as JSON gets it on failure, too; guard and generate print a specification or nothing. */
static bool
wants_report(const struct options *options)
{
	bool json = false;

	return (options->command == &command_check || options->command == &command_list) &&
	       options_format(options, &json, &(struct err)ERR_INIT) == 0 && json;
}

static void
print_failure(const struct options *options, const struct err *err)
{
	struct json_out *out;

	if (!wants_report(options)) {
		err_print(err, PROGRAM);
		return;
	}
	out = json_out_new(true);
	json_out_object(out);
	commands_json_verdict(out, err_code(err), err->text);
	json_out_end(out);
	commands_print_json(out);
}

static int
dispatch(const struct command *command, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options options;
	int code;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		options_help(command);
		return CODE_OK;
	}
	if (options_parse(command, argc, argv, &options, &err) != 0) {
		err_print(&err, PROGRAM);
		return err_code(&err);
	}
	code = command->run(&options, &err);
	if (code != CODE_OK && err.text[0] != '\0')
		print_failure(&options, &err);
	return code;
}

int
main(int argc, char **argv)
{
	const struct command *command = argc < 2 ? NULL : find_command(argv[1]);
	struct err err = ERR_INIT;

	if (options_open_standard() != 0)
		return CODE_INTERNAL;
	/* A limit on the size of files is a fault of the one write, EFBIG, as a full disk is. */
	signal(SIGXFSZ, SIG_IGN);
	if (command != NULL)
		return dispatch(command, argc - 1, argv + 1);
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		help();
		return CODE_OK;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", PROGRAM, PROJECT_VERSION);
		return CODE_OK;
	}
	err_set(&err, CODE_USAGE, "%s%s; see %s --help",
		argc < 2 ? "no command given" : "unknown command: ", argc < 2 ? "" : argv[1], PROGRAM);
	err_print(&err, PROGRAM);
	return err_code(&err);
}
