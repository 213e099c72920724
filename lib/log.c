/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/json.h"

#define FACILITY_AUTHPRIV 10 /* RFC 5424, table 1 */

static const struct {
	const char *name;
	const char *message_id; /* random, fixed for ever: journalctl MESSAGE_ID=... */
	int priority;           /* RFC 5424, table 2 */
} events[] = {
	[LOG_ALLOWED] = {"allowed", "40bf2619fe5231e79730916c98bb9c63", 5},
	[LOG_EXEMPT] = {"exempt", "120de45f1d71cdec3ad1d69c4557bf29", 4},
	[LOG_OBSERVED] = {"observed", "2e7cf0602c28817a627886224f3a88d5", 4},
	[LOG_REFUSED] = {"refused", "8e31571ba7a8286164505b5653d6ac0f", 3},
	[LOG_READY] = {"ready", "479d1a623db295586af3bbaa1e38ceb0", 5},
	[LOG_NOT_READY] = {"not-ready", "dc6d90b911507c409da8416b0db839e7", 4},
	[LOG_REFRESHED] = {"refreshed", "f89ebb12d6ccf37dd82cc48738116e8e", 5},
	[LOG_REFRESH_FAILED] = {"refresh-failed", "9c1344cacbd461799ffe918f0e4a92e3", 3},
	[LOG_STOPPED] = {"stopped", "dcde17a3f2c7c86e2469b547e987391f", 3},
};

/* "NAME=value\n" with the value escaped: it then has no line end, and the simple form of the protocol does. */
static void
add_line(struct buf *out, const char *prefix, const char *name, const char *value)
{
	char text[LOG_VALUE_MAX];

	text_escape(text, sizeof(text), value);
	buf_add_text(out, prefix);
	for (; *name != '\0'; name++)
		buf_printf(out, "%c", toupper((unsigned char)*name));
	buf_printf(out, "=%s\n", text);
}

static void
make_journal(struct buf *out, const struct log_record *record)
{
	unsigned i;

	buf_printf(out, "MESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\n", events[record->event].message_id,
		   events[record->event].priority, FACILITY_AUTHPRIV);
	add_line(out, "", "SYSLOG_IDENTIFIER", record->program);
	add_line(out, "", "MESSAGE", record->message);
	buf_printf(out, "CGPU_EVENT=%s\nCGPU_CODE=%d\nCGPU_NAME=%s\n", events[record->event].name, record->code,
		   code_name(record->code));
	for (i = 0; i < record->count; i++)
		if (record->fields[i].value != NULL)
			add_line(out, "CGPU_", record->fields[i].name, record->fields[i].value);
}

/* Between apostrophes: one inside would end the value, and what follows would read as fields of ours. */
static void
add_quoted(struct buf *out, const char *name, const char *value)
{
	char text[LOG_VALUE_MAX];

	text_escape(text, sizeof(text), value);
	buf_printf(out, " %s='", name);
	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '\'')
			buf_printf(out, "\\x27");
		else
			buf_add(out, at, 1);
	}
	buf_printf(out, "'");
}

/* Without a time: the daemon puts its own, and ours would need the time zone files. */
static void
make_syslog(struct buf *out, const struct log_record *record)
{
	char text[LOG_VALUE_MAX];
	unsigned i;

	text_escape(text, sizeof(text), record->message);
	buf_printf(out, "<%d>%s[%d]: %s: %s [%s, code %d]", FACILITY_AUTHPRIV << 3 | events[record->event].priority,
		   record->program, (int)getpid(), events[record->event].name, text, code_name(record->code),
		   record->code);
	for (i = 0; i < record->count; i++) {
		if (record->fields[i].value != NULL)
			add_quoted(out, record->fields[i].name, record->fields[i].value);
	}
}

static int
send_to(const char *path, const struct buf *datagram)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {0, 500000};
	int fd, result = -1;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    sendto(fd, datagram->data, datagram->size, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof(address)) >= 0)
		result = 0;
	close(fd);
	return result;
}

void
log_write(const struct log_record *record)
{
	struct buf datagram = {0};

	make_journal(&datagram, record);
	if (send_to("/run/systemd/journal/socket", &datagram) != 0) {
		buf_free(&datagram);
		make_syslog(&datagram, record);
		(void)send_to("/dev/log", &datagram);
	}
	buf_free(&datagram);
}

/* -- audit ------------------------------------------------------------------------------------------------------- */

static void
add_member(struct json_out *out, const char *name, const char *value)
{
	char text[LOG_VALUE_MAX];

	text_escape(text, sizeof(text), value);
	json_out_member_text(out, name, text);
}

static char *
make_audit(const struct log_record *record)
{
	struct json_out *out = json_out_new(false);
	char now[32], boot[CLOCK_BOOT_ID_SIZE];
	unsigned i;

	clock_format(clock_wall(), now);
	json_out_object(out);
	add_member(out, "time", now);
	if (clock_boot_id(boot, &(struct err)ERR_INIT) == 0)
		add_member(out, "boot_id", boot);
	add_member(out, "event", events[record->event].name);
	add_member(out, "program", record->program);
	json_out_member_integer(out, "code", record->code);
	add_member(out, "name", code_name(record->code));
	add_member(out, "message", record->message);
	for (i = 0; i < record->count; i++)
		if (record->fields[i].value != NULL)
			add_member(out, record->fields[i].name, record->fields[i].value);
	json_out_end(out);
	return json_out_finish(out);
}

static int
open_audit(const char *path, struct err *err)
{
	mode_t mask = umask(027);
	struct stat st;
	int fd, saved;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	saved = errno;
	umask(mask);
	if (fd < 0)
		return err_set(err, CODE_AUDIT, "%s: open: %s", path, err_errno(saved));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(err, CODE_AUDIT, "%s: not a regular file", path);
}

int
log_audit(const char *path, const struct log_record *record, struct err *err)
{
	struct buf line = {0};
	int fd = open_audit(path, err), result = 0;
	char *text;
	ssize_t size;

	if (fd < 0)
		return -1;
	text = make_audit(record);
	buf_printf(&line, "%s\n", text);
	free(text);
	/* One write: lines of hooks that run at the same time must not mix. */
	size = write(fd, line.data, line.size);
	if (size < 0)
		result = err_set(err, CODE_AUDIT, "%s: write: %s", path, err_errno(errno));
	else if ((size_t)size != line.size)
		result = err_set(err, CODE_AUDIT, "%s: write: %zd of %zu bytes", path, size, line.size);
	buf_free(&line);
	close(fd);
	return result;
}
