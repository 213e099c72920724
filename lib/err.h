/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

/*
 * The one error object. It is made where the fact is known (err_set), gets context on the way up (err_wrap) and is
 * printed once, by main. A message names the object, the rule and the values: "gpu 0: driver RIM: row 7: active is
 * 'yes', want True or False". Errno goes in as a name (err_errno: "ENOENT"), never as a strerror text: podman sorts
 * messages into classes of its own by such texts.
 *
 * Functions that can fail take it last, return 0 or -1 (or NULL), and set it whenever they fail.
 */

#define ERR_TEXT_MAX 1024 /* with escapes below the 2 KiB that a hook may print */

struct err {
	int code; /* enum code; 0 = nothing set, which err_code() reads as CODE_INTERNAL */
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT {0, ""}

/* Replaces what is there. code 0 = the caller above knows the cause and sets it by err_wrap. Returns -1. */
int err_set(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text; a code other than 0 replaces the code. Returns -1. */
int err_wrap(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The exit code: never CODE_OK. */
int err_code(const struct err *err);

/* Name of an errno value, "ENOENT"; for values without a name "errno". Never NULL. */
const char *err_errno(int number);

/* Prints "PROGRAM: text [NAME, code N]" as one line with everything unprintable escaped. */
void err_print(const struct err *err, const char *program);

#endif
