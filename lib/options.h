/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Long options from one table per command: parsing, --help and the tests that compare man pages with it all read it.
 * The program's name in what is printed is program_invocation_short_name.
 */

#define OPTIONS_MAX 32

struct option_entry {
	const char *name;
	const char *argument; /* placeholder in the help, or NULL for a flag; "FILE...": may be given more than once */
	const char *help;
};

struct options;

struct command {
	const char *name;
	const char *operands;               /* "" or "CODE" */
	const char *summary;                /* one line, no full stop */
	const struct option_entry *options; /* ends with a NULL name */
	/* Exit code. err is printed by main if it is set and the command has not printed its own report. */
	int (*run)(const struct options *options, struct err *err);
};

struct options {
	const struct command *command;
	const char *value[OPTIONS_MAX]; /* by place in the table; "" for a flag that was given; NULL = not given */
	const char *again[OPTIONS_MAX]; /* further values of the one option that may be given more than once */
	unsigned agains;
	char **operand;
	int operands;
};

/*
 * -1 with CODE_USAGE. An option given twice is an error, unless its argument is a word and "...": one such in a table.
 */
int options_parse(const struct command *command, int argc, char **argv, struct options *out, struct err *err);
/* Value of an option of the command's table, or NULL. */
const char *options_get(const struct options *options, const char *name);
/* Its value number index, from 0, if it may be given more than once; NULL past the last. */
const char *options_each(const struct options *options, const char *name, unsigned index);
bool options_given(const struct options *options, const char *name);
/* Whether --format is json; anything but json and text is an error. */
int options_format(const struct options *options, bool *json, struct err *err);
/* Exactly count operands. */
int options_operands(const struct options *options, int min, int max, struct err *err);
/* The file an option names, whole; out stays empty and 0 is returned if it was not given. */
int options_file(const struct options *options, const char *name, size_t max, struct buf *out, struct err *err);

void options_help(const struct command *command);

/* A file that is opened later must not land on a standard descriptor that the caller closed. -1 with errno. */
int options_open_standard(void);

#endif
