/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/log.h"
#include "test/unit/unit.h"

static char folder[] = "/tmp/test-log-XXXXXX", path[64];

static const struct log_field fields[] = {
	{"container", "c1"},
	{"left_out", NULL},
	{"reason", "line\nend \x1b[2J \"quoted\""},
};

static const struct log_record record = {
	.event = LOG_REFUSED,
	.program = "test",
	.code = CODE_MEASUREMENT,
	.message = "gpu 0: \xff",
	.fields = fields,
	.count = 3,
};

static void
test_audit(void)
{
	struct err err = ERR_INIT;
	struct buf text = {0};
	char boot[CLOCK_BOOT_ID_SIZE];
	struct json *json;
	struct stat st;
	int64_t code;

	CHECK(log_audit(path, &record, &err) == 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
	CHECK(fs_read_file(path, 65536, &text, &err) == 0);
	CHECK(text.size > 0 && text.data[text.size - 1] == '\n' && memchr(text.data, '\n', text.size - 1) == NULL);
	json = json_read(buf_bytes(&text), &json_limits_default, &err);
	CHECK(clock_boot_id(boot, &err) == 0 && strlen(boot) == 36);
	CHECK_TEXT(json_text(json_get(json, "boot_id")), boot);
	CHECK_TEXT(json_text(json_get(json, "event")), "refused");
	CHECK(json_integer(json_get(json, "code"), 0, 255, &code) && code == CODE_MEASUREMENT);
	CHECK_TEXT(json_text(json_get(json, "name")), "measurement-mismatch");
	CHECK_TEXT(json_text(json_get(json, "message")), "gpu 0: \\xff");
	CHECK_TEXT(json_text(json_get(json, "reason")), "line\\x0aend \\x1b[2J \"quoted\"");
	CHECK_TEXT(json_text(json_get(json, "container")), "c1");
	CHECK(json_get(json, "left_out") == NULL);
	json_free(json);
	buf_free(&text);
}

static void
test_audit_appends(void)
{
	struct err err = ERR_INIT;
	struct stat before, after;

	CHECK(stat(path, &before) == 0);
	CHECK(log_audit(path, &record, &err) == 0 && log_audit(path, &record, &err) == 0);
	CHECK(stat(path, &after) == 0 && after.st_size == 3 * before.st_size);
}

static void
test_audit_refuses(void)
{
	char other[80];
	struct err err = ERR_INIT;

	snprintf(other, sizeof(other), "%s/link", folder);
	CHECK(symlink(path, other) == 0);
	CHECK(log_audit(other, &record, &err) != 0 && err.code == CODE_AUDIT);
	snprintf(other, sizeof(other), "%s/fifo", folder);
	CHECK(mkfifo(other, 0600) == 0);
	CHECK(log_audit(other, &record, &err) != 0 && err.code == CODE_AUDIT);
	snprintf(other, sizeof(other), "%s/missing/audit.jsonl", folder);
	CHECK(log_audit(other, &record, &err) != 0 && err.code == CODE_AUDIT);
	CHECK(log_audit("/dev/full", &record, &err) != 0 && err.code == CODE_AUDIT);
}

int
main(void)
{
	char command[80];

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/audit.jsonl", folder);
	RUN(test_audit);
	RUN(test_audit_appends);
	RUN(test_audit_refuses);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		return 1;
	return unit_end();
}
