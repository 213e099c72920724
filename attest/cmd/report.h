/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_REPORT_H
#define ATTEST_CMD_REPORT_H

#include "attest/steps.h"
#include "lib/json.h"

/*
 * How a verdict is told: text for a person, or one JSON object
 * {"schema":1,"result":"pass"|"refuse","code":N,"name":..,"message":..,"hint":..,
 *  "steps":[..],"claims":[..],"detached_eat":..}.
 */
struct report {
	const struct steps *steps;
	struct json *const *claims; /* gpus entries, NULL entries allowed */
	unsigned gpus;
	const struct json *detached_eat; /* NULL = none */
};

/* Prints to standard output and returns the exit code. */
int report_print(const struct report *report, bool json);

/* Members schema, result, code, name, message and hint of the open object. */
void report_verdict_json(struct json_out *out, int code, const char *message);

/* Ends the document and prints it to standard output. */
void report_json(struct json_out *out);

/* An error without steps in the same JSON form (text goes to standard error by main). */
void report_error_json(const struct err *err);

#endif
