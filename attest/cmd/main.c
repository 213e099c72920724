/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/report.h"
#include "config.h"
#include "lib/code.h"

static const struct command *const commands[] = {
	&command_attest, &command_verify,  &command_evidence, &command_token,
	&command_status, &command_doctor, &command_explain, &command_collateral, &command_config, &command_ready,
	&command_version,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
print_commands(void)
{
	printf("usage: cgpu COMMAND [OPTION]... [OPERAND]\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	printf("`cgpu COMMAND --help` lists the options of a command.\n");
}

static const struct command *
look_up_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int
run_command(const struct command *command, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options options;
	bool json = false;
	int code;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		options_help(command);
		return CODE_OK;
	}
	if (options_parse(command, argc, argv, &options, &err) != 0) {
		err_print(&err, "cgpu");
		return err_code(&err);
	}
	code = command->run(&options, &err);
	if (code == CODE_OK || err.text[0] == '\0')
		return code;
	if (options_format(&options, &json, &(struct err)ERR_INIT) == 0 && json)
		report_error_json(&err);
	else
		err_print(&err, "cgpu");
	return code;
}

int
main(int argc, char **argv)
{
	const struct command *command;

	if (options_open_standard() != 0)
		return CODE_INTERNAL;
	/* A limit on the size of files is a fault of the one write, EFBIG, as a full disk is. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		print_commands();
		return CODE_OK;
	}
	command = argc < 2 ? NULL : look_up_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
	if (command == NULL) {
		struct err err = ERR_INIT;

		err_set(&err, CODE_USAGE, "%s%s; see cgpu --help", argc < 2 ? "no command given" : "unknown command: ",
			argc < 2 ? "" : argv[1]);
		err_print(&err, "cgpu");
		return err_code(&err);
	}
	return run_command(command, argc - 1, argv + 1);
}
