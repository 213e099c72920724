/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CDI_COMMANDS_H
#define CDI_COMMANDS_H

#include "cdi/check.h"
#include "lib/options.h"

/* One file per command; main.c lists them. */
extern const struct command command_guard, command_unguard, command_generate, command_check, command_list;

/* --format yaml|json; given tells whether it was there. */
int commands_format(const struct options *options, enum cdi_format *format, bool *given, struct err *err);
/* To --output, or to standard output. -1 with CODE_USAGE. */
int commands_deliver(const struct options *options, const char *text, struct err *err);

/* The member "devices", and on standard output a whole document. */
void commands_json_devices(struct json_out *out, const struct inventory *inventory, const struct facts *facts);
void commands_print_json(struct json_out *out);
/* The members that every report begins with. */
void commands_json_verdict(struct json_out *out, int code, const char *message);

#endif
