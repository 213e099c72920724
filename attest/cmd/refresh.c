/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/cmd/report.h"
#include "attest/node/records.h"
#include "attest/policy/conf.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/fs.h"
#include "lib/spawn.h"

#define LOCK_MS 20000 /* for one who refreshes already */
#define HOOK_MS 35000 /* above the hook's own deadline */
#define PID_DIGITS 7  /* at most (PID_MAX_LIMIT); ids in short form have more */
#define STEP "refresh"

enum which { WHICH_ONE, WHICH_ALL, WHICH_DUE };

struct refresh {
	enum which which;
	const char *wanted;
	struct conf conf;
	struct records records;
	struct steps steps;
};

/* -- which containers -------------------------------------------------------------------------------------------- */

/* Those that have a token. */
static int
read_records(struct refresh *refresh, struct err *err)
{
	struct records *records = &refresh->records;
	size_t kept = 0;

	if (records_read(CONTAINER_RECORDS, records, err) != 0)
		return -1;
	if (records->fault.code != CODE_OK)
		steps_fail(&refresh->steps, attester_run, STEP, &records->fault);
	for (size_t i = 0; i < records->count; i++) {
		if (records->list[i].decision == CONTAINER_ALLOWED)
			records->list[kept++] = records->list[i];
		else
			container_record_free(&records->list[i]);
	}
	records->count = kept;
	return 0;
}

/* Half of its life is over. */
static bool
is_due(const struct container_record *record)
{
	return clock_wall() >= record->issued + (record->expires - record->issued) / 2;
}

/* A pid, an id, or the beginning of one. */
static bool
is_meant(const struct container_record *record, const char *wanted)
{
	size_t size = strlen(wanted);

	if (size <= PID_DIGITS && wanted[strspn(wanted, "0123456789")] == '\0')
		return record->pid == atoi(wanted) || strcmp(record->id, wanted) == 0;
	return strncmp(record->id, wanted, size) == 0;
}

static const struct container_record *
find_one(const struct refresh *refresh, struct err *err)
{
	const struct container_record *found = NULL;

	for (size_t i = 0; i < refresh->records.count; i++) {
		const struct container_record *record = &refresh->records.list[i];

		if (strcmp(record->id, refresh->wanted) == 0)
			return record;
		if (!is_meant(record, refresh->wanted))
			continue;
		if (found != NULL) {
			err_set(err, CODE_USAGE, "--refresh: '%s' is the beginning of two ids", refresh->wanted);
			return NULL;
		}
		found = record;
	}
	if (found == NULL)
		err_set(err, CODE_REFRESH_UNKNOWN, "no container '%s' got a token since the last boot",
			refresh->wanted);
	return found;
}

/* -- one of them ------------------------------------------------------------------------------------------------- */

/* The text of the hook's verdict, and its code in *code. NULL: there was none. */
static char *
read_hook_verdict(int fd, int64_t deadline, uint32_t *code, struct err *err)
{
	struct frame_reader from = {.fd = fd};
	struct buf payload = {0};
	struct cursor cursor;
	struct bytes echo;
	enum frame_type type;
	char *text = NULL;

	if (frame_read(&from, deadline, false, &type, &payload, err) == 0) {
		cursor = cursor_of(buf_bytes(&payload));
		if (type != FRAME_VERDICT || !frame_get_u32(&cursor, code) || !frame_get_field(&cursor, &echo) ||
		    !frame_get_text(&cursor, &text))
			err_set(err, 0, "frame VERDICT is malformed");
	}
	buf_free(&payload);
	return text;
}

/* What it says and how it ended have to agree. */
static int
take_verdict(struct spawn *hook, int fd, char **text, struct err *err)
{
	int64_t deadline = clock_boot_ms() + HOOK_MS;
	struct err ended = ERR_INIT;
	uint32_t code = CODE_INTERNAL;
	int rc;

	*text = read_hook_verdict(fd, deadline, &code, err);
	rc = spawn_wait(hook, deadline, &ended);
	if (*text == NULL || (rc == 0) != (code == CODE_OK))
		return err_set(err, CODE_WORKER, "%s: %s", PATH_HOOK, rc != 0 ? ended.text : "no verdict");
	if (rc == 0)
		return 0;
	return err_set(err, code < 256 && code_find((int)code) != NULL ? (int)code : CODE_WORKER, "%s", *text);
}

static int
run_hook(const struct refresh *refresh, const char *id, char **text, struct err *err)
{
	bool stop = refresh->conf.on_refresh_failure == REFRESH_STOP;
	char *argv[] = {"cgpu-hook", "refresh", (char *)id, stop ? "--stop" : NULL, NULL};
	struct spawn hook;
	int ends[2], rc;

	*text = NULL;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(err, CODE_WORKER, "pipe: %s", err_errno(errno));
	rc = spawn_start(PATH_HOOK, argv, (const int[]){-1, ends[1], -1}, 3, &hook, err);
	close(ends[1]);
	if (rc == 0)
		rc = take_verdict(&hook, ends[0], text, err);
	close(ends[0]);
	return rc;
}

/* Its record may be gone as well: the hook prunes them. */
static bool
has_ended(const struct refresh *refresh, int code)
{
	return refresh->which != WHICH_ONE && (code == CODE_CONTAINER_GONE || code == CODE_REFRESH_UNKNOWN);
}

/* A container that ended by itself is no failure to those who named no one. */
static void
refresh_one(struct refresh *refresh, const struct container_record *record)
{
	struct err err = ERR_INIT;
	char *text;
	int rc = run_hook(refresh, record->id, &text, &err);

	if (rc == 0)
		steps_ok(&refresh->steps, attester_run, STEP, "%s: %s", record->id, text);
	else if (has_ended(refresh, err.code))
		steps_skip(&refresh->steps, attester_run, STEP, "%s: has ended", record->id);
	else
		(void)(err_wrap(&err, 0, "%s", record->id), steps_fail(&refresh->steps, attester_run, STEP, &err));
	free(text);
}

/* -- the command ------------------------------------------------------------------------------------------------- */

static int
refresh_chosen(struct refresh *refresh, struct err *err)
{
	const struct container_record *one;

	if (refresh->which == WHICH_ONE) {
		one = find_one(refresh, err);
		if (one == NULL)
			return -1;
		refresh_one(refresh, one);
		return 0;
	}
	for (size_t i = 0; i < refresh->records.count; i++)
		if (refresh->which == WHICH_ALL || is_due(&refresh->records.list[i]))
			refresh_one(refresh, &refresh->records.list[i]);
	return 0;
}

static int
begin_refresh(const struct options *options, struct refresh *refresh, int *lock, bool *json, struct err *err)
{
	const char *wanted = options_get(options, "refresh");
	int directory;

	for (unsigned i = 0; options->command->options[i].name != NULL; i++)
		if (options->value[i] != NULL && strcmp(options->command->options[i].name, "refresh") != 0 &&
		    strcmp(options->command->options[i].name, "format") != 0)
			return err_set(err, CODE_USAGE, "--refresh: --%s does not go with it",
				       options->command->options[i].name);
	if (options_format(options, json, err) != 0 || options_operands(options, 0, 0, err) != 0)
		return -1;
	refresh->wanted = wanted;
	refresh->which = strcmp(wanted, "all") == 0 ? WHICH_ALL : strcmp(wanted, "due") == 0 ? WHICH_DUE : WHICH_ONE;
	if (geteuid() != 0)
		return err_set(err, CODE_USAGE, "--refresh: only root can reach into other users' containers");
	if (conf_load(&refresh->conf, err) != 0)
		return -1;
	directory = fs_make_own_dir(PATH_RUN "/cgpu", err);
	if (directory >= 0)
		*lock = fs_lock(directory, "refresh.lock", 1, clock_boot_ms() + LOCK_MS, err);
	if (*lock < 0)
		err_wrap(err, errno == ETIMEDOUT ? CODE_DEADLINE : CODE_INTERNAL, "--refresh");
	if (directory >= 0)
		close(directory);
	return *lock < 0 ? -1 : 0;
}

int
refresh_containers(const struct options *options, struct err *err)
{
	struct refresh refresh = {.which = WHICH_ONE};
	struct report report = {.steps = &refresh.steps};
	bool json = false;
	int code, lock = -1;

	if (begin_refresh(options, &refresh, &lock, &json, err) != 0 || read_records(&refresh, err) != 0 ||
	    refresh_chosen(&refresh, err) != 0) {
		code = err_code(err);
	} else if (refresh.steps.count == 0 && refresh.which == WHICH_DUE) {
		code = CODE_OK;
	} else {
		if (refresh.steps.count == 0)
			steps_skip(&refresh.steps, attester_run, STEP, "no container has a token");
		steps_conclude(&refresh.steps);
		code = report_print(&report, json);
	}
	records_free(&refresh.records);
	steps_free(&refresh.steps);
	conf_free(&refresh.conf);
	if (lock >= 0)
		close(lock);
	return code;
}
