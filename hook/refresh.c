/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/refresh.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "hook/journal.h"
#include "hook/privilege.h"
#include "hook/processes.h"
#include "hook/record.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/process.h"

#define PROGRAM "cgpu-hook"
#define CALLER "refresh"
#define WRITE_MS 5000 /* of the deadline: a container's file system may hold this up, and shall not for long */

/* -- the record -------------------------------------------------------------------------------------------------- */

/* What of it the verifier knows. */
static int
take_facts(const struct attest_reply *reply, struct container_record *record, struct err *err)
{
	const char *expires = attest_fact(reply, "expires"), *digest = attest_fact(reply, "config_digest");

	record->issued = clock_wall();
	if (expires == NULL || !clock_parse(expires, &record->expires) || digest == NULL ||
	    !hex_decode(record->config_digest, sizeof(record->config_digest), digest, strlen(digest)))
		return err_set(err, CODE_INTERNAL,
			       "the verdict tells no end of the token, or no digest of the configuration");
	return 0;
}

static void
take_place(const struct attach_place *place, struct container_record *record)
{
	record->device = (int64_t)place->device;
	record->inode = (int64_t)place->inode;
	record->file_system = place->id;
	record->mapped = place->owner.mapped;
	record->uid = place->owner.uid;
	record->gid = place->owner.gid;
}

static int
take_process(const struct container *container, struct container_record *record, struct err *err)
{
	struct process process;

	if (process_read("/proc", container->pid, &process) != 0)
		return err_set(err, CODE_INTERNAL, "start of process %d: %s", (int)container->pid, err_errno(errno));
	record->started = process.started;
	/* Its number was no other's while that was read. */
	return container_check(container, err) == 0 ? 0 : err_wrap(err, CODE_INTERNAL, "record of the container");
}

static char *
copy_optional(const char *text)
{
	return text != NULL ? xstrdup(text) : NULL;
}

int
refresh_keep(const struct container *container, const struct attest_request *request, const struct attest_reply *reply,
	     const struct attach_place *place, struct err *err)
{
	struct container_record record = {
		.decision = reply->exempt ? CONTAINER_EXEMPT : reply->observed ? CONTAINER_OBSERVED : CONTAINER_ALLOWED,
		.id = xstrdup(request->container_id),
		.bundle = xstrdup(request->bundle),
		.pid = container->pid,
		.all = request->all,
		.count = request->all ? 0 : request->count,
		.privileged = request->privileged,
		.image_id = copy_optional(request->image_id),
		.name_space = copy_optional(request->name_space),
		.challenge = copy_optional(request->challenge),
	};
	int result = -1;

	memcpy(record.minors, request->minors, record.count * sizeof(record.minors[0]));
	if (place != NULL)
		take_place(place, &record);
	if ((record.decision != CONTAINER_ALLOWED || take_facts(reply, &record, err) == 0) &&
	    take_process(container, &record, err) == 0)
		result = record_write(&record, err);
	container_record_free(&record);
	return result;
}

/* -- a new token ------------------------------------------------------------------------------------------------- */

struct refresh {
	int64_t deadline;
	const struct stage *stage;
	struct container_record record;
	struct container container;
	bool found; /* alive: what fails then is told */
	struct attest_reply reply;
};

static int
attest_again(struct refresh *refresh, struct err *err)
{
	const struct container_record *record = &refresh->record;
	const struct attest_request request = {
		.container_id = record->id,
		.config_digest = record->config_digest,
		.all = record->all,
		.minors = record->minors,
		.count = record->count,
		.privileged = record->privileged,
		.shared_pid = processes_shared("", record->pid),
		.bundle = record->bundle,
		.image_id = record->image_id,
		.name_space = record->name_space,
		.challenge = record->challenge,
	};
	struct attest_run run;

	if (attest_start(PATH_CGPU, &request, &run, err) != 0)
		return -1;
	if (privilege_confine(refresh->stage->stop, err) != 0) {
		spawn_kill(&run.child);
		return -1;
	}
	if (attest_finish(&run, refresh->deadline, &refresh->reply, err) != 0)
		return -1;
	if (refresh->reply.exempt || refresh->reply.observed)
		return err_set(err, CODE_WORKER, "the verdict on a container that runs came without a token");
	return 0;
}

static int
replace_result(struct refresh *refresh, struct err *err)
{
	const struct container_record *record = &refresh->record;
	const struct attach_place place = {
		.device = (uint64_t)record->device,
		.inode = (uint64_t)record->inode,
		.id = record->file_system,
		.owner = {record->mapped, record->uid, record->gid},
	};
	int64_t deadline = clock_boot_ms() + WRITE_MS;

	if (container_check(&refresh->container, err) != 0 ||
	    attach_again(&refresh->container, &place, refresh->reply.files, refresh->reply.count,
			 deadline < refresh->deadline ? deadline : refresh->deadline, err) != 0 ||
	    container_check(&refresh->container, err) != 0)
		return -1;
	if (take_facts(&refresh->reply, &refresh->record, err) != 0)
		return -1;
	return record_write(&refresh->record, err);
}

static int
find(struct refresh *refresh, struct err *err)
{
	if (record_read(refresh->stage->container, &refresh->record, err) != 0)
		return -1;
	if (refresh->record.decision != CONTAINER_ALLOWED)
		return err_set(err, CODE_REFRESH_UNKNOWN, "container %s got no token: it is %s", refresh->record.id,
			       container_decision_name(refresh->record.decision));
	refresh->found = container_find(refresh->record.pid, refresh->record.started, &refresh->container, err) == 0;
	if (refresh->found)
		return 0;
	if (err->code == CODE_CONTAINER_GONE)
		record_remove(refresh->record.id);
	return -1;
}

/* -- what is told, and done about a failure ---------------------------------------------------------------------- */

static int
tell(const struct refresh *refresh, enum log_event event, const struct err *cause, struct err *err)
{
	const struct journal entry = {
		.event = event,
		.program = PROGRAM,
		.container = refresh->stage->container,
		.bundle = refresh->record.bundle,
		.caller = CALLER,
		.cause = cause,
		.reply = &refresh->reply,
	};

	return journal_write(&entry, err);
}

/* The very process that got the token is stopped, and only when that counts no more. */
static void
report_failure(const struct refresh *refresh, const struct err *cause)
{
	struct err err = ERR_INIT;

	if (!refresh->found || cause->code == CODE_CONTAINER_GONE)
		return;
	(void)tell(refresh, LOG_REFRESH_FAILED, cause, &err);
	if (!refresh->stage->stop || clock_wall() < refresh->record.expires ||
	    container_check(&refresh->container, &err) != 0)
		return;
	if (syscall(SYS_pidfd_send_signal, refresh->container.pidfd, SIGKILL, NULL, 0) != 0)
		return;
	(void)tell(refresh, LOG_STOPPED, cause, &err);
}

static void
answer(const struct refresh *refresh, int code, const struct err *cause)
{
	const char *expires = attest_fact(&refresh->reply, "expires");
	char *text = code != CODE_OK ? xstrdup(cause->text) : xprintf("%s, until %s", refresh->reply.text, expires);
	struct buf payload = {0};

	frame_put_u32(&payload, (uint32_t)code);
	frame_put_field(&payload, bytes_of(NULL, 0));
	frame_put_text(&payload, text);
	/* Whoever started this has the exit code as well. */
	(void)frame_write(STDOUT_FILENO, clock_boot_ms() + WRITE_MS, FRAME_VERDICT, buf_bytes(&payload),
			  &(struct err)ERR_INIT);
	buf_free(&payload);
	free(text);
}

int
refresh_run(const struct stage *stage, int64_t deadline)
{
	struct refresh refresh = {.deadline = deadline, .stage = stage, .container = {.pidfd = -1, .bundle = -1}};
	struct err err = ERR_INIT;
	int code = CODE_OK;

	if (privilege_reduce(false, &err) != 0 || find(&refresh, &err) != 0 || attest_again(&refresh, &err) != 0 ||
	    replace_result(&refresh, &err) != 0 || tell(&refresh, LOG_REFRESHED, NULL, &err) != 0) {
		code = err_code(&err);
		report_failure(&refresh, &err);
	}
	answer(&refresh, code, &err);
	attest_free(&refresh.reply);
	container_close(&refresh.container);
	container_record_free(&refresh.record);
	return code;
}
