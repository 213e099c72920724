/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/err.h"

#define CLOCK_BOOT_ID_SIZE 37

/* The kernel's random id of this boot (random(4)) as text. -1 with code 0: it cannot be told, and out is "". */
int clock_boot_id(char out[CLOCK_BOOT_ID_SIZE], struct err *err);
/* Milliseconds of CLOCK_BOOTTIME: deadlines rest on a clock that nobody can set and that runs during suspend. */
int64_t clock_boot_ms(void);
/* Milliseconds left until deadline, 0 if passed, at most INT_MAX: fits poll(2). */
int clock_left_ms(int64_t deadline);
/* Seconds since 1970. Read once per run and passed on. */
int64_t clock_wall(void);
/*
 * Seconds since 1970 of a time in UTC, month and day from 1; false if the calendar has none such. Leap seconds have no
 * place.
 */
bool clock_from_utc(int year, int month, int day, int hour, int minute, int second, int64_t *out);
/* "2026-06-01T00:00:00Z", nothing else (RFC 3339, UTC, whole seconds); false if it is no such time. */
bool clock_parse(const char *text, int64_t *out);
/* The same form back; out has room for 32. Years above 9999 do not occur. */
void clock_format(int64_t at, char out[32]);

#endif
