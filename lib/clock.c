/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/clock.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/fs.h"

/*
 * Neither call fails with a clock that every supported kernel has; a process without a clock has no deadlines and
 * stops.
 */
static struct timespec
read_clock(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now) != 0)
		abort();
	return now;
}

int
clock_boot_id(char out[CLOCK_BOOT_ID_SIZE], struct err *err)
{
	struct buf text = {0};
	int rc = fs_read_file("/proc/sys/kernel/random/boot_id", 64, &text, err);

	out[0] = '\0';
	if (rc == 0 && (text.size != CLOCK_BOOT_ID_SIZE || text.data[text.size - 1] != '\n'))
		rc = err_set(err, 0, "/proc/sys/kernel/random/boot_id has another form");
	if (rc == 0)
		snprintf(out, CLOCK_BOOT_ID_SIZE, "%.*s", CLOCK_BOOT_ID_SIZE - 1, (const char *)text.data);
	buf_free(&text);
	return rc;
}

int64_t
clock_boot_ms(void)
{
	struct timespec now = read_clock(CLOCK_BOOTTIME);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
clock_left_ms(int64_t deadline)
{
	int64_t now = clock_boot_ms();

	if (deadline <= now)
		return 0;
	return deadline - now < INT_MAX ? (int)(deadline - now) : INT_MAX;
}

int64_t
clock_wall(void)
{
	return read_clock(CLOCK_REALTIME).tv_sec;
}

/*
 * The calendar is computed here, because glibc's gmtime and timegm look for TZ and /etc/localtime at their first call:
 * a worker without files dies of it. Years are counted from March on, so that the leap day is a year's last.
 */
static int64_t
days_from_date(int64_t year, int month, int day)
{
	int64_t march_year = month > 2 ? year : year - 1;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return 365 * march_year + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year - 719468;
}

static int
days_in_month(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool
digits(const char **text, int count, int *out)
{
	*out = 0;
	for (; count > 0; count--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*out = *out * 10 + (**text - '0');
	}
	return true;
}

static bool
literal(const char **text, char want)
{
	return *(*text)++ == want;
}

bool
clock_from_utc(int year, int month, int day, int hour, int minute, int second, int64_t *out)
{
	if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
		return false;
	*out = days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

bool
clock_parse(const char *text, int64_t *out)
{
	int year, month, day, hour, minute, second;

	if (strlen(text) != strlen("2026-06-01T00:00:00Z"))
		return false;
	if (!digits(&text, 4, &year) || !literal(&text, '-') || !digits(&text, 2, &month) || !literal(&text, '-') ||
	    !digits(&text, 2, &day) || !literal(&text, 'T') || !digits(&text, 2, &hour) || !literal(&text, ':') ||
	    !digits(&text, 2, &minute) || !literal(&text, ':') || !digits(&text, 2, &second) || !literal(&text, 'Z'))
		return false;
	return clock_from_utc(year, month, day, hour, minute, second, out);
}

void
clock_format(int64_t at, char out[32])
{
	int64_t days = at / 86400, second = at % 86400, year;
	int month = 1;

	if (second < 0) {
		second += 86400;
		days--;
	}
	year = 1970 + days / 366; /* too early by at most a few years */
	while (days >= days_from_date(year + 1, 1, 1))
		year++;
	while (days < days_from_date(year, 1, 1))
		year--;
	days -= days_from_date(year, 1, 1);
	for (; days >= days_in_month(year, month); month++)
		days -= days_in_month(year, month);
	snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, month, (int)days + 1, (int)(second / 3600),
		 (int)(second / 60 % 60), (int)(second % 60));
}
